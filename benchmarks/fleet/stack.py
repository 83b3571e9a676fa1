"""A real Airflow with a fleet of organizations, every component a process of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from airflow_provider_hubspot_deals import migrations
from airflow_provider_hubspot_deals.organizations.file import load_organizations
from benchmarks.fleet.entries import FleetFiles
from benchmarks.fleet.metadata import Metadata
from benchmarks.process_tree import cpu_s, memory_bytes, tree
from benchmarks.server import BenchServer
from local_stack.airflow import AirflowServices, MetadataMigration, airflow_process, run_airflow
from local_stack.airflow_rest import AirflowClient
from local_stack.airflow_settings import AirflowSettings
from local_stack.databases import DatabaseServer
from local_stack.demo.connections import hubspot_connection, postgres_connection
from local_stack.ports import free_port
from local_stack.simulator import SimulatorProcess

COMPONENTS = ("api-server", "scheduler", "triggerer")
KNOWN_TIMEOUT_S = 900.0
# What the demo shortens for a person who waits; here Airflow's own defaults.
DEFAULTS = {"AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1", "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "300"}
REPARSE = "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL"


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one component so far."""

    cpu_s: float
    memory_bytes: int


class FleetStack:
    """Simulator, PostgreSQL and Airflow but for the DAG processor, whose start is a measurement.

    Args:
        options: environment variables of every Airflow process.
        latency_ms: of each answer of the simulator.
    """

    def __init__(
        self,
        files: FleetFiles,
        server: BenchServer,
        folder: Path,
        options: Mapping[str, str],
        *,
        latency_ms: float = 0,
    ) -> None:
        databases = DatabaseServer(server.owner_url)
        self.deals_url = databases.create_database("fleet_deals")
        self.settings = AirflowSettings(
            home=folder / "airflow",
            database_url=databases.create_database("fleet_airflow"),
            port=free_port(),
            dags_folder=files.dags,
            extra_environment={**DEFAULTS, "HUBSPOT_DEALS_ORGANIZATIONS": str(files.organizations), **options},
        )
        self.settings.write_secrets()
        self.metadata = Metadata(self.settings.database_url)
        self.organizations = load_organizations(files.organizations).organizations
        self.services = AirflowServices(self.settings, folder, COMPONENTS)
        self.airflow: AirflowClient = self.services.client()
        self.dag_processor = airflow_process(self.settings, "dag-processor", folder)
        self._server, self._folder = server, folder
        self.simulator = SimulatorProcess(
            port=free_port(),
            portals=files.portals,
            log=folder / "simulator.log",
            options=["--latency-ms", str(latency_ms)],
        )
        self._running = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self._running.close()

    def _start(self) -> None:
        self._running.enter_context(self.simulator)
        with MetadataMigration(self.settings, self._folder) as migration:
            migrations.upgrade(self.deals_url)
            migration.finish()
        self._running.enter_context(self.services)
        self.services.wait_healthy()
        self.simulator.wait_ready()
        self._connect()
        self._running.callback(self.dag_processor.stop)

    def _connect(self) -> None:
        """By the command line: a thousand connections take the API server minutes."""
        hubspot = [hubspot_connection(each, self.simulator.tokens, self.simulator.url) for each in self.organizations]
        connections = [postgres_connection(self.deals_url), *hubspot]
        by_id = {str(each.pop("connection_id")): each for each in connections}
        file = self._folder / "connections.json"
        file.write_text(json.dumps(by_id))
        run_airflow(self.settings, "connections", "import", str(file))

    def start_dag_processor(self) -> float:
        """Start it; gives the seconds until it has stored every organization's DAG."""
        began = time.monotonic()
        self.dag_processor.start()
        self.dag_processor.wait_until(self._knows_all, timeout_s=KNOWN_TIMEOUT_S)
        return time.monotonic() - began

    def _knows_all(self) -> bool:
        return self.metadata.known() == len(self.organizations)

    def restart_dag_processor(self, reparse_s: int) -> None:
        """With another time between two parses of a file; waits for the first parse of all."""
        self.dag_processor.stop()
        self.dag_processor.env = self.settings.environment() | {REPARSE: str(reparse_s)}
        began = datetime.now(UTC)
        self.dag_processor.start()
        self.dag_processor.wait_until(lambda: self.metadata.parsed_since(began), timeout_s=KNOWN_TIMEOUT_S)

    def usage(self) -> dict[str, Usage]:
        """By component; tasks, which LocalExecutor runs below the scheduler, are one of their own."""
        roots = {process.name.split()[-1]: process.pid for process in (*self.services.processes, self.dag_processor)}
        trees = {name: tree(pid) for name, pid in roots.items()} | {"PostgreSQL": tree(self._server.postmaster_pid)}
        scheduler, *tasks = trees.pop("scheduler")
        found = {name: Usage(cpu_s(members), memory_bytes(members)) for name, members in trees.items()}
        found["scheduler"] = Usage(scheduler.own_s, memory_bytes([scheduler]))
        found["tasks"] = Usage(cpu_s(tasks) + scheduler.ended_s, memory_bytes(tasks))
        return found
