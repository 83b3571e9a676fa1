"""A table of deals that somebody dropped or emptied: a full run fills it, however often one is broken off."""

from __future__ import annotations

from functools import partial
from typing import NoReturn

import pytest

from airflow_provider_hubspot_deals.exceptions import JobCancelled, UpstreamUnavailableError
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL, at_call
from tests.integration.sync.conftest import Organization

CANCEL = "UPDATE hubspot.jobs SET status = 'cancelled' WHERE status = 'running'"


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
        acme.execute("UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST'")
    acme.execute(f"{done} {leaf_of(acme)}")

    acme.sync(origin=NEXT_TRY, **SMALL)

    assert acme.differences() == []


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
