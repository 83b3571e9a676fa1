"""Workers that have too little memory, wherever that stops them: nothing is half written, and the retry goes on."""

from __future__ import annotations

from typing import Any

from tests.integration.sync.conftest import Organization
from tests.integration.workers.conftest import WorkerOf

ROOM_MB = (4, 12, 24, 48)  # beside what the process holds at its start; a page takes some 20
TEXT = "x" * 100_000
BOOKS = """
SELECT jobs.records_extracted = coalesce(sum(received), 0) AND jobs.records_inserted = coalesce(sum(inserted), 0)
       AND jobs.batches = count(batch.job_id) AS balance
FROM hubspot.jobs AS jobs LEFT JOIN hubspot.job_batches AS batch ON batch.job_id = jobs.id
WHERE jobs.run_id = %s GROUP BY jobs.id
"""


def test_e19_a_worker_that_has_too_little_memory_writes_nothing_half_and_its_retry_goes_on(
    acme: Organization, worker: WorkerOf
) -> None:
    acme.portal.edit_deals(acme.portal.live_deals(), {"description": TEXT})
    ended = [with_little_room(acme, worker, megabytes) for megabytes in ROOM_MB]

    assert {"MemoryError", "RuntimeError", "OutOfMemory", "UpstreamUnavailableError"} & set(ended), ended
    assert ended[-1] == "completed" or "completed" not in ended


def with_little_room(acme: Organization, worker: WorkerOf, megabytes: int) -> str:
    """How a run ends that may take so much more memory than its process had before; and then its retry is right."""
    order: dict[str, Any] = {
        "run_id": f"{megabytes} MB",
        "organization_id": str(acme.id),
        "mode": "full",
        "batch_rows": 100,
    }
    acme.portal.edit_deals(sorted(acme.portal.live_deals())[::3], {"hs_next_step": order["run_id"]})
    poor = worker()
    poor.do("search", times=1)  # it has imported what it needs
    poor.do("limit_memory", megabytes=megabytes)
    ended = poor.do("load", **order)
    poor.close()

    assert all(row["balance"] for row in acme.query(BOOKS, order["run_id"])), ended
    assert worker().do("load", try_number=2, **order)["ended"] == "completed"
    assert all(row["balance"] for row in acme.query(BOOKS, order["run_id"])), ended
    assert acme.differences() == []
    return str(ended.get("ended", "gone"))
