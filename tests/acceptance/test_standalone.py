"""`airflow standalone`, as the tutorial starts it: SQLite, the shipped DAG file and one organization beside it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack.airflow import airflow_command
from local_stack.airflow_rest import AirflowClient
from local_stack.airflow_settings import USER, AirflowSettings
from local_stack.ports import free_port
from local_stack.processes import ManagedProcess

DAG_FILE = Path(__file__).parents[2] / "dags" / "hubspot_deals.py"
COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
STARTS_WITHIN_S = 120.0


@pytest.fixture
def settings(tmp_path: Path) -> AirflowSettings:
    dags, database = tmp_path / "dags", tmp_path / "airflow.db"
    dags.mkdir()
    shutil.copy(DAG_FILE, dags)
    (dags / "organizations.toml").write_text('[[organizations]]\nslug = "acme"\n')
    sqlite = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"sqlite+aiosqlite:///{database}",
    }
    port = free_port()
    made = AirflowSettings(
        home=tmp_path, database_url="", port=port, dags_folder=dags, parallelism=1, extra_environment=sqlite
    )
    made.write_secrets()
    return made


@pytest.fixture
def standalone(settings: AirflowSettings, tmp_path: Path) -> Iterator[ManagedProcess]:
    environment = settings.environment()
    programs = Path(sys.executable).parent  # it starts `airflow` three times
    process = ManagedProcess(
        name="airflow standalone",
        command=airflow_command("standalone"),
        log=tmp_path / "standalone.log",
        env={**environment, "PATH": f"{programs}{os.pathsep}{environment['PATH']}"},
        cwd=tmp_path,
        stop_signal=signal.SIGINT,  # it hears nothing else
        asks_whole_group=True,
    )
    process.start()
    yield process
    process.stop()


@pytest.mark.timeout(300)
def test_standalone_shows_the_dags_of_the_file(standalone: ManagedProcess, settings: AirflowSettings) -> None:
    airflow = AirflowClient(settings.url, USER, settings.password)
    standalone.wait_until(
        lambda: all(airflow.is_healthy(component) for component in COMPONENTS), timeout_s=STARTS_WITHIN_S
    )
    airflow.wait_for_dags(["hubspot_deals_acme", "hubspot_deals_maintenance"])
    assert airflow.get("/importErrors")["total_entries"] == 0
