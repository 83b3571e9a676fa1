"""The example of dbt after a load, with a real dbt in an environment of its own: models, tests, and who may read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowException
from psycopg import sql

from tests.integration.roles import SUPERUSER, Roles
from tests.integration.transfers.conftest import ACME, Airflow

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

EXAMPLES = Path(__file__).parents[3] / "dags" / "examples"
# Later ones of dbt-core need a part of it that is built from what is downloaded meanwhile.
DBT = ("dbt-core==1.11.16", "dbt-postgres==1.11.0")
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def dbt(
    pytestconfig: pytest.Config, given_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of its program."""
    if not pytestconfig.getoption("thorough"):
        pytest.skip("installs dbt: with --thorough only")
    programs = tmp_path_factory.mktemp("dbt") / "bin"
    install = ["pip", "install", "--python", str(programs / "python"), *DBT]
    for command in (["venv", str(programs.parent)], install):
        uv = [sys.executable, "-m", "uv", "--quiet", *command]
        subprocess.run(uv, env=given_environment, check=True)  # noqa: S603 - our own command
    return programs


@pytest.fixture
def acme(airflow: Airflow) -> UUID:
    """Id of an organization whose deals are loaded."""
    airflow.task().execute(airflow.context())
    (row,) = airflow.query("SELECT id FROM hubspot.organizations")
    organization: UUID = row["id"]
    return organization


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy, since dbt writes into it."""
    return shutil.copytree(EXAMPLES / "dbt", tmp_path / "project")


@pytest.fixture
def build(acme: UUID, dbt: Path, project: Path, roles: Roles, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Run the task's command as that role, which has a schema of its own."""

    def built(role: str) -> None:
        with psycopg.connect(roles.url_of(SUPERUSER), autocommit=True) as administrator:
            administrator.execute(sql.SQL("CREATE SCHEMA analytics AUTHORIZATION {}").format(sql.Identifier(role)))
        for name, value in variables(roles.url_of(role), acme).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PATH", os.pathsep.join([str(dbt), os.environ["PATH"]]))
        monkeypatch.setenv("HUBSPOT_DBT_PROJECT", str(project))
        example: Any = DagBag(dag_folder=EXAMPLES / "dbt_after_load.py").dags["dbt_after_load"]
        example.get_task("dbt_build").execute({})

    return built


def results(project: Path) -> dict[str, str]:
    """How each model and test ended, by its name, as dbt noted it."""
    noted = json.loads((project / "target" / "run_results.json").read_text())["results"]
    return {each["unique_id"].split(".")[2]: each["status"] for each in noted}


def variables(url: str, organization: UUID) -> dict[str, str]:
    """What the project reads from its environment."""
    parts = urlsplit(url)
    return {
        "WAREHOUSE_HOST": str(parts.hostname),
        "WAREHOUSE_PORT": str(parts.port),
        "WAREHOUSE_DATABASE": parts.path[1:],
        "WAREHOUSE_USER": str(parts.username),
        "DBT_ENV_SECRET_WAREHOUSE_PASSWORD": str(parts.password),
        "HUBSPOT_ORGANIZATION_ID": str(organization),
        "DO_NOT_TRACK": "1",
    }


def test_a_bound_reader_builds_the_models_of_its_organization(
    airflow: Airflow, acme: UUID, build: Callable[[str], None], project: Path, roles: Roles
) -> None:
    build(roles.bound(acme))
    assert results(project) == {
        "source_is_seen_hubspot_hubspot_deals__organization_id": "pass",
        "source_is_seen_hubspot_reporting_deals_with_names_organization_id": "pass",
        "deals_by_month": "success",
        "pipeline_by_stage": "success",
        "unique_deals_by_month_month": "pass",
    }
    stored = "SELECT count(*) AS deals, count(*) FILTER (WHERE archived) AS archived FROM hubspot.hubspot_deals"
    with psycopg.connect(roles.url_of(SUPERUSER)) as administrator:
        months = "SELECT sum(deals), sum(archived) FROM analytics.deals_by_month"
        assert administrator.execute(months).fetchone() == tuple(airflow.query(stored)[0].values())
        stages = "SELECT sum(deals), count(*) > 1 AND bool_and(stage_label <> '') FROM analytics.pipeline_by_stage"
        assert administrator.execute(stages).fetchone() == (ACME.deals, True)


def test_a_reader_that_sees_no_deal_fails_the_task_and_empties_no_model(
    build: Callable[[str], None], project: Path, roles: Roles
) -> None:
    role = roles.reader()  # may choose an organization, and has chosen none
    with pytest.raises(AirflowException, match="Bash command failed"):
        build(role)
    assert results(project) == {
        "source_is_seen_hubspot_hubspot_deals__organization_id": "fail",
        "source_is_seen_hubspot_reporting_deals_with_names_organization_id": "fail",
        "deals_by_month": "skipped",
        "pipeline_by_stage": "skipped",
        "unique_deals_by_month_month": "skipped",
    }
