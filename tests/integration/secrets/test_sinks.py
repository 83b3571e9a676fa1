"""The sinks have teeth: a task that shows a secret in each of them is found out in each of them."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import timezone
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from psycopg import sql

from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator
from tests.integration.secrets.canaries import PRIVATE_APP
from tests.integration.secrets.conftest import World

ENDS = {
    "returned": {"XCom"},
    "raised": {"exception", "OpenLineage"},
    "deferred": {"trigger"},
}
ANYWAY = {
    "log",
    "asset event",
    "rendered fields",
    "task",
    "serialized DAG",
    "database",
    "pg_stat_activity",
}


class LeakyTrigger(DateTimeTrigger):
    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "leaky.Trigger", {"token": PRIVATE_APP}


@pytest.mark.parametrize("end", ENDS)
def test_a_secret_is_found_in_every_sink(world: World, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    def leak(task: HubSpotDealsToPostgresOperator, context: Any) -> object:
        logging.getLogger("anybody").debug("a token: %s", PRIVATE_APP)
        task.hubspot_conn_id = PRIVATE_APP
        context["outlet_events"][task.outlets[0]].extra["token"] = PRIVATE_APP
        with psycopg.connect(world.owner_url) as connection:
            connection.execute(
                "INSERT INTO hubspot.organizations (id, slug, name) VALUES (gen_random_uuid(), %s, %s)",
                [world.organization, PRIVATE_APP],
            )
            connection.execute(sql.SQL("SELECT {}, pg_sleep(0.2)").format(sql.Literal(PRIVATE_APP)))
        if end == "raised":
            raise AirflowFailException(f"refused: {PRIVATE_APP}")
        if end == "deferred":
            raise TaskDeferred(trigger=LeakyTrigger(moment=timezone.utcnow()), method_name="execute")
        return {"token": PRIVATE_APP}

    monkeypatch.setattr(HubSpotDealsToPostgresOperator, "execute", leak)

    evidence = world.run()

    assert set(evidence.finds()) >= ANYWAY | ENDS[end]
    assert ANYWAY.union(*ENDS.values()) == set(evidence.by_sink)
