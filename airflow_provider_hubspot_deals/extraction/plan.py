"""The phases of a run. A full run is an incremental one with the list of all live deals put in.

The archived deals come first: a deal that is restored after its place in the live list was read, or after search was
asked, is then in no list at all, and nothing would ever bring it. Stored as archived, it is missed by the next archived
list and asked for. A full run reads that list again itself, since reading everything takes long.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

ARCHIVED = "archived"  # the list of archived deals: archiving does not touch hs_lastmodifieddate
LIVE = "live"  # the list of live deals
CHANGED = "changed"  # search in a closed window that the index has caught up with; moves the watermark
FRESH = "fresh"  # search in the newest `search_lag`; for freshness only, never moves the watermark
ARCHIVED_AGAIN = "archived_again"  # the same list after the live one
ABSENT = "absent"  # confirm what the lists no longer held

ARCHIVED_LISTS = (ARCHIVED, ARCHIVED_AGAIN)

PHASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "full": (ARCHIVED, LIVE, CHANGED, FRESH, ARCHIVED_AGAIN, ABSENT),
        "incremental": (ARCHIVED, CHANGED, FRESH, ABSENT),
        "window": (CHANGED,),
    }
)

FIRST_INSTANT = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)  # search from the epoch exactly has answered 500
CLOCK_SLACK = timedelta(minutes=5)  # how far past HubSpot's own clock the fresh window reaches


def changed_window(
    *, watermark: datetime | None, started_at: datetime, now: datetime, search_lag: timedelta, overlap: timedelta
) -> tuple[datetime, datetime]:
    """The closed window of the ``changed`` phase; its end becomes the watermark.

    The end lies ``search_lag`` behind HubSpot's clock, because the index does too. Without a watermark the run is a
    full one, whose list read what had changed before ``started_at``, from a replica that may be as late. Two runs
    within the lag leave no gap: the window then ends where the watermark stands.
    """
    if watermark is None:
        end = now - search_lag
        start = min(started_at - search_lag, end) - overlap  # a clock may have gone back since
    else:
        end = max(now - search_lag, watermark)
        start = watermark - overlap
    return max(start, FIRST_INSTANT), max(end, FIRST_INSTANT)


def fresh_window(changed_end: datetime, now: datetime) -> tuple[datetime, datetime]:
    """Everything newer than the closed window."""
    return changed_end, max(changed_end, now) + CLOCK_SLACK
