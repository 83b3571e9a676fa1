"""The copy against HubSpot's own count: what no single page could tell."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import jobs, loading, sql

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCount:
    """Live deals here and there.

    Attributes:
        hubspot: what HubSpot's search index counts; it is some time behind.
        stored: live rows.
        explained_more: how many more may be stored: modified so lately that the index may not have them yet.
        explained_fewer: how many fewer: deleted lately, in quarantine, or perhaps new since changes were read last.
    """

    hubspot: int
    stored: int
    explained_more: int
    explained_fewer: int

    @property
    def is_explained(self) -> bool:
        return -self.explained_fewer <= self.stored - self.hubspot <= self.explained_more


def compare_counts(
    connection: Connection[Any], job: jobs.Job, *, hubspot: int, horizon: datetime, unread: int = 0
) -> LiveCount:
    """Count what is stored, and tell when the difference is more than what happened since ``horizon``.

    Args:
        unread: deals that may have come to HubSpot since changes were read last.

    Raises:
        JobSuperseded: a newer attempt has taken over.
    """
    tables = loading.Tables(schema=job.schema, leaf=job.leaf)
    with sql.transaction(connection):
        jobs.lock_fence(connection, job)
        counted = loading.count_live(connection, tables, job.keys, horizon)
        count = LiveCount(
            hubspot=hubspot,
            stored=counted["live"],
            explained_more=counted["maybe_unseen"],
            explained_fewer=counted["maybe_still_seen"] + counted["quarantined"] + unread,
        )
        if not count.is_explained:
            jobs.tell(connection, job, "count_mismatch", asdict(count))
    if not count.is_explained:
        log.warning(
            "Job %s: HubSpot counts %d live deals of organization %r, and %d are stored; what happened lately explains "
            "at most %d more or %d fewer. A full run reads every deal again.",
            *(job.id, count.hubspot, job.organization, count.stored, count.explained_more, count.explained_fewer),
        )
    return count
