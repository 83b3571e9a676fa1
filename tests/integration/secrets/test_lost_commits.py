"""A COMMIT without an answer shows no secret, though what became of it is looked up on a new connection."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_hubspot_deals import jobs, sql
from tests.integration.lifecycle.wire import Loss, LossyWire
from tests.integration.secrets.conftest import World
from tests.integration.secrets.test_failure_paths import assert_clean


@pytest.mark.parametrize("is_noticed", [True, False], ids=["d02_connection_cut", "d04_silence"])
def test_d02_d04_a_commit_whose_answer_is_lost_shows_no_secret(
    world: World, monkeypatch: pytest.MonkeyPatch, is_noticed: bool
) -> None:
    monkeypatch.setattr(sql, "TRANSACTION_TIMEOUT_S", 1.0)
    record_batch = jobs.record_batch
    place = urlsplit(world.database_url)
    with LossyWire(place.hostname or "127.0.0.1", place.port or 5432) as wire:

        def record_and_lose(*arguments: Any, **settings: Any) -> Any:
            if not wire.losses:
                wire.lose(Loss(reaches_server=True, is_noticed=is_noticed))
            return record_batch(*arguments, **settings)

        monkeypatch.setattr(jobs, "record_batch", record_and_lose)
        world.postgres(host="127.0.0.1", port=wire.port, extra={"sslmode": "disable"})
        evidence = world.run()
    assert wire.losses == 1
    assert_clean(evidence, None)
    assert "connecting again" in evidence.by_sink["log"]
