"""Notifier that tells a webhook how a job ended, signed as Standard Webhooks are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.providers.common.compat.sdk import BaseNotifier

from airflow_provider_hubspot_deals.exceptions import NotDeliveredError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from psycopg import Connection

    from airflow_provider_hubspot_deals.notifications.job_facts import Facts
    from airflow_provider_hubspot_deals.webhooks.delivery_log import PostgresDeliveryLog
    from airflow_provider_hubspot_deals.webhooks.endpoint import Endpoint
    from airflow_provider_hubspot_deals.webhooks.event import Event


class HubSpotDealsWebhookNotifier(BaseNotifier):
    """POST an event to the address of an Airflow connection when a job completed, failed, or its data grew stale.

    For ``on_success_callback`` and ``on_failure_callback`` of :class:`HubSpotDealsToPostgresOperator`; the
    organizations file does it with ``webhook = "<connection id>"``. Headers, signature and body are those of the
    Standard Webhooks specification 1.0. Each attempt is a row of ``notification_deliveries``; what is not delivered
    within seconds is tried again by the maintenance DAG for three days.

    Args:
        webhook_conn_id: Airflow connection of type HTTP: host (``https://…``, with the path), password (the signing
            secret, ``whsec_…``; two with a space between them while it is being changed).
        event: ``completed``, ``failed`` or ``stale``; by itself as the job ended.
        postgres_conn_id: Airflow connection of type Postgres with the delivery log; the task's own when not given.
        schema: PostgreSQL schema of the delivery log; the task's own when not given.

    Raises:
        ConfigurationError: the connection is missing or cannot be right; or the receiver answered 410.
        NotDeliveredError: not delivered yet.
    """

    template_fields: Sequence[str] = ("webhook_conn_id", "postgres_conn_id", "schema")

    def __init__(
        self,
        *,
        webhook_conn_id: str,
        event: str | None = None,
        postgres_conn_id: str | None = None,
        schema: str | None = None,
        **kwargs: Any,  # noqa: ANN401 - BaseNotifier's own
    ) -> None:
        super().__init__(**kwargs)
        self.webhook_conn_id = webhook_conn_id
        self.event = event
        self.postgres_conn_id = postgres_conn_id
        self.schema = schema
        self._announced: tuple[Event, Endpoint, PostgresDeliveryLog] | None = None

    def announce(self, context: Context) -> None:
        """Write down what :meth:`notify` is about to tell, so that it is not lost when there is no time left for it.

        Raises:
            ConfigurationError: as the class says.
        """
        self._announced = self._prepared(context)
        event, endpoint, deliveries = self._announced
        deliveries.announce(event, endpoint)

    def notify(self, context: Context) -> None:
        """Deliver; the class says what it raises."""
        from airflow_provider_hubspot_deals.webhooks.delivering import deliver

        event, endpoint, deliveries = self._announced or self._prepared(context)
        try:
            deliver(event, endpoint, deliveries)
        except NotDeliveredError as error:
            later = "The maintenance DAG tries again." if deliveries.is_kept else "Nobody tries again."
            raise NotDeliveredError(f"{error} {later}") from None

    def _prepared(self, context: Context) -> tuple[Event, Endpoint, PostgresDeliveryLog]:
        from airflow_provider_hubspot_deals.notifications.job_events import event_about
        from airflow_provider_hubspot_deals.notifications.job_facts import FACTS, job_facts
        from airflow_provider_hubspot_deals.notifications.webhook_connections import endpoint_of

        facts: Facts = context.get(FACTS) or job_facts(context)  # type: ignore[assignment]  # a key of our own
        return event_about(facts, self.event), endpoint_of(self.webhook_conn_id), self._delivery_log(context, facts)

    def _delivery_log(self, context: Context, facts: Facts) -> PostgresDeliveryLog:
        from airflow_provider_hubspot_deals.hooks.postgres import HURRIED, connection_opener
        from airflow_provider_hubspot_deals.webhooks.delivery_log import PostgresDeliveryLog

        task: Any = context.get("task")
        postgres_conn_id = self.postgres_conn_id or task.postgres_conn_id

        def connect() -> Connection[Any]:
            return connection_opener(postgres_conn_id, **HURRIED)()

        job_id = facts.get("job_id")
        return PostgresDeliveryLog(
            connect,
            self.schema or task.schema,
            organization_id=UUID(facts["organization_id"]),
            job_id=UUID(job_id) if job_id else None,
        )
