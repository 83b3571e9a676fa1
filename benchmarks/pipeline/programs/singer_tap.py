"""singer-io's tap-hubspot, its stream of deals alone with every field selected.

The tap's address is a constant of its code; it is replaced here, and nothing else is. Its discovery would ask for every
other stream as well, so that the catalog is made of the tap's own description of deals.
"""

from __future__ import annotations

import json
from typing import Any

import tap_hubspot
from metering import metered, read_order
from piping import figures_file, state_file, wait_for_target

START = "2000-01-01T00:00:00Z"


def main() -> None:
    """All deals are read in any case; with the last run's state, those that were modified since are handed on."""
    order = read_order()
    tap_hubspot.BASE_URL = order["hubspot_url"]
    tap_hubspot.CONFIG.update(api_key=order["token"], start_date=START, select_fields_by_default=True)
    state = json.loads(state_file(order).read_text()) if order["mode"] == "incremental" else {}
    wait_for_target(order)
    with metered(figures_file(order, "tap")):
        tap_hubspot.do_sync(state, catalog())


def catalog() -> dict[str, Any]:
    """Of one stream."""
    stream = next(each for each in tap_hubspot.STREAMS if each.tap_stream_id == "deals")
    schema, metadata = tap_hubspot.load_discovered_schema(stream)
    for each in metadata:
        each["metadata"]["selected"] = True
    name = stream.tap_stream_id
    return {"streams": [{"stream": name, "tap_stream_id": name, "schema": schema, "metadata": metadata}]}


if __name__ == "__main__":
    main()
