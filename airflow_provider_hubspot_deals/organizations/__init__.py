"""The organizations whose deals are kept, read from one TOML file.

Pure but for reading that file: no network, no database, no Airflow.
"""

from airflow_provider_hubspot_deals.organizations.file import (
    FILE_NAME,
    PATH_VARIABLE,
    OrganizationsFile,
    Problem,
    load_organizations,
    parse_organizations,
    read_text,
)
from airflow_provider_hubspot_deals.organizations.notifications import Notification
from airflow_provider_hubspot_deals.organizations.organization import Organization, dag_id_of, job_type_of
from airflow_provider_hubspot_deals.organizations.schedules import spread
from airflow_provider_hubspot_deals.organizations.settings import (
    check_settings,
    organization_from,
    parse_organization,
)
from airflow_provider_hubspot_deals.organizations.stores import USUAL_STORE, Store, parse_stores, stores_of

__all__ = [
    "FILE_NAME",
    "PATH_VARIABLE",
    "USUAL_STORE",
    "Notification",
    "Organization",
    "OrganizationsFile",
    "Problem",
    "Store",
    "check_settings",
    "dag_id_of",
    "job_type_of",
    "load_organizations",
    "organization_from",
    "parse_organization",
    "parse_organizations",
    "parse_stores",
    "read_text",
    "spread",
    "stores_of",
]
