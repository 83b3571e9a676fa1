"""A real Airflow with our provider, our simulator and PostgreSQL, started once for all acceptance tests."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from airflow_provider_hubspot_deals.organizations.file import load_organizations
from local_stack.airflow import AirflowServices, MetadataMigration, airflow_process, run_airflow
from local_stack.airflow_settings import USER, AirflowSettings
from local_stack.demo.connections import hubspot_connection, postgres_connection
from local_stack.ports import free_port
from local_stack.simulator import SimulatorProcess
from tests.acceptance.browser import Tab, Theme, chromium, token_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from airflow_provider_hubspot_deals.organizations.organization import Organization
    from local_stack.airflow_rest import AirflowClient
    from local_stack.databases import DatabaseServer
    from tests.acceptance.browser import OpenTab

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
METADATA_DATABASE = "hubspot_deals_acceptance_airflow"
DEALS_DATABASE = "hubspot_deals_acceptance"
LINEAGE_FILE = "lineage.jsonl"
DAG_TIMEOUT_S = 120.0
# The first task of an API server waits for its imports: up to half a minute on a busy machine, and no test's matter.
WARM_UP = """\
from airflow.sdk import DAG, task

with DAG("warm_up", schedule=None):

    @task
    def nothing() -> None:
        pass

    nothing()
"""
# What a test writes is seen, and what it takes away is gone, within seconds and not minutes.
HASTE = {
    "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
    "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "1",
    "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "1",
}
VIEWER = "vera"  # a user beside the administrator, who may look and not touch


@dataclass(frozen=True, kw_only=True)
class AirflowStack:
    """The running stack, and the few things that tests do with it.

    Attributes:
        settings: addresses, password, AIRFLOW_HOME.
        services: Airflow's processes.
        airflow: REST client of an administrator.
        simulator: its control API and `url`.
        deals_url: database at our newest revision, of the connection `hubspot_deals_postgres`.
        dags_folder: a copy of `dags/` that tests may add files to.
        organizations: of `organizations.toml` beside this file, each with its HubSpot connection.
        tokens: by portal id.
    """

    settings: AirflowSettings
    services: AirflowServices
    airflow: AirflowClient
    simulator: SimulatorProcess
    deals_url: str
    dags_folder: Path
    organizations: tuple[Organization, ...]
    tokens: dict[int, str]

    def add_dag(self, name: str, source: str, *dag_ids: str) -> None:
        """Write a DAG file and wait until Airflow knows its DAGs."""
        (self.dags_folder / name).write_text(source)
        self.airflow.wait_for_dags(dag_ids, timeout_s=DAG_TIMEOUT_S)

    def touch_dag(self, name: str) -> None:
        """Let Airflow read a DAG file again now: one that has not changed it reads every half a minute."""
        (self.dags_folder / name).touch()

    def run_dag(self, dag_id: str, conf: dict[str, object] | None = None, *, timeout_s: float = 180.0) -> str:
        """Unpause, trigger, wait for success; gives the run id. Fails the test with the task's log otherwise."""
        run_id, state = self.finish_dag(dag_id, conf, timeout_s=timeout_s)
        if state != "success":
            pytest.fail(f"{dag_id} ended as {state}\n{self.logs(dag_id, run_id)}")
        return run_id

    def finish_dag(
        self, dag_id: str, conf: dict[str, object] | None = None, *, timeout_s: float = 180.0
    ) -> tuple[str, str]:
        """Unpause, trigger, wait for any end; gives run id and state."""
        run_id = self.begin_dag(dag_id, conf)
        return run_id, self.airflow.wait_for_run(dag_id, run_id, timeout_s=timeout_s)

    def begin_dag(self, dag_id: str, conf: dict[str, object] | None = None) -> str:
        """Unpause and trigger; gives the run id."""
        self.airflow.unpause(dag_id)
        return self.airflow.trigger(dag_id, conf)

    def logs(self, dag_id: str, run_id: str) -> str:
        """Of the newest try of every task."""
        tasks = self.airflow.task_instances(dag_id, run_id)
        return "\n".join(
            self.airflow.task_log(dag_id, run_id, task["task_id"], try_number=max(task["try_number"], 1))
            for task in tasks
        )

    def query(self, statement: str, *arguments: object) -> list[dict[str, Any]]:
        """Rows of the deals database; `hubspot.` must be written out."""
        with psycopg.connect(self.deals_url, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, arguments)
            return cursor.fetchall() if cursor.description else []

    def job(self, run_id: str) -> dict[str, Any]:
        """The job of a DAG run."""
        (row,) = self.query("SELECT * FROM hubspot.jobs WHERE run_id = %s", run_id)
        return row

    def lineage(self) -> str:
        """Every event that Airflow's lineage listener has sent, a line of JSON each."""
        return (self.settings.home.parent / LINEAGE_FILE).read_text()

    def command(self, *arguments: str) -> str:
        """Output of an `airflow …` command on this stack."""
        return run_airflow(self.settings, *arguments)


@pytest.fixture(scope="package")  # idle, it still takes a fifth of a core
def airflow_stack(
    postgres_server: DatabaseServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowStack]:
    """Simulator, scheduler, DAG processor and API server on free ports; about 20 s until it stands."""
    directory = tmp_path_factory.mktemp("airflow-stack")
    dags_folder = directory / "dags"
    shutil.copytree(ROOT / "dags", dags_folder, ignore=shutil.ignore_patterns("__pycache__"))
    (dags_folder / "warm_up.py").write_text(WARM_UP)
    for name in (METADATA_DATABASE, DEALS_DATABASE):
        postgres_server.drop_database(name)
    settings = AirflowSettings(
        home=directory / "airflow",
        database_url=postgres_server.create_database(METADATA_DATABASE),
        port=free_port(),
        dags_folder=dags_folder,
        parallelism=2,
        extra_environment={
            "HUBSPOT_DEALS_ORGANIZATIONS": str(organizations_file(directory)),
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(directory / LINEAGE_FILE), "append": True}
            ),
            "AIRFLOW__OPENLINEAGE__INCLUDE_FULL_TASK_INFO": "True",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin,{VIEWER}:viewer",
            **HASTE,
        },
    )
    settings.write_secrets()
    simulator = SimulatorProcess(port=free_port(), portals=HERE / "portals.toml", log=directory / "simulator.log")
    with ExitStack() as running:
        running.enter_context(simulator)
        with MetadataMigration(settings, directory) as migration:
            deals_url = postgres_server.create_database(DEALS_DATABASE, template=migrated_template)
            simulator.wait_ready()
            migration.finish()
        services = running.enter_context(AirflowServices(settings, directory))
        services.wait_healthy()
        stack = assemble(settings, services, simulator, deals_url)
        yield stack
    postgres_server.drop_database(METADATA_DATABASE)
    postgres_server.drop_database(DEALS_DATABASE)


def organizations_file(directory: Path) -> Path:
    """A copy of ours in which the one schedule is due half a day from now, so that no run begins between two tests.

    But for the first, which Airflow begins when its DAG is unpaused, as of half a day ago.
    """
    hour = (datetime.now(UTC).hour + 12) % 24
    copy = directory / "organizations.toml"
    copy.write_text((HERE / "organizations.toml").read_text().replace('"15 20 * * *"', f'"15 {hour} * * *"'))
    return copy


def assemble(
    settings: AirflowSettings, services: AirflowServices, simulator: SimulatorProcess, deals_url: str
) -> AirflowStack:
    """Store the connections and wait for the organizations' DAGs."""
    organizations = load_organizations(settings.extra_environment["HUBSPOT_DEALS_ORGANIZATIONS"]).organizations
    tokens = simulator.tokens
    airflow = services.client()
    hubspot = [hubspot_connection(each, tokens, simulator.url) for each in organizations]
    airflow.set_connections([postgres_connection(deals_url), *hubspot])
    airflow.wait_for_dags(["warm_up", *(each.dag_id for each in organizations)], timeout_s=DAG_TIMEOUT_S)
    stack = AirflowStack(
        settings=settings,
        services=services,
        airflow=airflow,
        simulator=simulator,
        deals_url=deals_url,
        dags_folder=settings.dags_folder,
        organizations=organizations,
        tokens=tokens,
    )
    stack.run_dag("warm_up")
    return stack


@pytest.fixture(scope="package")
def start_triggerer(airflow_stack: AirflowStack) -> Iterator[Callable[[], None]]:
    """Start the one process that most tests do without; it stays until the stack goes."""
    process = airflow_process(airflow_stack.settings, "triggerer", airflow_stack.settings.home.parent)

    def start() -> None:
        if not process.running:
            process.start()

    yield start
    process.stop()


@pytest.fixture(scope="module")  # no longer: while it lives, this thread has an event loop
def browser() -> Iterator[Browser]:
    """The machine's Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture
def tab(airflow_stack: AirflowStack, browser: Browser) -> Iterator[OpenTab]:
    """Open a tab; in the end nothing may have been complained of in any: no error, nothing that went elsewhere."""
    opened: list[Tab] = []

    def open_tab(user: str | None = USER, theme: Theme = "light") -> Tab:
        token = None if user is None else token_of(airflow_stack.settings, user)
        opened.append(Tab(browser, airflow_stack.settings.url, token, theme=theme))
        return opened[-1]

    yield open_tab
    complaints = [complaint for each in opened for complaint in each.complaints]
    for each in opened:
        each.page.context.close()
    assert complaints == []
