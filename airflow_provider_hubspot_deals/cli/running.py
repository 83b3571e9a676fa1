"""One run of an organization's task in this process, as Airflow's task runner would do it."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, closing, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, TaskDeferred

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.cli.exit_codes import DONE, LATER, exit_code_of
from airflow_provider_hubspot_deals.cli.printing import complain, show_fields
from airflow_provider_hubspot_deals.cli.progress import Watching, display_for
from airflow_provider_hubspot_deals.cli.run_request import RunRequest
from airflow_provider_hubspot_deals.cli.stopping import stopped_by_signals
from airflow_provider_hubspot_deals.cli.stores import transaction_in
from airflow_provider_hubspot_deals.cli.user import current_user
from airflow_provider_hubspot_deals.dag_factory.organization_dag import TASK_ID, load_deals
from airflow_provider_hubspot_deals.exceptions import HubSpotDealsError
from airflow_provider_hubspot_deals.hooks.postgres import connection_opener
from airflow_provider_hubspot_deals.migrations.database import database_errors
from airflow_provider_hubspot_deals.organizations import Organization, Store
from airflow_provider_hubspot_deals.organizations.organization import STANDARD_TYPE
from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator
from airflow_provider_hubspot_deals.transfers.outcomes import TaskKilled

# In jobs.dag_id. Not the DAG's own: a DAG run would take a job that waits for its next attempt here for left behind.
DAG_ID = "command line"
TRIGGER = "command line"


def run(
    organization: Organization, request: RunRequest, *, file: str | None, output: str, is_verbose: bool = False
) -> int:
    """Run the task as the organization's DAG does, and return the exit code of the command.

    The job says who started it. A run that was stopped, or that HubSpot or PostgreSQL let down, leaves its job pending;
    the next one that asks for the same goes on with it.

    Args:
        file: the organizations file, if one was named.

    Raises:
        HubSpotDealsError: nothing could be begun.
    """
    store = Store(organization.postgres_conn_id, organization.schema)
    attempt = _next_attempt(organization, store, request)
    task = _task(organization, request)
    title = organization.slug if organization.type == STANDARD_TYPE else f"{organization.slug} ({organization.type})"
    again = request.command(organization.slug, organization.type, file)

    connect = connection_opener(store.postgres_conn_id)

    def look() -> sql.Row | None:
        with database_errors("Progress"), closing(connect()) as connection, sql.transaction(connection):
            return sql.one(connection, "listing.progress", attempt.keys, schema=store.schema)

    with stopped_by_signals(task) as stop:
        try:
            # The bar first: it takes standard output for itself, and the log would show above it.
            with Watching(look, display_for(title)), _log_of_the_task(is_verbose=is_verbose):
                summary = _execute(task, attempt.context)
        except (TaskKilled, KeyboardInterrupt):
            complain(f"Stopped. `{again}` goes on from what was committed.")
            return 128 + (stop.number or 0)
        except TaskDeferred as deferred:
            complain(f"{deferred.__context__} The job waits until then; `{again}` goes on with it.")
            return LATER
        except (AirflowSkipException, AirflowFailException) as error:
            complain(str(error))
            return exit_code_of(error.__cause__) if isinstance(error.__cause__, HubSpotDealsError) else 1
    show_fields(summary, output)
    return DONE


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    organization: Organization
    run_id: str
    try_number: int

    @property
    def keys(self) -> dict[str, Any]:
        return {
            "organization_id": self.organization.id,
            "job_type": self.organization.job_type,
            "run_id": self.run_id,
            "dag_id": DAG_ID,
        }

    @property
    def context(self) -> Any:  # noqa: ANN401 - what the operator reads of Airflow's Context, which is a TypedDict
        task_instance = SimpleNamespace(
            dag_id=DAG_ID,
            run_id=self.run_id,
            task_id=TASK_ID,
            map_index=-1,
            try_number=self.try_number,
            max_tries=self.try_number,  # there is always another one: whoever calls again
        )
        return {"ti": task_instance, "dag_run": SimpleNamespace(run_type=TRIGGER, clear_number=0)}


def _next_attempt(organization: Organization, store: Store, request: RunRequest) -> _Attempt:
    new = _Attempt(
        organization=organization,
        # To the microsecond: of one run id, the second of two that begin at once would take the first one's job over.
        run_id=f"{current_user()} {datetime.now(UTC).isoformat(timespec='microseconds')}",
        try_number=1,
    )
    with transaction_in(store) as connection:
        waiting = sql.one(connection, "listing.waiting_run", new.keys, schema=store.schema)
    if waiting is None or not request.is_met_by(waiting):
        return new
    complain(f"Going on with job {waiting['id']} of {waiting['run_id']}.")
    return _Attempt(organization=organization, run_id=waiting["run_id"], try_number=(waiting["try_number"] or 0) + 1)


def _task(organization: Organization, request: RunRequest) -> HubSpotDealsToPostgresOperator:
    return load_deals(
        organization,
        mode=request.mode,
        window_start=request.window_start,
        window_end=request.window_end,
        additional_properties=request.additional_properties,
    )


def _execute(task: HubSpotDealsToPostgresOperator, context: Any) -> dict[str, Any]:  # noqa: ANN401 - see _Attempt
    from airflow.sdk.bases.operator import ExecutorSafeguard

    token = ExecutorSafeguard.tracker.set(task)  # as the task runner does; else each call is warned of
    try:
        return task.execute(context)
    finally:
        ExecutorSafeguard.tracker.reset(token)


def _log_of_the_task(*, is_verbose: bool) -> AbstractContextManager[object]:
    """The task's own logger writes to standard output; what it says without ``--verbose``, the command says itself."""
    return redirect_stdout(sys.stderr if is_verbose else StringIO())
