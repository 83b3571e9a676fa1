"""Every command, health check and setting in docker-compose.yaml is one that its program knows."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from airflow_provider_hubspot_deals.migrations.__main__ import main as migrations_main
from hubspot_simulator.__main__ import main as simulator_main
from tests.unit.compose_file import AIRFLOW_IMAGE, SERVICES, health_check, words

# From the Celery provider and the FAB auth manager, which the image brings and a development environment does not.
# Tried by hand with apache-airflow-providers-celery 3.26.0 and apache-airflow-providers-fab 3.10.2.
SETTINGS_OF_OTHER_PROVIDERS = {
    "AIRFLOW__CELERY__BROKER_URL",
    "AIRFLOW__CELERY__RESULT_BACKEND",
    "AIRFLOW__CELERY__WORKER_CONCURRENCY",
}
COMMANDS_OF_OTHER_PROVIDERS = {"celery", "users"}
PROGRAMS = {  # that a health check may count on: what its image is for, and curl in Airflow's
    "postgres": {"pg_isready"},
    "redis": {"redis-cli"},
    "airflow-provider-hubspot-deals": {"airflow", "celery", "curl"},
    "hubspot-simulator": {"curl"},
}
LISTENERS = {"airflow-apiserver": 8080, "airflow-scheduler": 8974, "simulator": 8090}
checked_services = [name for name, service in SERVICES.items() if "healthcheck" in service]


def airflow_commands() -> list[list[str]]:
    """The arguments of each `airflow` that the file runs: as a service, in a script or as a health check."""
    services = [service for service in SERVICES.values() if service["image"] == AIRFLOW_IMAGE]
    own = [words(service["command"]) for service in services if words(service["command"])[0] != "bash"]
    checks = [health_check(service) for service in services if "healthcheck" in service]
    return own + [command[1:] for command in [*checks, *script("migrate")] if command[0] == "airflow"]


def script(name: str) -> list[list[str]]:
    """The commands of a service that is `bash -ec SCRIPT`."""
    bash, options, text = SERVICES[name]["command"]
    assert (bash, options) == ("bash", "-ec")  # -e: a failed command ends it, so nothing starts on half a schema
    return [shlex.split(line) for line in text.replace("\\\n", " ").splitlines()]


@pytest.mark.parametrize("command", airflow_commands(), ids=" ".join)
def test_airflow_knows_the_command(command: list[str]) -> None:
    from airflow.cli.cli_parser import get_parser

    if command[0] not in COMMANDS_OF_OTHER_PROVIDERS:
        get_parser().parse_args(command)


def test_every_airflow_component_is_there() -> None:
    started = {command[0] for command in airflow_commands()}

    assert {"api-server", "scheduler", "dag-processor", "triggerer", "celery"} <= started


def test_migrate_brings_both_databases_up_to_date() -> None:
    programs = [command[:3] for command in script("migrate")]

    assert ["airflow", "db", "migrate"] in programs
    assert ["python", "-m", "airflow_provider_hubspot_deals.migrations"] in programs


def test_our_migration_command_accepts_what_migrate_gives_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = next(command[3:] for command in script("migrate") if command[0] == "python")
    monkeypatch.setenv("DATABASE_URL", unreachable(SERVICES["migrate"]["environment"]["DATABASE_URL"]))
    monkeypatch.setattr(sys, "argv", ["migrations", *arguments])

    assert migrations_main() == 1

    assert "Connection refused" in capsys.readouterr().err  # so the arguments were understood


def unreachable(url: str) -> str:
    """The address with this machine's port 1, where nobody listens, for its host."""
    return re.sub(r"@[^/]+", "@127.0.0.1:1", url)


def test_the_simulator_understands_its_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = words(SERVICES["simulator"]["command"])
    portals = command.index("--portals") + 1

    assert simulator_main([*command[:portals], f"{tmp_path}/missing.toml", *command[portals + 1 :]]) == 1

    assert "missing.toml" in capsys.readouterr().err  # so the arguments were understood


def test_the_simulator_reads_the_file_that_is_mounted() -> None:
    command = words(SERVICES["simulator"]["command"])
    targets = {
        mount.split(":")[1].removeprefix("/home/airflow/simulator/") for mount in SERVICES["simulator"]["volumes"]
    }

    assert command[command.index("--portals") + 1] in targets
    assert command[command.index("--state") + 1].split("/")[0] in targets


@pytest.mark.parametrize("name", checked_services)
def test_a_health_check_runs_a_program_of_its_image(name: str) -> None:
    image = SERVICES[name]["image"].partition(":")[0]

    assert health_check(SERVICES[name])[0] in PROGRAMS[image]


@pytest.mark.parametrize(("name", "port"), LISTENERS.items())
def test_a_health_check_asks_the_port_that_is_listened_on(name: str, port: int) -> None:
    assert f"://localhost:{port}/" in health_check(SERVICES[name])[-1]
    assert all(published.split(":")[2] == str(port) for published in SERVICES[name].get("ports", []))


def test_the_ports_are_those_of_the_programs() -> None:
    from airflow.configuration import conf

    assert LISTENERS["airflow-apiserver"] == conf.getint("api", "port")
    assert LISTENERS["airflow-scheduler"] == conf.getint("scheduler", "scheduler_health_check_server_port")
    command = words(SERVICES["simulator"]["command"])
    assert command[command.index("--port") + 1] == str(LISTENERS["simulator"])


def test_every_airflow_setting_exists() -> None:
    from airflow.configuration import conf

    known = {
        f"AIRFLOW__{section}__{option}".upper()
        for section, description in conf.configuration_description.items()
        for option in description["options"]
    }
    environments = [service.get("environment", {}) for service in SERVICES.values()]
    used = {name for environment in environments for name in environment if name.startswith("AIRFLOW__")}

    assert used - SETTINGS_OF_OTHER_PROVIDERS <= known
    assert used >= SETTINGS_OF_OTHER_PROVIDERS


def test_airflow_reads_the_connection_to_our_database() -> None:
    from airflow.sdk import Connection

    uri = SERVICES["airflow-scheduler"]["environment"]["AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES"]
    connection = Connection.from_uri(uri, conn_id="hubspot_deals_postgres")

    assert (connection.conn_type, connection.host, connection.schema) == ("postgres", "postgres", "hubspot_deals")


def test_f26_the_connection_to_our_database_says_that_its_network_is_trusted() -> None:
    """The image of PostgreSQL has no certificate; unsaid, each task would warn of plain text."""
    from airflow.sdk import Connection

    uri = SERVICES["airflow-scheduler"]["environment"]["AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES"]

    assert Connection.from_uri(uri, conn_id="hubspot_deals_postgres").extra_dejson == {"sslmode": "disable"}
