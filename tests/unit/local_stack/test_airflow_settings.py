"""How the stack's Airflow is configured."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from local_stack.airflow_settings import AirflowSettings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> AirflowSettings:
    url = "postgresql://u:p%40ss@127.0.0.1:5432/airflow"
    made = AirflowSettings(home=tmp_path / "home", database_url=url, port=18080, dags_folder=tmp_path)
    made.write_secrets()
    return made


def test_keys_and_password_stay_the_same_from_run_to_run(settings: AirflowSettings) -> None:
    before = settings.environment(), settings.password
    settings.write_secrets()
    assert (settings.environment(), settings.password) == before


def test_secrets_stand_in_private_files(settings: AirflowSettings) -> None:
    files = list(settings.home.iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_nothing_of_the_callers_airflow_or_libpq_gets_through(
    settings: AirflowSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AIRFLOW__CORE__EXECUTOR", "AIRFLOW_CONN_HUBSPOT_ACME", "HUBSPOT_TOKEN", "PGHOST", "DATABASE_URL"):
        monkeypatch.setenv(name, "foreign")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment = settings.environment()
    assert "foreign" not in environment.values()
    assert "PYTHONDONTWRITEBYTECODE" not in environment


def test_every_address_is_on_the_loopback_interface_and_the_chosen_port(settings: AirflowSettings) -> None:
    environment = settings.environment()
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__API__PORT"] == "18080"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:18080/execution/"


def test_the_driver_is_named_and_the_password_kept_as_it_is_quoted(settings: AirflowSettings) -> None:
    address = settings.environment()["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert address == "postgresql+psycopg2://u:p%40ss@127.0.0.1:5432/airflow"
