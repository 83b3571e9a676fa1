"""A run brings what deals point at up to date first, and writes nothing where nothing changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_hubspot_deals.exceptions import RetriableError
from hubspot_simulator.pipelines import DEFAULT_PIPELINE, PIPELINES, RENEWAL_PIPELINE, Stage
from hubspot_simulator.properties import Property
from tests.integration.sync.conftest import Organization
from tests.integration.sync.dimension_rows import ALWAYS, QUIET, asked, events, labels, rows
from tests.integration.sync.test_lifecycle import RETRY, RUN, SMALL, fail_at

TABLES = ("portals", "pipelines", "pipeline_stages", "owners", "deal_properties")


def with_default_stages(*stages: Stage) -> tuple[Any, ...]:
    return replace(DEFAULT_PIPELINE, stages=stages), RENEWAL_PIPELINE


@pytest.mark.peer_pain(45)
def test_the_first_run_fills_every_list(acme: Organization) -> None:
    acme.sync()

    (portal,) = rows(acme, "portals")
    assert (portal["portal_id"], portal["company_currency"], portal["time_zone"]) == (1001, "USD", "America/New_York")
    assert None not in (portal["pipelines_read_at"], portal["owners_read_at"], portal["dimensions_read_at"])
    assert [row["pipeline_id"] for row in rows(acme, "pipelines")] == ["75204318", "default"]
    assert labels(acme) == {stage.stage_id: stage.label for each in PIPELINES for stage in each.stages}
    owners = {int(row["owner_id"]): row for row in rows(acme, "owners")}
    assert {owner.owner_id: owner.archived for owner in acme.portal.owners} == {
        owner_id: row["archived"] for owner_id, row in owners.items()
    }
    defined = {name for name, each in acme.portal.definitions.items() if each.sensitivity == "non_sensitive"}
    assert {row["name"] for row in rows(acme, "deal_properties")} == defined
    assert events(acme, "schema_drift") == []


def test_a_run_without_changes_rewrites_no_row_though_it_reads_all_lists(acme: Organization) -> None:
    acme.sync()
    before = {table: rows(acme, table) for table in TABLES[1:]}

    acme.sync(**ALWAYS)

    assert {table: rows(acme, table) for table in TABLES[1:]} == before
    assert asked(acme, "pipelines") == 2


def test_lists_that_are_fresh_cost_an_incremental_run_no_request_and_no_row(acme: Organization) -> None:
    acme.sync()
    before, requests = {table: rows(acme, table) for table in TABLES}, len(acme.simulator.requests)

    acme.sync(**QUIET)

    assert {request.endpoint for request in acme.simulator.requests[requests:]}.isdisjoint({"pipelines", "owners"})
    assert {table: rows(acme, table) for table in TABLES} == before


def test_lists_cost_three_requests_when_they_are_due(acme: Organization) -> None:
    acme.sync()
    acme.simulator.application.log.clear()

    acme.sync(**ALWAYS)

    assert (asked(acme, "pipelines"), asked(acme, "owners")) == (1, 2)


def test_a_renamed_stage_and_a_vanished_one_are_seen_by_the_next_full_run(acme: Organization) -> None:
    acme.sync()
    first, second, *others = DEFAULT_PIPELINE.stages
    acme.portal.define_pipelines(with_default_stages(replace(first, label="First talk"), *others))

    acme.sync(mode="full")

    gone = {row["stage_id"]: row for row in rows(acme, "pipeline_stages") if row["_deleted_at"]}
    assert labels(acme)[first.stage_id] == "First talk"
    assert [row["label"] for row in gone.values()] == [second.label]
    assert second.stage_id in {deal["dealstage"] for deal in acme.deals().values()}
    assert acme.differences() == []


@pytest.mark.peer_pain(50)
def test_a_new_stage_is_read_at_once_since_it_brings_properties(acme: Organization) -> None:
    acme.sync()
    acme.portal.define_pipelines(with_default_stages(*DEFAULT_PIPELINE.stages, Stage("5231", "Legal review", 0.95)))

    acme.sync(**QUIET)

    assert labels(acme)["5231"] == "Legal review"
    (drift,) = events(acme, "schema_drift")
    assert drift["appeared"] == ["hs_v2_date_entered_5231", "hs_v2_date_exited_5231"]


@pytest.mark.peer_pain(38)
def test_b21_a_property_that_changes_its_type_or_goes_is_told_once(acme: Organization) -> None:
    acme.sync()
    acme.portal.define_property(Property(name="seats", type="string", custom=True))
    acme.portal.archive_property("legal_notes")

    acme.sync(**QUIET)
    acme.sync(**QUIET)

    (drift,) = events(acme, "schema_drift")
    assert (drift["vanished"], drift["appeared"]) == (["legal_notes"], [])
    assert drift["retyped"] == [{"name": "seats", "before": "number", "after": "string"}]
    gone = {row["name"] for row in rows(acme, "deal_properties") if row["_deleted_at"]}
    assert gone == {"legal_notes"}


@pytest.mark.peer_pain(46)
def test_an_owner_who_leaves_stays_with_their_name(acme: Organization) -> None:
    acme.sync()
    leaver, *others = acme.portal.owners
    acme.portal.define_owners((replace(leaver, archived=True), *others))
    acme.sync(**ALWAYS)
    acme.portal.define_owners(tuple(others))

    acme.sync(**ALWAYS)

    (row,) = [row for row in rows(acme, "owners") if row["owner_id"] == str(leaver.owner_id)]
    assert (row["first_name"], row["archived"], row["_deleted_at"] is not None) == (leaver.first_name, True, True)


def test_a_retry_of_a_full_run_reads_fresh_lists_no_second_time(acme: Organization) -> None:
    with pytest.raises(RetriableError):
        acme.sync(before=fail_at("list", 4), origin=RUN, **SMALL)

    acme.sync(origin=RETRY, **SMALL)

    assert asked(acme, "pipelines") == 1
