"""What Airflow's form would refuse, the environment and secrets backends hand over as it is."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.hooks.hubspot import HubSpotHook
from airflow_provider_hubspot_deals.hooks.postgres import connection_opener
from airflow_provider_hubspot_deals.notifications.webhook_connections import endpoint_of
from tests.unit.webhooks.receiver import SECRET


@pytest.mark.parametrize(
    "use",
    [lambda conn_id: HubSpotHook(conn_id).get_client(), connection_opener, endpoint_of],
    ids=["hubspot", "postgres", "webhook"],
)
@pytest.mark.parametrize("extra", ["[]", '["s3cr3t"]', '"s3cr3t"', "1"])
def test_an_extra_that_is_no_json_object_is_explained_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, use: Callable[[str], object], extra: str
) -> None:
    connection = {"conn_type": "http", "host": "https://hooks.example.com", "password": SECRET, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_ODD", json.dumps(connection))
    with pytest.raises(ConfigurationError, match=r"'odd': its extra must be a JSON object") as caught:
        use("odd")
    assert "s3cr3t" not in str(caught.value)
