"""A run brings what deals point at up to date first; what HubSpot refuses of it never holds up the deals."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_hubspot_deals import jobs, sync
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.deals.records import Record
from airflow_provider_hubspot_deals.exceptions import (
    AuthenticationError,
    JobSuperseded,
    RetriableError,
    UpstreamUnavailableError,
)
from hubspot_simulator import FaultRule
from hubspot_simulator.pipelines import DEFAULT_PIPELINE, PIPELINES, RENEWAL_PIPELINE, Stage
from hubspot_simulator.properties import Property
from hubspot_simulator.specification import ALL_SCOPES
from tests.integration.sync.conftest import Organization, WatchedClient
from tests.integration.sync.test_lifecycle import RETRY, RUN, SMALL, fail_at

TABLES = ("portals", "pipelines", "pipeline_stages", "owners", "deal_properties")
WITHOUT_OWNERS = "pat-na1-without-owners"
QUIET: dict[str, Any] = {"mode": "incremental", "dimensions_every": timedelta(hours=1)}
ALWAYS: dict[str, Any] = {"mode": "incremental", "dimensions_every": timedelta(0)}


def rows(acme: Organization, table: str) -> list[dict[str, Any]]:
    query = f"SELECT *, xmin::text AS row_version FROM hubspot.{table} WHERE organization_id = %s ORDER BY 1, 2, 3"  # noqa: S608 - names of this file
    return acme.query(query, acme.id)


def labels(acme: Organization) -> dict[str, str]:
    return {row["stage_id"]: row["label"] for row in rows(acme, "pipeline_stages") if row["_deleted_at"] is None}


def events(acme: Organization, kind: str) -> list[dict[str, Any]]:
    query = "SELECT details FROM hubspot.job_events WHERE organization_id = %s AND kind = %s ORDER BY occurred_at"
    return [row["details"] for row in acme.query(query, acme.id, kind)]


def asked(acme: Organization, endpoint: str) -> int:
    return len([request for request in acme.simulator.requests if request.endpoint == endpoint])


def with_default_stages(*stages: Stage) -> tuple[Any, ...]:
    return replace(DEFAULT_PIPELINE, stages=stages), RENEWAL_PIPELINE


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


def test_a_new_stage_is_read_at_once_since_it_brings_properties(acme: Organization) -> None:
    acme.sync()
    acme.portal.define_pipelines(with_default_stages(*DEFAULT_PIPELINE.stages, Stage("5231", "Legal review", 0.95)))

    acme.sync(**QUIET)

    assert labels(acme)["5231"] == "Legal review"
    (drift,) = events(acme, "schema_drift")
    assert drift["appeared"] == ["hs_v2_date_entered_5231", "hs_v2_date_exited_5231"]


def test_a_property_that_changes_its_type_or_goes_is_told_once(acme: Organization) -> None:
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


def test_an_owner_who_leaves_stays_with_their_name(acme: Organization) -> None:
    acme.sync()
    leaver, *others = acme.portal.owners
    acme.portal.define_owners((replace(leaver, archived=True), *others))
    acme.sync(**ALWAYS)
    acme.portal.define_owners(tuple(others))

    acme.sync(**ALWAYS)

    (row,) = [row for row in rows(acme, "owners") if row["owner_id"] == str(leaver.owner_id)]
    assert (row["first_name"], row["archived"], row["_deleted_at"] is not None) == (leaver.first_name, True, True)


def test_a13_a_token_without_the_scope_of_owners_loads_deals_all_the_same(
    acme: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    acme.simulator.accounts.add_token(1001, WITHOUT_OWNERS, set(ALL_SCOPES) - {"crm.objects.owners.read"})

    with caplog.at_level(logging.WARNING):
        acme.sync(token=WITHOUT_OWNERS)
    acme.sync(token=WITHOUT_OWNERS, **QUIET)

    assert acme.differences() == []
    assert (rows(acme, "owners"), len(labels(acme))) == ([], 12)
    (portal,) = rows(acme, "portals")
    assert (portal["owners_read_at"], portal["dimensions_read_at"] is not None) == (None, True)
    assert "crm.objects.owners.read" in caplog.text
    (told,) = events(acme, "dimension_unreadable")  # and not again before the lists are due
    assert (told["dimension"], told["error_code"]) == ("owners", "MISSING_SCOPE")
    assert asked(acme, "owners") == 1


@pytest.mark.parametrize("status", [403, 404])
def test_a13_a_portal_that_refuses_its_pipelines_loads_deals_and_owners_all_the_same(
    acme: Organization, status: int
) -> None:
    acme.simulator.add_fault(FaultRule(fault="status", status=status, endpoint="pipelines", times=None))

    acme.sync()

    assert acme.differences() == []
    assert (rows(acme, "pipelines"), len(rows(acme, "owners"))) == ([], 12)
    assert [told["dimension"] for told in events(acme, "dimension_unreadable")] == ["pipelines"]


def test_a_list_that_is_suddenly_empty_is_not_believed(acme: Organization) -> None:
    acme.sync()
    acme.portal.define_pipelines(())

    acme.sync(**ALWAYS)

    assert len(labels(acme)) == 12
    assert len(events(acme, "dimension_unreadable")) == 1


class TellingClient(WatchedClient):
    """Tells before it asks for pipelines and owners, too."""

    def pipelines(self) -> list[Record]:
        self._tell("pipelines")
        return super().pipelines()

    def owners(self, *, archived: bool = False) -> Iterator[list[Record]]:
        self._tell("owners")
        return super().owners(archived=archived)


def run_with(acme: Organization, before: Any, **request: Any) -> TellingClient:
    token = PrivateAppToken(acme.portal.spec.token)
    with TellingClient(token, base_url=acme.simulator.base_url, allow_other_hosts=True) as client:
        client.calls, client.before = acme.client().calls, before
        sync.run(acme.request(**request), client=client, connect=acme.connect)
        return client


def test_when_hubspot_is_away_the_deals_come_first_and_the_next_run_asks_again(acme: Organization) -> None:
    def away(call: str, _number: int) -> None:
        if call == "pipelines":
            raise UpstreamUnavailableError("HubSpot is away")

    client = run_with(acme, away)

    assert acme.differences() == []
    assert client.calls["owners"] == 0
    acme.sync(mode="incremental")
    assert len(labels(acme)) == 12


def test_an_owner_who_is_archived_between_the_two_lists_is_in_one_of_them(acme: Organization) -> None:
    acme.sync()
    leaver, *others = acme.portal.owners

    def leave(call: str, number: int) -> None:
        if (call, number) == ("owners", 2):
            acme.portal.define_owners((replace(leaver, archived=True), *others))

    run_with(acme, leave, **ALWAYS)

    (row,) = [row for row in rows(acme, "owners") if row["owner_id"] == str(leaver.owner_id)]
    assert (row["archived"], row["_deleted_at"]) == (True, None)


def test_a_token_that_is_revoked_meanwhile_stops_the_run(acme: Organization) -> None:
    def revoke(call: str, _number: int) -> None:
        if call == "pipelines":
            acme.simulator.accounts.revoke_token(acme.portal.spec.token)

    with pytest.raises(AuthenticationError):
        run_with(acme, revoke)
    assert (asked(acme, "owners"), events(acme, "dimension_unreadable")) == (0, [])


def test_an_attempt_that_was_taken_over_while_it_read_lists_writes_none_of_them(acme: Organization) -> None:
    def take_over(call: str, _number: int) -> None:
        if call == "pipelines":
            with acme.connect() as connection:
                connection.autocommit = True
                jobs.claim(connection, "hubspot", acme.request(origin=RETRY).order())

    with pytest.raises(JobSuperseded):
        run_with(acme, take_over, origin=RUN)

    assert [rows(acme, table) for table in ("pipelines", "pipeline_stages", "owners")] == [[], [], []]
    assert rows(acme, "portals")[0]["dimensions_read_at"] is None


def test_a_retry_of_a_full_run_reads_fresh_lists_no_second_time(acme: Organization) -> None:
    with pytest.raises(RetriableError):
        acme.sync(before=fail_at("list", 4), origin=RUN, **SMALL)

    acme.sync(origin=RETRY, **SMALL)

    assert asked(acme, "pipelines") == 1
