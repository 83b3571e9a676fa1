"""What holds of every list alike: each has a statement of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_hubspot_deals import dimensions, sql
from airflow_provider_hubspot_deals.dimensions import Dimension, Listing
from tests.integration.listings import registered, rows_of
from tests.integration.tenant import Tenant


@dataclass(frozen=True)
class Kind:
    """A list: its table, its key there, and how records with these ids are parsed."""

    table: str
    key: str
    listing: Callable[[list[str | None]], Listing]

    def store(self, tenant: Tenant, *ids: str | None) -> None:
        keys, listing = {"organization_id": tenant.id, "type": tenant.type}, self.listing(list(ids))
        with tenant.connect() as connection, sql.transaction(connection):
            if self.table == "deal_properties":
                dimensions.store_properties(connection, "hubspot", keys, listing)
            else:
                dimensions.store_listing(connection, "hubspot", keys, Dimension(self.table), listing)

    def rows(self, tenant: Tenant) -> dict[str, dict[str, Any]]:
        return rows_of(tenant, self.table, self.key)

    def listed(self, tenant: Tenant) -> set[str]:
        return {key for key, row in self.rows(tenant).items() if row["_deleted_at"] is None}


def records(ids: list[str | None]) -> list[dict[str, Any]]:
    return [{"id": key, "label": key, "stages": []} for key in ids]


KINDS = [
    Kind("pipelines", "pipeline_id", lambda ids: dimensions.pipeline_rows(records(ids))),
    Kind("pipeline_stages", "stage_id", lambda ids: dimensions.stage_rows([{"id": "p", "stages": records(ids)}])),
    Kind("owners", "owner_id", lambda ids: dimensions.owner_rows(records(ids))),
    Kind("deal_properties", "name", lambda ids: dimensions.property_rows([{"name": name} for name in ids])),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.table)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def acme(database_url: str) -> Tenant:
    return registered(Tenant(database_url))


def test_what_vanishes_is_marked_and_what_comes_back_loses_its_mark(acme: Tenant, kind: Kind) -> None:
    kind.store(acme, "a", "b")
    kind.store(acme, "a")
    assert (kind.listed(acme), set(kind.rows(acme))) == ({"a"}, {"a", "b"})
    kind.store(acme, "a", "b")
    assert kind.listed(acme) == {"a", "b"}


def test_nothing_vanishes_from_a_list_with_a_record_that_has_no_key(acme: Tenant, kind: Kind) -> None:
    kind.store(acme, "a", "b")
    kind.store(acme, "c", None)
    assert kind.listed(acme) == {"a", "b", "c"}


def test_f09_lists_of_other_organizations_and_types_are_not_touched(acme: Tenant, kind: Kind) -> None:
    others = [registered(Tenant(acme.url, "rival")), registered(Tenant(acme.url, type="sandbox"))]
    for other in others:
        kind.store(other, "a", "b")
    before = [kind.rows(other) for other in others]
    kind.store(acme, "a")
    kind.store(acme, "c")
    assert [kind.rows(other) for other in others] == before
