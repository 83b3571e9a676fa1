"""docker/postgres makes the databases of docker-compose.yaml; run here as the image's entrypoint runs it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from airflow_provider_hubspot_deals import migrations
from local_stack.postgres import EmbeddedPostgres
from local_stack.throwaway import temporary_directory
from tests.unit.compose_file import ROOT, SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = {"airflow": "AIRFLOW_DB_PASSWORD", "hubspot_deals": "HUBSPOT_DEALS_DB_PASSWORD"}
PASSWORDS = {"AIRFLOW_DB_PASSWORD": "it's for airflow", "HUBSPOT_DEALS_DB_PASSWORD": 'and "this" for deals'}


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server of its own, since roles belong to the whole server, after the scripts have run."""
    with temporary_directory() as directory:
        server = EmbeddedPostgres(directory, durable=False)
        with server:
            run_scripts(server)
            yield server


def run_scripts(server: EmbeddedPostgres) -> None:
    """As docker-entrypoint.sh of the postgres image does with /docker-entrypoint-initdb.d."""
    options = ["--set=ON_ERROR_STOP=1", "--no-password", "--no-psqlrc"]
    psql = server.binaries.folder / "psql"
    environment = {"PATH": os.defpath, **PASSWORDS}
    for script in sorted((ROOT / "docker/postgres").iterdir()):
        assert script.suffix == ".sql"
        subprocess.run(  # noqa: S603 - our own arguments
            [psql, *options, server.superuser_url, "--file", script], env=environment, check=True
        )


def connect(server: EmbeddedPostgres, role: str, database: str) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=server.port, user=role, password=PASSWORDS[OWN[role]], dbname=database
    )


@pytest.mark.parametrize("name", OWN)
def test_an_owner_is_let_in_and_may_create_schemas_without_being_a_superuser(
    server: EmbeddedPostgres, name: str
) -> None:
    with connect(server, name, name) as connection:
        connection.execute("CREATE SCHEMA probe")
        row = connection.execute(
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        connection.rollback()

    assert row == (False,)


@pytest.mark.parametrize(("role", "database"), [("airflow", "hubspot_deals"), ("hubspot_deals", "airflow")])
def test_an_owner_may_not_enter_the_other_database(server: EmbeddedPostgres, role: str, database: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(server, role, database)


def test_our_schema_fits_the_database_of_the_deals(server: EmbeddedPostgres) -> None:
    migrations.upgrade(lambda: connect(server, "hubspot_deals", "hubspot_deals"))

    with connect(server, "hubspot_deals", "hubspot_deals") as connection:
        migrations.check(connection)


def test_the_addresses_in_compose_name_these_roles_and_databases() -> None:
    environment = SERVICES["migrate"]["environment"]
    variables = [
        "DATABASE_URL",
        "AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "AIRFLOW__CELERY__RESULT_BACKEND",
    ]
    addresses = [urlsplit(environment[name].removeprefix("db+")) for name in variables]

    assert [(each.username, each.path) for each in addresses] == [
        ("hubspot_deals", "/hubspot_deals"),
        ("hubspot_deals", "/hubspot_deals"),
        ("airflow", "/airflow"),
        ("airflow", "/airflow"),
    ]
    assert {each.port for each in addresses} == {5432}


def test_the_scripts_read_what_compose_hands_over() -> None:
    assert set(PASSWORDS) <= set(SERVICES["postgres"]["environment"])
