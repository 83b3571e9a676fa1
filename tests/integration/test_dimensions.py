"""Lists of HubSpot in their tables: what changed is written, what vanished is marked, everything else is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hubspot_deals import dimensions
from airflow_provider_hubspot_deals.dimensions import Dimension, Listing, Written
from tests.integration.listings import OPEN, registered, rows_of, stages, store
from tests.integration.tenant import Tenant

WON = {"isClosed": "true", "probability": "1.0"}
NOTHING = Written(inserted=0, updated=0, deleted=0)


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return registered(Tenant(database_url))


def owners(*records: dict[str, Any]) -> Listing:
    return dimensions.owner_rows(records)


def stored_stages(tenant: Tenant) -> dict[str, dict[str, Any]]:
    return rows_of(tenant, "pipeline_stages", "stage_id")


def test_a_renamed_stage_is_updated_and_no_other_row_is_touched(acme: Tenant) -> None:
    assert store(acme, Dimension.STAGES, stages(a="A", b="B")) == Written(inserted=2, updated=0, deleted=0)
    before = stored_stages(acme)

    assert store(acme, Dimension.STAGES, stages(a="A", b="Beta")) == Written(inserted=0, updated=1, deleted=0)

    after = stored_stages(acme)
    assert after["a"] == before["a"]
    assert (after["b"]["label"], after["b"]["created_at"]) == ("Beta", before["b"]["created_at"])
    assert after["b"]["updated_at"] > before["b"]["updated_at"]


def test_the_same_list_again_writes_and_locks_nothing(acme: Tenant) -> None:
    store(acme, Dimension.STAGES, stages(a="A", b="B"))
    before = stored_stages(acme)

    assert store(acme, Dimension.STAGES, stages(b="B", a="A")) == NOTHING

    assert stored_stages(acme) == before
    assert acme.query("SELECT xmax::text FROM hubspot.pipeline_stages WHERE xmax <> 0") == []


def test_a_vanished_stage_stays_and_is_marked_once(acme: Tenant) -> None:
    store(acme, Dimension.STAGES, stages(a="A", b="B"))

    assert store(acme, Dimension.STAGES, stages(a="A")) == Written(inserted=0, updated=0, deleted=1)
    marked = stored_stages(acme)
    assert store(acme, Dimension.STAGES, stages(a="A")) == NOTHING

    assert (marked["b"]["label"], marked["b"]["_deleted_at"] is not None) == ("B", True)
    assert marked["a"]["_deleted_at"] is None
    assert stored_stages(acme) == marked


def test_a_restored_stage_loses_its_mark(acme: Tenant) -> None:
    store(acme, Dimension.STAGES, stages(a="A", b="B"))
    store(acme, Dimension.STAGES, stages(a="A"))

    assert store(acme, Dimension.STAGES, stages(a="A", b="B")) == Written(inserted=0, updated=1, deleted=0)

    assert stored_stages(acme)["b"]["_deleted_at"] is None


def test_while_a_record_cannot_be_keyed_nothing_is_taken_for_vanished(acme: Tenant) -> None:
    store(acme, Dimension.STAGES, stages(a="A", b="B"))
    listed = dimensions.stage_rows([{"id": "default", "stages": [{"id": "a", "label": "New"}, {"id": None}]}])

    assert store(acme, Dimension.STAGES, listed) == Written(inserted=0, updated=1, deleted=0)


def test_the_database_says_which_stages_are_won(acme: Tenant) -> None:
    listed = [{"id": "won", "metadata": WON}, {"id": "open", "metadata": OPEN}, {"id": "odd", "metadata": {}}]
    lost = {"id": "lost", "metadata": {"isClosed": "true", "probability": "0.0"}}
    store(acme, Dimension.STAGES, dimensions.stage_rows([{"id": "default", "stages": [*listed, lost]}]))

    found = {stage: row["is_won"] for stage, row in stored_stages(acme).items()}
    assert found == {"won": True, "open": False, "lost": False, "odd": None}


def test_organizations_and_types_with_the_same_stage_ids_stay_apart(acme: Tenant) -> None:
    others = [registered(Tenant(acme.url, "rival")), registered(Tenant(acme.url, type="sandbox"))]
    for number, other in enumerate(others):
        store(other, Dimension.STAGES, stages(a=f"Other {number}", b="B"))
    before = [stored_stages(other) for other in others]

    store(acme, Dimension.STAGES, stages(a="Ours"))
    store(acme, Dimension.STAGES, stages(c="C"))

    assert [stored_stages(other) for other in others] == before
    assert stored_stages(acme)["a"]["label"] == "Ours"


def test_pipelines_are_kept_like_stages(acme: Tenant) -> None:
    def listed(*pipelines: tuple[str, str]) -> Listing:
        return dimensions.pipeline_rows([{"id": key, "label": label, "stages": []} for key, label in pipelines])

    store(acme, Dimension.PIPELINES, listed(("default", "Sales"), ("7", "Renewals")))
    assert store(acme, Dimension.PIPELINES, listed(("default", "Sales"))).deleted == 1
    assert store(acme, Dimension.PIPELINES, listed(("default", "Deals"), ("7", "Renewals"))).updated == 2

    found = rows_of(acme, "pipelines", "pipeline_id")
    assert {key: (row["label"], row["_deleted_at"]) for key, row in found.items()} == {
        "default": ("Deals", None),
        "7": ("Renewals", None),
    }


def test_an_owner_is_stored_whole(acme: Tenant) -> None:
    teams = [{"id": "4820", "name": "Sales", "primary": True}]
    record = {"id": "88842095", "email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace", "userId": 5}
    store(acme, Dimension.OWNERS, owners({**record, "type": "PERSON", "userIdIncludingInactive": 5, "teams": teams}))

    row = rows_of(acme, "owners", "owner_id")["88842095"]
    assert (row["email"], row["first_name"], row["last_name"], row["owner_type"]) == (
        *("ada@example.com", "Ada", "Lovelace", "PERSON"),
    )
    assert (row["user_id"], row["user_id_including_inactive"], row["teams"], row["archived"]) == (5, 5, teams, False)
    assert row["raw"]["email"] == "ada@example.com"


def test_values_that_postgresql_refuses_do_not_lose_the_list(acme: Tenant) -> None:
    odd = {"id": "1", "firstName": "A\x00B", "lastName": "\ud83d", "email": "x" * 70_000, "userId": 2**70}
    store(acme, Dimension.OWNERS, owners(odd, {"id": "2", "firstName": "'; --", "createdAt": "infinity"}))

    found = rows_of(acme, "owners", "owner_id")
    assert (found["1"]["first_name"], found["1"]["last_name"], found["1"]["user_id"]) == (None, None, None)
    assert len(found["1"]["email"]) == 70_000
    assert (found["2"]["first_name"], found["2"]["hubspot_created_at"]) == ("'; --", None)
    assert store(acme, Dimension.OWNERS, owners(odd, {"id": "2", "firstName": "'; --"})).inserted == 0
