"""The DAG of one organization: one task that keeps its deals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import DAG, Asset
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS

from airflow_provider_hubspot_deals.dag_factory.documentation import documentation_of
from airflow_provider_hubspot_deals.dag_factory.run_types import without_backfills
from airflow_provider_hubspot_deals.dag_factory.trigger_form import trigger_form
from airflow_provider_hubspot_deals.dag_factory.watching import when_due_or_changed
from airflow_provider_hubspot_deals.notifications.callbacks import JobCallback
from airflow_provider_hubspot_deals.notifications.staleness import stale_alert
from airflow_provider_hubspot_deals.organizations import dag_id_of
from airflow_provider_hubspot_deals.organizations.organization import TAG
from airflow_provider_hubspot_deals.organizations.schedules import never_comes
from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.organizations import Organization

TASK_ID = "load_deals"

_ARGUMENTS = {"properties": "additional_properties"}  # by the form's field, where the names differ

# Any fixed past moment: a DAG that is built twice must be the same, or Airflow stores a version at each parse.
START_DATE = datetime(2025, 1, 1, tzinfo=UTC)

_RETRY_DELAY = timedelta(minutes=1)
_RETRY_DELAY_MAX = timedelta(minutes=30)
_BACKOFF = 2.0 if AIRFLOW_V_3_2_PLUS else True  # a multiplier from Airflow 3.2 on, a switch before


def build_dag(organization: Organization) -> DAG:
    """Return the DAG that keeps the deals of ``organization``; it contacts nothing.

    Args:
        organization: an entry of the organizations file, as ``parse_organization`` gives it.

    Raises:
        AirflowException: the schedule is no cron expression.
        ValueError: an owner link is no address, or the schedule never comes.
    """
    dag = DAG(
        dag_id=organization.dag_id,
        description=f"HubSpot deals of {organization.name} → {organization.deals_table}",
        doc_md=documentation_of(organization, TASK_ID),
        schedule=when_due_or_changed(organization),
        start_date=START_DATE.replace(tzinfo=ZoneInfo(organization.timezone)),  # whose zone is the schedule's
        catchup=False,  # a run reads whatever is due, so missed ones need no repetition
        max_active_runs=1,
        params=trigger_form(organization),
        tags={TAG, organization.type, *organization.tags},
        owner_links=dict(organization.owner_links),
        deadline=stale_alert(organization),
        **without_backfills(),
    )
    # Else a bad schedule would surface later, as an import error of the whole file.
    dag.validate()  # type: ignore[no-untyped-call]  # Airflow's
    if never_comes(organization.schedule):
        raise ValueError("the schedule never comes: no month that it names has such a day")
    outlets = [deals_asset(organization.slug, organization.type)]
    filled_in = {_ARGUMENTS.get(name, name): f"{{{{ params.{name} }}}}" for name in dag.params}
    dag.add_task(load_deals(organization, outlets=outlets, **filled_in))
    return dag


def load_deals(
    organization: Organization,
    **of_this_run: Any,  # noqa: ANN401 - the operator's own arguments
) -> HubSpotDealsToPostgresOperator:
    """Return the task that loads the deals of ``organization``.

    Args:
        of_this_run: arguments of the operator beside what the organization says.
    """
    # Made outside of the DAG on purpose: inside, Airflow gives the task a copy of the DAG's params of its own, and
    # serializing both doubles the time that a file of 1,000 organizations takes.
    return HubSpotDealsToPostgresOperator(
        task_id=TASK_ID,
        owner=", ".join(organization.owners),
        retries=organization.retries,
        retry_delay=_RETRY_DELAY,
        retry_exponential_backoff=_BACKOFF,
        max_retry_delay=_RETRY_DELAY_MAX,
        execution_timeout=timedelta(hours=organization.timeout_hours),
        pool=organization.pool,
        **_queue_of(organization),
        organization=organization.slug,
        organization_id=str(organization.id),
        type=organization.type,
        hubspot_conn_id=organization.hubspot_conn_id,
        postgres_conn_id=organization.postgres_conn_id,
        schema=organization.schema,
        properties="all" if organization.properties is None else organization.properties,
        sensitive_properties=organization.sensitive_properties,
        associations=organization.associations,
        history=organization.history,
        portal_id=organization.portal_id,
        full_refresh_every_days=organization.full_refresh_every_days,
        search_lag_minutes=organization.search_lag_minutes,
        overlap_minutes=organization.overlap_minutes,
        dimensions_every_hours=organization.dimensions_every_hours,
        daily_reserve_percent=organization.daily_reserve_percent,
        allow_negative_amounts=organization.allow_negative_amounts,
        retention_days=organization.retention_days,
        archive_days=organization.archive_days,
        quarantine_days=organization.quarantine_days,
        stale_after_minutes=organization.stale_after_minutes,
        organization_name=organization.name,
        on_success_callback=_callbacks(organization, "completed"),
        on_failure_callback=_callbacks(organization, "failed"),
        **of_this_run,
    )


def _queue_of(organization: Organization) -> dict[str, Any]:
    return {"queue": organization.queue} if organization.queue else {}


def _callbacks(organization: Organization, event: str) -> list[JobCallback]:
    wanted = [each for each in organization.notifications if event in each.on]
    return [JobCallback(event, wanted)] if wanted else []


def deals_asset(slug: str, type_: str = "standard") -> Asset:
    """Return the asset that each successful load updates, for ``schedule=[deals_asset("acme")]`` in other DAGs.

    Its events carry the job's summary as ``extra``. The address is a logical one: which server the tables are on
    stands in an Airflow connection, and parsing a DAG file reads none.

    Args:
        slug: short name of the organization.
        type_: which of its HubSpot accounts.
    """
    return Asset(name=dag_id_of(slug, type_), uri=f"x-hubspot-deals://{slug}/{type_}")
