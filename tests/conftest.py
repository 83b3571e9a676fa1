"""What every test may rely on: a clean environment, and a PostgreSQL server with a fresh database for each test."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from local_stack.databases import DATABASE_URL
from local_stack.throwaway import throwaway_server
from tests.airflow_versions import lacking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_stack.databases import DatabaseServer

# Real tokens, proxies, another Airflow and libpq's defaults must not reach a test.
FOREIGN_PREFIXES = ("AIRFLOW", "HUBSPOT", "PG", "OPENLINEAGE", "OTEL", "SSL_CERT", "SSL_KEY")
FOREIGN_SUFFIXES = ("_PROXY", "CA_BUNDLE", "NETRC")
MIGRATED_TEMPLATE = (
    "MIGRATED_TEMPLATE"  # of the server that DATABASE_URL names: a database whose schema is made already
)
FOREIGN_NAMES = (DATABASE_URL, MIGRATED_TEMPLATE, "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONWARNINGS")
# Where the tests themselves find a server, and what they are asked for.
KEPT_NAMES = ("PG_BINDIR", "AIRFLOW_SEQUENCES", "AIRFLOW_SEED")


def is_foreign(name: str) -> bool:
    """Whether an environment variable of the caller could change what a test sees."""
    upper = name.upper()
    if upper in KEPT_NAMES:
        return False
    return upper in FOREIGN_NAMES or upper.startswith(FOREIGN_PREFIXES) or upper.endswith(FOREIGN_SUFFIXES)


given = dict(os.environ)
given_database_url = given.get(DATABASE_URL)
given_template = given.get(MIGRATED_TEMPLATE)
for variable in [name for name in os.environ if is_foreign(name)]:
    del os.environ[variable]

# Before anything imports Airflow, which reads its configuration, and writes files, at import.
airflow_home = tempfile.mkdtemp(prefix="hubspot-deals-airflow-home-")
os.environ |= {
    "AIRFLOW_HOME": airflow_home,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": os.path.join(airflow_home, "dags"),  # noqa: PTH118 - a string is wanted
    "TZ": "UTC",
}
database_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What is too long for every day."""
    parser.addoption(
        "--thorough",
        action="store_true",
        help="every bad value at every position, 10,000 examples of each property instead of 100, a real dbt",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Hypothesis is as thorough as asked for; tests with a number of examples of their own keep it."""
    settings.register_profile("thorough", max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
    settings.register_profile("hasty", max_examples=20, deadline=None, database=None)
    if config.getoption("thorough"):
        settings.load_profile("thorough")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out, before its fixtures are made, a test of what this Airflow lacks."""
    for mark in item.iter_markers("airflow"):
        if reason := lacking(*mark.args, **mark.kwargs):
            pytest.skip(reason)


def pytest_unconfigure() -> None:
    """Leave nothing in the temporary folder."""
    shutil.rmtree(airflow_home, ignore_errors=True)


@pytest.fixture(scope="session")
def given_environment() -> dict[str, str]:
    """The caller's, for what installs packages as the caller would: through a proxy, say."""
    return given


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[DatabaseServer]:
    """A throwaway server, or the one that DATABASE_URL named when pytest started."""
    with pytest.MonkeyPatch.context() as environment:
        if given_database_url:
            environment.setenv(DATABASE_URL, given_database_url)
        server = throwaway_server()
        with server as started:
            environment.undo()
            yield started


@pytest.fixture(scope="session")
def migrated_template(postgres_server: DatabaseServer) -> Iterator[str]:
    """Name of a database at the newest revision of our schema, to be copied."""
    if given_template:
        yield given_template
        return
    from airflow_provider_hubspot_deals import migrations

    name = f"hubspot_deals_template_{os.getpid()}"
    postgres_server.drop_database(name)
    migrations.upgrade(postgres_server.create_database(name))
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
def database_url(postgres_server: DatabaseServer, migrated_template: str) -> Iterator[str]:
    """Address of a fresh database with our schema; its user owns it and is no superuser."""
    yield from fresh_database(postgres_server, migrated_template)


@pytest.fixture
def empty_database_url(postgres_server: DatabaseServer) -> Iterator[str]:
    """Address of a fresh database with nothing in it."""
    yield from fresh_database(postgres_server, None)


def fresh_database(server: DatabaseServer, template: str | None) -> Iterator[str]:
    """Create it, lend it, drop it."""
    name = f"hubspot_deals_test_{os.getpid()}_{next(database_numbers)}"
    yield server.create_database(name, template=template)
    server.drop_database(name)
