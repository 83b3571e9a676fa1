"""What the database needs now and then: silent jobs ended, old rows moved and removed, partitions made and dropped.

Each step is a function of the schema, which a person can call as well; here they run one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import migrations, sql
from airflow_provider_hubspot_deals.exceptions import HubSpotDealsError
from airflow_provider_hubspot_deals.migrations.database import database_errors
from airflow_provider_hubspot_deals.migrations.security import security_findings
from airflow_provider_hubspot_deals.sql.hanging_up import hung_up_after

EVENTS_MONTHS = 13  # a year and the month that is running
ROWS_MAX = 10_000  # of one transaction
ROUNDS_MAX = 100  # of one step: what is left is for the next run

# Partitions first: the other steps write events.
_ONCE = ("maintenance.ensure_job_events_partitions", "maintenance.reap_silent_jobs")
_UNTIL_NONE_IS_LEFT = (
    "maintenance.archive_jobs",
    "maintenance.expire_archive",
    "maintenance.expire_usage",
    "maintenance.expire_quarantine",
    "maintenance.expire_notifications",
)
_AT_LAST = ("maintenance.drop_job_events", "maintenance.analyze_deals")


@dataclass(frozen=True, kw_only=True)
class MaintenanceReport:
    """What a run did.

    Attributes:
        done: by step: jobs, rows, partitions or tables that it dealt with.
        failures: by step that failed: what was wrong. The other steps were done.
        findings: what the catalog check says against the schema; see ``migrations check``.
    """

    done: Mapping[str, int]
    failures: Mapping[str, str]
    findings: tuple[str, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """All that somebody must look at, a sentence each."""
        return (*(f"{step}: {why}" for step, why in self.failures.items()), *self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For XCom and logs."""
        return {"done": dict(self.done), "failures": dict(self.failures), "findings": list(self.findings)}


def run_maintenance(
    connection: Connection[Any], schema: str = "hubspot", *, events_months: int = EVENTS_MONTHS
) -> MaintenanceReport:
    """Do every step, each in transactions of its own; one that fails does not stop the others.

    Args:
        connection: in autocommit mode.
        events_months: whole months of ``job_events`` that are kept before the current one.

    Raises:
        SchemaError: the schema is missing, behind or ahead.
        DatabaseUnavailableError: the connection was lost.
    """
    with database_errors(f"Maintenance of schema {schema!r}"), hung_up_after(connection, sql.TRANSACTION_TIMEOUT_S):
        migrations.check(connection, schema)
    done: dict[str, int] = {}
    failures: dict[str, str] = {}
    parameters = {"rows_max": ROWS_MAX, "events_months": events_months}
    for statement in (*_ONCE, *_UNTIL_NONE_IS_LEFT, *_AT_LAST):
        step = statement.partition(".")[2]
        try:
            done[step] = _do(connection, schema, statement, parameters)
        except HubSpotDealsError as error:
            if connection.closed:
                raise
            failures[step] = str(error)
    with (
        database_errors(f"Maintenance of schema {schema!r}, catalog check"),
        hung_up_after(connection, sql.TRANSACTION_TIMEOUT_S),
    ):
        findings = tuple(security_findings(connection, schema))
    return MaintenanceReport(done=done, failures=failures, findings=findings)


def _do(connection: Connection[Any], schema: str, statement: str, parameters: Mapping[str, Any]) -> int:
    total = 0
    for _ in range(ROUNDS_MAX):
        with database_errors(f"Maintenance of schema {schema!r}, {statement}"), sql.transaction(connection):
            (dealt_with,) = sql.column(connection, statement, parameters, schema=schema)
        total += dealt_with
        if statement not in _UNTIL_NONE_IS_LEFT or dealt_with < ROWS_MAX:
            break
    return total
