"""``airflow hubspot-deals migrate``."""

from __future__ import annotations

from argparse import Namespace

from airflow_provider_hubspot_deals import migrations
from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.exit_codes import DONE
from airflow_provider_hubspot_deals.cli.printing import show_rows
from airflow_provider_hubspot_deals.cli.targets import stores
from airflow_provider_hubspot_deals.hooks.postgres import connection_opener, opened
from airflow_provider_hubspot_deals.migrations.security import refuse_findings
from airflow_provider_hubspot_deals.organizations import Store

_COLUMNS = {"postgres_conn_id": "connection", "schema": "schema", "revision": "revision"}


@command
def migrate(arguments: Namespace) -> int:
    """Bring every schema to the package's revision, or only look whether it is there."""
    rows = [_migrated(store, only_look=arguments.check) for store in stores(arguments)]
    show_rows(rows, _COLUMNS, arguments.output)
    return DONE


def _migrated(store: Store, *, only_look: bool) -> dict[str, str | None]:
    if not only_look:
        migrations.upgrade(connection_opener(store.postgres_conn_id), store.schema)
    with opened(store.postgres_conn_id, f"Schema {store.schema!r} could not be looked at") as connection:
        if only_look:
            migrations.check(connection, store.schema)
            refuse_findings(connection, store.schema)
        revision = migrations.current(connection, store.schema)
    return {"postgres_conn_id": store.postgres_conn_id, "schema": store.schema, "revision": revision}
