"""An attempt that ends needs a reason, and not any will do."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from airflow_provider_hubspot_deals.exceptions import (
    BadResponseError,
    DatabaseUnavailableError,
    UpstreamUnavailableError,
)
from hubspot_simulator import PortalSpec, SimulatorServer
from local_stack.simulation.attempts import Attempt, StoppedError
from local_stack.simulation.checking import InvariantBrokenError
from local_stack.simulation.people import People
from local_stack.simulation.reasons import SPOILED_MIN, Reasons
from local_stack.simulation.tenants import Tenant

AWAY = UpstreamUnavailableError("HubSpot is away.")
UNSORTED = BadResponseError("Search did not sort.", code="SOURCE_ORDER")


@pytest.fixture(scope="module")
def tenant() -> Tenant:
    simulator = SimulatorServer([PortalSpec(portal_id=1001, deals=3)])
    people = People(simulator.portal(1001), Random(1), rate=0, crowd=0)  # noqa: S311 - a scenario, not a secret
    return Tenant("acme", people, "http://nowhere", "", readers=1, overlap=timedelta(0))


@pytest.fixture
def reasons() -> Reasons:
    return Reasons()


def ended(tenant: Tenant, outcome: str, error: BaseException | None = None) -> Attempt:
    return Attempt(tenant, 0, 1, "full", 20, outcome=outcome, error=error)


def is_explained(reasons: Reasons, attempt: Attempt, *, spoiled: int = 0) -> bool:
    try:
        reasons.demand_one(attempt, spoiled)
    except InvariantBrokenError:
        return False
    return True


def test_whoever_completes_needs_none_unless_it_was_replaced_while_it_stood_still(
    reasons: Reasons, tenant: Tenant
) -> None:
    attempt = ended(tenant, "completed")
    assert is_explained(reasons, attempt)

    reasons.replaced(attempt.name)
    assert is_explained(reasons, attempt)  # it may have been faster than the other one

    reasons.woken(attempt.name)
    assert not is_explained(reasons, attempt)


@pytest.mark.parametrize("outcome", ["dead", "failed", "superseded", "cancelled"])
def test_nothing_else_ends_without_one(reasons: Reasons, tenant: Tenant, outcome: str) -> None:
    assert not is_explained(reasons, ended(tenant, outcome), spoiled=99)


@pytest.mark.parametrize("error", [StoppedError(), DatabaseUnavailableError("It went away.")])
def test_a_blow_explains_a_stop_and_the_loss_of_postgresql(
    reasons: Reasons, tenant: Tenant, error: BaseException
) -> None:
    attempt = ended(tenant, "failed", error)
    assert not is_explained(reasons, attempt, spoiled=99)

    reasons.struck(attempt.name)
    assert is_explained(reasons, attempt)


def test_a_blow_does_not_explain_that_another_attempt_took_over(reasons: Reasons, tenant: Tenant) -> None:
    attempt = ended(tenant, "superseded")
    reasons.struck(attempt.name)
    assert not is_explained(reasons, attempt)

    reasons.replaced(attempt.name)
    assert is_explained(reasons, attempt)


@pytest.mark.parametrize(("error", "least"), [(AWAY, SPOILED_MIN), (UNSORTED, 1)])
def test_hubspot_is_given_up_for_as_many_bad_answers_as_it_takes(
    reasons: Reasons, tenant: Tenant, error: BaseException, least: int
) -> None:
    attempt = ended(tenant, "failed", error)
    reasons.struck(attempt.name)

    assert not is_explained(reasons, attempt, spoiled=least - 1)
    assert is_explained(reasons, attempt, spoiled=least)


def test_a_cancellation_explains_until_the_next_run_begins_and_only_if_it_found_a_job(
    reasons: Reasons, tenant: Tenant
) -> None:
    attempt = ended(tenant, "cancelled")
    assert reasons.cancel(lambda: 0) == 0
    assert not is_explained(reasons, attempt)

    assert reasons.cancel(lambda: 1) == 1
    assert reasons.cancel(lambda: 0) == 0
    assert is_explained(reasons, attempt)

    reasons.a_run_begins()
    assert not is_explained(reasons, attempt)
