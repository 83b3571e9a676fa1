"""The seeded data: reference §6, and the promise that a specification always makes the same portal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from hubspot_simulator import PortalSpec
from hubspot_simulator.associations import AssociationBook
from hubspot_simulator.clock import Clock, iso_from_ms, ms_from_iso
from hubspot_simulator.generator import DealGenerator
from hubspot_simulator.portal import Portal
from hubspot_simulator.rate_limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable


def records(**facts: Any) -> list[dict[str, Any]]:
    return list(Portal(PortalSpec(**{"portal_id": 7, "deals": 3_000, **facts}), Clock()).live_deals().values())


@pytest.fixture(scope="module")
def deals() -> list[dict[str, Any]]:
    return records()


def test_a_specification_always_makes_the_same_deals(deals: list[dict[str, Any]]) -> None:
    assert records() == deals


def test_another_seed_or_portal_makes_others(deals: list[dict[str, Any]]) -> None:
    ids = {each["id"] for each in deals}
    assert {each["id"] for each in records(seed=2)} != ids
    assert {each["id"] for each in records(portal_id=8)} != ids


def test_a_deal_does_not_depend_on_what_was_read_before() -> None:
    spec = PortalSpec(portal_id=7, deals=1_000)
    backwards, forwards = (DealGenerator(spec, AssociationBook(1)) for _ in range(2))
    expected = [forwards.deal(position) for position in range(1_000)]
    assert [backwards.deal(position) for position in reversed(range(1_000))][::-1] == expected


def test_deals_counts_the_live_ones_and_archived_ones_come_on_top() -> None:
    portal = Portal(PortalSpec(portal_id=7, deals=500), Clock())
    assert (len(portal.live_deals()), len(portal.archived_deals())) == (500, 10)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_tiny_portals_work(count: int) -> None:
    assert len(records(deals=count)) == count


def test_ids_are_sparse_of_11_and_12_digits_and_not_in_creation_order(deals: list[dict[str, Any]]) -> None:
    ids = [int(each["id"]) for each in deals]
    created = [ms_from_iso(each["createdAt"]) for each in deals]
    assert ids == sorted(set(ids))
    assert {len(str(each)) for each in ids} == {11, 12}
    assert created != sorted(created)


def test_no_deal_was_modified_before_it_was_created(deals: list[dict[str, Any]]) -> None:
    assert all(ms_from_iso(each["createdAt"]) <= ms_from_iso(each["updatedAt"]) for each in deals)


def test_there_are_at_least_30_properties_with_values_of_which_10_are_custom(deals: list[dict[str, Any]]) -> None:
    portal = Portal(PortalSpec(portal_id=7, deals=1), Clock())
    used = {name for each in deals for name, value in each["properties"].items() if value}
    assert len(used) >= 40
    assert len({name for name in used if portal.definitions[name].custom}) >= 10
    assert used <= portal.definitions.keys()


ODDITIES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "no pipeline": lambda p: p["pipeline"] is None and p["dealstage"] is None,
    "cleared": lambda p: p["closedate"] == "",
    "many decimals": lambda p: len((p["amount"] or "").partition(".")[2]) == 4,
    "expanded double": lambda p: len(p["amount"] or "") > 30,
    "scientific": lambda p: "E+" in (p["amount"] or ""),
    "negative": lambda p: (p["amount"] or "").startswith("-"),
    "long name": lambda p: len(p["dealname"]) > 500,
    "emoji": lambda p: "🚀" in p["dealname"],
    "code in a name": lambda p: "DROP TABLE" in p["dealname"],
    "epoch in a datetime": lambda p: (p["renewal_at"] or "").isdigit(),
    "leading separator": lambda p: p["products_of_interest"].startswith(";"),
    "as typed": lambda p: (p["amount"] or "").endswith(".00"),
    "several options": lambda p: ";" in p["products_of_interest"],
    "no fraction": lambda p: len(p["hs_lastmodifieddate"]) == len("2026-06-30T21:00:00Z"),
}


@pytest.mark.parametrize("name", ODDITIES)
def test_an_oddity_occurs(deals: list[dict[str, Any]], name: str) -> None:
    assert [each for each in deals if ODDITIES[name](each["properties"])]


def test_the_oddity_rate_is_a_choice() -> None:
    def is_odd(record: dict[str, Any]) -> bool:
        odd = ("no pipeline", "cleared", "scientific", "negative", "long name", "emoji", "code in a name")
        return any(ODDITIES[name](record["properties"]) for name in odd)

    assert not [each for each in records(oddity_rate=0) if is_odd(each)]
    assert len([each for each in records(oddity_rate=1) if is_odd(each)]) > 1_000


def test_unstorable_text_comes_only_when_asked_for() -> None:
    def unstorable(found: list[dict[str, Any]]) -> set[str]:
        texts = [each["properties"]["description"] or "" for each in found]
        return {sign for sign in ("\x00", "\ud83d") if any(sign in text for text in texts)}

    assert unstorable(records(oddity_rate=0.5)) == set()
    assert unstorable(records(oddity_rate=0.5, unstorable_text=True)) == {"\x00", "\ud83d"}


def test_calculated_properties_agree_with_the_stage(deals: list[dict[str, Any]]) -> None:
    for properties in (each["properties"] for each in deals):
        is_won = properties["dealstage"] in ("closedwon", "5230659808")
        assert properties["hs_is_closed_won"] == str(is_won).lower()
    sample = next(each["properties"] for each in deals if each["properties"]["dealstage"] == "appointmentscheduled")
    assert sample["hs_deal_stage_probability"].startswith("0.200000000000000011102230246251565")


def test_currency_comes_only_with_several_currencies(deals: list[dict[str, Any]]) -> None:
    assert {each["properties"]["deal_currency_code"] for each in deals} == {None}
    several = records(currency="EUR", additional_currencies=("USD",))
    assert {each["properties"]["deal_currency_code"] for each in several} == {"EUR", "USD"}


def test_extra_properties_widen_the_portal() -> None:
    portal = Portal(PortalSpec(portal_id=7, deals=1, extra_properties=500), Clock())
    assert "custom_attribute_0499" in portal.definitions


def test_timestamps_read_as_they_are_written() -> None:
    assert iso_from_ms(1_572_406_217_883) == "2019-10-30T03:30:17.883Z"
    assert iso_from_ms(1_673_758_800_000) == "2023-01-15T05:00:00Z"
    assert iso_from_ms(-1) == "1969-12-31T23:59:59.999Z"
    for at_ms in (0, 1, 999, 86_399_999, 1_761_523_200_007):
        assert ms_from_iso(iso_from_ms(at_ms)) == at_ms


def test_a_million_deals_take_no_million_objects() -> None:
    started = time.process_time()
    portal = Portal(PortalSpec(portal_id=7, deals=1_000_000), Clock())
    assert portal.store.count(archived=False) == 1_000_000
    assert time.process_time() - started < 30  # about 2 s; made one by one it would be a minute


def test_limits_follow_the_app_and_the_tier() -> None:
    assert (Limits.of("private_app", "starter").burst_per_10_s, Limits.of("private_app", "starter").daily) == (
        100,
        250_000,
    )
    assert (Limits.of("private_app", "enterprise").burst_per_10_s, Limits.of("private_app", "enterprise").daily) == (
        190,
        1_000_000,
    )
    assert (Limits.of("oauth", "enterprise").burst_per_10_s, Limits.of("oauth", "enterprise").daily) == (110, None)
