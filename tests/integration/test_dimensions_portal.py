"""Portal facts, property definitions and their drift, and when the lists are due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals import dimensions, jobs, sql
from airflow_provider_hubspot_deals.dimensions import Dimension, PropertyDrift
from tests.integration.listings import keys_of, portal, properties, registered, rows_of
from tests.integration.tenant import Tenant, a_batch, a_run


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return registered(Tenant(database_url))


def definition(name: str, kind: str = "string", **facts: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "label": name.title(), "hubspotDefined": False, **facts}


def test_the_first_definitions_of_a_portal_are_no_drift(acme: Tenant) -> None:
    assert not properties(acme, definition("a"), definition("b"))
    assert not properties(acme, definition("b"), definition("a"))


def test_drift_names_what_appeared_vanished_and_changed_its_type(acme: Tenant) -> None:
    properties(acme, definition("a"), definition("b"), definition("c"))

    drift = properties(acme, definition("a", "number"), definition("b", label="Renamed"), definition("d"))

    assert drift == PropertyDrift(
        appeared=("d",), vanished=("c",), retyped=({"name": "a", "before": "string", "after": "number"},)
    )
    assert drift.as_details() == {
        "appeared_count": 1,
        "vanished_count": 1,
        "retyped_count": 1,
        "appeared": ["d"],
        "vanished": ["c"],
        "retyped": [{"name": "a", "before": "string", "after": "number"}],
        "asks_for_full_run": False,
    }
    found = rows_of(acme, "deal_properties", "name")
    assert [name for name, row in found.items() if row["_deleted_at"]] == ["c"]
    assert found["b"]["label"] == "Renamed"


def test_a_property_that_comes_back_with_another_type_appears(acme: Tenant) -> None:
    properties(acme, definition("a"), definition("b"))
    properties(acme, definition("a"))

    assert properties(acme, definition("a"), definition("b", "date")) == PropertyDrift(appeared=("b",))


@pytest.mark.parametrize(
    ("created", "is_asked_for"),
    [
        ("2026-03-09T11:00:00Z", True),
        ("2026-03-09T12:02:00Z", True),
        (None, True),
        ("1970-01-01T00:00:00Z", True),
        ("2026-03-09T12:30:00Z", False),
    ],
    ids=["before the last run ended", "by a clock that is ahead", "without a date", "unknown", "after it"],
)
def test_deals_may_have_had_a_property_that_was_there_before_the_last_run_ended(
    acme: Tenant, created: str | None, *, is_asked_for: bool
) -> None:
    properties(acme, definition("a"))
    acme.execute("UPDATE hubspot.sync_state SET selection = 'all', last_sync_at = '2026-03-09T12:00:00Z'")

    drift = properties(acme, definition("a"), definition("b", createdAt=created))

    assert (drift.appeared, drift.asks_for_full_run) == (("b",), is_asked_for)
    assert (acme.sync_state()["selection"] is None) is is_asked_for


@pytest.mark.parametrize(
    ("facts", "is_new"),
    [
        ({"createdAt": "2026-03-09T12:00:00Z"}, True),
        ({"createdAt": "2026-03-01T00:00:00Z", "label": "Renamed"}, False),
        ({"createdAt": "2026-02-01T00:00:00Z"}, False),
        ({"createdAt": None}, False),
        ({"createdAt": "2026-03-09T12:00:00Z", "hubspotDefined": True}, False),
    ],
    ids=["made later", "renamed", "made before", "without a date", "HubSpot's own"],
)
def test_a_property_that_was_made_anew_under_its_name_appears_and_asks_for_a_full_run(
    acme: Tenant, facts: dict[str, Any], *, is_new: bool
) -> None:
    properties(acme, definition("a", createdAt="2026-03-01T00:00:00Z"), definition("b"))
    acme.execute("UPDATE hubspot.sync_state SET selection = 'all', last_sync_at = '2026-03-10T12:00:00Z'")

    drift = properties(acme, definition("a", **facts), definition("b"))

    assert (drift.appeared, drift.asks_for_full_run) == (("a",) if is_new else (), is_new)
    assert (acme.sync_state()["selection"] is None) is is_new


def test_another_type_of_the_organization_was_read_by_itself(acme: Tenant) -> None:
    sandbox = Tenant(acme.url, type="sandbox")
    job = sandbox.claim(a_run(dag_id="sandbox"))
    with sandbox.connect() as connection, sql.transaction(connection):
        jobs.record_batch(connection, job, a_batch())
    old, new, unseen = (
        definition("a"),
        definition("b", createdAt="2026-03-09T12:30:00Z"),
        definition("c", createdAt="2026-03-09T11:00:00Z"),
    )
    properties(acme, old)
    acme.execute("UPDATE hubspot.sync_state SET selection = 'all', last_sync_at = '2026-03-09T12:00:00Z'")

    assert not properties(acme, old, new).asks_for_full_run
    assert properties(acme, old, new, unseen).asks_for_full_run

    assert sandbox.job(job)["checkpoint"] == a_batch()["checkpoint"]
    assert sandbox.sync_state()["selection"] == "all"


def test_an_event_about_thousands_of_properties_stays_small() -> None:
    details = PropertyDrift(appeared=tuple(map(str, range(5000)))).as_details()
    assert (details["appeared_count"], len(details["appeared"])) == (5000, 100)


def test_portal_facts_are_written_when_they_change_and_only_then(acme: Tenant) -> None:
    assert portal(acme)
    assert not portal(acme)
    (row,) = rows_of(acme, "portals", "portal_id").values()
    assert (row["company_currency"], row["additional_currencies"]) == ("EUR", ["USD", "CHF"])
    assert (row["time_zone"], row["utc_offset"], row["account_type"]) == (
        *("Europe/Berlin", timedelta(hours=1), "STANDARD"),
    )

    assert portal(acme, raw={"portalId": 1001, "companyCurrency": "USD"}, currency="USD")
    assert rows_of(acme, "portals", "portal_id")[1001]["company_currency"] == "USD"


@pytest.mark.parametrize(
    ("given", "stored"),
    [("US/Eastern", "America/New_York"), ("Mars/Olympus", None), ("", None), ("a\x00", None), ("UTC", "UTC")],
    ids=["former name", "unknown", "empty", "NUL", "plain"],
)
def test_only_a_time_zone_that_postgresql_knows_is_stored(acme: Tenant, given: str, stored: str | None) -> None:
    portal(acme, time_zone=given, raw={"timeZone": given})
    assert rows_of(acme, "portals", "portal_id")[1001]["time_zone"] == stored


def is_due(tenant: Tenant, every: timedelta) -> bool:
    with tenant.connect() as connection:
        return dimensions.are_due(connection, "hubspot", keys_of(tenant), every)


def record_reading(tenant: Tenant, read: Sequence[Dimension], *, is_settled: bool) -> None:
    with tenant.connect() as connection:
        dimensions.record_reading(connection, "hubspot", keys_of(tenant), read=read, is_settled=is_settled)


def test_lists_are_due_until_hubspot_answered_for_all_of_them(acme: Tenant) -> None:
    hour = timedelta(hours=1)
    assert is_due(acme, hour)
    portal(acme)
    assert is_due(acme, hour)
    record_reading(acme, [Dimension.OWNERS], is_settled=False)
    assert is_due(acme, hour)

    record_reading(acme, [Dimension.PIPELINES], is_settled=True)

    assert not is_due(acme, hour)
    assert is_due(acme, timedelta(0))
    assert is_due(registered(Tenant(acme.url, type="sandbox")), hour)
