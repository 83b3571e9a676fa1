"""The use case: one run of one organization, from claiming its job to completing it. Knows nothing of Airflow."""

from airflow_provider_hubspot_deals.jobs import JobOrigin
from airflow_provider_hubspot_deals.sync.outcome import beginning
from airflow_provider_hubspot_deals.sync.request import SyncRequest, SyncSummary
from airflow_provider_hubspot_deals.sync.running import run

__all__ = ["JobOrigin", "SyncRequest", "SyncSummary", "beginning", "run"]
