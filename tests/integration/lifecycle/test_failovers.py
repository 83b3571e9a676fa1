"""A primary that dies, and a standby that streamed from it takes its place: with all that was committed, or less."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import wait_until
from local_stack.throwaway import temporary_directory
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL, at_call
from tests.integration.lifecycle.servers import OwnServer
from tests.integration.lifecycle.standby import CATCH_UP_S, Standby
from tests.integration.sync.conftest import Organization

READ_ONLY_S = 1.5  # between the primary's end and the standby's promotion
COUNTED = "SELECT sum(received) AS received, sum(inserted) AS inserted FROM hubspot.job_batches WHERE job_id = %s"


class Cluster:
    """A primary and its standby, behind one address."""

    def __init__(self, primary: OwnServer, standby: Standby) -> None:
        self.primary, self.standby = primary, standby
        self.promoted_url = standby.url_of(primary.url)
        self.address = primary.url

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.address, connect_timeout=5)

    def fail_over(self) -> None:
        """The address leads to the standby at once, and the standby takes writes a little later."""
        self.primary.end(signal.SIGQUIT)
        if self.address == self.primary.url:
            self.address = self.promoted_url
        Timer(READ_ONLY_S, self.standby.promote).start()

    def name_both_hosts(self) -> None:
        """As libpq itself finds the one that takes writes."""
        parts = urlsplit(self.primary.url)
        hosts = f"127.0.0.1:{parts.port},127.0.0.1:{self.standby.port}"
        account = parts.netloc.rpartition("@")[0]
        self.address = f"postgresql://{account}@{hosts}{parts.path}?target_session_attrs=read-write"


@pytest.fixture
def cluster(own_server: EmbeddedPostgres) -> Iterator[Cluster]:
    with (
        OwnServer(own_server) as primary,
        temporary_directory(in_memory=True) as directory,
        Standby(directory, own_server) as standby,
    ):
        yield Cluster(primary, standby)


def run(organization: Organization, cluster: Cluster, then: Callable[[], object] | None = None, **order: Any) -> None:
    before = at_call("list", 3, then) if then else None
    with organization.client(before=before) as client:
        request = organization.request(**{"origin": A_TRY, **SMALL, **order})
        sync.run(request, client=client, connect=cluster.connect)


def assert_right(organization: Organization) -> dict[str, Any]:
    """The copy is, and so are the books of the job that made it."""
    assert organization.differences() == []
    job = organization.jobs()[-1]
    (counted,) = organization.query(COUNTED, job["id"])
    assert job["status"] == "completed"
    assert (job["records_extracted"], job["records_inserted"]) == (counted["received"], counted["inserted"])
    return job


@pytest.mark.parametrize("address", ["a name that moves", "both hosts"])
def test_d13_a_run_waits_for_the_standby_to_take_writes_and_goes_on_there(
    acme: Organization, cluster: Cluster, address: str
) -> None:
    promoted = replace(acme, database_url=cluster.promoted_url)
    if address == "both hosts":
        cluster.name_both_hosts()

    def fail_over() -> None:
        wait_until(cluster.standby.is_caught_up, what="the standby", timeout_s=CATCH_UP_S)
        cluster.fail_over()

    run(acme, cluster, fail_over)

    job = assert_right(promoted)
    assert (job["attempt"], job["records_inserted"]) == (2, 245)
    pages = 5  # two of the archived list, three of the live one
    assert sum(seen.endpoint == "list" for seen in acme.simulator.requests) <= pages + 1
    acme.portal.edit_deal(min(acme.portal.live_deals()), {"dealname": "Edited after it"})
    acme.simulator.clock.shift(60)
    run(acme, cluster, origin=replace(A_TRY, run_id="next"))
    assert_right(promoted)


def test_d13_batches_that_the_standby_never_had_are_read_again(acme: Organization, cluster: Cluster) -> None:
    promoted = replace(acme, database_url=cluster.promoted_url)

    def lose_from_here(call: str, number: int) -> None:
        if (call, number) == ("list", 2):
            wait_until(cluster.standby.is_caught_up, what="the standby", timeout_s=CATCH_UP_S)
            cluster.standby.fall_behind()
        if (call, number) == ("list", 5):
            before = replace(acme, database_url=cluster.primary.url)
            lost.extend(before.deals())
            cluster.fail_over()

    lost: list[int] = []
    with acme.client(before=lose_from_here) as client:
        sync.run(acme.request(origin=A_TRY, **SMALL), client=client, connect=cluster.connect)

    job = assert_right(promoted)
    assert len(lost) >= 200
    assert (job["attempt"], job["records_inserted"]) == (2, 245)
    assert sum(seen.endpoint == "list" for seen in acme.simulator.requests) > 6  # they were


def test_d13_a_job_of_which_the_standby_knows_nothing_writes_nothing_and_is_begun_again_by_its_retry(
    acme: Organization, cluster: Cluster
) -> None:
    promoted = replace(acme, database_url=cluster.promoted_url)
    run(acme, cluster)
    wait_until(cluster.standby.is_caught_up, what="the standby", timeout_s=CATCH_UP_S)
    cluster.standby.fall_behind()
    first, second, *_ = sorted(acme.portal.live_deals())
    acme.portal.edit_deal(first, {"dealname": "Edited"})
    acme.portal.archive_deal(second)
    acme.simulator.clock.shift(60)

    with pytest.raises(DatabaseUnavailableError, match="is not in this database"):
        run(acme, cluster, cluster.fail_over, origin=replace(A_TRY, run_id="lost"), mode="full")
    assert [job["run_id"] for job in promoted.jobs()] == [A_TRY.run_id]
    assert promoted.deals()[first]["dealname"] != "Edited"

    wait_until(cluster.standby.is_promoted, what="the promotion", timeout_s=CATCH_UP_S)
    run(acme, cluster, origin=replace(NEXT_TRY, run_id="lost"), mode="full")

    assert_right(promoted)
    assert [job["run_id"] for job in promoted.jobs()] == [A_TRY.run_id, "lost"]
