"""meltanolabs-target-postgres, by COPY, into schema `crm`."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

from metering import metered, read_order
from piping import figures_file, target_is_ready
from target_postgres.target import TargetPostgres


def main() -> None:
    """Whatever comes from the tap."""
    order = read_order()
    address = urlsplit(order["database_url"])
    config = {
        "host": address.hostname,
        "port": address.port,
        "user": address.username,
        "password": address.password,
        "database": address.path[1:],
        "default_target_schema": "crm",
        "use_copy": True,
    }
    with metered(figures_file(order, "target")):
        target_is_ready(order)
        TargetPostgres(config=config).listen(sys.stdin)


if __name__ == "__main__":
    main()
