"""Sensor that waits for changed deals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseSensorOperator

from airflow_provider_hubspot_deals.exceptions import ConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import Context


class HubSpotDealsChangedSensor(BaseSensorOperator):
    """Wait, without a worker, until a deal is created or modified in HubSpot.

    It needs a running triggerer, and costs one search request for each question. Archived and merged-away deals do not
    show: HubSpot's search does not list them.

    Args:
        hubspot_conn_id: Airflow connection of type HubSpot (templated).
        since: ISO 8601 time, UTC if no offset: modifications before it do not count; the moment at which the task
            starts when empty. A run's summary has one: ``{{ ti.xcom_pull("load_deals")["watermark"] }}`` (templated).
        poke_interval: seconds between two questions, at least 5.
        timeout: seconds to wait at most; the task fails after them, or is skipped with ``soft_fail``.

    Returns:
        ``{"hubspot_conn_id", "changed", "newest"}``: how many deals at least, and when the last was modified.

    Raises:
        AirflowFailException: ``since`` is no time, the connection cannot be right, or HubSpot refuses its token; not
            retried.
    """

    template_fields: Sequence[str] = ("hubspot_conn_id", "since")
    ui_color = "#fff1e6"

    def __init__(
        self,
        *,
        hubspot_conn_id: str = "hubspot_default",
        since: datetime | str | None = None,
        **kwargs: Any,  # noqa: ANN401 - BaseSensorOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.hubspot_conn_id = hubspot_conn_id
        self.since = since

    def execute(self, context: Context) -> None:  # noqa: ARG002 - Airflow's signature
        """Check the arguments and give the worker back."""
        from airflow_provider_hubspot_deals.transfers.arguments import moment_of
        from airflow_provider_hubspot_deals.triggers.deals_changed import HubSpotDealsChangedTrigger

        try:
            since = moment_of("since", self.since) or datetime.now(UTC)
        except ConfigurationError as error:
            raise AirflowFailException(str(error)) from error
        self.defer(
            trigger=HubSpotDealsChangedTrigger(self.hubspot_conn_id, since.isoformat(), self.poke_interval),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - as above
        """Return what the trigger saw, or fail with what it was told."""
        if "error" in event:
            raise AirflowFailException(event["error"])
        self.log.info("Deals changed: %s", event)
        return event
