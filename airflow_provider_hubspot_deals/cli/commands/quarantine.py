"""``airflow hubspot-deals quarantine``."""

from __future__ import annotations

from argparse import Namespace

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.cli.calling import command
from airflow_provider_hubspot_deals.cli.exit_codes import DONE, WrongCallError
from airflow_provider_hubspot_deals.cli.printing import say, show_json, show_rows
from airflow_provider_hubspot_deals.cli.stores import rows_of_all, transaction_in
from airflow_provider_hubspot_deals.cli.targets import organization_named, stores
from airflow_provider_hubspot_deals.deals.bad_records import REASON_CODES
from airflow_provider_hubspot_deals.organizations import Store

_COLUMNS = {
    "organization": "organization",
    "type": "type",
    "deal_id_text": "deal",
    "reason_code": "reason",
    "field_name": "field",
    "times_seen": "seen",
    "last_seen": "last seen (UTC)",
    "job_id": "job",
}


@command
def list_records(arguments: Namespace) -> int:
    """Records that could not be stored; never their content."""
    wanted = {
        "organization": arguments.organization,
        "type": arguments.type,
        "reason": _reason(arguments),
        "resolved": arguments.resolved,
        "rows_max": arguments.limit,
    }
    rows = rows_of_all(stores(arguments), "listing.quarantine", wanted, latest="last_seen", type_=arguments.type)
    show_rows(rows, _COLUMNS, arguments.output)
    return DONE


@command
def requeue(arguments: Namespace) -> int:
    """Have the next run ask HubSpot anew for an organization's quarantined deals."""
    organization = organization_named(arguments)
    store = Store(organization.postgres_conn_id, organization.schema)
    wanted = {"organization_id": organization.id, "type": organization.type, "reason": _reason(arguments)}
    with transaction_in(store) as connection:
        counts = sql.one(connection, "listing.requeue_quarantine", wanted, schema=store.schema) or {}
    if arguments.output == "json":
        show_json(counts)
    else:
        say(
            f"{counts['requeued']} deals will be asked for by the next run; {counts['unreadable']} records have no id "
            "that HubSpot could be asked for."
        )
    return DONE


def _reason(arguments: Namespace) -> str | None:
    reason: str | None = arguments.reason
    if reason is not None and reason not in REASON_CODES:
        raise WrongCallError(f"--reason is none of the reason codes: {', '.join(sorted(REASON_CODES))}.")
    return reason
