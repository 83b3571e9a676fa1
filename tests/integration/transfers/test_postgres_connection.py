"""From an Airflow connection of type Postgres to an open psycopg connection."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_hubspot_deals.hooks import postgres
from airflow_provider_hubspot_deals.hooks.postgres import HURRIED, connection_opener
from airflow_provider_hubspot_deals.webhooks import delivering


@pytest.fixture
def opened(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What libpq was given, for extras of the Airflow connection."""
    parts = urlsplit(database_url)

    def parameters(extra: dict[str, Any], **network: int) -> dict[str, str]:
        fields = {"conn_type": "postgres", "host": parts.hostname, "port": parts.port, "schema": parts.path[1:]}
        account = {"login": parts.username, "password": parts.password, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_DEALS", json.dumps(fields | account))
        with connection_opener("deals", **network)() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            return connection.info.get_parameters()

    return parameters


def test_a_host_that_vanishes_is_noticed(opened: Any) -> None:
    parameters = opened({})
    assert parameters["connect_timeout"] == "10"
    assert parameters["tcp_user_timeout"] == "60000"
    assert [parameters[f"keepalives_{name}"] for name in ("idle", "interval", "count")] == ["30", "10", "3"]


def test_the_connections_own_extras_win(opened: Any) -> None:
    parameters = opened({"connect_timeout": 3, "keepalives_idle": 7, "application_name": "deals"})
    assert (parameters["connect_timeout"], parameters["keepalives_idle"]) == ("3", "7")
    assert (parameters["application_name"], parameters["keepalives_count"]) == ("deals", "3")


def test_who_has_little_time_waits_for_less(opened: Any) -> None:
    assert int(opened({}, **HURRIED)["connect_timeout"]) * 2 < delivering.AT_ONCE.budget_s
    assert opened({"connect_timeout": 30}, **HURRIED)["connect_timeout"] == "30"


@pytest.mark.parametrize(
    ("host", "extra", "warnings"),
    [
        pytest.param("127.0.0.1", {}, 0, id="this machine"),
        pytest.param("db.example", {}, 1, id="another machine"),
        pytest.param("db.example", {"sslmode": "disable"}, 0, id="on purpose"),
    ],
)
def test_f26_plain_text_to_another_machine_is_warned_of_once(
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    host: str,
    extra: dict[str, Any],
    warnings: int,
) -> None:
    postgres._warn_of_plain_text.cache_clear()
    parts = urlsplit(database_url)
    fields = {"conn_type": "postgres", "host": host, "port": parts.port, "schema": parts.path[1:]}
    # libpq connects to hostaddr and takes the host for its name.
    account = {"login": parts.username, "password": parts.password, "extra": {**extra, "hostaddr": "127.0.0.1"}}
    monkeypatch.setenv("AIRFLOW_CONN_DEALS", json.dumps(fields | account))
    for _ in range(2):
        connection_opener("deals")().close()
    told = [record for record in caplog.records if "unencrypted" in record.getMessage()]
    assert len(told) == warnings
