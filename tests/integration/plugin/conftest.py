"""Airflow's own API server with our page in it, in this process; its metadata in SQLite, our tables in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from airflow_provider_hubspot_deals.plugin import other_stores
from tests.integration.tenant import Tenant

if TYPE_CHECKING:
    from fastapi import FastAPI
    from httpx2 import Response

ROOT = "http://airflow.test"
PAGE = "/hubspot-deals"
COOKIE = "_token"


@dataclass(frozen=True)
class Visitor:
    """Somebody's browser."""

    client: TestClient

    def get(self, path: str = "/", **query: Any) -> Response:
        return self.client.get(f"{PAGE}{path}", params=query)

    def post(self, path: str, **headers: str) -> Response:
        return self.client.post(f"{PAGE}{path}", headers=headers)


Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def airflow_app() -> Iterator[FastAPI]:
    """The application that `airflow api-server` serves."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRFLOW__CORE__AUTH_MANAGER", "tests.integration.plugin.auth_manager.PerDagAuthManager")
        environment.setenv("AIRFLOW__API__SECRET_KEY", "of the tests")
        environment.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "of the tests, " * 5)
        from airflow.api_fastapi.app import create_app, purge_cached_app
        from airflow.utils.db import initdb

        initdb()
        purge_cached_app()
        yield create_app(apps="core")
        purge_cached_app()


@pytest.fixture
def knows_dags(
    airflow_app: FastAPI,  # noqa: ARG001 - makes the metadata
) -> Iterator[Callable[..., None]]:
    """Put DAGs into Airflow's metadata, as far as the page looks at them: those that run, if nothing else is said."""
    from airflow.models.dag import DagModel, DagTag
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    def put(
        dag_ids: Sequence[str],
        *,
        is_paused: bool = False,
        is_stale: bool = False,
        schedule: str = "0 * * * *",
        next_run: datetime | None = None,
        tags: Sequence[str] = ("hubspot",),
    ) -> None:
        with create_session() as session:
            if session.get(DagBundleModel, "tests") is None:
                session.add(DagBundleModel(name="tests"))
            session.flush()
            for dag_id in dag_ids:
                dag = DagModel(dag_id=dag_id, bundle_name="tests")  # type: ignore[no-untyped-call]  # Airflow gives its constructor no types
                dag.is_paused, dag.is_stale, dag.timetable_summary = is_paused, is_stale, schedule
                dag.next_dagrun_create_after = next_run
                dag.tags = [DagTag(name=tag, dag_id=dag_id) for tag in tags]
                session.merge(dag)

    yield put
    with create_session() as session:
        session.query(DagTag).delete()
        session.query(DagModel).delete()


@pytest.fixture
def deals_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Our tables, where the connection of the DAGs leads."""
    place = urlsplit(database_url)
    connection = {
        "conn_type": "postgres",
        "host": place.hostname,
        "port": place.port,
        "login": place.username,
        "password": place.password,
        "schema": place.path.lstrip("/"),
    }
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES", json.dumps(connection))
    return database_url


@pytest.fixture
def visit(airflow_app: FastAPI, deals_database: str) -> Visit:  # noqa: ARG001 - the page reads it
    """A browser of somebody with a name and a role; of nobody when there is no role."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    other_stores.forget()  # each test has a database of its own

    def browser(role: str | None = "admin", name: str = "somebody") -> Visitor:
        client = TestClient(airflow_app, base_url=ROOT, raise_server_exceptions=False, follow_redirects=False)
        if role is not None:
            user = SimpleAuthManagerUser(username=name, role=role)
            client.cookies.set(COOKIE, get_auth_manager().generate_jwt(user))
        return Visitor(client)

    return browser


@pytest.fixture
def acme(deals_database: str, knows_dags: Callable[..., None]) -> Tenant:
    """An organization with its DAG, and no job yet."""
    knows_dags(["hubspot_deals_acme"])
    return Tenant(deals_database)
