"""``python -m airflow_provider_hubspot_deals.migrations upgrade|downgrade|check|sql --database-url URL``.

``check`` changes nothing: it fails when the schema is not at the package's revision or its row-level security has gaps.
``sql`` prints the statements of an upgrade and needs no database.
"""

from __future__ import annotations

import argparse
import os
import sys

from airflow_provider_hubspot_deals import migrations
from airflow_provider_hubspot_deals.exceptions import HubSpotDealsError
from airflow_provider_hubspot_deals.migrations.database import database_errors, opener_of
from airflow_provider_hubspot_deals.migrations.security import refuse_findings


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_hubspot_deals.migrations", description=__doc__)
    parser.add_argument("action", choices=["upgrade", "downgrade", "check", "sql"])
    parser.add_argument(
        "--database-url",
        default=os.environ.get("DATABASE_URL"),
        help="postgresql://user:password@host:port/database (default: the environment variable DATABASE_URL)",
    )
    parser.add_argument("--schema", default="hubspot", help="PostgreSQL schema (default: hubspot)")
    parser.add_argument("--revision", help="target revision (default: head; required for downgrade; from:to for sql)")
    arguments = parser.parse_args()
    if not arguments.database_url and arguments.action != "sql":
        parser.error("give --database-url or set DATABASE_URL")
    if arguments.action == "downgrade" and not arguments.revision:
        parser.error("downgrade needs --revision (base removes everything, deals included)")
    return arguments


def _run(arguments: argparse.Namespace) -> str:
    if arguments.action == "sql":
        return migrations.upgrade_sql(arguments.schema, arguments.revision or "head").rstrip()
    connect, schema = opener_of(arguments.database_url), arguments.schema
    if arguments.action == "upgrade":
        migrations.upgrade(connect, schema, arguments.revision or "head")
    elif arguments.action == "downgrade":
        migrations.downgrade(connect, schema, arguments.revision)
    with database_errors(f"Schema {schema!r} could not be looked at"), connect() as connection:
        if arguments.action == "check":
            migrations.check(connection, schema)
            refuse_findings(connection, schema)
        return f"Schema {schema!r} is at revision {migrations.current(connection, schema)}."


def main() -> int:
    arguments = _arguments()
    try:
        answer = _run(arguments)
    except HubSpotDealsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{answer}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
