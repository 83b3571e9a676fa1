"""From the fields of an Airflow connection to the address that events go to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.notifications.webhook_connections import endpoint_of
from tests.unit.webhooks.receiver import SECRET


def address_of(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> str:
    connection = {"conn_type": "http", "password": SECRET, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_CRM_WEBHOOK", json.dumps(connection))
    return str(endpoint_of("crm_webhook").url)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"host": "https://hooks.example.com/in?a=1"}, "https://hooks.example.com/in?a=1", id="whole"),
        pytest.param(
            {"host": "https://hooks.example.com/in", "port": 8443},
            "https://hooks.example.com:8443/in",
            id="port beside it",
        ),
        pytest.param(
            {"host": "https://hooks.example.com:8443/in", "port": 8443},
            "https://hooks.example.com:8443/in",
            id="port twice",
        ),
        pytest.param(
            {"host": "hooks.example.com/in", "port": 8443},
            "https://hooks.example.com:8443/in",
            id="path without scheme",
        ),
        pytest.param(
            {"host": "hooks.example.com/in"}, "https://hooks.example.com/in", id="no slash of ours behind a path"
        ),
        pytest.param({"host": "localhost", "schema": "http", "port": 80}, "http://localhost:80", id="in parts"),
        pytest.param({"host": "https://[::1]/in", "port": 8443}, "https://[::1]:8443/in", id="IPv6"),
    ],
)
def test_events_go_to_the_host_port_and_path_that_the_connection_names(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], expected: str
) -> None:
    assert address_of(monkeypatch, **fields) == expected


def test_two_ports_that_contradict_each_other_are_refused_without_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="another port than the port field") as caught:
        address_of(monkeypatch, host="https://hooks.example.com:8443/s3cr3t", port=443)
    assert "s3cr3t" not in str(caught.value)
