"""Deadline alerts: somebody is told when an organization's data grows older than its goal.

Airflow notes a deadline when a run is queued, and takes the note away when the run ends well before it. So this is
called for runs that failed, hang, or wait for ever; whether the data is stale then is what the tables say.

The triggerer calls it. Airflow could have a worker call, and refuses that worker every connection of its own database:
the token that comes with the call is good for nothing else (3.3.2; https://github.com/apache/airflow/pull/66141).
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS
from asgiref.sync import sync_to_async

from airflow_provider_hubspot_deals.notifications.callbacks import tell
from airflow_provider_hubspot_deals.notifications.job_facts import Facts, moment_text
from airflow_provider_hubspot_deals.organizations import Notification, job_type_of
from airflow_provider_hubspot_deals.organizations.notifications import WEBHOOK_NOTIFIER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk.definitions.deadline import DeadlineAlert

    from airflow_provider_hubspot_deals.organizations import Organization
    from airflow_provider_hubspot_deals.sql import Row

log = logging.getLogger(__name__)

# Not the triggerer's own, which its triggers wait for: a notifier may hang.
_THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="hubspot-deals-stale")


def stale_alert(organization: Organization) -> DeadlineAlert | None:
    """Return the alert for the organization's DAG; None when nobody is to be told, or Airflow is older than 3.2.

    None either where no clock starts the runs: then none is missed, as the page has it too.

    None of Airflow's references knows how old a table is: the deadline says when to look, the tables say what is so.
    """
    notifications = [each for each in organization.notifications if "stale" in each.on]
    if not (notifications and organization.is_scheduled and AIRFLOW_V_3_2_PLUS):
        return None
    from airflow.sdk.definitions.callback import AsyncCallback
    from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

    arguments = {
        "organization": organization.slug,
        "organization_id": str(organization.id),
        "type": organization.type,
        "dag_id": organization.dag_id,
        "postgres_conn_id": organization.postgres_conn_id,
        "schema": organization.schema,
        "stale_after_minutes": organization.stale_after_minutes,
        # As text: Airflow makes hashes of a callback's arguments, which a list has none of.
        "notifications": json.dumps([{"notifier": e.notifier, "arguments": dict(e.arguments)} for e in notifications]),
    }
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(minutes=organization.stale_after_minutes),
        callback=AsyncCallback(deadline_missed, kwargs=arguments),
        name=f"Deals of {organization.slug} are fresh",
    )


async def deadline_missed(*, context: Mapping[str, Any], **arguments: Any) -> None:  # noqa: ANN401 - as they were stored
    """What Airflow's triggerer calls when a run missed its deadline: ``tell_if_stale``, beside the triggers."""
    await sync_to_async(tell_if_stale, thread_sensitive=False, executor=_THREADS)(context=context, **arguments)


def tell_if_stale(
    *,
    context: Mapping[str, Any],
    notifications: str,
    postgres_conn_id: str,
    schema: str,
    stale_after_minutes: int,
    **organization: str,
) -> None:
    """Tell once for all runs since the last completed one: the deadline of the first of them does.

    Args:
        context: Airflow's: ``dag_run`` as the REST API has it, and ``deadline``.
        organization: organization, organization_id, type and dag_id.

    Raises:
        ConfigurationError: the connection is missing.
        psycopg.Error: PostgreSQL cannot say.
    """
    dag_run = context["dag_run"]
    parameters = {
        **organization,
        "job_type": job_type_of(organization["type"]),
        "run_id": dag_run["dag_run_id"],
        "queued_at": dag_run["queued_at"],
        "goal": timedelta(minutes=stale_after_minutes),
    }
    row = _freshness(parameters, postgres_conn_id, schema)
    facts: Facts = {
        **organization,
        "run_id": dag_run["dag_run_id"],
        "stale_after_minutes": stale_after_minutes,
        **{name: row[name] for name in ("age_minutes", "status", "error_code", "error")},
        **{name: moment_text(row[name]) for name in ("last_completed_at", "watermark")},
        "job_id": row["job_id"] and str(row["job_id"]),
    }
    if not row["is_stale"] or row["was_told"]:
        log.info("Nothing to tell of the deals of %s.", organization["organization"])
        return
    place = {"postgres_conn_id": postgres_conn_id, "schema": schema}
    wanted = []
    for each in json.loads(notifications):
        own = place if each["notifier"] == WEBHOOK_NOTIFIER else {}
        wanted.append(Notification(notifier=each["notifier"], arguments={**each["arguments"], **own}))
    tell(wanted, "stale", facts, context)


def _freshness(parameters: Mapping[str, Any], postgres_conn_id: str, schema: str) -> Row:
    from airflow_provider_hubspot_deals import sql
    from airflow_provider_hubspot_deals.hooks.postgres import connection_opener

    with closing(connection_opener(postgres_conn_id)()) as connection:
        connection.autocommit = True
        with sql.transaction(connection):
            return sql.one(connection, "notifications.freshness", parameters, schema=schema) or {}
