"""Properties whose type, name or values change in HubSpot, and names that differ where nobody looks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hubspot_simulator import FaultRule
from hubspot_simulator.properties import Property
from tests.integration.sync.conftest import Organization, SimulatorOf
from tests.integration.sync.dimension_rows import ALWAYS, events

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"  # the same to the eye


def test_b21_a_value_that_its_column_no_longer_fits_is_null_an_issue_and_exact_in_raw(acme: Organization) -> None:
    acme.sync()
    words, number, option, renamed, *_ = sorted(acme.portal.live_deals())
    definitions = acme.portal.definitions
    for name in ("hs_forecast_probability", "seats"):
        acme.portal.define_property(replace(definitions[name], type="string"))
    acme.portal.define_property(replace(definitions["dealtype"], options=("newbusiness", "partner")))
    acme.portal.archive_property("competitor")
    acme.portal.define_property(Property(name="main_competitor", type="string", custom=True))
    acme.portal.edit_deal(words, {"hs_forecast_probability": "rather likely", "seats": "a dozen"})
    acme.portal.edit_deal(number, {"hs_forecast_probability": "0.25"})
    acme.portal.edit_deal(option, {"dealtype": "partner"})
    acme.portal.edit_deal(renamed, {"main_competitor": "Initech"})
    acme.simulator.clock.shift(60)

    summaries = [acme.sync(**ALWAYS), acme.sync(**ALWAYS)]

    deals = acme.deals()
    assert deals[words]["hs_forecast_probability"] is None
    assert deals[words]["raw_properties"]["hs_forecast_probability"] == "rather likely"
    assert deals[words]["_value_issues"] == [{"field": "hs_forecast_probability", "code": "NOT_A_NUMBER"}]
    assert deals[words]["custom_properties"]["seats"] == "a dozen"
    assert float(deals[number]["hs_forecast_probability"]) == 0.25
    assert (deals[option]["dealtype"], deals[option]["_value_issues"]) == ("partner", None)
    assert deals[renamed]["custom_properties"]["main_competitor"] == "Initech"
    assert [summary.counts["records_quarantined"] for summary in summaries] == [0, 0]
    (drift,) = events(acme, "schema_drift")
    assert (drift["vanished"], drift["appeared"]) == (["competitor"], ["main_competitor"])
    assert sorted(each["name"] for each in drift["retyped"]) == ["hs_forecast_probability", "seats"]
    acme.sync(mode="full")
    assert acme.differences() == []


def test_b21_a_property_that_was_made_anew_between_two_runs_loses_its_old_values(acme: Organization) -> None:
    acme.sync()
    made_anew = replace(acme.portal.definitions["seats"], created_ms=acme.simulator.clock.now_ms())
    acme.portal.define_property(made_anew)
    for deal_id in acme.portal.live_deals():
        acme.portal.recalculate_deal(deal_id, {"seats": ""})
    assert acme.differences() != []

    acme.sync()
    acme.sync()

    assert [job["mode"] for job in acme.jobs()] == ["full", "incremental", "full"]
    assert acme.differences() == []
    (drift,) = events(acme, "schema_drift")
    assert (drift["appeared"], drift["retyped"], drift["asks_for_full_run"]) == (["seats"], [], True)


def record_as_text(record: dict[str, Any], properties: list[tuple[str, str]]) -> str:
    """JSON in which names may come twice."""
    written = ",".join(f"{json.dumps(name, ensure_ascii=False)}:{json.dumps(value)}" for name, value in properties)
    rest = json.dumps({name: value for name, value in record.items() if name != "properties"})
    return f'{rest[:-1]},"properties":{{{written}}}}}'


@pytest.mark.parametrize("page", [1, 2, 3], ids=["first", "second", "third"])
def test_c23_names_that_differ_in_case_or_composition_stay_apart_and_of_equal_ones_the_last_counts(
    simulator_of: SimulatorOf, database_url: str, page: int
) -> None:
    """The first page is decoded as any JSON, later ones by what the first has shown: the outcome is the same."""
    acme = simulator_of(database_url, deals=250, archived=0)
    records = acme.portal.live_deals()
    ids = sorted(records)
    odd_id = ids[(page - 1) * 100]
    plain = [(name, value) for name, value in records[odd_id]["properties"].items() if value is not None]
    odd = [("Region", "a"), ("region", "b"), (COMPOSED, "c"), (DECOMPOSED, "d"), ("dealname", "the last one")]
    texts = {each: record_as_text(records[each], list(records[each]["properties"].items())) for each in ids}
    texts[odd_id] = record_as_text(records[odd_id], [("dealname", "the first one"), *plain, *odd])
    for number in (1, 2, 3):
        part = ids[(number - 1) * 100 : number * 100]
        paging = f',"paging":{{"next":{{"after":"{part[-1] + 1}"}}}}' if number < 3 else ""
        body = f'{{"results":[{",".join(texts[each] for each in part)}]{paging}}}'
        acme.simulator.add_fault(FaultRule(fault="body", endpoint="list", nth=number + 1, body=body))

    summary = acme.sync(requests_in_flight=1)

    stored = acme.deals()
    assert (len(stored), summary.counts["records_quarantined"]) == (250, 0)
    raw = stored[odd_id]["raw_properties"]
    assert {name: raw[name] for name, _ in odd} == dict(odd)
    assert stored[odd_id]["dealname"] == "the last one"
    assert set(raw) == {name for name, _ in [*plain, *odd]}
