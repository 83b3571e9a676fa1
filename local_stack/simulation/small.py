"""What makes small portals behave as large ones, and short attempts as long ones, at a fraction of the time."""

from __future__ import annotations

from airflow_provider_hubspot_deals.extraction import confirming, ranges, searching
from airflow_provider_hubspot_deals.sync import heartbeat
from local_stack.simulation.hearts import make_hearts_stoppable

LIST_PAGE, SEARCH_PAGE, BATCH_READ_MAX = 30, 40, 25  # HubSpot's are 100, 200 and 100
PAGES_TO_SPLIT = 1.5
HEARTBEAT_S = 0.3  # so that attempts of half a second have some


def prepare_process() -> None:
    """In this process, for good."""
    searching.SEARCH_PAGE = SEARCH_PAGE
    searching.BATCH_READ_MAX = BATCH_READ_MAX
    confirming.BATCH_READ_MAX = BATCH_READ_MAX  # type: ignore[attr-defined]  # imported there by name
    ranges.PAGES_TO_SPLIT = PAGES_TO_SPLIT
    heartbeat.INTERVAL_S = HEARTBEAT_S
    make_hearts_stoppable()
