"""Each batch is committed with the checkpoint behind it; of the last one that may be in doubt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import jobs
from airflow_provider_hubspot_deals.extraction import plan
from airflow_provider_hubspot_deals.extraction.searching import SEARCH_INCOMPLETE
from airflow_provider_hubspot_deals.kill_points import KillPoint, reached
from airflow_provider_hubspot_deals.sync.batches import Batch, write
from airflow_provider_hubspot_deals.sync.checkpoint import Checkpoint
from airflow_provider_hubspot_deals.sync.companions import Companions
from airflow_provider_hubspot_deals.sync.usage import UsageMeter

log = logging.getLogger(__name__)


@dataclass
class InDoubt:
    """The batch that may or may not have been committed: its transaction, and the API usage that it tells of."""

    transaction_id: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)

    def was_committed(self, meter: UsageMeter) -> None:
        """It is stored: what it tells is not told again."""
        self.transaction_id = None
        meter.reported(self.usage)


class Commits:
    """The commits over one connection.

    Args:
        in_doubt: outlives that connection.
    """

    def __init__(
        self,
        connection: Connection[Any],
        job: jobs.Job,
        meter: UsageMeter,
        *,
        in_doubt: InDoubt,
        progressed: Callable[[], object],
    ) -> None:
        self._connection, self._job, self._meter = connection, job, meter
        self._in_doubt, self._progressed = in_doubt, progressed

    def commit(self, batch: Batch, checkpoint: Checkpoint, companions: Companions, *, ends_phase: bool = False) -> None:
        """Write a batch with what is kept beside its deals. See ``batches.write`` for what it raises."""
        beside = companions.read()
        window = checkpoint.windows.get(plan.CHANGED)
        settles = ends_phase and batch.phase == plan.CHANGED and self._job.mode != "window"
        lacking = [event.details for event in batch.events if event.kind == SEARCH_INCOMPLETE]
        progress = {
            "checkpoint": checkpoint.as_json(),
            "window_start": window[0] if window else None,
            "window_end": window[1] if window else None,
            **(usage := self._meter.unreported()),
        }
        write(
            self._connection,
            self._job,
            batch,
            progress=progress,
            watermark=window[0 if lacking else 1] if settles and window else None,
            beside=lambda: companions.store(beside),
            begun=partial(self._doubt, usage),
        )
        reached(KillPoint.BATCH_COMMITTED)
        self._in_doubt.was_committed(self._meter)
        self._progressed()
        log.info("Job %s: %s, %d deals read in this batch.", self._job.id, batch.phase, batch.received)
        for counts in lacking:
            log.warning(
                "Job %s: HubSpot's search counts %d deals of organization %r in a window and names %d of them, however "
                "often it is asked. %s; the next full run reads every deal.",
                *(self._job.id, counts["counted"], self._job.organization, counts["named"], self._what_follows()),
            )

    def _what_follows(self) -> str:
        if self._job.mode == "window":
            return "No later run asks for this window by itself: run it again"
        return "Later runs ask for this window again"

    def _doubt(self, usage: Mapping[str, Any], transaction_id: str) -> None:
        self._in_doubt.transaction_id, self._in_doubt.usage = transaction_id, usage
