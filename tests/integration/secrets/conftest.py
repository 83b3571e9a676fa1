"""An Airflow whose connections hold canaries, between a simulated HubSpot and a real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg
import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred
from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow.serialization.serialized_objects import DagSerialization
from psycopg import sql

from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.client.transport import Timeouts
from airflow_provider_hubspot_deals.dag_factory import deals_asset
from airflow_provider_hubspot_deals.hooks import hubspot as hubspot_hook
from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator
from hubspot_simulator import PortalSpec, SimulatorServer
from tests.integration.secrets import sinks
from tests.integration.secrets.canaries import (
    CANARIES,
    CLIENT_ID,
    CLIENT_SECRET,
    DATABASE_PASSWORD,
    PRIVATE_APP,
    REFRESH_TOKEN,
)
from tests.integration.secrets.scanner import Scanner

PRIVATE = PortalSpec(portal_id=1001, deals=120, archived=4, token=PRIVATE_APP)
OAUTH = PortalSpec(
    portal_id=1002,
    deals=120,
    app="oauth",
    client_id=CLIENT_ID,
    client_secret=CLIENT_SECRET,
    refresh_token=REFRESH_TOKEN,
)
HASTY = {
    "timeouts": Timeouts(connect_s=1.0, read_s=0.5, total_s=2.0),
    "retries": Retries(attempts_max=2, backoff_s=0.01, budget_s=5.0),
}
numbers = count(1)


@dataclass(frozen=True)
class Evidence:
    """What a run showed, and how it ended."""

    error: BaseException | None
    by_sink: dict[str, str]
    also: dict[str, str] = field(default_factory=dict)  # secrets that came up during the run

    def finds(self) -> dict[str, list[str]]:
        """Sink → what was found in it; empty when nothing was."""
        scanner = Scanner({**CANARIES, **self.also})
        found = {sink: scanner.finds(text) for sink, text in self.by_sink.items()}
        return {sink: finds for sink, finds in found.items() if finds}


@dataclass
class World:
    """Connections that can be changed before a run, and what can go wrong."""

    simulator: SimulatorServer = field(repr=False)
    database_url: str = field(repr=False)  # of the role whose password is a canary
    owner_url: str = field(repr=False)
    environment: pytest.MonkeyPatch = field(repr=False)
    organization: str = field(default_factory=lambda: f"acme-{next(numbers)}")
    lineage: sinks.Lineage = field(kw_only=True, repr=False)
    on_request: Callable[[], None] = lambda: None

    @property
    def superuser_url(self) -> str:
        """Whoever sees every row and the statements of every session."""
        return self.owner_url.replace("hubspot_loader:", "postgres:", 1)

    def hubspot(self, **fields: Any) -> None:
        """Replace fields of the HubSpot connection."""
        self._define("HUBSPOT_DEFAULT", fields)

    def postgres(self, **fields: Any) -> None:
        """Replace fields of the PostgreSQL connection."""
        self._define("HUBSPOT_DEALS_POSTGRES", fields)

    def oauth(self, **extra: str) -> None:
        """Let the HubSpot connection hold an OAuth grant in place of a token."""
        grant = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN, **extra}
        self.hubspot(password=None, extra={"allow_other_hosts": True, **grant})

    def define_both(self) -> None:
        self.hubspot(
            conn_type="hubspot",
            password=PRIVATE_APP,
            host=self.simulator.base_url,
            extra={"allow_other_hosts": True},
        )
        parts = urlsplit(self.database_url)
        self.postgres(
            conn_type="postgres",
            host=parts.hostname,
            port=parts.port,
            schema=parts.path[1:],
            login=parts.username,
            password=DATABASE_PASSWORD,
        )

    def _define(self, name: str, fields: dict[str, Any]) -> None:
        variable = f"AIRFLOW_CONN_{name}"
        before = json.loads(os.environ.get(variable, "{}"))
        self.environment.setenv(variable, json.dumps({**before, **fields}))

    def execute(self, statement: str) -> None:
        """As the owner of the schema."""
        with psycopg.connect(self.owner_url, autocommit=True) as owner:
            owner.execute(statement)

    def run(self, **arguments: Any) -> Evidence:
        """A task of one organization, watched from all sides."""
        with DAG(f"hubspot_deals_{self.organization}", schedule=None) as dag:
            task = HubSpotDealsToPostgresOperator(
                task_id="load",
                organization=self.organization,
                outlets=[deals_asset(self.organization)],
                **{"search_lag_minutes": 0, "batch_rows": 50, "full_refresh_every_days": 7, **arguments},
            )
        context: Any = {
            "ti": SimpleNamespace(
                dag_id=dag.dag_id, run_id="manual__1", task_id="load", map_index=None, try_number=1, max_tries=3
            ),
            "dag_run": SimpleNamespace(run_type="manual", clear_number=None),
            "outlet_events": OutletEventAccessors(),
        }
        activity, error, summary = sinks.Activity(self.superuser_url), None, None
        with sinks.Logs().captured() as logs, activity.watched(), _killable(task):
            try:
                summary = task.execute(context)
            except BaseException as raised:  # noqa: BLE001 - whatever it is, it is looked at
                error = raised
        shown = {
            "log": logs.text,
            "exception": sinks.unfolded(error) if error else "",
            "XCom": json.dumps(summary),
            "asset event": repr([context["outlet_events"][outlet].extra for outlet in task.outlets]),
            "trigger": repr(error.trigger.serialize()) if isinstance(error, TaskDeferred) else "",
            "rendered fields": repr({name: getattr(task, name) for name in task.template_fields}),
            "task": repr(task) + repr(vars(task)),
            "serialized DAG": json.dumps(DagSerialization.to_dict(dag), default=str),
            "OpenLineage": self.lineage.events(task, error),
            "database": sinks.database(self.superuser_url),
            "pg_stat_activity": "\n".join(activity.seen),
        }
        return Evidence(error, shown, also=self._granted())

    def _granted(self) -> dict[str, str]:
        account = self.simulator.account(OAUTH.portal_id)
        grants = self.simulator.accounts._grants
        tokens = [token for token, grant in grants.items() if grant.account is account]
        return {f"access token {number}": token for number, token in enumerate(tokens)}


@contextmanager
def _killable(task: HubSpotDealsToPostgresOperator) -> Iterator[None]:
    """As Airflow's task runner: SIGTERM calls ``on_kill``."""
    previous = signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@pytest.fixture(scope="module")
def canary_database(postgres_server: Any, migrated_template: str) -> Iterator[tuple[str, str]]:
    """Address for the owner, and for a loading role whose password is a canary."""
    name, role = f"{migrated_template}_canaries", f"canary_{uuid4().hex}"
    owner_url = postgres_server.create_database(name, template=migrated_template)
    with closing(psycopg.connect(owner_url, autocommit=True)) as owner:
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        owner.execute(create.format(sql.Identifier(role), sql.Literal(DATABASE_PASSWORD)))
        owner.execute("SELECT hubspot.grant_loader(%s)", [role])
    parts = urlsplit(owner_url)
    account = f"{role}:{quote(DATABASE_PASSWORD, safe='')}"
    yield owner_url, parts._replace(netloc=f"{account}@{parts.hostname}:{parts.port}").geturl()
    with closing(psycopg.connect(owner_url, autocommit=True)) as owner:
        owner.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
        # One that was cut off by a test may not have ended yet.
        owner.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", [role])
        owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
    postgres_server.drop_database(name)


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer([PRIVATE, OAUTH], rate_limits=False) as server:
        yield server


@pytest.fixture
def world(
    canary_database: tuple[str, str], simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> World:
    """Everything in order, with a client that does not wait for long; rows of earlier tests are gone."""
    owner_url, url = canary_database
    monkeypatch.setattr(hubspot_hook, "HubSpotClient", partial(_hasty, HubSpotClient))
    lineage = sinks.Lineage(tmp_path / "lineage.jsonl", monkeypatch)
    made = World(simulator, url, owner_url, monkeypatch, lineage=lineage)
    made.define_both()
    made.execute("SELECT hubspot.erase_organization(id) FROM hubspot.organizations")
    return made


def _hasty(client: type[HubSpotClient], credentials: Any, **settings: Any) -> HubSpotClient:
    return client(credentials, **{**settings, **HASTY})
