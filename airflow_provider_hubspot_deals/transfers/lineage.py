"""OpenLineage: which portal's deals went into which table, with columns and row counts.

Facets are made of what the run already knows: the listener asks in a forked process, which must open no connection.
Only with apache-airflow-providers-openlineage installed and switched on; else nothing of it is imported.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_hubspot_deals.deals.columns import PROPERTY_PARSERS
from airflow_provider_hubspot_deals.exceptions import HubSpotDealsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from psycopg import Connection

    from airflow_provider_hubspot_deals.organizations import Organization

log = logging.getLogger(__name__)

_SOURCE = "https://api.hubapi.com"
_DEALS = "deals"
_PORT = 5432
_READ = "records_extracted"
_WRITTEN = ("records_inserted", "records_updated", "records_deleted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """From where to where, and how much of it.

    Attributes:
        portal_id: None before HubSpot was asked, unless the settings name it.
        address: ``host:port`` of PostgreSQL.
        columns: of the table, with ``name``, ``type`` and ``description``; empty before the run completed.
        counts: of the run; None before it completed.
    """

    portal_id: int | None
    address: str
    database: str
    schema: str
    deals_table: str
    columns: tuple[Mapping[str, Any], ...] = ()
    counts: Mapping[str, int] | None = None

    def travelled(self, summary: Mapping[str, Any], connect: Callable[[], Connection[Any]]) -> Route:
        """The same after a run that completed."""
        return replace(
            self,
            portal_id=summary["portal_id"] or self.portal_id,
            columns=_columns(connect, self.schema),
            counts={name: summary[name] for name in (_READ, *_WRITTEN)},
        )


def route_of(organization: Organization) -> Route | None:
    """Return where the organization's deals go; None when nobody wants to know, or Airflow cannot say."""
    if not is_wanted():
        return None
    from airflow_provider_hubspot_deals.hooks.connections import get_required_connection

    try:
        connection = get_required_connection(organization.postgres_conn_id, how_to_create="type Postgres")
    except HubSpotDealsError:  # a run does not fail for its lineage
        return None
    return Route(
        portal_id=organization.portal_id,
        address=f"{connection.host or 'localhost'}:{connection.port or _PORT}",
        database=connection.schema or connection.login or "",  # libpq's own default
        schema=organization.schema,
        deals_table=organization.deals_table,
    )


def is_wanted() -> bool:
    """Whether lineage is switched on in this Airflow, which it cannot be with settings that nobody can read."""
    try:
        from airflow.providers.openlineage.conf import is_disabled
    except ImportError:
        return False
    try:
        return not is_disabled()
    except Exception as error:  # noqa: BLE001 - whatever Airflow says against them; a run does not fail for its lineage
        log.warning("The section [openlineage] of Airflow's settings cannot be read (%s).", type(error).__name__)
        return False


def lineage_of(route: Route | None) -> OperatorLineage[Any, Any]:
    """Return the portal as input, and the organization's table and that of all organizations as outputs."""
    from airflow.providers.openlineage.extractors import OperatorLineage

    if route is None:
        return OperatorLineage()
    inputs = [] if route.portal_id is None else [_portal(route.portal_id, route.counts)]
    own, parent = (f"{route.database}.{name}" for name in (route.deals_table, f"{route.schema}.hubspot_deals"))
    return OperatorLineage(inputs=inputs, outputs=[_table(route, own, route.counts), _table(route, parent, None)])


def _columns(connect: Callable[[], Connection[Any]], schema: str) -> tuple[Mapping[str, Any], ...]:
    import psycopg

    from airflow_provider_hubspot_deals import sql

    try:
        with closing(connect()) as connection:
            connection.autocommit = True
            with sql.transaction(connection):
                return tuple(sql.rows(connection, "lineage.columns", {"schema": schema}))
    except (psycopg.Error, HubSpotDealsError) as error:  # the run itself has completed
        log.warning("The columns of %s.hubspot_deals could not be read (%s).", schema, type(error).__name__)
        return ()


def _portal(portal_id: int, counts: Mapping[str, int] | None) -> InputDataset:
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import datasource_dataset, input_statistics_input_dataset

    source = datasource_dataset.DatasourceDatasetFacet(name=_portal_namespace(portal_id), uri=_SOURCE)
    read = input_statistics_input_dataset.InputStatisticsInputDatasetFacet
    return InputDataset(
        namespace=_portal_namespace(portal_id),
        name=_DEALS,
        facets={"dataSource": source},
        inputFacets={"inputStatistics": read(rowCount=counts[_READ])} if counts else {},
    )


def _table(route: Route, name: str, counts: Mapping[str, int] | None) -> OutputDataset:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import datasource_dataset, output_statistics_output_dataset

    namespace = f"postgres://{route.address}"
    source = datasource_dataset.DatasourceDatasetFacet(name=namespace, uri=f"{namespace}/{route.database}")
    written = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    return OutputDataset(
        namespace=namespace,
        name=name,
        facets={"dataSource": source, **_schema(route), **_column_lineage(route)},
        outputFacets={"outputStatistics": written(rowCount=sum(counts[each] for each in _WRITTEN))} if counts else {},
    )


def _schema(route: Route) -> dict[str, Any]:
    from openlineage.client.facet_v2 import schema_dataset

    fields = [schema_dataset.SchemaDatasetFacetFields(**column) for column in route.columns]
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)} if fields else {}


def _column_lineage(route: Route) -> dict[str, Any]:
    """Which property fills which typed column: they share their names."""
    from openlineage.client.facet_v2 import column_lineage_dataset as lineage

    if route.portal_id is None or route.counts is None:
        return {}
    namespace = _portal_namespace(route.portal_id)
    fields = {
        name: lineage.Fields(inputFields=[lineage.InputField(namespace=namespace, name=_DEALS, field=name)])
        for name in PROPERTY_PARSERS
    }
    return {"columnLineage": lineage.ColumnLineageDatasetFacet(fields=fields)}


def _portal_namespace(portal_id: int) -> str:
    return f"hubspot://{portal_id}"
