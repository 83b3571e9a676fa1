"""Workers whose clock is wrong, by a library that the system puts before its own: nothing of a run follows it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubspot_simulator import FaultRule
from tests.integration.sync.conftest import Organization
from tests.integration.workers.conftest import Worker, WorkerOf
from tests.integration.wrong_clock import WrongClock

DAY_S, TEN_MINUTES_S = 86_400, 600
OFF_BY_S = {
    "a day ahead": DAY_S,
    "a day behind": -DAY_S,
    "ten minutes ahead": TEN_MINUTES_S,
    "ten minutes behind": -TEN_MINUTES_S,
}
SLACK = timedelta(seconds=5)
WRITTEN_AT = """
SELECT unnest(ARRAY[created_at, start_time, end_time, last_heartbeat, updated_at]) AS moment FROM hubspot.jobs
UNION ALL SELECT occurred_at FROM hubspot.job_events
UNION ALL SELECT unnest(ARRAY[last_full_sync_at, watermark]) FROM hubspot.sync_state
UNION ALL SELECT _extracted_at FROM hubspot.hubspot_deals
UNION ALL SELECT dimensions_read_at FROM hubspot.portals
"""


@pytest.fixture
def off_by_s(request: pytest.FixtureRequest) -> int:
    return OFF_BY_S[request.param]


@pytest.fixture
def misled(tmp_path: Path, worker: WorkerOf, off_by_s: int) -> Worker:
    """A worker whose clock is off."""
    made = worker(**WrongClock(tmp_path, off_by_s=off_by_s).environment)
    assert made.do("search", times=1)["clock"] == pytest.approx(time.time() + off_by_s, abs=60)
    return made


@pytest.mark.parametrize("off_by_s", OFF_BY_S, indirect=True)
def test_b19_the_clock_of_the_worker_decides_nothing(acme: Organization, misled: Worker) -> None:
    began = datetime.now(UTC)
    arguments = {"organization_id": str(acme.id)}
    assert misled.do("load", run_id="full", **arguments)["ended"] == "completed"
    first, second, *_ = sorted(acme.portal.live_deals())
    acme.portal.edit_deal(first, {"dealname": "Edited"})
    acme.portal.archive_deal(second)
    time.sleep(1.1)  # HubSpot's Date has whole seconds
    assert misled.do("load", run_id="incremental", **arguments)["ended"] == "completed"

    assert [job["mode"] for job in acme.jobs()] == ["full", "incremental"]
    assert acme.differences() == []
    moments = [row["moment"] for row in acme.query(WRITTEN_AT) if row["moment"]]
    assert len(moments) > acme.portal.spec.deals
    assert began - SLACK < min(moments) <= max(moments) < datetime.now(UTC) + SLACK
    days = {row["day"] for row in acme.query("SELECT day FROM hubspot.usage_records")}
    assert days <= {began.date(), datetime.now(UTC).date()}


@pytest.mark.parametrize("off_by_s", ["a day ahead", "a day behind"], indirect=True)
def test_a03_b19_a_pause_that_hubspot_asks_for_is_as_long_as_asked_for(acme: Organization, misled: Worker) -> None:
    """A triggerer that is handed a moment in the past would have HubSpot asked again at once, and so on."""
    acme.simulator.add_fault(FaultRule(fault="status", status=429, retry_after=3_600, endpoint="list", nth=2))

    ended = misled.do("load", run_id="full", organization_id=str(acme.id))

    (job,) = acme.jobs()
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    assert (ended["ended"], job["status"]) == ("TaskDeferred", "pending")
    assert abs(job["resume_at"] - in_an_hour) < timedelta(minutes=1)
    assert datetime.fromisoformat(ended["resumes_at"]) == job["resume_at"]
