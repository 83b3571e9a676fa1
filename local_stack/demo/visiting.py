"""Where to look while the demo runs: the Airflow UI, psql, the logs."""

from __future__ import annotations

import shlex
import shutil
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from airflow_provider_hubspot_deals.organizations import dag_id_of
from local_stack.airflow_settings import USER
from local_stack.postgres import write_secret

if TYPE_CHECKING:
    from pathlib import Path

    from local_stack.airflow_settings import AirflowSettings
    from local_stack.demo.stack import DemoStack

PAGE = "/plugin/hubspot-deals"  # where Airflow's UI frames it
MAINTENANCE_DAG_ID = dag_id_of("maintenance")
QUERY = "SELECT dag_id, status, mode, records_extracted, end_time - start_time AS took FROM hubspot.jobs"


def visiting_card(stack: DemoStack) -> str:
    """Addresses and login of the UI, a command for psql, and how to end it."""
    return f"""
{addresses(stack.services.settings)}
Upkeep    DAG {MAINTENANCE_DAG_ID}, hourly: retention, partitions, checks
Logs      {stack.logs}
psql      {psql_command(stack)}

Ctrl-C stops everything. The next ./run demo goes on from here: some deals change at HubSpot, and just those come."""


def addresses(settings: AirflowSettings) -> str:
    """The DAGs, and the page of the deals, which is in the menu *Browse* too."""
    return f"""\
Airflow   {settings.url}/dags   user {USER}   password {settings.password}
Deals     {settings.url}{PAGE}   every organization: freshness, jobs, issues"""


def psql_command(stack: DemoStack) -> str:
    """A whole command to copy; the password comes from a file that only this account can read."""
    bundled = stack.embedded.binaries.psql if stack.embedded else None
    psql = "psql" if bundled is None or shutil.which("psql") else str(bundled)
    passwords = write_password_file(stack.directory / "pgpass", stack.deals_url)
    parts = urlsplit(stack.deals_url)
    address = parts._replace(
        netloc=f"{parts.username}@{parts.hostname}:{parts.port or 5432}", query=f"passfile={quote(str(passwords))}"
    )
    return shlex.join([psql, address.geturl(), "-c", QUERY])


def write_password_file(path: Path, url: str) -> Path:
    """In the format of libpq's .pgpass."""
    parts = urlsplit(url)
    fields = [
        parts.hostname or "",
        str(parts.port or 5432),
        "*",
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    ]
    return write_secret(path, ":".join(field.replace("\\", "\\\\").replace(":", "\\:") for field in fields))
