"""``airflow hubspot-deals check``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.dag_folder import Gap, dag_folder, gaps_in, warnings_in
from airflow_provider_hubspot_deals.cli.exit_codes import DONE, WRONG
from airflow_provider_hubspot_deals.cli.printing import complain, say, show_json, show_rows
from airflow_provider_hubspot_deals.cli.stores import transaction_in
from airflow_provider_hubspot_deals.cli.targets import organizations_path
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, HubSpotDealsError
from airflow_provider_hubspot_deals.organizations import Organization, Store, read_text, stores_of
from airflow_provider_hubspot_deals.organizations.checking import CheckedFile, Mistake, check_text
from airflow_provider_hubspot_deals.organizations.notifications import WEBHOOK_NOTIFIER, Notification
from airflow_provider_hubspot_deals.organizations.schedules import minutes_between_runs
from airflow_provider_hubspot_deals.organizations.schema import json_schema

Tell = Callable[[str, str], Mistake]  # a setting, and what is wrong with it
Shared = Store | Notification | str  # what many organizations have in common: looked at once; the text is a pool

_MANY = 100  # organizations, whose DAGs take some seconds to build
_ANSWER_COLUMNS = {"connection": "connection", "answer": "answer"}
_COLUMNS = {"line": "line", "organization": "organization", "setting": "setting", "what": "what is wrong"}


@dataclass(frozen=True)
class Answer:
    """What a connection answered that works."""

    connection: str
    answer: str


@command
def check(arguments: Namespace) -> int:
    """Everything that is wrong, each with its line; with ``--connect`` also what each connection answered."""
    if arguments.schema:
        show_json(json_schema())
        return DONE
    path = organizations_path(arguments)
    checked = check_text(read_text(path), path)
    organizations = [*checked.file.organizations, *(each.organization for each in checked.unusable)]
    if (entries := sum(each.enabled for each in organizations)) >= _MANY:
        complain(f"Looking at {entries:,} organizations, which takes a while …")
    folder = dag_folder(arguments, may_be_missing=True)
    gaps = gaps_in(folder, path, checked.file.organizations)
    beyond = [*_beyond_the_file(checked, asks=arguments.connect), *(_of_gap(checked, gap) for gap in gaps)]
    answers = sorted((each for each in beyond if isinstance(each, Answer)), key=lambda each: each.connection)
    mistakes = [*checked.mistakes, *(each for each in beyond if isinstance(each, Mistake))]
    mistakes.sort(key=lambda each: each.line or 0)
    if arguments.output == "json":
        without_dag = sorted({each.dag_id for gap in gaps for each in gap.organizations})
        found = {"mistakes": [*map(asdict, mistakes)], "without_dag": without_dag, "answers": [*map(asdict, answers)]}
        show_json({"file": str(path), **found})
    else:
        _show(path, checked, mistakes, answers)
    for warning in (*warnings_in(folder, path, checked.file.organizations), *_unseen(checked.file.organizations)):
        complain(warning)
    return WRONG if mistakes else DONE


def _show(path: Path, checked: CheckedFile, mistakes: Sequence[Mistake], answers: Sequence[Answer]) -> None:
    if answers:
        show_rows([*map(asdict, answers)], _ANSWER_COLUMNS, "table")
    if mistakes:
        say(f"{path}: {len(mistakes)} to mend")
        show_rows([*map(asdict, mistakes)], _COLUMNS, "table")
    else:
        entries = len(checked.file.organizations)
        say(f"{path}: {entries} {'entry' if entries == 1 else 'entries'}, nothing is wrong.")


def _beyond_the_file(checked: CheckedFile, *, asks: bool) -> Iterator[Mistake | Answer]:
    """What the file alone does not show: DAGs that cannot be built, connections that are missing or incomplete.

    Args:
        asks: also ask HubSpot and PostgreSQL.
    """
    seen: set[Shared] = set()
    for organization in checked.file.organizations:
        if organization.enabled:
            yield from _of_entry(organization, (), partial(checked.mistake, organization), seen, asks=asks)
    for entry in checked.unusable:
        if entry.organization.enabled:
            yield from _of_entry(entry.organization, entry.unknown, entry.mistake, seen, asks=asks)


def _of_entry(
    organization: Organization, unknown: Collection[str], mistake: Tell, seen: set[Shared], *, asks: bool
) -> Iterator[Mistake | Answer]:
    """As far as the entry tells what is meant."""
    yield from _of_dag(organization, mistake)
    if not {"schedule", "stale_after_minutes"} & {*unknown}:
        yield from _of_goal(organization, mistake)
    looks = {"hubspot_conn_id": partial(_look_at_hubspot, organization, asks=asks)}
    store = Store(organization.postgres_conn_id, organization.schema)
    if store not in seen and not {"postgres_conn_id", "schema"} & {*unknown}:
        seen.add(store)
        looks["postgres_conn_id"] = partial(_look_at_postgres, store, asks=asks)
    if organization.pool not in seen and "pool" not in unknown:
        seen.add(organization.pool)
        looks["pool"] = partial(_look_at_pool, organization.pool)
    for setting, look in looks.items():
        if setting in unknown:
            continue
        try:
            answer = look()
        except HubSpotDealsError as error:
            yield mistake(setting, str(error))
        else:
            if answer:
                yield Answer(connection=getattr(organization, setting), answer=answer)
    if "notifications" not in unknown:
        yield from _of_notifications(organization, mistake, seen)


def _of_notifications(organization: Organization, mistake: Tell, seen: set[Shared]) -> Iterator[Mistake]:
    """Webhooks without a connection, and notifiers that are not installed here; nobody is told anything."""
    for each in organization.notifications:
        if each in seen:
            continue
        seen.add(each)
        try:
            _look_at_notification(each)
        except HubSpotDealsError as error:
            yield mistake("notifications", str(error))


def _look_at_notification(notification: Notification) -> None:
    from airflow_provider_hubspot_deals.notifications.callbacks import check_notifier
    from airflow_provider_hubspot_deals.notifications.webhook_connections import endpoint_of

    check_notifier(notification.notifier)
    if notification.notifier == WEBHOOK_NOTIFIER:
        endpoint_of(notification.arguments["webhook_conn_id"])


def _of_dag(organization: Organization, mistake: Tell) -> Iterator[Mistake]:
    from airflow_provider_hubspot_deals.dag_factory import build_dag

    try:
        build_dag(organization)
    except Exception as error:  # noqa: BLE001 - as when the DAGs are made: whatever Airflow says against it
        yield mistake("schedule", f"The DAG cannot be built: {error}")


def _of_goal(organization: Organization, mistake: Tell) -> Iterator[Mistake]:
    between_runs = minutes_between_runs(organization.schedule) or 0
    if organization.stale_after_minutes < between_runs:
        what = f"is shorter than the {between_runs:,} minutes between two runs: data is stale before one is due"
        yield mistake("stale_after_minutes", what)


def _unseen(organizations: Sequence[Organization]) -> Iterator[str]:
    """Where organizations are stored and the page does not look: to it, they have never run."""
    from airflow_provider_hubspot_deals.plugin.reading import PageUnavailableError, stores

    try:
        seen = stores()
    except PageUnavailableError as error:
        yield str(error)
        return
    if unseen := [str(each) for each in stores_of(each for each in organizations if each.enabled) if each not in seen]:
        yield (
            f"The page HubSpot deals does not look into {', '.join(unseen)}, and says of organizations there that they "
            "have not run. Name every place in Airflow's option [hubspot_deals] stores."
        )


def _of_gap(checked: CheckedFile, gap: Gap) -> Mistake:
    """At the first of those that are left out."""
    return checked.mistake(gap.organizations[0], "[[organizations]]", gap.what)


def _look_at_hubspot(organization: Organization, *, asks: bool) -> str:
    from airflow_provider_hubspot_deals.hooks.hubspot import FEW_RETRIES, SHORT_TIMEOUTS, HubSpotHook

    hook = HubSpotHook(organization.hubspot_conn_id)
    with hook.get_client():
        _ = hook.portal_id  # a wrong one is refused
    if not asks:
        return ""
    access = hook.access(organization.associations, timeouts=SHORT_TIMEOUTS, retries=FEW_RETRIES)
    if organization.portal_id not in (None, access.portal.portal_id):
        raise ConfigurationError(
            f"Connection {organization.hubspot_conn_id!r} has a token of HubSpot account {access.portal.portal_id}, "
            f"but this entry's portal_id is {organization.portal_id}."
        )
    return str(access)


def _look_at_pool(name: str) -> str:
    """Airflow lets a task wait for a slot of a pool that is not there, for ever and without a word."""
    from airflow.models.pool import Pool
    from sqlalchemy.exc import SQLAlchemyError

    if name == Pool.DEFAULT_POOL_NAME:  # always there
        return ""
    try:
        is_there = Pool.get_pool(name) is not None
    except SQLAlchemyError as error:
        raise ConfigurationError("cannot be looked up: Airflow's own database refuses or does not answer") from error
    if not is_there:
        raise ConfigurationError(
            "Airflow has no such pool, so runs would wait for ever. Create it: `airflow pools set`"
        )
    return ""


def _look_at_postgres(store: Store, *, asks: bool) -> str:
    from airflow_provider_hubspot_deals.hooks.postgres import connection_opener

    connection_opener(store.postgres_conn_id)
    if not asks:
        return ""
    with transaction_in(store) as connection:
        login, database = connection.info.user, connection.info.dbname
        return f"Schema {store.schema!r} of database {database!r} is at the package's revision; logged in as {login!r}."
