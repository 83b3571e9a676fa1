"""What others do to a run without touching it: the database's clock jumps, or another organization holds things up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from airflow_provider_hubspot_deals import kill_points
from airflow_provider_hubspot_deals.exceptions import JobAlreadyRunning, JobStopped
from airflow_provider_hubspot_deals.kill_points import KillPoint
from hubspot_simulator import SimulatorServer
from local_stack import postgres
from local_stack.postgres import EmbeddedPostgres
from local_stack.throwaway import temporary_directory
from tests.integration.invariants import violations
from tests.integration.lifecycle.conftest import A_TRY, SMALL, at_call
from tests.integration.lifecycle.servers import OwnServer
from tests.integration.sync.conftest import Organization
from tests.integration.wrong_clock import WrongClock

ANOTHER_RUN, THIRD_RUN = (replace(A_TRY, run_id=run_id) for run_id in ("another", "third"))


@pytest.fixture(autouse=True)
def nobody_listens_afterwards() -> Iterator[None]:
    yield
    kill_points.listen(None)


@pytest.fixture(scope="module")
def server_and_clock() -> Iterator[tuple[EmbeddedPostgres, WrongClock]]:
    """A server of its own, whose clock a test may put forward and back."""
    with (
        temporary_directory() as beside,
        temporary_directory(in_memory=True) as directory,
        pytest.MonkeyPatch.context() as patch,
    ):
        clock, usual = WrongClock(beside), postgres.server_environment()
        patch.setattr(postgres, "server_environment", lambda: {**usual, **clock.environment})
        server = EmbeddedPostgres(directory, durable=False)
        with server:
            yield server, clock


@pytest.fixture
def jump(server_and_clock: tuple[EmbeddedPostgres, WrongClock]) -> Iterator[Callable[[int], None]]:
    """Put PostgreSQL's clock forward by so many hours, or back."""
    server, clock = server_and_clock

    def put(hours: int) -> None:
        clock.put_off(hours * 3_600)
        with psycopg.connect(server.superuser_url) as connection:
            ((moment,),) = connection.execute("SELECT clock_timestamp()").fetchall()
        assert abs(moment - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=1)

    yield put
    clock.put_off(0)


@pytest.fixture
def displaced(acme: Organization, server_and_clock: tuple[EmbeddedPostgres, WrongClock]) -> Iterator[Organization]:
    """Of that server; no invariant is broken afterwards."""
    server, _ = server_and_clock
    with OwnServer(server) as own:
        organization = replace(acme, database_url=own.url)
        yield organization
        assert violations(own.url) == []


@pytest.mark.parametrize("hours", [1, 24 * 40], ids=["an hour", "into another month"])
def test_g05_a_clock_that_jumps_ahead_costs_a_takeover_and_no_deal(
    displaced: Organization, jump: Callable[[int], None], hours: int
) -> None:
    def jump_and_run() -> None:
        jump(hours)
        displaced.sync(mode="full", origin=ANOTHER_RUN, **SMALL)

    with pytest.raises(JobStopped):
        displaced.sync(mode="full", origin=A_TRY, before=at_call("list", 4, jump_and_run), **SMALL)

    assert [(job["status"], job["error_code"]) for job in displaced.jobs()] == [
        ("failed", "HEARTBEAT_LOST"),
        ("completed", None),
    ]
    assert displaced.differences() == []
    go_on(displaced)


@pytest.mark.parametrize("hours", [-1, -24 * 40], ids=["an hour", "into another month"])
def test_g05_a_clock_that_jumps_back_lets_nobody_in_and_the_run_goes_on(
    displaced: Organization, jump: Callable[[int], None], hours: int
) -> None:
    refused: list[str] = []

    def jump_and_run() -> None:
        jump(hours)
        with pytest.raises(JobAlreadyRunning) as raised:
            displaced.sync(origin=ANOTHER_RUN, **SMALL)
        refused.append(str(raised.value))

    displaced.sync(mode="full", origin=A_TRY, before=at_call("list", 4, jump_and_run), **SMALL)

    (job,) = displaced.jobs()
    assert job["status"] == "completed"
    assert job["last_heartbeat"] < job["start_time"]
    assert str(job["id"]) in refused[0]
    assert displaced.differences() == []
    go_on(displaced)


@pytest.mark.parametrize("hours", [1, -1], ids=["ahead", "back"])
def test_g05_between_runs_a_jump_changes_nothing(
    displaced: Organization, jump: Callable[[int], None], hours: int
) -> None:
    displaced.sync(mode="full", origin=A_TRY, **SMALL)
    jump(hours)
    go_on(displaced)


def go_on(organization: Organization) -> None:
    """The next run reads what changed, and is no other for what happened before."""
    organization.portal.edit_deal(min(organization.portal.live_deals()), {"dealname": "after the jump"})
    organization.simulator.clock.shift(60)
    assert organization.sync(origin=THIRD_RUN, **SMALL).counts["records_updated"] >= 1
    assert organization.jobs()[-1]["status"] == "completed"
    assert organization.differences() == []


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
