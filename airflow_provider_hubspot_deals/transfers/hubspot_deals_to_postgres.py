"""Operator that keeps one organization's HubSpot deals in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import Asset, BaseOperator

from airflow_provider_hubspot_deals.exceptions import DeferredError
from airflow_provider_hubspot_deals.transfers.arguments import KEPT, organization_of, unknown_conf
from airflow_provider_hubspot_deals.transfers.links import DealsBoardLink, JobLink, deals_board_url
from airflow_provider_hubspot_deals.transfers.outcomes import TaskKilled, airflow_outcomes
from airflow_provider_hubspot_deals.transfers.request import request_of

if TYPE_CHECKING:
    from uuid import UUID

    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from airflow_provider_hubspot_deals.organizations import Organization
    from airflow_provider_hubspot_deals.transfers.lineage import Route

# Arguments that may be templates.
_OF_ONE_RUN = ("mode", "window_start", "window_end", "additional_properties")
_OF_THE_ORGANIZATION = (
    "organization",
    "organization_id",
    "type",
    "hubspot_conn_id",
    "postgres_conn_id",
    "schema",
    "properties",
    "associations",
    "history",
    "portal_id",
    "full_refresh_every_days",
    "search_lag_minutes",
    "overlap_minutes",
    "dimensions_every_hours",
    "daily_reserve_percent",
    *KEPT,
)
_IDENTITY = ("organization", "organization_id", "type", "postgres_conn_id", "schema")
_NEVER_RENDERED = ("allow_negative_amounts", "sensitive_properties", "organization_name")


class HubSpotDealsToPostgresOperator(BaseOperator):
    """Load the deals of one HubSpot portal into PostgreSQL, completely or what changed since the last time.

    Each run is a row in the ``jobs`` table. A task that is retried continues its job where the last committed batch
    ended. Setting that row's status to ``cancelled`` stops the run at its next batch.

    Args:
        organization: short name, as in the organizations file: lower-case letters, digits, ``-`` and ``_`` (templated).
        organization_id: UUID under which deals are stored; made from ``organization`` when not given (templated).
        type: which of the organization's portals, such as ``sandbox``; each type has its own table (templated).
        hubspot_conn_id: Airflow connection of type HubSpot (templated).
        postgres_conn_id: Airflow connection of type Postgres (templated).
        schema: PostgreSQL schema of the tables (templated).
        mode: ``full``, ``incremental``, ``window``, or ``auto``: full when due, else incremental (templated).
        window_start: with mode ``window``: deals modified from this ISO 8601 time on; UTC if no offset (templated).
        window_end: with mode ``window``: up to this time (templated).
        properties: ``all``, or HubSpot's internal names as a list or with commas between; patterns such as ``hs_*``
            choose all that match, ``!hs_analytics_*`` takes away (templated).
        additional_properties: read in this run besides ``properties``, named likewise, and never in their place; a name
            that the portal does not define fails the run (templated).
        sensitive_properties: read those that HubSpot keeps as sensitive too, where the token may.
        associations: object types (``contacts``, ``companies``, ``line_items``, …) whose associations with deals are
            kept, as a list or with commas between: a request for each 1,000 deals and type (templated).
        history: properties of which every value that they had is kept, names and patterns as in ``properties`` (``*``
            is all of them): a request for each 50 new or changed deals (templated).
        portal_id: HubSpot account that the token must belong to; the connection's own when not given (templated).
        full_refresh_every_days: mode ``auto`` reads everything when the last full read is older (templated).
        search_lag_minutes: how far HubSpot's search index may be behind (templated).
        overlap_minutes: how much is read again before the last watermark (templated).
        dimensions_every_hours: pipelines, stages and owners are read again when older (templated).
        daily_reserve_percent: share of the account's daily API calls to leave to other apps; the task waits for the
            next day when only they are left (templated).
        allow_negative_amounts: store negative amounts; else they become NULL with a value issue.
        retention_days: days that ended jobs stay in ``jobs``; None leaves what the tables say (templated).
        archive_days: days that they then stay in ``jobs_archive``; None likewise (templated).
        quarantine_days: days that the raw bytes of quarantined records are kept; None likewise (templated).
        stale_after_minutes: the copy is stale when no run has completed for so long; None likewise (templated).
        organization_name: name for people; None likewise.
        batch_rows: deals that are read and not yet committed, at most; None leaves it to the loader (10,000).
        migrate: create or upgrade the schema first, in place of failing when it is missing or behind.

    Returns:
        A small JSON-able summary of the job. It is also the ``extra`` of the event of each asset in ``outlets``.

    Raises:
        AirflowFailException: somebody must change something, or somebody cancelled the job; not retried.
        AirflowSkipException: another run of this organization and type is active.
        RetriableError: HubSpot or PostgreSQL may answer later; Airflow retries.
    """

    template_fields: Sequence[str] = (*_OF_THE_ORGANIZATION, *_OF_ONE_RUN)
    operator_extra_links = (DealsBoardLink(), JobLink())
    ui_color = "#ffe8e0"

    def __init__(
        self,
        *,
        organization: str,
        organization_id: UUID | str | None = None,
        type: str = "standard",  # noqa: A002 - the word of the organizations file and the tables
        hubspot_conn_id: str = "hubspot_default",
        postgres_conn_id: str = "hubspot_deals_postgres",
        schema: str = "hubspot",
        mode: str = "auto",
        window_start: datetime | str | None = None,
        window_end: datetime | str | None = None,
        properties: str | Sequence[str] = "all",
        additional_properties: str | Sequence[str] = (),
        sensitive_properties: bool = True,
        associations: str | Sequence[str] = (),
        history: str | Sequence[str] = (),
        portal_id: int | str | None = None,
        full_refresh_every_days: int | str = 7,
        search_lag_minutes: int | str = 60,
        overlap_minutes: int | str = 10,
        dimensions_every_hours: int | str = 6,
        daily_reserve_percent: int | str = 0,
        allow_negative_amounts: bool = False,
        retention_days: int | str | None = None,
        archive_days: int | str | None = None,
        quarantine_days: int | str | None = None,
        stale_after_minutes: int | str | None = None,
        organization_name: str | None = None,
        batch_rows: int | None = None,
        migrate: bool = False,
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.organization = organization
        self.organization_id = organization_id
        self.type = type
        self.hubspot_conn_id = hubspot_conn_id
        self.postgres_conn_id = postgres_conn_id
        self.schema = schema
        self.mode = mode
        self.window_start = window_start
        self.window_end = window_end
        self.properties = properties
        self.additional_properties = additional_properties
        self.sensitive_properties = sensitive_properties
        self.associations = associations
        self.history = history
        self.portal_id = portal_id
        self.full_refresh_every_days = full_refresh_every_days
        self.search_lag_minutes = search_lag_minutes
        self.overlap_minutes = overlap_minutes
        self.dimensions_every_hours = dimensions_every_hours
        self.daily_reserve_percent = daily_reserve_percent
        self.allow_negative_amounts = allow_negative_amounts
        self.retention_days = retention_days
        self.archive_days = archive_days
        self.quarantine_days = quarantine_days
        self.stale_after_minutes = stale_after_minutes
        self.organization_name = organization_name
        self.batch_rows = batch_rows
        self.migrate = migrate
        self.deals_board_url = ""
        self._is_executing = False
        self._route: Route | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the job; the class says what it returns and raises."""
        with self._killable(), airflow_outcomes(self.log):
            try:
                return self._load_deals(context)
            except DeferredError as error:
                self._continue_later(error)

    def execute_later(self, context: Context, event: object = None) -> dict[str, Any]:  # noqa: ARG002 - the time is up
        """Continue after the pause that HubSpot asked for, from the job's checkpoint in PostgreSQL."""
        return self.execute(context)

    def on_kill(self) -> None:
        """Leave ``execute`` at once, so that the open transaction rolls back. Airflow calls it in a signal handler.

        Once: a second signal, as systemd sends it to supervisor and task alike, would keep the job from being put back.
        """
        if self._is_executing:
            self._is_executing = False
            raise TaskKilled(f"Airflow stopped task {self.task_id!r}")

    def get_openlineage_facets_on_complete(self, task_instance: object) -> OperatorLineage[Any, Any]:  # noqa: ARG002 - the listener's signature
        """The portal and the tables, with columns and row counts when the run completed."""
        from airflow_provider_hubspot_deals.transfers.lineage import lineage_of

        return lineage_of(self._route)

    get_openlineage_facets_on_failure = get_openlineage_facets_on_complete

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """Nothing yet: where the deals go is looked up by the run itself."""
        return self.get_openlineage_facets_on_complete(None)

    @property
    def identified_organization(self) -> Organization:
        """Whose deals these are and where, with every other setting at its default; no template of a run is needed.

        Airflow calls back for a worker that was killed from a process that renders no templates.

        Raises:
            ConfigurationError: names each argument that is wrong and what would be right.
        """
        return organization_of({name: getattr(self, name) for name in _IDENTITY})

    @property
    def described_organization(self) -> Organization:
        """The organization that the arguments, once rendered, describe.

        Raises:
            ConfigurationError: names each argument that is wrong and what would be right.
        """
        return organization_of({name: getattr(self, name) for name in (*_OF_THE_ORGANIZATION, *_NEVER_RENDERED)})

    def _load_deals(self, context: Context) -> dict[str, Any]:
        from airflow_provider_hubspot_deals import migrations, sync
        from airflow_provider_hubspot_deals.hooks.hubspot import HubSpotHook
        from airflow_provider_hubspot_deals.hooks.postgres import connection_opener
        from airflow_provider_hubspot_deals.transfers import lineage, metrics

        if unknown := unknown_conf(context):
            self.log.warning("This run's conf has keys that the DAG does not know; they change nothing: %s", unknown)
        organization = self.described_organization
        with metrics.failures_counted(organization):
            request = request_of(self, organization, context)
            request.validate()
            connect = connection_opener(organization.postgres_conn_id)
            if self.migrate:
                migrations.upgrade(connect, organization.schema)
            self._route = lineage.route_of(organization)
            with sync.beginning(request, connect=connect, schema=organization.schema):
                hubspot = HubSpotHook(organization.hubspot_conn_id)
                request = replace(request, portal_id=request.portal_id or hubspot.portal_id)
                client = hubspot.get_client(daily_reserve_percent=organization.daily_reserve_percent)
            with client:
                summary = sync.run(request, client=client, connect=connect, schema=organization.schema).as_dict()
        self.log.info("Deals of organization %s: %s", organization.slug, summary)
        self.deals_board_url = deals_board_url(summary, request.portal_id)
        self._route = self._route and self._route.travelled(summary, connect)
        metrics.tell(organization, summary)
        self._tell_assets(context, summary)
        return summary

    def _tell_assets(self, context: Context, summary: dict[str, Any]) -> None:
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra = dict(summary)

    def _continue_later(self, error: DeferredError) -> NoReturn:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        # By PostgreSQL's clock: a worker's that is behind would have the triggerer ask HubSpot again at once, for ever.
        moment = (error.resume_at or datetime.now(UTC) + timedelta(seconds=error.resume_after_s)).astimezone(UTC)
        self.log.warning("%s Continuing at %s; the worker is free until then.", error, moment.isoformat())
        self.defer(trigger=DateTimeTrigger(moment=moment), method_name="execute_later")

    @contextmanager
    def _killable(self) -> Iterator[None]:
        self._is_executing = True
        try:
            yield
        finally:
            self._is_executing = False  # Airflow calls on_kill after a timeout as well, when nothing runs any more
