"""Meltano: MeltanoLabs' tap-hubspot, its stream of deals alone, into meltanolabs-target-postgres by COPY.

The tap's addresses are constants of its code; they are replaced here, and nothing else is.
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urlsplit

from piping import play, state_file
from tap_hubspot.client import PropertyStream
from tap_hubspot.streams import DealStream
from tap_hubspot.tap import TapHubspot
from target_postgres.target import TargetPostgres

VERSION_PATH = "/crm/v3"


class DealsTap(TapHubspot):  # type: ignore[misc] # installed in the peer's environment alone
    """The tap with one stream, as if the others were deselected: the simulator knows deals alone."""

    def discover_streams(self) -> list[DealStream]:
        """One stream."""
        return [DealStream(self)]


def tap(order: dict[str, Any]) -> None:
    """All deals; or with the last run's state, what search finds from then on."""
    address = property(lambda _: order["hubspot_url"] + VERSION_PATH)
    PropertyStream.url_base = DealStream.url_base = address
    state = str(state_file(order)) if order["mode"] == "incremental" else None
    DealsTap(config={"access_token": order["token"]}, state=state).sync_all()
    sys.stdout.flush()


def target(order: dict[str, Any]) -> None:
    """Into schema `crm`."""
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
    TargetPostgres(config=config).listen(sys.stdin)


if __name__ == "__main__":
    play(tap, target)
