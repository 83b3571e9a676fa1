"""Two organizations with jobs, deals and what is kept beside them, each row named after its organization."""

from __future__ import annotations

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.deals.parsing import BadRecord
from airflow_provider_hubspot_deals.dimensions import Dimension, exchange_rate_rows
from airflow_provider_hubspot_deals.loading import note_vanished, quarantine
from tests.builders import MODIFIED, a_row
from tests.integration.companions import keep
from tests.integration.deliveries import note_delivery
from tests.integration.listings import store
from tests.integration.tenant import Tenant, a_batch, tables_of

BY_ORGANIZATION = "SELECT slug FROM hubspot.{} JOIN hubspot.organizations ON organizations.id = {}"
# What a reader may ask; the answer is the slugs of the organizations whose rows it was given.
QUESTIONS = {
    "table": "SELECT dealname FROM hubspot.hubspot_deals",
    "view": "SELECT deal_name FROM hubspot_reporting.hubspot_deals",
    "function": "SELECT dealname FROM hubspot.tenant_deals()",
    "organizations": "SELECT slug FROM hubspot.organizations",
    "jobs": BY_ORGANIZATION.format("jobs", "organization_id"),
    "scan_jobs": BY_ORGANIZATION.format("scan_jobs", "tenant_id"),
    "batches": "SELECT phase FROM hubspot.job_batches",
    "sync_state": BY_ORGANIZATION.format("sync_state", "organization_id"),
    "quarantine": "SELECT reason_code FROM hubspot.deals_quarantine",
    "events": BY_ORGANIZATION.format("job_events", "organization_id"),
    "usage": BY_ORGANIZATION.format("usage_records", "organization_id"),
    "names": "SELECT dealname FROM hubspot_reporting.deals_with_names",
    "associations": "SELECT label FROM hubspot.deal_associations",
    "history": "SELECT value FROM hubspot.deal_property_history",
    "stages": "SELECT dealstage FROM hubspot_reporting.deal_stage_history",
    "rates": "SELECT exchange_rate_id FROM hubspot.exchange_rates",
    "deliveries": "SELECT host FROM hubspot.notification_deliveries",
    "absent": BY_ORGANIZATION.format("absent_deals", "organization_id"),
}
BRANCH = "SELECT dealname FROM hubspot.hubspot_deals_standard"


def leaf_question(tenant: Tenant) -> str:
    """Ask an organization's leaf for its deals."""
    return f"SELECT dealname FROM hubspot.hubspot_deals_{tenant.type}_{tenant.id.hex}"  # noqa: S608 - a UUID


def fill(tenant: Tenant) -> None:
    """One of each, bearing the tenant's slug where they can."""
    job = tenant.claim()
    bad = BadRecord(deal_id_text="9", reason_code=tenant.slug, field_name=None, raw=tenant.slug.encode(), page_number=1)
    tenant.store(job, a_row(1, dealname=tenant.slug))
    keep(tenant, tenant.slug, 1)
    note_delivery(tenant, tenant.slug, event_id=f"msg_{tenant.type}")
    rate = {
        "id": tenant.slug,
        "fromCurrencyCode": "USD",
        "toCurrencyCode": "EUR",
        "conversionRate": 1,
        "effectiveAt": MODIFIED,
    }
    store(tenant, Dimension.EXCHANGE_RATES, exchange_rate_rows([rate]))
    with tenant.connect() as connection, sql.transaction(connection):
        note_vanished(connection, tables_of(job), job.keys, [1])
        quarantine(connection, tables_of(job), job.keys, [bad])
        jobs.record_batch(connection, job, a_batch(phase=tenant.slug, api_calls=1))
