"""Run every organization's DAG and hold the outcome against what the simulator knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from local_stack.demo.changes import Changes, change_deals, check_changes
from local_stack.demo.connections import portal_id_of
from local_stack.demo.jobs import has_finished_jobs, recent_deals, stored_deals
from local_stack.demo.report import OrganizationResult, changes_table, deals_table, jobs_table
from local_stack.demo.runs import explain, follow, trigger_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg import Connection

    from local_stack.demo.narrator import Narrator
    from local_stack.demo.runs import Outcome
    from local_stack.demo.stack import DemoStack

DEALS_SHOWN = 3


def load_deals(stack: DemoStack, narrator: Narrator) -> list[OrganizationResult]:
    """A first run reads everything, a later one what changed at HubSpot meanwhile. Tells what came of it."""
    with psycopg.connect(stack.deals_url) as connection:
        is_first = not has_finished_jobs(connection)
        # After an interrupted demo nobody knows which changes were fetched: catch up before making others.
        is_known = not stack.unfinished_mark.exists()
        stack.unfinished_mark.touch()
        changes = change_everywhere(stack, narrator) if is_known and not is_first else {}
        outcomes = run_dags(stack, connection, narrator, expect_all=is_first)
        results = check_results(stack, connection, outcomes, changes)
        tell(results, recent_deals(connection, DEALS_SHOWN), stack, narrator)
    if all(result.is_good for result in results):
        stack.unfinished_mark.unlink()
    return results


def check_results(
    stack: DemoStack, connection: Connection[Any], outcomes: Sequence[Outcome], changes: Mapping[str, Changes]
) -> list[OrganizationResult]:
    """What is stored beside what the simulator holds; `changes` by DAG id."""
    at_hubspot = stack.simulator.counts()
    return [
        OrganizationResult(
            outcome=outcome,
            stored=stored_deals(connection, outcome.run.organization.id, outcome.run.organization.type),
            at_hubspot=at_hubspot[portal_id_of(outcome.run.organization)],
            changes=check_changes(connection, outcome, changes[outcome.run.dag_id]) if changes else None,
        )
        for outcome in outcomes
    ]


def change_everywhere(stack: DemoStack, narrator: Narrator) -> dict[str, Changes]:
    """Let people change deals in every account; by DAG id."""
    with narrator.step("People change some deals at HubSpot"):
        return {each.dag_id: change_deals(stack.simulator, portal_id_of(each)) for each in stack.organizations}


def run_dags(stack: DemoStack, connection: Connection[Any], narrator: Narrator, *, expect_all: bool) -> list[Outcome]:
    """Trigger over REST and follow to the end."""
    at_hubspot = stack.simulator.counts()
    totals: dict[str, int | None] = dict.fromkeys((each.dag_id for each in stack.organizations), None)
    if expect_all:
        totals = {each.dag_id: at_hubspot[portal_id_of(each)].total for each in stack.organizations}
    with narrator.step("DAG runs, triggered over Airflow's REST API", spinner=False):
        runs = trigger_all(stack.airflow, stack.organizations)
        return follow(runs, stack.airflow, connection, narrator, totals)


def tell(results: list[OrganizationResult], deals: list[dict[str, Any]], stack: DemoStack, narrator: Narrator) -> None:
    """Tables, and a sentence for whatever is not as it should be."""
    narrator.say()
    narrator.say(jobs_table(results))
    if any(result.changes for result in results):
        narrator.say(changes_table(results))
    narrator.say(deals_table(deals))
    for result in results:
        if not result.outcome.succeeded:
            narrator.warn(f"✗ {result.label}: {explain(result.outcome, stack.airflow)}")
        elif not result.counts_agree:
            narrator.warn(f"✗ {result.label}: PostgreSQL holds other deals than HubSpot")
        elif result.changes and not result.changes.is_exact:
            narrator.warn(f"✗ {result.label}: {result.changes.differences()}")
