"""MeltanoLabs' tap-hubspot, its stream of deals alone.

The tap's addresses are constants of its code; they are replaced here, and nothing else is.
"""

from __future__ import annotations

from metering import metered, read_order
from piping import figures_file, state_file, wait_for_target
from tap_hubspot.client import PropertyStream
from tap_hubspot.streams import DealStream
from tap_hubspot.tap import TapHubspot

VERSION_PATH = "/crm/v3"


class DealsTap(TapHubspot):  # type: ignore[misc] # installed in the peer's environment alone
    """The tap with one stream, as if the others were deselected: the simulator knows deals alone."""

    def discover_streams(self) -> list[DealStream]:
        """One stream."""
        return [DealStream(self)]


def main() -> None:
    """All deals; or with the last run's state, what search finds from then on."""
    order = read_order()
    address = property(lambda _: order["hubspot_url"] + VERSION_PATH)
    PropertyStream.url_base = DealStream.url_base = address
    state = str(state_file(order)) if order["mode"] == "incremental" else None
    wait_for_target(order)
    with metered(figures_file(order, "tap")):
        DealsTap(config={"access_token": order["token"]}, state=state).sync_all()


if __name__ == "__main__":
    main()
