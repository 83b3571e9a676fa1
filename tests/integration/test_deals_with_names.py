"""The reporting view of deals with names: one row per deal, the right tenant's names, the portal's own days."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import dimensions
from airflow_provider_hubspot_deals.dimensions import Dimension
from tests.builders import a_row
from tests.integration.listings import portal, registered, stages, store
from tests.integration.tenant import Tenant, a_run


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return registered(Tenant(database_url))


def deal(tenant: Tenant, deal_id: int = 1, **properties: Any) -> None:
    job = tenant.claim(a_run(dag_id=tenant.slug + tenant.type))
    tenant.store(job, a_row(deal_id, **properties))


def named(tenant: Tenant, deal_id: int = 1) -> dict[str, Any]:
    (row,) = tenant.query(
        "SELECT * FROM hubspot_reporting.deals_with_names"
        " WHERE (organization_id, type, hubspot_deal_id) = (%s, %s, %s)",
        *(tenant.id, tenant.type, deal_id),
    )
    return row


def test_a_deal_of_a_portal_that_told_nothing_has_a_row(acme: Tenant) -> None:
    deal(acme, dealname="Deal", pipeline="default", dealstage="a", amount="5", closedate="2026-01-01T00:00:00Z")

    row = named(acme)
    assert (row["dealname"], row["amount"], row["pipeline_label"], row["stage_label"]) == ("Deal", 5, None, None)
    assert (row["owner_name"], row["currency"], row["close_day"], row["tenant_id"]) == (None, None, None, acme.id)


@pytest.mark.peer_pain(44)
def test_names_are_those_of_the_deals_own_organization_type_and_pipeline(acme: Tenant) -> None:
    others = [registered(Tenant(acme.url, "rival")), registered(Tenant(acme.url, type="sandbox"))]
    for tenant, label in zip([acme, *others], ["Ours", "Theirs", "Sandbox"], strict=True):
        store(tenant, Dimension.STAGES, stages(a=label))
        deal(tenant, pipeline="default", dealstage="a")
    deal(acme, 2, pipeline="other", dealstage="a")

    assert [named(tenant)["stage_label"] for tenant in (acme, *others)] == ["Ours", "Theirs", "Sandbox"]
    assert named(acme, 2)["stage_label"] is None


@pytest.mark.peer_pain(44)
def test_vanished_stages_and_archived_owners_still_have_their_names(acme: Tenant) -> None:
    store(acme, Dimension.STAGES, stages(a="A", b="B"))
    store(acme, Dimension.STAGES, stages(b="B"))
    owner = {"id": "7", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com", "archived": True}
    store(acme, Dimension.OWNERS, dimensions.owner_rows([owner]))
    deal(acme, pipeline="default", dealstage="a", hubspot_owner_id="7")

    row = named(acme)
    assert (row["stage_label"], row["stage_probability"], row["is_closed"]) == ("A", Decimal("0.2"), False)
    assert (row["owner_name"], row["owner_email"], row["owner_archived"]) == ("Ada Lovelace", "ada@example.com", True)


@pytest.mark.peer_pain(43)
def test_the_day_is_the_portals(acme: Tenant) -> None:
    portal(acme, time_zone="US/Eastern")
    deal(acme, closedate="2026-03-01T03:30:00Z")

    assert (named(acme)["close_day"].isoformat(), named(acme)["time_zone"]) == ("2026-02-28", "America/New_York")


@pytest.mark.parametrize(
    ("properties", "currency", "at_home"),
    [
        ({"amount": "5"}, "EUR", 5),
        ({"amount": "5", "deal_currency_code": "EUR"}, "EUR", 5),
        ({"amount": "5", "deal_currency_code": "USD", "amount_in_home_currency": "4.6"}, "USD", Decimal("4.6")),
        ({"amount": "5", "deal_currency_code": "USD"}, "USD", None),
        ({"amount": "5", "deal_currency_code": "USD", "amount_in_home_currency": "NaN"}, "USD", None),
        ({"amount": "5", "deal_currency_code": "USD", "amount_in_home_currency": "1e999999"}, "USD", None),
    ],
)
def test_money_has_its_currency(acme: Tenant, properties: dict[str, Any], currency: str, at_home: Any) -> None:
    portal(acme)
    deal(acme, **properties)

    row = named(acme)
    assert (row["amount"], row["currency"], row["amount_in_home_currency"], row["home_currency"]) == (
        *(5, currency, at_home, "EUR"),
    )


def test_naming_the_organization_reads_one_table_of_deals(acme: Tenant) -> None:
    registered(Tenant(acme.url, "rival"))
    with psycopg.connect(acme.url) as connection:
        plan = connection.execute(
            "EXPLAIN SELECT dealname, stage_label FROM hubspot_reporting.deals_with_names WHERE tenant_id = %s",
            [acme.id],
        )
        scans = [line for (line,) in plan if " Scan " in line and "hubspot_deals_" in line]
    assert len(scans) == 1


def test_names_that_nobody_asks_for_are_not_looked_up(acme: Tenant) -> None:
    with psycopg.connect(acme.url) as connection:
        plan = connection.execute(
            "EXPLAIN SELECT dealname FROM hubspot_reporting.deals_with_names WHERE tenant_id = %s", [acme.id]
        )
        text = "\n".join(line for (line,) in plan)
    assert "owners" not in text
    assert "pipeline" not in text
