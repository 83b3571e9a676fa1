"""What is asked of a run, and what it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.jobs import JobOrder, JobOrigin

MODES = ("auto", "full", "incremental", "window")
BATCH_ROWS_MAX = 50_000  # a batch is held in memory, and re-read after a crash
IN_FLIGHT_MAX = 16  # as many as the client would ever use


@dataclass(frozen=True, kw_only=True)
class SyncRequest:
    """One run of one organization.

    Attributes:
        portal_id: the HubSpot portal that the token must open; None binds the first one seen.
        mode: auto | full | incremental | window.
        window_start, window_end: with mode ``window``: hs_lastmodifieddate, both included; None is open.
        properties: names and patterns (``*``, ``?``, ``!`` excludes) to read besides the typed columns; None reads all.
        additional_properties: read in this run besides ``properties``, never in their place; () adds nothing.
        sensitive_properties: whether those that HubSpot keeps as sensitive are among them, if the token may read them.
        associations: object types (``contacts``, ``2-1234``, …) whose associations with live deals are kept.
        history: properties, by name or pattern, of which every value that they had is kept.
        full_refresh_every: ``auto`` reads everything when the last full run is older.
        search_lag: how far HubSpot's search index may lie behind; the watermark stays that far behind its clock.
        overlap: how far each window reaches back before the watermark.
        dimensions_every: pipelines, stages and owners are read again when older; full runs always read them.
        retention_days, archive_days, quarantine_days: how long ended jobs stay in ``jobs``, then in ``jobs_archive``,
            and raw quarantined records; None leaves what the ``organizations`` table says.
        stale_after_minutes: the copy is stale when no run has completed for so long; None leaves what the tables say.
        name: of the organization, for people; None leaves what the tables say.
        batch_rows: at most so many deals are read and not yet committed, so that a crash makes no more be read again.
            Half of them, or fewer, make a transaction: the others are read while it is written.
        batch_seconds: what is this old is committed.
        requests_in_flight: at most this many requests for deals side by side; 1 asks, parses and writes one after the
            other, and ``batch_rows`` deals at once.
    """

    organization_id: UUID
    organization: str
    type: str = "standard"
    portal_id: int | None = None
    mode: str = "auto"
    window_start: datetime | None = None
    window_end: datetime | None = None
    properties: tuple[str, ...] | None = None
    additional_properties: tuple[str, ...] = ()
    sensitive_properties: bool = True
    associations: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    full_refresh_every: timedelta = timedelta(days=7)
    search_lag: timedelta = timedelta(hours=1)
    overlap: timedelta = timedelta(minutes=10)
    dimensions_every: timedelta = timedelta(hours=6)
    allow_negative_amounts: bool = False
    retention_days: int | None = None
    archive_days: int | None = None
    quarantine_days: int | None = None
    stale_after_minutes: int | None = None
    name: str | None = None
    batch_rows: int = 10_000
    batch_seconds: float = 5.0
    requests_in_flight: int = IN_FLIGHT_MAX
    origin: JobOrigin = field(default_factory=JobOrigin)

    def validate(self) -> None:
        """Refuse what no run could do.

        Raises:
            ConfigurationError: names the argument and what it may be.
        """
        about = f"Organization {self.organization!r}: "
        if self.mode not in MODES:
            raise ConfigurationError(f"{about}mode {self.mode!r} is unknown; use one of {', '.join(MODES)}.")
        if self.mode != "window" and (self.window_start or self.window_end):
            raise ConfigurationError(f"{about}window_start and window_end need mode 'window', not {self.mode!r}.")
        if self.mode == "window" and not (self.window_start or self.window_end):
            raise ConfigurationError(f"{about}mode 'window' needs window_start, window_end or both.")
        if self.window_start and self.window_end and self.window_end < self.window_start:
            raise ConfigurationError(
                f"{about}window_end {self.window_end.isoformat()} lies before window_start "
                f"{self.window_start.isoformat()}."
            )
        if not 1 <= self.batch_rows <= BATCH_ROWS_MAX:
            raise ConfigurationError(f"{about}batch_rows must lie between 1 and {BATCH_ROWS_MAX}.")
        if not 1 <= self.requests_in_flight <= IN_FLIGHT_MAX:
            raise ConfigurationError(f"{about}requests_in_flight must lie between 1 and {IN_FLIGHT_MAX}.")
        for name in ("full_refresh_every", "search_lag", "overlap", "dimensions_every"):
            if getattr(self, name) < timedelta(0):
                raise ConfigurationError(f"{about}{name} must not be negative.")

    @property
    def selection(self) -> str:
        """Fingerprint of what every run reads of each deal: with more of one, no row is thinner."""
        names = "*" if self.properties is None else "\n".join(sorted(set(self.properties)))
        parts = [names, str(self.allow_negative_amounts)]
        # Named only where they differ from what there was before them, so that an upgrade asks for no full run.
        parts += [] if self.sensitive_properties else ["without sensitive properties"]
        parts += [f"associations {name}" for name in sorted(set(self.associations))]
        parts += [f"history {name}" for name in sorted(set(self.history))]
        return _fingerprint(parts)

    @property
    def run_selection(self) -> str:
        """The same, of this run."""
        if not self.additional_properties:
            return self.selection
        return _fingerprint([self.selection, *sorted(set(self.additional_properties))])

    def order(self) -> JobOrder:
        """The part that the jobs table needs."""
        settings = asdict(self) | {"selection": self.run_selection}
        for name in ("origin", "organization_id"):
            del settings[name]
        return JobOrder(
            organization_id=self.organization_id,
            organization=self.organization,
            type=self.type,
            mode=self.mode,
            selection=self.selection,
            full_refresh_every=self.full_refresh_every,
            allow_negative_amounts=self.allow_negative_amounts,
            config={name: _plain(value) for name, value in settings.items()},
            origin=self.origin,
            retention_days=self.retention_days,
            archive_days=self.archive_days,
            quarantine_days=self.quarantine_days,
            stale_after_minutes=self.stale_after_minutes,
            name=self.name,
            run_selection=self.run_selection,
        )


@dataclass(frozen=True, kw_only=True)
class SyncSummary:
    """How a run ended: small, JSON-able, without any deal."""

    job_id: UUID
    organization: str
    type: str
    mode: str
    status: str
    attempt: int
    portal_id: int | None
    ui_domain: str  # where the portal's own pages are; empty when this run did not ask
    watermark: datetime | None
    seconds: float
    counts: Mapping[str, int]
    live_deals: int | None = None  # stored; None when this attempt did not get as far as counting
    hubspot_live_deals: int | None = None  # as HubSpot's search index counts them
    was_finished_already: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For XCom, Asset events and logs."""
        settings = asdict(self)
        counts = settings.pop("counts")
        return {name: _plain(value) for name, value in settings.items()} | dict(counts)


def _fingerprint(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case UUID():
            return str(value)
        case tuple():
            return list(value)
        case _:
            return value
