"""A table of deals that somebody dropped or emptied by hand: a full run fills it, however often one is broken off."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hubspot_deals.exceptions import JobCancelled, JobLostError, RetriableError
from tests.integration.sync.conftest import Organization
from tests.integration.sync.test_lifecycle import RETRY, RUN, SMALL, fail_at

CANCEL = "UPDATE hubspot.jobs SET status = 'cancelled' WHERE status = 'running'"
LOSE = "UPDATE hubspot.jobs SET status = 'failed', error_code = 'HEARTBEAT_LOST' WHERE status = 'running'"


def empty(acme: Organization, how: str = "DELETE FROM") -> None:
    (leaf,) = acme.query("SELECT hubspot.deals_partition(%s, 'standard') AS name", acme.id)
    acme.execute(f"{how} hubspot.{leaf['name']}")


def end_midway(acme: Organization, statement: str) -> Any:
    def before(call: str, number: int) -> None:
        if (call, number) == ("list", 6):
            acme.execute(statement)

    return before


@pytest.mark.parametrize("mode", ["auto", "incremental"])
@pytest.mark.parametrize("how", ["DELETE FROM", "DROP TABLE"])
def test_d15_an_emptied_table_is_filled_though_the_run_that_began_to_was_cancelled(
    acme: Organization, how: str, mode: str
) -> None:
    acme.sync()
    empty(acme, how)
    with pytest.raises(JobCancelled):
        acme.sync(before=end_midway(acme, CANCEL), mode=mode, **SMALL)
    assert 0 < len(acme.deals()) < 770

    assert acme.sync(mode=mode).mode == "full"

    assert acme.differences() == []
    assert acme.sync(mode=mode).mode == "incremental"


def test_d15_an_emptied_table_is_filled_though_a_window_was_read_into_it_first(acme: Organization) -> None:
    acme.sync()
    versions = sorted(deal["hs_lastmodifieddate"] for deal in acme.deals().values())
    empty(acme)
    acme.sync(mode="window", window_start=versions[-100])
    assert 0 < len(acme.deals()) < 730

    assert acme.sync(mode="incremental").mode == "full"

    assert acme.differences() == []


def test_d15_a_retry_does_not_go_on_in_a_table_that_was_emptied_since(acme: Organization) -> None:
    with pytest.raises(RetriableError):
        acme.sync(before=fail_at("list", 6), origin=RUN, **SMALL)
    empty(acme)

    acme.sync(origin=RETRY, **SMALL)

    assert [(job["mode"], job["attempt"]) for job in acme.jobs()] == [("full", 2)]
    assert acme.differences() == []


def test_d15_nor_does_the_retry_of_a_job_that_was_taken_for_dead(acme: Organization) -> None:
    with pytest.raises(JobLostError):
        acme.sync(before=end_midway(acme, LOSE), origin=RUN, **SMALL)
    empty(acme)

    acme.sync(origin=RETRY, **SMALL)

    assert acme.jobs()[-1]["continues"] is None
    assert acme.differences() == []
