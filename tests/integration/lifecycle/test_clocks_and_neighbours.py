"""What others do to a run without touching it: the database's clock jumps, or another organization holds things up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.exceptions import JobAlreadyRunning, JobStopped
from airflow_provider_hubspot_deals.kill_points import KillPoint
from hubspot_simulator import SimulatorServer
from tests.integration.lifecycle.conftest import A_TRY, SMALL, at_call
from tests.integration.sync.conftest import Organization

ANOTHER_RUN, THIRD_RUN = (replace(A_TRY, run_id=run_id) for run_id in ("another", "third"))


@pytest.fixture(autouse=True)
def nobody_listens_afterwards() -> Iterator[None]:
    yield
    kill_points.listen(None)


def jump(organization: Organization, hours: int) -> None:
    """As if PostgreSQL's clock had jumped by so many hours: all that it has dated is that much older."""
    organization.execute(
        "UPDATE hubspot.jobs SET created_at = created_at - shift, start_time = start_time - shift,"
        " last_heartbeat = last_heartbeat - shift FROM make_interval(hours => %s) AS shift",
        hours,
    )


def test_g05_a_clock_that_jumps_ahead_costs_a_takeover_and_no_deal(acme: Organization) -> None:
    def jump_and_run() -> None:
        jump(acme, 1)
        acme.sync(mode="full", origin=ANOTHER_RUN, **SMALL)

    with pytest.raises(JobStopped):
        acme.sync(mode="full", origin=A_TRY, before=at_call("list", 4, jump_and_run), **SMALL)

    assert [(job["status"], job["error_code"]) for job in acme.jobs()] == [
        ("failed", "HEARTBEAT_LOST"),
        ("completed", None),
    ]
    assert acme.differences() == []


def test_g05_a_clock_that_jumps_back_lets_nobody_in_and_the_run_goes_on(acme: Organization) -> None:
    refused: list[str] = []

    def jump_and_run() -> None:
        jump(acme, -1)
        with pytest.raises(JobAlreadyRunning) as raised:
            acme.sync(origin=ANOTHER_RUN, **SMALL)
        refused.append(str(raised.value))

    acme.sync(mode="full", origin=A_TRY, before=at_call("list", 4, jump_and_run), **SMALL)

    (job,) = acme.jobs()
    assert job["status"] == "completed"
    assert str(job["id"]) in refused[0]
    acme.portal.edit_deal(min(acme.portal.live_deals()), {"dealname": "after the jump"})
    acme.sync(mode="incremental", origin=THIRD_RUN, **SMALL)
    assert acme.differences() == []


def test_d17_f17_an_organization_in_the_middle_of_a_batch_holds_up_no_other(acme: Organization) -> None:
    held, go = threading.Event(), threading.Event()

    def hold(point: KillPoint) -> None:
        if point == KillPoint.BATCH_WRITTEN and threading.current_thread() is noisy:
            held.set()
            go.wait(60)

    noisy = threading.Thread(target=lambda: acme.sync(mode="full", origin=A_TRY, **SMALL))
    kill_points.listen(hold)
    with SimulatorServer([replace(acme.portal.spec, portal_id=1002, seed=2)], rate_limits=False) as simulator:
        bravo = Organization(simulator, simulator.portal(1002), acme.database_url, slug="bravo")
        noisy.start()
        try:
            assert held.wait(30)
            for mode in ("full", "incremental"):  # its leaf is made meanwhile, filled, and filled again
                assert bravo.sync(mode=mode, **SMALL).status == "completed"
            assert bravo.differences() == []
            assert [job["status"] for job in acme.jobs()] == ["running"]
        finally:
            go.set()
            noisy.join(60)
    assert [job["status"] for job in acme.jobs()] == ["completed"]
    assert acme.differences() == []
