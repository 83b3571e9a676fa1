"""Airflow finds the provider, its hook and its connection form: seen through Airflow's own commands."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from airflow_provider_hubspot_deals.get_provider_info import get_provider_info

PACKAGE = "airflow-provider-hubspot-deals"
HOOK = "airflow_provider_hubspot_deals.hooks.hubspot.HubSpotHook"


@cache
def airflow(*command: str) -> Any:
    finished = subprocess.run(  # noqa: S603 - Airflow's own command
        [sys.executable, "-m", "airflow", "providers", *command, "--output", "json"],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return json.loads(finished.stdout[finished.stdout.index("[") :])


def modules_after(statement: str) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after the statement."""
    program = f"{statement}\nimport sys; sys.stdout.write(' '.join(sys.modules))"
    finished = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)  # noqa: S603 - ourselves
    return set(finished.stdout.split())


def test_airflow_lists_the_provider() -> None:
    (row,) = [row for row in airflow("list") if row["package_name"] == PACKAGE]
    assert "HubSpot" in row["description"]


def test_airflow_lists_the_hook() -> None:
    (row,) = [row for row in airflow("hooks") if row["connection_type"] == "hubspot"]
    assert row["class"] == HOOK
    assert row["conn_id_attribute_name"] == "hubspot_conn_id"
    assert row["hook_name"] == "HubSpot"


def test_the_connection_form_has_the_fields_that_the_hook_reads() -> None:
    from airflow_provider_hubspot_deals.hooks.hubspot import _EXTRAS

    prefix = "extra__hubspot__"
    shown = {row["connection_parameter_name"] for row in airflow("widgets") if row["class"] == HOOK}
    assert shown == {prefix + field for field in _EXTRAS}


def test_the_connection_form_hides_and_renames_standard_fields() -> None:
    assert "hubspot" in {row["field_behaviours"] for row in airflow("behaviours")}
    behaviour = get_provider_info()["connection-types"][0]["ui-field-behaviour"]
    assert behaviour["relabeling"]["password"] == "Access token"


@pytest.mark.parametrize("link", ["DealsBoardLink", "JobLink"])
def test_airflow_lists_the_links_of_our_tasks(link: str) -> None:
    assert any(row["extra_link_class_name"].endswith(f".{link}") for row in airflow("links"))


def test_the_metadata_fit_airflows_schema() -> None:
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text("utf-8"))
    jsonschema.validate(get_provider_info(), schema)


def test_every_module_and_class_in_the_metadata_exists() -> None:
    info = get_provider_info()
    for module in [*info["hooks"][0]["python-modules"], info["transfers"][0]["python-module"]]:
        import_module(module)
    for path in [info["connection-types"][0]["hook-class-name"], *info["extra-links"]]:
        module, _, name = path.rpartition(".")
        assert hasattr(import_module(module), name)


@pytest.mark.parametrize(
    "statement",
    [
        "import airflow_provider_hubspot_deals",
        "from airflow_provider_hubspot_deals.get_provider_info import get_provider_info; get_provider_info()",
    ],
)
def test_discovery_imports_nothing_of_airflow_or_third_parties(statement: str) -> None:
    new = modules_after(statement) - modules_after("pass")
    assert {name.partition(".")[0] for name in new} <= {"airflow_provider_hubspot_deals", "typing", "__future__"} | set(
        sys.stdlib_module_names
    )


def test_a_dag_file_loads_neither_the_client_nor_a_database_driver() -> None:
    loaded = modules_after("import airflow_provider_hubspot_deals.dag_factory")
    for heavy in ("client.hubspot_client", "hooks.hubspot", "sync", "migrations"):
        assert f"airflow_provider_hubspot_deals.{heavy}" not in loaded
    assert "psycopg" not in loaded
