"""The loader of the release whose schema was revision 0004: its own statements, in its own order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.integration.tenant import Tenant

REVISION = "0004"
FOLDER = Path(__file__).parents[1] / "data" / "previous_release"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
STAGED = 30  # columns of the stage
COUNTS = (
    "received",
    "inserted",
    "updated",
    "unchanged",
    "duplicate",
    "stale",
    "quarantined",
    "deleted",
    "value_issues",
)
USAGE = {"api_calls": 3, "rate_limit_hits": 1, "bytes_received": 1_000}


def statements() -> Mapping[str, str]:
    """Every statement by ``file.name``."""
    found: dict[str, str] = {}
    for file in FOLDER.glob("*.sql"):
        _, *parts = re.split(r"^-- name: (\w+)$", file.read_text(), flags=re.MULTILINE)
        found |= {f"{file.stem}.{name}": text for name, text in zip(parts[::2], parts[1::2], strict=True)}
    return found


STATEMENTS = statements()


@dataclass
class PreviousLoader:
    """One organization's runs, as the old release made them.

    Attributes:
        used: names of the statements that were run.
    """

    connection: psycopg.Connection[Any]
    organization_id: UUID
    slug: str
    type: str = "standard"

    def __post_init__(self) -> None:
        self.used: set[str] = set()
        self.keys: dict[str, Any] = {"organization_id": self.organization_id, "type": self.type}
        self.leaf = ""

    def run(self, name: str, **parameters: object) -> list[dict[str, Any]]:
        """Run a statement; its rows, if it gives any."""
        self.used.add(name)
        text = sql.SQL(STATEMENTS[name])
        statement = text.format(schema=sql.Identifier("hubspot"), leaf=sql.Identifier(self.leaf or "none"))
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(statement, {**self.keys, **parameters})
            return cursor.fetchall() if cursor.description else []

    def claim(self) -> None:
        """Register, make the leaf, begin a job and its first attempt."""
        job_type = "hubspot_deals" if self.type == "standard" else f"hubspot_deals_{self.type}"
        self.keys |= {"id": uuid4(), "job_type": job_type, "load_id": uuid4(), "selection": "all", "slug": self.slug}
        self.keys |= {"job_id": self.keys["id"], "dag_id": self.slug, "run_id": str(uuid4()), "task_id": "load"}
        self.keys |= {"map_index": -1, "clear_number": 0, "trigger": "manual", "mode": "full", "config": Jsonb({})}
        with self.transaction():
            for name in ("register_organization", "rename_organization", "register_sync_state"):
                self.run(f"jobs.{name}")
            ((self.leaf),) = self.run("jobs.ensure_leaf")[0].values()
            self.run("jobs.allow_negative_amounts", allow_negative_amounts=False)
            assert self.run("jobs.lock_sync_state", full_refresh_every=timedelta(days=7))
            assert self.run("jobs.job_of_run") == []
            assert self.run("jobs.active_job", silence=timedelta(seconds=120)) == []
            self.run("jobs.insert_job")
            self.keys["epoch"] = self.run("jobs.next_epoch")[0]["epoch"]
            assert self.run("jobs.start_attempt", try_number=1)[0]["status"] == "running"
            self.run("jobs.bind_portal", portal_id=self.organization_id.int % 2**31)

    def write(self, first_id: int, deals: int = 10) -> dict[str, Any]:
        """One batch; what ``upsert`` counted."""
        ids = range(first_id, first_id + deals)
        with self.transaction():
            assert self.run("jobs.lock_fence")
            self.run("deals.create_stage")
            with (
                self.connection.cursor() as cursor,
                cursor.copy(sql.SQL(STATEMENTS["deals.copy_stage"])) as copy,
            ):
                for deal_id in ids:
                    copy.write_row(a_row(deal_id))
            self.used.add("deals.copy_stage")
            self.run("deals.plan_for_stage")
            (counted,) = self.run("deals.upsert")
            self.run("deals.resolve_quarantine")
            self.run("deals.mark_merged", loser_ids=[first_id], survivor_ids=[first_id + 1])
            self.run("deals.mark_missing", ids=[first_id + 2])
            self.run("deals.note_absent", low=0, high=2**40, listed=list(ids), deleted_reason=None)
            self.run("deals.note_vanished", vanished=[first_id + 3])
            self.run("deals.absent_ids", after_id=0, limit=10)
            self.run("deals.forget_absent", confirmed_to=2**40)
            self.run("deals.outdated", ids=list(ids), versions=[NOW] * deals)
            self.run("deals.quarantine", **a_bad_record(first_id))
            self.run("jobs.advance_watermark", watermark=NOW)
            counts = dict.fromkeys(COUNTS, 0) | {"inserted": counted["inserted"], "unchanged": counted["unchanged"]}
            counts |= {"quarantined": 1, "received": counted["staged"] + 1, "pages": 1, "expected": deals}
            counts |= {"updated": counted["updated"], "stale": counted["stale"]}
            progress = {"phase": "live", "checkpoint": Jsonb({"phase": "live"}), "window_start": NOW, "window_end": NOW}
            (recorded,) = self.run("jobs.record_batch", **counts, **progress, **USAGE)
            self.run("jobs.insert_ledger", **counts, phase="live", batch_number=recorded["batches"])
        self.run("jobs.heartbeat")
        return counted

    def copy(self, ids: range) -> None:
        """Fill the stage."""
        self.used.add("deals.copy_stage")
        statement = sql.SQL(STATEMENTS["deals.copy_stage"])
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for deal_id in ids:
                copy.write_row(a_row(deal_id))

    def finish(self, how: str) -> None:
        """End the attempt: ``complete``, ``release``, ``fail`` or ``fail_other``."""
        said = {"error_code": "UPSTREAM_DOWN", "error_message": "HubSpot is away."}
        with self.transaction():
            if how == "complete":
                self.run("jobs.record_sync", started_at=NOW)
            self.run(f"jobs.{how}", **said, **USAGE, resume_after=timedelta(0))
        self.run("jobs.status")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.connection.transaction():
            self.run("jobs.set_transaction")
            self.run("jobs.database_time")
            yield


@contextmanager
def previous_loader(tenant: Tenant) -> Iterator[PreviousLoader]:
    """One that works for this organization; nothing is claimed yet."""
    with closing(tenant.connect()) as connection:
        yield PreviousLoader(connection, tenant.id, tenant.slug, tenant.type)


def a_row(deal_id: int) -> list[str | None]:
    """A staged row with its keys, a name, a version and a hash."""
    row: list[str | None] = [None] * STAGED
    row[0] = row[1] = str(deal_id)
    row[2], row[3], row[8] = f"Deal {deal_id}", "100.00", NOW.isoformat()
    row[22], row[23], row[28], row[29] = "f", '{"dealname": "Deal"}', "1", uuid4().hex
    return row


def a_bad_record(number: int) -> dict[str, Any]:
    return {
        "deal_id_text": "x",
        "reason_code": "BAD_ID",
        "field_name": "id",
        "raw": b"{}",
        "raw_is_cut": False,
        "raw_sha256": number.to_bytes(32, "big"),
        "page_number": 1,
    }
