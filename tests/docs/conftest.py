"""The pages' world: a portal that was loaded once, and for each page a copy of its database and of an Airflow home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock
from uuid import uuid4

import psycopg
import pytest

from hubspot_simulator import PortalSpec, SimulatorServer
from local_stack.databases import DatabaseServer
from local_stack.postgres_binaries import find_binaries
from tests.docs.blocks import ROOT
from tests.docs.shell import run_here
from tests.docs.story import SUPERUSER, Story
from tests.integration.cli.conftest import hubspot_connection, postgres_connection

ACME = PortalSpec(portal_id=1001, deals=230, archived=5)
SANDBOX = PortalSpec(portal_id=1002, deals=7)
GLOBEX = PortalSpec(portal_id=1003, deals=12)
FILE = """\
[[organizations]]
slug = "acme"
name = "Acme"
search_lag_minutes = 0
associations = ["contacts", "companies"]
history = ["dealstage"]

[[organizations]]
slug = "acme"
type = "sandbox"
schedule = "none"
search_lag_minutes = 0

[[organizations]]
slug = "globex"
search_lag_minutes = 0
"""
MADE_ROLES = ("acme_reader", "deals_reader", "deals_loader", "deals_owner")  # by pages, for the whole server
RESTORED = "hubspot_deals_restored"
MADE_DATABASES = ("warehouse", RESTORED)
A_JOB = (
    "INSERT INTO hubspot.jobs (organization_id, type, scan_id)"
    " SELECT id, 'calendar', %s FROM hubspot.organizations WHERE slug = 'acme' RETURNING id"
)
JOB_OF = "SELECT jobs.id FROM hubspot.jobs JOIN hubspot.organizations ON organizations.id = organization_id"
IDS = {
    "organization": "SELECT id FROM hubspot.organizations WHERE slug = 'acme'",
    "other": "SELECT id FROM hubspot.organizations WHERE slug = 'globex'",
    "job": f"{JOB_OF} WHERE slug = 'acme' AND status = 'completed' AND mode = 'full' AND jobs.type = 'hubspot_deals'",
    "other_job": f"{JOB_OF} WHERE slug = 'globex' AND status = 'completed'",
    "open_job": "SELECT id FROM hubspot.jobs WHERE status = 'pending'",
    "failed_job": "SELECT id FROM hubspot.jobs WHERE status = 'failed'",
    "event": "SELECT gen_random_uuid()",
}


@dataclass(frozen=True)
class World:
    """What all pages share, and copies are made of."""

    server: DatabaseServer
    simulator: SimulatorServer
    template: str
    home: Path
    ids: dict[str, str]

    def variables(self, folder: Path, database_url: str) -> dict[str, str]:
        """Environment of a page's commands."""
        home, bin_folder = folder / "airflow", Path(sys.executable).parent
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW_CONN_HUBSPOT_ACME": hubspot_connection(self.simulator, ACME.token),
            "AIRFLOW_CONN_HUBSPOT_ACME_SANDBOX": hubspot_connection(self.simulator, SANDBOX.token),
            "AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES": postgres_connection(database_url),
            "AIRFLOW_CONN_WAREHOUSE_OWNER": postgres_connection(database_url),
            "AIRFLOW_CONN_HUBSPOT_GLOBEX": hubspot_connection(self.simulator, GLOBEX.token),
            "DATABASE_URL": database_url,
            "RESTORED_DATABASE_URL": self.server.url_of(RESTORED),
            "HUBSPOT_DEALS_ORGANIZATIONS": str(folder / "organizations.toml"),
            "PATH": os.pathsep.join([str(bin_folder), str(find_binaries().folder), os.defpath]),
            "TZ": "UTC",
        }


@pytest.fixture(scope="session")
def world(
    postgres_server: DatabaseServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Load it once."""
    folder, template = tmp_path_factory.mktemp("docs"), f"hubspot_deals_docs_{os.getpid()}"
    url = postgres_server.create_database(template, template=migrated_template)
    with SimulatorServer([ACME, SANDBOX, GLOBEX], rate_limits=False) as simulator:
        made = World(postgres_server, simulator, template, folder / "airflow", {})
        story = story_in(made, folder, url)
        fill(story, simulator)
        made.ids.update({name: str(next(iter(story.query(text)[0].values()))) for name, text in IDS.items()})
        migrate_airflow(story)
        yield made
    postgres_server.drop_database(template)


def fill(story: Story, simulator: SimulatorServer) -> None:
    """Runs that completed, one that failed, one that was cancelled, and one that waits."""
    for words in ("sync acme", "sync acme --type sandbox", "sync globex"):
        assert run_here(words, story)[0] == 0
    for deal_id in list(simulator.portal(ACME.portal_id).live_deals())[:5]:
        simulator.portal(ACME.portal_id).edit_deal(int(deal_id), {"dealstage": "closedwon"})
    assert run_here("sync acme", story)[0] == 0
    wrong = {"AIRFLOW_CONN_HUBSPOT_ACME_SANDBOX": hubspot_connection(simulator, "pat-na1-wrong")}
    with mock.patch.dict(story.variables, wrong):
        assert run_here("sync acme --type sandbox --mode full", story)[0] == 1
    for status in ("cancelled", "pending"):
        (job,) = story.query(A_JOB, f"{status} by hand")
        if status != "pending":
            story.query("UPDATE hubspot.jobs SET status = %s WHERE id = %s", status, job["id"])


def migrate_airflow(story: Story) -> None:
    """Airflow's own database, in SQLite: `airflow connections add` writes there."""
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], env=story.variables, check=True, capture_output=True
    )


def story_in(world: World, folder: Path, url: str) -> Story:
    """A page's folder with what a checkout has there."""
    (folder / "airflow" / "dags").mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(Path(__file__).parent / "files", folder, dirs_exist_ok=True)
    (folder / "organizations.toml").write_text(FILE, "utf-8")
    hubspot = (world.simulator.base_url, ACME.token)
    return Story(world.server, url, folder, world.variables(folder, url), world.ids, hubspot)


@pytest.fixture
def story(world: World, tmp_path: Path) -> Iterator[Story]:
    """A page's own copy."""
    shutil.copytree(world.home, tmp_path / "airflow")
    name = f"hubspot_deals_docs_{uuid4().hex}"
    world.server.drop_database(RESTORED)
    world.server.create_database(RESTORED)
    yield story_in(world, tmp_path, world.server.create_database(name, template=world.template))
    forget(world.server, name)


@pytest.fixture
def new_story(story: Story, empty_database_url: str) -> Story:
    """For a page that begins with nothing: no tables, no connections, no file."""
    story.database_url, story.in_process = empty_database_url, False
    (story.folder / "organizations.toml").unlink()
    story.variables = {
        name: value
        for name, value in story.variables.items()
        if not name.startswith("AIRFLOW_CONN_") and name != "HUBSPOT_DEALS_ORGANIZATIONS"
    }
    return story


def forget(server: DatabaseServer, name: str) -> None:
    """Drop a page's database, and what it made for the whole server."""
    for database in (name, *MADE_DATABASES):
        as_superuser(server, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    for role in MADE_ROLES:
        as_superuser(server, f"DROP ROLE IF EXISTS {role}")


def as_superuser(server: DatabaseServer, statement: str) -> None:
    """Run a statement as nobody else may."""
    parts = psycopg.conninfo.conninfo_to_dict(server.url)
    with psycopg.connect(**{**parts, "user": SUPERUSER, "dbname": "postgres"}, autocommit=True) as connection:  # type: ignore[arg-type]  # libpq's own keys
        connection.execute(statement.encode())
