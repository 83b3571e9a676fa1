"""One organization's portal: what is read, where it goes, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from airflow_provider_hubspot_deals.organizations.notifications import Notification
from airflow_provider_hubspot_deals.organizations.schedules import ONCE, minutes_between_runs

STANDARD_TYPE = "standard"
TYPE_PATTERN = r"[a-z][a-z0-9_]{0,14}"  # stands in table names, which hold 63 bytes with the id behind it
SCHEMA_PATTERN = r"(?!pg_)[a-z_][a-z0-9_]{0,62}"  # PostgreSQL keeps pg_ for itself
PROPERTY_PATTERN = r"!?[\w.*?-]{1,255}"  # a name, or a pattern; with an exclamation mark: not these
_GOAL_MIN = 1440  # minutes; what runs hourly is not stale after two hours: HubSpot may be away for some
_PREFIX = "hubspot_deals"  # of DAGs, tables and job types
TAG = "hubspot"  # of every DAG that a file builds
MISTAKE_TAG = "configuration-error"  # of one that only says what is wrong with the file, or with an entry

# Fixed for ever: the ids made from it are the tenant keys of stored rows.
_ID_NAMESPACE = UUID("6f0d3c1e-5d0b-5b0e-9a44-8f1c7a0c2d11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """One entry of the organizations file, checked and with every default filled in.

    An organization with several HubSpot portals (a sandbox beside the real one) has one entry per portal, with one
    ``slug`` and different ``type``.
    """

    slug: str  # short name, in DAG ids, connection ids and log lines
    type: str = STANDARD_TYPE  # which of the organization's portals; each type is its own table
    id: UUID  # tenant key of every stored row, equal for all types of one slug
    name: str  # for people
    enabled: bool = True  # False: no DAG; stored deals stay
    hubspot_conn_id: str  # Airflow connection of type HubSpot
    postgres_conn_id: str = "hubspot_deals_postgres"  # Airflow connection of type Postgres
    schema: str = "hubspot"  # PostgreSQL schema of the tables
    portal_id: int | None = None  # HubSpot account that the token must belong to; None: whichever it is at first
    schedule: str | None = "@hourly"  # cron expression or preset; None: only when triggered
    timezone: str = "UTC"  # of the schedule
    watch_every_seconds: int = 0  # ask HubSpot this often whether deals changed, and run then too; 0: never
    properties: tuple[str, ...] | None = None  # HubSpot's internal names or patterns of them; None: every property
    sensitive_properties: bool = True  # those that HubSpot keeps as sensitive too, where the token may read them
    associations: tuple[str, ...] = ()  # object types, such as contacts, whose associations with deals are kept
    history: tuple[str, ...] = ()  # properties, by name or pattern, of which every value that they had is kept
    full_refresh_every_days: int = 7  # a full read sees what no modification date shows: archived, merged, calculated
    search_lag_minutes: int = 60  # HubSpot's search index is not trusted to be fresher than this
    overlap_minutes: int = 10  # read again before the last watermark
    dimensions_every_hours: int = 6  # pipelines, stages and owners are read again when older, and in every full read
    daily_reserve_percent: int = 0  # of the account's daily API calls, left to other apps; a run waits for the next day
    allow_negative_amounts: bool = False  # False: such an amount is stored as NULL with a value issue
    retention_days: int = 90  # ended jobs stay in jobs this long
    archive_days: int = 365  # and then this long in jobs_archive
    quarantine_days: int = 30  # raw bytes of records that could not be stored
    timeout_hours: int = 12  # one attempt of the extraction task
    retries: int = 3  # further attempts, minutes apart; each goes on from the last checkpoint
    pool: str = "default_pool"  # of Airflow: how many of its tasks run at once
    queue: str | None = None  # of the executor; None: its usual one
    owners: tuple[str, ...] = ("airflow",)  # shown in the Airflow UI
    owner_links: tuple[tuple[str, str], ...] = ()  # owner → https: or mailto: address
    tags: tuple[str, ...] = ()  # of the DAG, beside our own
    notifications: tuple[Notification, ...] = ()  # who is told that a job completed, failed, or the data grew stale
    stale_after_minutes: int  # without a completed run, its data is stale; never where there is no schedule

    @property
    def dag_id(self) -> str:
        """Id of the DAG that keeps this organization's deals."""
        return dag_id_of(self.slug, self.type)

    @property
    def deals_table(self) -> str:
        """The one table that holds this organization's deals of this type, with its schema."""
        return f"{self.schema}.{_PREFIX}_{self.type}_{self.id.hex}"

    @property
    def is_scheduled(self) -> bool:
        """Whether a clock starts its runs, again and again: else none is ever missed, and its data never stale."""
        return self.schedule not in (None, ONCE)

    @property
    def job_type(self) -> str:
        """``jobs.type`` of its runs."""
        return job_type_of(self.type)


def job_type_of(type_: str) -> str:
    """``hubspot_deals``, or ``hubspot_deals_<type>`` for another type than ``standard``."""
    return _PREFIX if type_ == STANDARD_TYPE else f"{_PREFIX}_{type_}"


def dag_id_of(slug: str, type_: str = STANDARD_TYPE) -> str:
    """``hubspot_deals_<slug>``, with ``_<type>`` behind it for another type than ``standard``."""
    return f"{_PREFIX}_{_portal_name(slug, type_)}"


def derived_settings(slug: str, type_: str, schedule: str | None) -> dict[str, Any]:
    """What an entry that gives only its slug, type and schedule gets: id, name, HubSpot connection and goal."""
    return {
        "id": uuid5(_ID_NAMESPACE, slug),
        "name": slug if type_ == STANDARD_TYPE else f"{slug} ({type_})",
        "hubspot_conn_id": f"hubspot_{_portal_name(slug, type_)}",
        "stale_after_minutes": max(_GOAL_MIN, 2 * (minutes_between_runs(schedule) or 0)),
    }


def _portal_name(slug: str, type_: str) -> str:
    return slug if type_ == STANDARD_TYPE else f"{slug}_{type_}"
