"""A table of deals that somebody dropped or emptied: a full run fills it, however often one is broken off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NoReturn

import pytest

from airflow_provider_hubspot_deals.exceptions import JobCancelled, UpstreamUnavailableError
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL, at_call
from tests.integration.sync.conftest import Organization

CANCEL = "UPDATE hubspot.jobs SET status = 'cancelled' WHERE status = 'running'"
LOSE = "UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST' WHERE status = 'pending'"


def leaf_of(acme: Organization) -> str:
    return f"hubspot.hubspot_deals_standard_{acme.id.hex}"


def fail() -> NoReturn:
    raise UpstreamUnavailableError("HubSpot is away")


@pytest.mark.parametrize("mode", ["auto", "incremental"])
@pytest.mark.parametrize("done", ["DROP TABLE", "TRUNCATE"])
def test_d15_a_leaf_that_somebody_dropped_or_emptied_is_filled_by_the_next_run(
    acme: Organization, done: str, mode: str
) -> None:
    acme.sync(**SMALL)
    acme.execute(f"{done} {leaf_of(acme)}")
    assert acme.sync(mode=mode, **SMALL).mode == "full"
    assert acme.differences() == []


@pytest.mark.parametrize("is_lost", [False, True], ids=["waiting", "taken for dead"])
@pytest.mark.parametrize("done", ["DROP TABLE", "TRUNCATE"])
def test_d15_a_retry_reads_again_what_was_emptied_before_it(acme: Organization, done: str, *, is_lost: bool) -> None:
    with pytest.raises(UpstreamUnavailableError):
        acme.sync(origin=A_TRY, before=at_call("list", 4, fail), **SMALL)
    assert acme.deals()
    if is_lost:
        acme.execute(LOSE)
    acme.execute(f"{done} {leaf_of(acme)}")

    acme.sync(origin=NEXT_TRY, **SMALL)

    assert acme.differences() == []
    job = acme.jobs()[-1]
    assert job["records_extracted"] == job["records_expected"]  # the progress of what is read again reaches its end


def test_d15_an_incremental_job_reads_everything_when_its_table_was_emptied_before_its_retry(
    acme: Organization,
) -> None:
    acme.sync(**SMALL)
    with pytest.raises(UpstreamUnavailableError):
        acme.sync(origin=A_TRY, before=at_call("search", 1, fail), **SMALL)
    assert acme.jobs()[-1]["mode"] == "incremental"
    acme.execute(f"TRUNCATE {leaf_of(acme)}")

    summary = acme.sync(origin=NEXT_TRY, **SMALL)

    assert (summary.mode, acme.jobs()[-1]["mode"]) == ("full", "full")
    assert acme.differences() == []


@pytest.mark.parametrize("mode", ["auto", "incremental"])
@pytest.mark.parametrize("done", ["DROP TABLE", "TRUNCATE"])
def test_d15_an_emptied_table_is_filled_though_the_run_that_began_to_was_cancelled(
    acme: Organization, done: str, mode: str
) -> None:
    acme.sync(**SMALL)
    all_deals = len(acme.deals())
    acme.execute(f"{done} {leaf_of(acme)}")
    with pytest.raises(JobCancelled):
        acme.sync(before=at_call("list", 4, partial(acme.execute, CANCEL)), mode=mode, **SMALL)
    assert 0 < len(acme.deals()) < all_deals

    assert acme.sync(mode=mode, **SMALL).mode == "full"

    assert acme.differences() == []
    assert acme.sync(mode=mode, **SMALL).mode == "incremental"


def test_d15_an_emptied_table_is_filled_though_a_window_was_read_into_it_first(acme: Organization) -> None:
    acme.sync(**SMALL)
    versions = sorted(deal["hs_lastmodifieddate"] for deal in acme.deals().values())
    acme.execute(f"TRUNCATE {leaf_of(acme)}")
    acme.sync(mode="window", window_start=versions[-100])
    assert 0 < len(acme.deals()) < len(versions)

    assert acme.sync(mode="incremental", **SMALL).mode == "full"

    assert acme.differences() == []


def read_a_window(acme: Organization) -> None:
    versions = sorted(deal["properties"]["hs_lastmodifieddate"] for deal in acme.portal.live_deals().values())
    acme.sync(mode="window", window_start=datetime.fromisoformat(versions[-100]), **SMALL)


def begin_and_cancel(acme: Organization) -> None:
    with pytest.raises(JobCancelled):
        acme.sync(before=at_call("list", 3, partial(acme.execute, CANCEL)), **SMALL)


@pytest.mark.parametrize("read_between", [read_a_window, begin_and_cancel])
@pytest.mark.parametrize(("lost", "call"), [("full", ("list", 4)), ("incremental", ("search", 2))])
def test_d15_the_retry_of_a_lost_job_fills_a_table_that_another_run_has_put_some_deals_into_since(
    acme: Organization, lost: str, call: tuple[str, int], read_between: Callable[[Organization], None]
) -> None:
    """Not empty any more, and what the lost job's checkpoint tells of is gone all the same."""
    if lost == "incremental":
        acme.sync(**SMALL)
    with pytest.raises(UpstreamUnavailableError):
        acme.sync(origin=A_TRY, before=at_call(*call, fail), **SMALL)
    assert (acme.jobs()[-1]["mode"], acme.jobs()[-1]["batches"] > 0) == (lost, True)
    acme.execute(LOSE)
    acme.execute(f"TRUNCATE {leaf_of(acme)}")
    read_between(acme)
    assert acme.deals()

    summary = acme.sync(origin=NEXT_TRY, **SMALL)

    assert (summary.mode, acme.differences()) == ("full", [])
    assert acme.jobs()[-1]["continues"] is not None
