"""Property history as HubSpot tells it → changes, each under a key of its own."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hubspot_deals.deals.related import PropertyChange, property_changes


def record(*entries: Any, name: str = "amount") -> dict[str, Any]:
    return {"id": "7", "propertiesWithHistory": {name: list(entries)}}


def entry(timestamp: Any = "2026-11-21T10:00:00.123Z", value: Any = "5", **facts: Any) -> dict[str, Any]:
    return {"timestamp": timestamp, "value": value, "sourceType": "CRM_UI", **facts}


def test_an_entry_is_a_change_with_its_source() -> None:
    told = entry(sourceId="userId:4", sourceLabel="Ann", updatedByUserId=4)

    assert list(property_changes(record(told))) == [
        PropertyChange(7, "amount", "2026-11-21T10:00:00.123+00:00", 0, "5", "CRM_UI", "userId:4", "Ann", 4)
    ]


def test_changes_of_one_millisecond_are_numbered_oldest_first() -> None:
    newest, middle, oldest = entry(value="3"), entry("2026-11-21T10:00:00.1239Z", "2"), entry(value="1")
    earlier = entry("2026-11-21T09:00:00Z", "0")

    changes = list(property_changes(record(newest, middle, oldest, earlier)))

    assert [(change.value, change.ordinal) for change in changes] == [("0", 0), ("1", 0), ("2", 1), ("3", 2)]
    assert len({(change.changed_at, change.ordinal) for change in changes}) == 4


def test_properties_are_numbered_each_for_itself() -> None:
    both = {"id": "7", "propertiesWithHistory": {"amount": [entry()], "dealstage": [entry()]}}

    assert [(change.property, change.ordinal) for change in property_changes(both)] == [("amount", 0), ("dealstage", 0)]


@pytest.mark.parametrize("timestamp", [None, "", "now", "yesterday", "9999999-01-01T00:00:00Z", {}, "1"])
def test_an_entry_without_a_time_is_left_out(timestamp: Any) -> None:
    assert list(property_changes(record(entry(timestamp), None, "text"))) == []


def test_epoch_milliseconds_are_a_time_too() -> None:
    (change,) = property_changes(record(entry(1_763_719_200_123)))
    assert change.changed_at == "2025-11-21T10:00:00.123+00:00"


@pytest.mark.parametrize(
    ("value", "kept"),
    [("", ""), (None, None), ("nul \x00", '"nul \\u0000"'), ("half \ud83d", '"half \\ud83d"'), (5, "5"), ({}, "{}")],
)
def test_values_are_kept_as_they_are_where_postgresql_can(value: Any, kept: str | None) -> None:
    (change,) = property_changes(record(entry(value=value)))
    assert change.value == kept


@pytest.mark.parametrize("user", [0, -1, 2**63, "4", True, None])
def test_a_user_that_is_no_id_is_none(user: Any) -> None:
    (change,) = property_changes(record(entry(updatedByUserId=user)))
    assert change.updated_by_user_id is None


@pytest.mark.parametrize(
    "broken", [{}, {"id": "7"}, {"id": "x", "propertiesWithHistory": {}}, {"id": "7", "propertiesWithHistory": []}]
)
def test_a_record_that_tells_nothing_is_no_record_without_history(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"BAD_ID|propertiesWithHistory"):
        list(property_changes(broken))
