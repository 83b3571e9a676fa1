"""``airflow hubspot-deals maintenance``."""

from __future__ import annotations

from argparse import Namespace

from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.exit_codes import DONE, WRONG, WrongCallError
from airflow_provider_hubspot_deals.cli.printing import complain, show_json, show_rows
from airflow_provider_hubspot_deals.cli.targets import stores
from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.operators.maintenance import events_months_of, maintain_store

_COLUMNS = {"schema": "schema", "step": "step", "done": "done"}


@command
def maintain(arguments: Namespace) -> int:
    """Do what the maintenance DAG does, in every store."""
    months = _months(arguments)
    reports = {
        store: maintain_store(store.postgres_conn_id, store.schema, events_months=months) for store in stores(arguments)
    }
    if arguments.output == "json":
        show_json([{"schema": store.schema, **report.as_dict()} for store, report in reports.items()])
    else:
        steps = [(store, *step) for store, report in reports.items() for step in report.done.items()]
        rows = [{"schema": store.schema, "step": step.replace("_", " "), "done": done} for store, step, done in steps]
        show_rows(rows, _COLUMNS, arguments.output)
    problems = [problem for report in reports.values() for problem in report.problems]
    for problem in problems:
        complain(problem)
    return WRONG if problems else DONE


def _months(arguments: Namespace) -> int:
    try:
        return events_months_of(arguments.events_months)
    except ConfigurationError as error:
        raise WrongCallError(str(error).replace("events_months", "--events-months")) from None
