"""What HubSpot refuses, hides or changes while lists are read never holds up the deals, nor passes for gone."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from airflow_provider_hubspot_deals import jobs
from airflow_provider_hubspot_deals.exceptions import AuthenticationError, JobSuperseded, UpstreamUnavailableError
from hubspot_simulator import FaultRule
from hubspot_simulator.specification import ALL_SCOPES
from tests.integration.sync.conftest import Organization
from tests.integration.sync.dimension_rows import ALWAYS, QUIET, asked, events, labels, rows, run_with
from tests.integration.sync.test_lifecycle import RETRY, RUN

WITHOUT_OWNERS = "pat-na1-without-owners"


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
