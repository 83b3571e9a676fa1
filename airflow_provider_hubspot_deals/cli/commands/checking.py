"""``airflow hubspot-deals check``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.exit_codes import DONE, WRONG
from airflow_provider_hubspot_deals.cli.finding import organizations_path
from airflow_provider_hubspot_deals.cli.looking import transaction_in
from airflow_provider_hubspot_deals.cli.printing import say, show_json, show_rows
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, HubSpotDealsError
from airflow_provider_hubspot_deals.organizations import Organization, Store, read_text
from airflow_provider_hubspot_deals.organizations.checking import CheckedFile, Mistake, check_text
from airflow_provider_hubspot_deals.organizations.schema import json_schema

_COLUMNS = {"line": "line", "organization": "organization", "setting": "setting", "what": "what is wrong"}


@command
def check(arguments: Namespace) -> int:
    """Everything that is wrong, each with its line."""
    if arguments.schema:
        show_json(json_schema())
        return DONE
    path = organizations_path(arguments)
    checked = check_text(read_text(path), path)
    mistakes = sorted(
        [*checked.mistakes, *_beyond_the_file(checked, asks=arguments.connect)], key=lambda each: each.line or 0
    )
    if arguments.output == "json":
        show_json({"file": str(path), "mistakes": [asdict(each) for each in mistakes]})
    elif mistakes:
        say(f"{path}: {len(mistakes)} to mend")
        show_rows([asdict(each) for each in mistakes], _COLUMNS, arguments.output)
    else:
        say(f"{path}: {len(checked.file.organizations)} entries, nothing is wrong.")
    return WRONG if mistakes else DONE


def _beyond_the_file(checked: CheckedFile, *, asks: bool) -> Iterator[Mistake]:
    """What the file alone does not show: DAGs that cannot be built, connections that are missing or incomplete.

    Args:
        asks: also ask HubSpot and PostgreSQL.
    """
    seen: set[Store] = set()  # many organizations share one
    for organization in checked.file.organizations:
        if not organization.enabled:
            continue
        yield from _of_dag(checked, organization)
        looks = [("hubspot_conn_id", partial(_look_at_hubspot, organization.hubspot_conn_id, asks=asks))]
        if (store := Store(organization.postgres_conn_id, organization.schema)) not in seen:
            seen.add(store)
            looks.append(("postgres_conn_id", partial(_look_at_postgres, store, asks=asks)))
        for setting, look in looks:
            try:
                look()
            except HubSpotDealsError as error:
                yield checked.mistake(organization, setting, str(error))


def _of_dag(checked: CheckedFile, organization: Organization) -> Iterator[Mistake]:
    from airflow_provider_hubspot_deals.dag_factory import build_dag

    try:
        build_dag(organization)
    except Exception as error:  # noqa: BLE001 - as when the DAGs are made: whatever Airflow says against it
        yield checked.mistake(organization, "schedule", f"The DAG cannot be built: {error}")


def _look_at_hubspot(conn_id: str, *, asks: bool) -> None:
    from airflow_provider_hubspot_deals.hooks.hubspot import HubSpotHook

    hook = HubSpotHook(conn_id)
    with hook.get_client():
        _ = hook.portal_id
    if asks:
        is_well, answer = hook.test_connection()
        if not is_well:
            raise ConfigurationError(answer)


def _look_at_postgres(store: Store, *, asks: bool) -> None:
    from airflow_provider_hubspot_deals.transfers.postgres import connection_opener

    connection_opener(store.postgres_conn_id)
    if asks:
        with transaction_in(store):
            pass
