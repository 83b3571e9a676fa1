"""docker-compose.yaml holds together: its schema, and everything that it names exists."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml
from cryptography.fernet import Fernet

from airflow_provider_hubspot_deals.organizations import Organization, load_organizations
from tests.unit.compose_file import (
    AIRFLOW_IMAGE,
    COMPOSE,
    FILLED_IN,
    ROOT,
    SERVICES,
    TEXT,
    Service,
    example_settings,
    interpolated,
    is_one_shot,
    profiles,
    variables,
)

SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|KEY")
PINNED_IMAGE = re.compile(r"[\w./-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?")
COMPOSE_OWN_VARIABLES = {"COMPOSE_PROFILES"}  # read by `docker compose` itself
every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())


def test_the_file_follows_the_compose_specification() -> None:
    schema_file = files("check_jsonschema.builtin_schemas.vendor") / "compose-spec.json"
    schema = json.loads(schema_file.read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(yaml.safe_load(TEXT))


def test_env_example_and_the_file_name_the_same_variables() -> None:
    assert {name for name, _, _ in variables()} | COMPOSE_OWN_VARIABLES == set(example_settings())


def test_every_default_is_the_one_that_env_example_shows() -> None:
    defaults = {(name, word) for name, operator, word in variables() if operator == ":-"}

    assert defaults == {(name, example_settings()[name]) for name, _ in defaults}


def test_no_secret_has_a_default() -> None:
    secrets = {name for name in example_settings() if SECRET_NAME.search(name)}

    assert all(example_settings()[name] == "" for name in secrets)
    assert {name for name, operator, _ in variables() if operator == ":?"} == secrets


def test_without_its_secrets_the_file_says_where_they_come_from() -> None:
    with pytest.raises(KeyError, match=r"see \.env\.example"):
        interpolated(example_settings())


def test_no_secret_stands_in_the_file_itself() -> None:
    assert FILLED_IN not in TEXT
    assert not re.search(r"://[^$\s/]*:[^$\s/]+@", TEXT)


def test_new_env_fills_every_secret_and_nothing_else(tmp_path: Path) -> None:
    written = run_new_env(tmp_path)

    settings = dict(line.split("=", 1) for line in written.read_text().splitlines() if re.match(r"\w+=", line))
    secrets = {name: value for name, value in settings.items() if SECRET_NAME.search(name)}
    assert settings.keys() == example_settings().keys()
    assert {
        name: value for name, value in settings.items() if name not in secrets
    }.items() <= example_settings().items()
    assert len(set(secrets.values())) == len(secrets)
    assert written.stat().st_mode & 0o777 == 0o600
    Fernet(secrets.pop("AIRFLOW_FERNET_KEY"))
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in secrets.values())  # safe in an address; enough for JWT
    interpolated(settings)


def test_new_env_leaves_an_existing_env_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=known\n")

    with pytest.raises(subprocess.CalledProcessError) as failure:
        run_new_env(tmp_path)

    assert "exists and is left as it is" in failure.value.stderr
    assert (tmp_path / ".env").read_text() == "POSTGRES_PASSWORD=known\n"


def run_new_env(folder: Path) -> Path:
    """Run docker/new_env.py on a copy of the repository's two files; gives the .env that it wrote."""
    (folder / "docker").mkdir()
    for name in (".env.example", "docker/new_env.py"):
        shutil.copy(ROOT / name, folder / name)
    command = [sys.executable, "docker/new_env.py"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603 - our own script
    return folder / ".env"


@every_service
def test_an_image_is_pinned(service: Service) -> None:
    assert PINNED_IMAGE.fullmatch(service["image"])


def test_our_images_carry_the_version_of_the_package() -> None:
    version = read_toml("pyproject.toml")["project"]["version"]
    ours = {service["image"] for service in SERVICES.values() if "build" in service}

    assert {image.rpartition(":")[2] for image in ours} == {version}
    assert all("build" in service for service in SERVICES.values() if service["image"] in ours)


@every_service
def test_a_mounted_path_exists_and_a_mounted_volume_is_declared(service: Service) -> None:
    for mount in service.get("volumes", []):
        source, target, *_ = mount.split(":")
        assert target.startswith("/")
        assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_every_declared_volume_is_used() -> None:
    mounted = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}

    assert set(COMPOSE["volumes"]) == {source for source in mounted if not source.startswith(".")}


@every_service
def test_ports_are_published_on_this_machine_only(service: Service) -> None:
    published = [port.split(":") for port in service.get("ports", [])]

    assert all(address == "127.0.0.1" for address, _, _ in published)


def test_published_ports_differ() -> None:
    published = [port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", [])]

    assert len(set(published)) == len(published)


@every_service
def test_a_dependency_is_there_and_can_meet_its_condition(service: Service) -> None:
    for name, dependency in service.get("depends_on", {}).items():
        other = SERVICES[name]
        if dependency["condition"] == "service_completed_successfully":
            assert is_one_shot(other)
        else:
            assert dependency["condition"] == "service_healthy"
            assert "healthcheck" in other
        always_there = not profiles(other) or profiles(other) == profiles(service)
        assert always_there or dependency["required"] is False


@every_service
def test_what_runs_on_has_a_health_check_and_a_restart_policy(service: Service) -> None:
    assert is_one_shot(service) or (service["restart"] == "unless-stopped" and "healthcheck" in service)


def test_airflow_waits_for_both_schemas() -> None:
    running = [each for each in SERVICES.values() if each["image"] == AIRFLOW_IMAGE and each is not SERVICES["migrate"]]

    assert all(each["depends_on"]["migrate"]["condition"] == "service_completed_successfully" for each in running)


def test_our_containers_run_without_any_privilege() -> None:
    for service in SERVICES.values():
        if "build" in service:
            assert service["user"] == "50000:0"
            assert service["cap_drop"] == ["ALL"]


def test_every_airflow_container_is_configured_alike() -> None:
    common = COMPOSE["x-airflow"]["environment"].items()

    assert all(common <= each["environment"].items() for each in SERVICES.values() if each["image"] == AIRFLOW_IMAGE)


def test_every_address_names_a_service() -> None:
    values = [str(value) for service in SERVICES.values() for value in service.get("environment", {}).values()]
    hosts = {urlsplit(value).hostname for value in values if "://" in value}

    assert hosts == {"postgres", "redis", "airflow-apiserver", "localhost"}
    assert hosts - {"localhost"} <= set(SERVICES)


def test_the_demo_connects_each_organization_to_its_own_simulated_account() -> None:
    connections = json.loads((ROOT / "docker/demo/connections.json").read_text())
    tokens = {each["portal_id"]: each["token"] for each in read_toml("local_stack/portals.toml")["portals"]}
    portal_of = {each.hubspot_conn_id: each.portal_id for each in organizations("local_stack/organizations.toml")}

    assert set(connections) == {each.hubspot_conn_id for each in organizations("dags/organizations.toml")}
    assert set(connections) == set(portal_of)
    assert all(each["password"] == tokens[portal_of[name]] for name, each in connections.items())
    assert {(each["host"], each["port"]) for each in connections.values()} == {("http://simulator", 8090)}


def organizations(path: str) -> tuple[Organization, ...]:
    """What a file of the repository says."""
    return load_organizations(ROOT / path).organizations


def read_toml(path: str) -> dict[str, Any]:
    """A TOML file of the repository."""
    return tomllib.loads((ROOT / path).read_text())
