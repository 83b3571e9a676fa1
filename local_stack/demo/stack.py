"""Everything the demo runs on, started with as much overlap as two cores allow."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg

from airflow_provider_hubspot_deals import migrations
from airflow_provider_hubspot_deals.organizations.file import load_organizations
from local_stack.airflow import COMPONENTS, AirflowServices, MetadataMigration
from local_stack.airflow_settings import AirflowSettings
from local_stack.databases import given_server
from local_stack.demo.connections import hubspot_connection, postgres_connection
from local_stack.demo.jobs import cancel_unfinished
from local_stack.exceptions import StackError
from local_stack.ports import free_port, required_port
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import died
from local_stack.simulator import SimulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_stack.airflow_rest import AirflowClient
    from local_stack.databases import DatabaseServer
    from local_stack.demo.narrator import Narrator
    from local_stack.processes import ManagedProcess

ROOT = Path(__file__).resolve().parents[2]
ORGANIZATIONS = ROOT / "local_stack" / "organizations.toml"
PORTALS = ROOT / "local_stack" / "portals.toml"
DEALS_DATABASE = "hubspot_deals_demo"
METADATA_DATABASE = "hubspot_deals_demo_airflow"
POSTGRES_PORT, SIMULATOR_PORT = 54320, 8090  # preferred; others are taken when these are in use


class DemoStack:
    """PostgreSQL, simulator and Airflow, ready for DAG runs; a context manager that stops all of them.

    Args:
        directory: keeps databases, simulator state, keys and logs from run to run.
        port: of the Airflow UI; 0 picks a free one.
        fresh: forget what `directory` and the databases hold.
    """

    def __init__(self, directory: Path, *, port: int, fresh: bool, narrator: Narrator) -> None:
        self.directory = directory
        self.organizations = load_organizations(ORGANIZATIONS).organizations
        self.narrator = narrator
        self.logs = directory / "logs"
        self.embedded: EmbeddedPostgres | None = None
        self.simulator: SimulatorProcess
        self.services: AirflowServices
        self.airflow: AirflowClient
        self._wanted_port, self._fresh = port, fresh
        self._running = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End every program; safe to repeat."""
        with undisturbed():
            self._running.close()

    def _start(self) -> None:
        self._running.enter_context(only_one(self.directory))
        port = required_port(self._wanted_port, what="the Airflow UI", option="--port")
        if self._fresh:
            self._forget()
        self._start_foundation()
        settings = self._prepare_databases(port)
        self._start_airflow(settings)
        self._connect()

    @property
    def deals_url(self) -> str:
        """Address of the database with our schema."""
        return self._server.url_of(DEALS_DATABASE)

    @property
    def unfinished_mark(self) -> Path:
        """File that is there from the beginning of a load to its good end."""
        return self.directory / "unfinished"

    def died(self) -> list[str]:
        """Names of the programs that ended by themselves."""
        return died(self._processes())

    def _processes(self) -> list[ManagedProcess]:
        own = [self.embedded.process] if self.embedded else []
        return [*own, self.simulator.process, *self.services.processes]

    def _forget(self) -> None:
        EmbeddedPostgres(self.directory / "postgres").delete()
        for path in self.directory.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if given := given_server():
            given.drop_database(DEALS_DATABASE)
            given.drop_database(METADATA_DATABASE)

    def _start_foundation(self) -> None:
        with self.narrator.step("PostgreSQL"):
            self.simulator = SimulatorProcess(
                port=free_port(SIMULATOR_PORT),
                portals=PORTALS,
                log=self.logs / "simulator.log",
                state=self.directory / "simulator-state.jsonl",
            )
            self._running.enter_context(self.simulator)  # gets ready while PostgreSQL starts
            self._server = self._start_postgres()

    def _start_postgres(self) -> DatabaseServer:
        if given := given_server():
            return given
        self.embedded = EmbeddedPostgres(self.directory / "postgres", port=POSTGRES_PORT)
        return self._running.enter_context(self.embedded)

    def _prepare_databases(self, port: int) -> AirflowSettings:
        with self.narrator.step("Tables of Airflow and of HubSpot deals; simulated HubSpot accounts"):
            is_new = self._server.ensure_database(METADATA_DATABASE)
            self._server.ensure_database(DEALS_DATABASE)
            settings = self._airflow_settings(port)
            settings.write_secrets()
            with ExitStack() as migrating:
                migration = None
                if is_new or not self._is_migrated(settings):
                    migration = migrating.enter_context(MetadataMigration(settings, self.logs))
                migrations.upgrade(self.deals_url)
                with psycopg.connect(self.deals_url) as connection:
                    cancel_unfinished(connection)
                self.simulator.wait_ready()
                if migration:
                    migration.finish()
                    migrated_mark(settings).write_text(version("apache-airflow-core"))
            return settings

    def _is_migrated(self, settings: AirflowSettings) -> bool:
        """Whether the metadata is at this Airflow's version; asking Airflow itself takes 4 s of CPU."""
        mark = migrated_mark(settings)
        return mark.exists() and mark.read_text() == version("apache-airflow-core")

    def _airflow_settings(self, port: int) -> AirflowSettings:
        return AirflowSettings(
            home=self.directory / "airflow",
            database_url=self._server.url_of(METADATA_DATABASE),
            port=port,
            dags_folder=ROOT / "dags",
            extra_environment={"HUBSPOT_DEALS_ORGANIZATIONS": str(ORGANIZATIONS)},
        )

    def _start_airflow(self, settings: AirflowSettings) -> None:
        with self.narrator.step("Airflow: API server, scheduler, DAG processor, triggerer"):
            self.services = self._running.enter_context(
                AirflowServices(settings, self.logs, (*COMPONENTS, "triggerer"))
            )
            self.services.wait_healthy()
            self.airflow = self.services.client()

    def _connect(self) -> None:
        with self.narrator.step("Connections and DAGs"):
            hubspot = [
                hubspot_connection(each, self.simulator.tokens, self.simulator.url) for each in self.organizations
            ]
            self.airflow.set_connections([postgres_connection(self.deals_url), *hubspot])
            self.airflow.wait_for_dags([organization.dag_id for organization in self.organizations])


def migrated_mark(settings: AirflowSettings) -> Path:
    """File that names the Airflow version which the metadata tables were made for."""
    return settings.home / "migrated-to"


@contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Keep a second demo out of the same directory.

    Raises:
        StackError: one is running there.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        msg = f"a demo is running already in {directory}; stop it with Ctrl-C in its terminal first"
        raise StackError(msg) from None
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no second Ctrl-C, nor SIGTERM, cut the stopping short: it would leave programs running."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = [signal.signal(number, signal.SIG_IGN) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, previous, strict=True):
            signal.signal(number, handler)
