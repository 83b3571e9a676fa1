"""The option that says where organizations are stored."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations.stores import USUAL_STORE, Store, parse_stores


@pytest.mark.parametrize("text", ["", "  ", ",", "hubspot_deals_postgres/hubspot"])
def test_without_a_word_it_is_the_usual_one(text: str) -> None:
    assert parse_stores(text) == (USUAL_STORE,)


def test_several_stores_keep_their_order_and_each_comes_once() -> None:
    stores = parse_stores("b/hubspot, teams/eu/hubspot_eu ,b/hubspot")
    assert stores == (Store("b", "hubspot"), Store("teams/eu", "hubspot_eu"))
    assert [str(store) for store in stores] == ["b/hubspot", "teams/eu/hubspot_eu"]


@pytest.mark.parametrize(
    "text", ["hubspot", "/hubspot", "b/", "b/Hub Spot", 'b/x"; DROP TABLE jobs; --', "b/pg_catalog"]
)
def test_what_is_no_connection_and_schema_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="hubspot_deals_postgres/hubspot"):
        parse_stores(text)


def test_the_printed_option_is_read_as_it_stands() -> None:
    page = (Path(__file__).parents[2] / "docs" / "page.md").read_text(encoding="utf-8")
    (printed,) = re.findall(r"^```ini$(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    option = ConfigParser()
    option.read_string(printed)
    assert parse_stores(option["hubspot_deals"]["stores"]) == (USUAL_STORE, Store("warehouse", "hubspot_eu"))
