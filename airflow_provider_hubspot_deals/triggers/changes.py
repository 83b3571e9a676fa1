"""Whether deals have changed, asked of HubSpot's search as cheaply as can be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_hubspot_deals.exceptions import BadResponseError

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
    from airflow_provider_hubspot_deals.deals.records import FoundDeals

# A change shows in the search index seconds to minutes after it was made, and not in the order of the changes: what
# was modified this long before the last look is asked for again each time, and told once.
LOOKBACK = timedelta(minutes=10)
_EVER = timedelta(days=1)  # HubSpot's clock runs on between its last answer and the next question
_PAGES_MAX = 10  # of 200: where more is changed in ten minutes, their number tells whether that goes on


@dataclass(slots=True)
class Watch:
    """Tells each version of a deal once, as far as HubSpot's search index knows of it.

    Args:
        since: what was modified before is of no interest; None: ten minutes ago, so that nothing is missed between
            two watches, and something may be told twice.
    """

    since: datetime | None = None
    _told: set[tuple[str, str]] = field(default_factory=set)
    _total: int = 0
    _looked_at: datetime | None = None  # HubSpot's time at the last look that had an answer

    def look(self, client: HubSpotClient) -> dict[str, Any] | None:
        """``changed``, how many deals at least, and ``newest``, when the last one was; None when none was.

        Usually one request.

        Raises:
            HubSpotDealsError: and its kin, as every request.
        """
        now = _time(client)
        found, total = self._modified(client, self._begin(now), now + _EVER)
        new = found - self._told
        is_beyond_the_pages = total > len(found) and total != self._total
        self._told, self._total, self._looked_at = found, total, client.server_time
        if not new and not is_beyond_the_pages:
            return None
        return {"changed": max(len(new), 1), "newest": max(moment for _, moment in new or found)}

    def _begin(self, now: datetime) -> datetime:
        """From when on to ask: however long the last look is ago, nothing since then is left out."""
        recently = (self._looked_at or now) - LOOKBACK
        if self.since is None:
            return recently
        return max(self.since, recently) if self._told else self.since

    def _modified(
        self, client: HubSpotClient, modified_from: datetime, modified_to: datetime
    ) -> tuple[set[tuple[str, str]], int]:
        """Ids and times of deals modified then, at most ten pages of them; and how many there are."""
        found: set[tuple[str, str]] = set()
        after_id = total = 0
        for page_number in range(_PAGES_MAX):
            page = client.search_deals(modified_from=modified_from, modified_to=modified_to, after_id=after_id)
            total = total if page_number else page.total
            versions = _versions(page)
            found |= versions
            if not page.records or len(page.records) >= page.total:
                break
            after_id = max(int(deal_id) for deal_id, _ in versions)
        return found, total


def _time(client: HubSpotClient) -> datetime:
    """HubSpot's, as of its last answer."""
    if client.server_time is None:
        client.latest_deals(limit=1)
    if client.server_time is None:
        raise BadResponseError("HubSpot's answers carry no date; see whether a gateway takes it away")
    return client.server_time


def _versions(page: FoundDeals) -> set[tuple[str, str]]:
    return {
        (str(record["id"]), str((record.get("properties") or {}).get("hs_lastmodifieddate") or ""))
        for record in page.records
    }
