"""What else may be wrong with the values of a portal, from HubSpot to the last column."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import sync
from airflow_provider_hubspot_deals.client.credentials import PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.deals.parsing import DealParser
from airflow_provider_hubspot_deals.exceptions import SystemicDataError
from airflow_provider_hubspot_deals.extraction.pages import Page
from airflow_provider_hubspot_deals.sync.batches import Batch, parsed, write
from hubspot_simulator import PortalSpec, SimulatorServer
from tests.builders import a_record, a_row
from tests.integration.tenant import NO_USAGE, Tenant

PROGRESS = {"checkpoint": {"phase": "live"}, "window_start": None, "window_end": None, **NO_USAGE}
AMOUNTS = ("amount", "hs_forecast_amount", "hs_forecast_probability", "hs_deal_stage_probability")
HOSTILE = ("<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "\x1b[2J\x1b[31mred", "first line\nERROR second line")
BAD_EVERYWHERE = {
    "dealname": "\ud800",
    "dealstage": "x" * 5_000,
    "amount": "-7",
    "closedate": "infinity",
    "num_associated_contacts": "1.5",
    "hs_next_step": "a\x00b",
}


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return Tenant(database_url)


def deals_with(tenant: Tenant, names: Sequence[str], values: Sequence[Any]) -> list[dict[str, Any]]:
    """A stored deal for each value, which all of the named properties have."""
    rows = [a_row(number, **dict.fromkeys(names, value)) for number, value in enumerate(values, start=1)]
    tenant.store(tenant.claim(allow_negative_amounts=True), *rows)
    stored = tenant.deals()
    return [stored[row.deal_id] for row in rows]


def write_batch(tenant: Tenant, records: list[Any]) -> None:
    """All of them as one batch of a job."""
    job, batch = tenant.claim(), Batch("live")
    parser = DealParser([], allow_negative_amounts=False)
    batch.add(parsed(Page(records=records, cursor=None), parser, 1))
    with tenant.connect() as connection:
        write(connection, job, batch, progress=PROGRESS, watermark=None)


def run(tenant: Tenant, simulator: SimulatorServer, spec: PortalSpec) -> sync.SyncSummary:
    request = sync.SyncRequest(organization_id=tenant.id, organization=tenant.slug, search_lag=timedelta(0))
    with HubSpotClient(PrivateAppToken(spec.token), base_url=simulator.base_url, allow_other_hosts=True) as client:
        return sync.run(request, client=client, connect=lambda: psycopg.connect(tenant.url))


def test_c07_not_a_number_and_infinity_are_stored_in_no_number(acme: Tenant) -> None:
    words = ["NaN", "Infinity", "-Infinity", "1e999", "inf", "nan"]
    stored = deals_with(acme, (*AMOUNTS, "num_associated_contacts"), words)
    for word, row in zip(words, stored, strict=True):
        assert [row[name] for name in (*AMOUNTS, "num_associated_contacts")] == [None] * 5
        assert {row["raw_properties"][name] for name in AMOUNTS} == {word}
        assert {issue["code"] for issue in row["_value_issues"]} <= {"NOT_A_NUMBER", "NUMBER_TOO_LARGE"}


def test_c07_c08_the_table_itself_refuses_what_passes_for_an_amount(acme: Tenant) -> None:
    acme.store(acme.claim(), a_row(1, amount="5"))
    for word in ("NaN", "Infinity", "-1"):
        with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.NumericValueOutOfRange)):
            acme.execute("UPDATE hubspot.hubspot_deals SET amount = %s", word)


def test_c09_an_amount_is_stored_up_to_sixteen_digits(acme: Tenant) -> None:
    fitting, others = ["1e13", "9999999999999999.99"], ["1e16", "10000000000000000.00"]
    stored = deals_with(acme, ["amount"], [*fitting, *others])
    assert [row["amount"] for row in stored] == [*map(Decimal, fitting), None, None]


def test_c09_a_number_that_prints_for_ever_stays_as_short_as_it_was_sent(acme: Tenant) -> None:
    deals_with(acme, ["color", "hs_forecast_amount", "amount"], ["1e131071", 1e308, 10**300])
    for row in acme.query("SELECT amount, length(raw_properties::text) AS characters FROM hubspot.hubspot_deals"):
        assert row["characters"] < 1_200
        assert row["amount"] is None


def test_c10_an_amount_is_never_rounded(acme: Tenant) -> None:
    written = ["1.005", "0.12345678901234567891", "1e-3", "-0.001"]
    for value, row in zip(written, deals_with(acme, ["amount", "hs_forecast_amount"], written), strict=True):
        assert (row["amount"], row["_value_issues"]) == (None, [{"field": "amount", "code": "TOO_MANY_DECIMALS"}])
        assert row["hs_forecast_amount"] == Decimal(value)


def test_c11_what_only_some_versions_of_postgresql_take_for_a_number_is_none(acme: Tenant) -> None:
    written = ["0x10", "0b1", "0o7", "1_000", "١٢", "\uff15", "½", "1e1_0"]
    for row in deals_with(acme, (*AMOUNTS, "num_associated_contacts"), written):
        assert [row[name] for name in (*AMOUNTS, "num_associated_contacts")] == [None] * 5
        assert {issue["code"] for issue in row["_value_issues"]} == {"NOT_A_NUMBER"}


def test_c12_a_currency_is_stored_as_it_is_and_changes_no_amount(acme: Tenant) -> None:
    currencies = ["USD", "usd", "XXX", "€", "no currency at all", "", None]
    acme.store(acme.claim(), *(a_row(n, amount="5.10", deal_currency_code=c) for n, c in enumerate(currencies, 1)))
    stored = acme.deals()
    for number, currency in enumerate(currencies, start=1):
        row = stored[number]
        assert (row["amount"], row["deal_currency_code"]) == (Decimal("5.10"), currency or None)
        assert row["_value_issues"] is None


def test_c13_a_cleared_date_is_null_without_an_issue(acme: Tenant) -> None:
    job = acme.claim()
    acme.store(job, a_row(1, closedate="2026-01-01", createdate="2026-01-01"))
    acme.store(job, a_row(1, closedate="", createdate=None))
    row = acme.deal()
    assert (row["closedate"], row["createdate"], row["_value_issues"]) == (None, None, None)


def test_c19_two_thousand_custom_properties_are_stored_whole(acme: Tenant) -> None:
    values: dict[str, Any] = {f"custom_{number}": "twenty characters ok" for number in range(2_000)}
    page = DealParser(values, allow_negative_amounts=False).parse_page([a_record(**values)], 1)
    acme.store(acme.claim(), *page.rows)
    assert acme.deal()["custom_properties"] == values


def test_c21_names_that_differ_behind_63_bytes_and_names_of_any_length_stay_apart(acme: Tenant) -> None:
    values: dict[str, Any] = {f"{'n' * 63}{number}": str(number) for number in range(3)} | {"é" * 500: "long"}
    page = DealParser(values, allow_negative_amounts=False).parse_page([a_record(**values)], 1)
    acme.store(acme.claim(), *page.rows)
    assert acme.deal()["custom_properties"] == values


def test_c26_f27_hostile_text_is_stored_as_it_is_and_never_logged(
    acme: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    spec = PortalSpec(portal_id=1001, deals=30)
    with SimulatorServer([spec]) as simulator:
        deals = dict(zip(sorted(simulator.portal(1001).live_deals()), HOSTILE, strict=False))
        for deal_id, name in deals.items():
            simulator.portal(1001).edit_deal(deal_id, {"dealname": name, "amount": name})
        run(acme, simulator, spec)
    stored = acme.deals()
    assert caplog.records
    for deal_id, name in deals.items():
        assert (stored[deal_id]["dealname"], stored[deal_id]["raw_properties"]["amount"]) == (name, name)
        assert not [record for record in caplog.records if name in record.getMessage()]
        assert acme.query("SELECT 1 FROM hubspot.job_events WHERE strpos(details::text, %s) > 0", name) == []


def test_c01_to_c18_deals_bad_in_every_column_are_loaded_and_counted(acme: Tenant) -> None:
    spec = PortalSpec(portal_id=1001, deals=100, archived=0, oddity_rate=0.0)
    with SimulatorServer([spec]) as simulator:
        portal = simulator.portal(1001)
        ids = sorted(portal.live_deals())
        bad = {ids[0], ids[50], ids[-1]}
        for deal_id in bad:
            portal.edit_deal(deal_id, BAD_EVERYWHERE)
        summary = run(acme, simulator, spec)
        stored = acme.deals()
        expected = portal.live_deals()
    assert {name: summary.counts[name] for name in ("records_inserted", "records_quarantined", "value_issues")} == {
        "records_inserted": 100,
        "records_quarantined": 0,
        "value_issues": len(bad) * len(BAD_EVERYWHERE),
    }
    assert {deal_id for deal_id, row in stored.items() if row["_value_issues"]} == bad
    for deal_id in set(ids) - bad:
        assert stored[deal_id]["dealname"] == expected[deal_id]["properties"]["dealname"]


@pytest.mark.parametrize("received", [20, 100, 1_000])
def test_c29_more_bad_records_than_an_accident_stop_the_job_and_nothing_is_written(acme: Tenant, received: int) -> None:
    bad = max(20, received // 5 + 1)
    records = [{**a_record(number), "id": "x" if number <= bad else str(number)} for number in range(1, received + 1)]
    with pytest.raises(SystemicDataError, match=rf"{bad} of {received} deals .*BAD_ID") as raised:
        write_batch(acme, records)
    assert raised.value.code == "SYSTEMIC_DATA"
    assert (acme.deals(), acme.query("SELECT * FROM hubspot.deals_quarantine")) == ({}, [])


@pytest.mark.parametrize(("received", "bad"), [(19, 19), (100, 20), (95, 19)])
def test_c29_as_many_as_an_accident_may_bring_go_to_quarantine(acme: Tenant, received: int, bad: int) -> None:
    numbers = range(1, received + 1)
    records = [{**a_record(number), "id": f"x{number}" if number <= bad else str(number)} for number in numbers]
    write_batch(acme, records)
    assert (len(acme.deals()), len(acme.query("SELECT * FROM hubspot.deals_quarantine"))) == (received - bad, bad)


def test_c30_what_is_told_of_a_bad_record_never_fails_the_job(acme: Tenant) -> None:
    ids = ["\x00", "\ud800", "a" * 2**20, "1\n2", "\u202e5"]
    write_batch(acme, [a_record(7), *({**a_record(dealname="\x00" * 100), "id": deal_id} for deal_id in ids)])
    quarantined = acme.query("SELECT * FROM hubspot.deals_quarantine")
    assert len(quarantined) == len(ids)
    for row in quarantined:
        assert (row["deal_id_text"], row["reason_code"], row["field_name"]) == (None, "BAD_ID", "id")
        assert "id" in json.loads(zlib.decompress(row["raw"]))
    (event,) = acme.query("SELECT details FROM hubspot.job_events WHERE kind = 'quarantined'")
    assert event["details"] == {"records": len(ids), "reasons": {"BAD_ID": len(ids)}}
