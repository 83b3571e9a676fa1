"""Operator that does what the tables of HubSpot deals need now and then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from airflow_provider_hubspot_deals.exceptions import ConfigurationError, FatalError, HubSpotDealsError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_hubspot_deals.maintenance import MaintenanceReport

EVENTS_MONTHS_MAX = 1200
_DELIVER = "deliver_notifications"


class HubSpotDealsMaintenanceOperator(BaseOperator):
    """End silent jobs, archive and remove what is older than each organization's periods, keep partitions in order,
    and tell webhooks what they could not be told at once.

    Safe at any time and any number of times, also beside running loads. A step that fails does not stop the others.

    Args:
        postgres_conn_id: Airflow connection of type Postgres (templated).
        schema: PostgreSQL schema of the tables (templated).
        events_months: months of the audit trail ``job_events`` to keep, besides the current one (templated).

    Returns:
        What was done by step, which steps failed and why, and the findings of the catalog check. It is pushed as
        XCom ``return_value`` before the task fails because of any of them.

    Raises:
        AirflowFailException: a step failed, or the catalog check found something: not retried, since the next run
            tries again; or an argument, a connection or the schema is wrong.
        DatabaseUnavailableError: PostgreSQL is away; Airflow retries.
    """

    template_fields: Sequence[str] = ("postgres_conn_id", "schema", "events_months")
    ui_color = "#e8f0ff"

    def __init__(
        self,
        *,
        postgres_conn_id: str = "hubspot_deals_postgres",
        schema: str = "hubspot",
        events_months: int | str = 13,
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.postgres_conn_id = postgres_conn_id
        self.schema = schema
        self.events_months = events_months

    def execute(self, context: Context) -> dict[str, Any]:
        """Do all steps; the class says what it returns and raises."""
        try:
            months = events_months_of(self.events_months)
            report = maintain_store(self.postgres_conn_id, self.schema, events_months=months)
        except FatalError as error:
            raise AirflowFailException(str(error)) from error
        self.log.info("Maintenance of schema %s: %s", self.schema, dict(report.done))
        if report.problems:
            context["ti"].xcom_push(key="return_value", value=report.as_dict())  # a task that fails returns nothing
            for problem in report.problems:
                self.log.error("%s", problem)
            raise AirflowFailException(" · ".join(report.problems))
        return report.as_dict()


def maintain_store(postgres_conn_id: str, schema: str, *, events_months: int) -> MaintenanceReport:
    """Do all that a schema needs now and then: what the operator and the command line do.

    Args:
        postgres_conn_id: Airflow connection of type Postgres.
        events_months: whole months of ``job_events`` that are kept before the current one.

    Raises:
        ConfigurationError: the connection is missing, or cannot be right.
        SchemaError: the schema is missing, behind or ahead.
        DatabaseUnavailableError: PostgreSQL is away.
    """
    from airflow_provider_hubspot_deals.hooks.postgres import connection_opener, opened
    from airflow_provider_hubspot_deals.maintenance import run_maintenance
    from airflow_provider_hubspot_deals.migrations.database import database_errors
    from airflow_provider_hubspot_deals.notifications.webhook_connections import endpoint_of
    from airflow_provider_hubspot_deals.webhooks.redelivering import redeliver

    with opened(postgres_conn_id, f"Maintenance through connection {postgres_conn_id!r}") as connection:
        report = run_maintenance(connection, schema, events_months=events_months)
    try:
        with database_errors(f"Webhooks through connection {postgres_conn_id!r}"):
            delivered = redeliver(connection_opener(postgres_conn_id), schema, endpoint_of)
    except HubSpotDealsError as error:  # what was done before is worth reporting
        return replace(report, failures={**report.failures, _DELIVER: str(error)})
    return replace(report, done={**report.done, _DELIVER: delivered})


def events_months_of(value: object) -> int:
    """How many months of the audit trail to keep, from what a template or a command line says.

    Raises:
        ConfigurationError: it is no such number.
    """
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:5]) <= EVENTS_MONTHS_MAX):
        raise ConfigurationError(f"events_months must be a whole number from 1 to {EVENTS_MONTHS_MAX}.")
    return int(text)
