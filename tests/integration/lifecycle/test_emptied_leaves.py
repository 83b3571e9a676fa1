"""A table of deals that somebody dropped or emptied between two attempts of one job."""

from __future__ import annotations

from typing import NoReturn

import pytest

from airflow_provider_hubspot_deals.exceptions import UpstreamUnavailableError
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL, at_call
from tests.integration.sync.conftest import Organization


def fail() -> NoReturn:
    raise UpstreamUnavailableError("HubSpot is away")


@pytest.mark.parametrize("is_lost", [False, True], ids=["waiting", "taken for dead"])
@pytest.mark.parametrize("done", ["DROP TABLE", "TRUNCATE"])
def test_d15_a_retry_reads_again_what_was_emptied_before_it(acme: Organization, done: str, *, is_lost: bool) -> None:
    with pytest.raises(UpstreamUnavailableError):
        acme.sync(origin=A_TRY, before=at_call("list", 4, fail), **SMALL)
    assert acme.deals()
    if is_lost:
        acme.execute("UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST'")
    acme.execute(f"{done} hubspot.hubspot_deals_standard_{acme.id.hex}")

    acme.sync(origin=NEXT_TRY, **SMALL)

    assert acme.differences() == []


def test_d15_an_incremental_job_reads_everything_when_its_table_was_emptied_before_its_retry(
    acme: Organization,
) -> None:
    acme.sync(**SMALL)
    with pytest.raises(UpstreamUnavailableError):
        acme.sync(origin=A_TRY, before=at_call("search", 1, fail), **SMALL)
    assert acme.jobs()[-1]["mode"] == "incremental"
    acme.execute(f"TRUNCATE hubspot.hubspot_deals_standard_{acme.id.hex}")

    summary = acme.sync(origin=NEXT_TRY, **SMALL)

    assert (summary.mode, acme.jobs()[-1]["mode"]) == ("full", "full")
    assert acme.differences() == []
