"""What a job is, whose it is, and what is asked for: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from airflow_provider_hubspot_deals.organizations.organization import job_type_of

SILENCE_MAX = timedelta(seconds=120)  # a running job that was not heard of for longer is taken for dead

COUNTS = (
    "records_extracted",
    "records_inserted",
    "records_updated",
    "records_unchanged",
    "records_duplicate",
    "records_stale",
    "records_quarantined",
    "records_deleted",
    "value_issues",
    "pages_read",
    "api_calls",
    "rate_limit_hits",
)


@dataclass(frozen=True, kw_only=True)
class JobOrigin:
    """The Airflow task instance that a job belongs to; all None outside Airflow.

    Attributes:
        clear_number: how often anything of the DAG run was cleared. A retry continues its job, a cleared task starts
            another.
        first_try: the first try since this very task was last cleared; None when that is not known.
        max_tries: tries after the first one; the last try's failure fails the job.
        trigger: how the run came about, e.g. ``scheduled`` or ``manual``.
    """

    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    clear_number: int = 0
    first_try: int | None = None
    trigger: str | None = None

    @property
    def has_tries_left(self) -> bool:
        """Whether Airflow will start another attempt when this one fails."""
        return self.run_id is not None and self.try_number <= self.max_tries


@dataclass(frozen=True, kw_only=True)
class JobOrder:
    """What somebody asks for: the identity and settings that decide which job to claim."""

    organization_id: UUID
    organization: str
    type: str
    mode: str
    selection: str  # fingerprint of what is always read of each deal; another one than last time asks for a full run
    full_refresh_every: timedelta
    allow_negative_amounts: bool
    config: Mapping[str, Any]
    origin: JobOrigin
    retention_days: int | None = None  # from here on: None leaves what the tables say
    archive_days: int | None = None
    quarantine_days: int | None = None
    stale_after_minutes: int | None = None
    name: str | None = None
    run_selection: str | None = None  # with what this run alone reads besides; None: nothing

    @property
    def job_type(self) -> str:
        """``jobs.type``: ``hubspot_deals``, or ``hubspot_deals_<type>`` for another label than ``standard``."""
        return job_type_of(self.type)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A claimed job, or one that this very run had finished already.

    Attributes:
        load_id: of this attempt.
        next_load_id: of the attempt that takes it up after a lost connection. Known beforehand: who is stopped while
            that is being committed can end either.
    """

    id: UUID
    schema: str
    organization_id: UUID
    organization: str
    type: str
    leaf: str
    mode: str
    epoch: int
    load_id: UUID
    next_load_id: UUID = field(default_factory=uuid4)
    attempt: int
    portal_id: int | None
    watermark: datetime | None
    checkpoint: Mapping[str, Any] | None
    is_finished: bool = False
    row: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def keys(self) -> dict[str, Any]:
        """Parameters that nearly every statement names."""
        return {
            "id": self.id,
            "job_id": self.id,
            "epoch": self.epoch,
            "organization_id": self.organization_id,
            "type": self.type,
            "load_id": self.load_id,
            "load_ids": [self.load_id, self.next_load_id],
        }
