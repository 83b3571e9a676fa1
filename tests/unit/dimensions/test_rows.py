"""Whatever HubSpot sends in its lists becomes rows that PostgreSQL takes, or is counted as skipped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_hubspot_deals.dimensions import owner_rows, pipeline_rows, property_rows, stage_rows

STAGE = {
    "id": "5230659805",
    "label": "Offer",
    "displayOrder": 3,
    "metadata": {"isClosed": "true", "probability": "1.0"},
    "createdAt": "2022-11-15T08:13:20.417Z",
    "updatedAt": "2022-11-16T08:13:20Z",
}


def a_pipeline(*stages: Any, **facts: Any) -> dict[str, Any]:
    return {"id": "default", "label": "Sales", "displayOrder": 0, "stages": list(stages), **facts}


def the_stage(**facts: Any) -> dict[str, Any]:
    (row,) = stage_rows([a_pipeline({**STAGE, **facts})]).rows
    return dict(row)


def test_a_stage_has_its_pipeline_and_typed_metadata() -> None:
    row = the_stage()

    assert (row["pipeline_id"], row["stage_id"], row["label"]) == ("default", "5230659805", "Offer")
    assert (row["display_order"], row["probability"], row["is_closed"]) == ("3", "1.0", True)
    assert row["hubspot_created_at"] == "2022-11-15T08:13:20.417Z"
    assert json.loads(row["raw"]) == STAGE


def test_1970_is_hubspots_way_of_not_knowing() -> None:
    assert the_stage(createdAt="1970-01-01T00:00:00Z")["hubspot_created_at"] is None
    assert the_stage(createdAt="1970-01-01T00:00:00.000Z")["hubspot_created_at"] is None


@pytest.mark.parametrize("metadata", [None, [], {}, {"isClosed": None, "probability": "NaN"}, {"isClosed": "maybe"}])
def test_metadata_that_says_nothing_usable_is_unknown(metadata: Any) -> None:
    row = the_stage(metadata=metadata)
    assert (row["probability"], row["is_closed"]) == (None, None)


def test_a_pipeline_does_not_keep_its_stages_twice() -> None:
    (row,) = pipeline_rows([a_pipeline(STAGE)]).rows
    assert json.loads(row["raw"]) == {"id": "default", "label": "Sales", "displayOrder": 0}


@pytest.mark.parametrize("key", [None, "", 1.5, True, "a\x00b", "\ud800", "x" * 1001, "é" * 501, {}])
def test_a_record_without_a_usable_key_is_skipped_and_the_list_is_incomplete(key: Any) -> None:
    listing = stage_rows([a_pipeline(STAGE, {**STAGE, "id": key})])

    assert (len(listing.rows), listing.skipped, listing.is_complete) == (1, 1, False)


@pytest.mark.parametrize("stages", [None, {}, "none"])
def test_a_pipeline_that_shows_no_list_of_stages_makes_the_stages_incomplete(stages: Any) -> None:
    listing = stage_rows([a_pipeline(STAGE), {"id": "other", "stages": stages}])
    assert (len(listing.rows), listing.is_complete) == (1, False)


def test_one_stage_id_in_two_pipelines_is_two_stages() -> None:
    assert len(stage_rows([a_pipeline(STAGE), a_pipeline(STAGE, id="other")]).rows) == 2


def test_an_owner_who_is_in_both_lists_is_what_the_later_one_says() -> None:
    (row,) = owner_rows([{"id": "7", "archived": False, "userId": 5}, {"id": 7, "archived": True}]).rows
    assert (row["owner_id"], row["archived"], row["user_id"]) == ("7", True, None)


def test_text_that_postgresql_refuses_is_left_out_of_its_column_and_kept_in_raw() -> None:
    (row,) = owner_rows([{"id": "7", "firstName": "A\x00", "lastName": "\ud83d", "userId": -1}]).rows

    assert (row["first_name"], row["last_name"], row["user_id"]) == (None, None, None)
    assert json.loads(json.loads(row["raw"])["_json"])["firstName"] == "A\x00"
    json.dumps(row).encode()  # nothing in it that a connection could not carry


def test_empty_lists_of_teams_and_options_are_none() -> None:
    assert owner_rows([{"id": "7", "teams": []}]).rows[0]["teams"] is None
    assert property_rows([{"name": "amount", "options": []}]).rows[0]["options"] is None


def test_a_property_is_custom_unless_hubspot_defined_it() -> None:
    rows = property_rows([{"name": "amount", "hubspotDefined": True}, {"name": "seats", "hubspotDefined": False}]).rows
    assert [row["is_custom"] for row in rows] == [False, True]
