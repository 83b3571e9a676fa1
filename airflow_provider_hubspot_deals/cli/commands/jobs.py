"""``airflow hubspot-deals jobs``."""

from __future__ import annotations

from argparse import Namespace

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.exit_codes import DONE
from airflow_provider_hubspot_deals.cli.printing import say, show_fields, show_json, show_rows
from airflow_provider_hubspot_deals.cli.run_request import RunRequest
from airflow_provider_hubspot_deals.cli.stores import rows_of_all, transaction_in
from airflow_provider_hubspot_deals.cli.targets import organizations_file, stores
from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations import Organization, Store, job_type_of

_COLUMNS = {
    "id": "job",
    "organization": "organization",
    "type": "type",
    "status": "status",
    "mode": "mode",
    "records_extracted": "deals",
    "created_at": "created (UTC)",
    "seconds": "seconds",
    "error_code": "error",
}
_EVENT_COLUMNS = {"sequence": "#", "occurred_at": "at (UTC)", "kind": "event", "actor": "by", "details": "details"}


@command
def list_jobs(arguments: Namespace) -> int:
    """Newest jobs first, of every store."""
    wanted = {
        "organization": arguments.organization,
        "type": arguments.type and job_type_of(arguments.type),
        "status": arguments.status,
        "rows_max": arguments.limit,
    }
    rows = rows_of_all(stores(arguments), "listing.jobs", wanted, latest="created_at", type_=arguments.type)
    show_rows(rows, _COLUMNS, arguments.output)
    return DONE


@command
def show(arguments: Namespace) -> int:
    """One job and what happened to it."""
    store, job = _found(arguments)
    with transaction_in(store) as connection:
        events = sql.rows(connection, "listing.job_events", {"id": job["id"]}, schema=store.schema)
    if arguments.output == "json":
        show_json({**job, "events": events})
    else:
        show_fields(job, arguments.output)
        show_rows(events, _EVENT_COLUMNS, arguments.output)
    return DONE


@command
def cancel(arguments: Namespace) -> int:
    """Cancel a job that has not ended; what it committed stays."""
    store, job = _found(arguments)
    with transaction_in(store) as connection:
        cancelled = sql.one(connection, "listing.cancel_job", {"id": job["id"]}, schema=store.schema)
        now = sql.one(connection, "listing.job", {"id": job["id"]}, schema=store.schema) or job
    if cancelled is None:
        raise ConfigurationError(f"Job {job['id']} has ended already: it is {now['status']}.")
    if arguments.output == "json":
        show_json(now)
    else:
        stops = "; its run stops at its next batch" if job["status"] == "running" else ""
        say(f"Job {job['id']} of {job['organization']} is cancelled{stops}. What was committed stays.")
    return DONE


@command
def retry(arguments: Namespace) -> int:
    """Do what a failed or cancelled job was to do, in this process."""
    store, job = _found(arguments)
    if job["status"] not in {"failed", "cancelled"}:
        again = RunRequest().command(job["organization"], job["type"], arguments.file)
        hint = f": `{again}`" if job["status"] == "completed" else ""
        raise ConfigurationError(f"Job {job['id']} is {job['status']}; a failed or cancelled one can be retried{hint}.")
    from airflow_provider_hubspot_deals.cli.running import run

    owner, request = _owner(arguments, store, job), RunRequest.of(job)
    return run(owner, request, file=arguments.file, output=arguments.output, is_verbose=arguments.verbose)


def _found(arguments: Namespace) -> tuple[Store, sql.Row]:
    """The job, and where it is."""
    searched = stores(arguments)
    for store in searched:
        with transaction_in(store) as connection:
            if job := sql.one(connection, "listing.job", {"id": arguments.job_id}, schema=store.schema):
                return store, job
    where = ", ".join(f"schema {each.schema!r} of connection {each.postgres_conn_id!r}" for each in searched)
    raise ConfigurationError(f"There is no job {arguments.job_id} in {where}; older ones may be in jobs_archive.")


def _owner(arguments: Namespace, store: Store, job: sql.Row) -> Organization:
    for each in organizations_file(arguments).organizations:
        is_there = Store(each.postgres_conn_id, each.schema) == store
        if is_there and (each.id, each.type) == (job["organization_id"], job["type"]):
            return each
    raise ConfigurationError(
        f"Organization {job['organization']!r} of this job is not in the organizations file any more."
    )
