"""Paths by API version, and the hosts and paths that a token may travel to."""

from __future__ import annotations

import pytest

from airflow_provider_hubspot_deals.client.paths import Endpoint, Paths, checked_base_url, checked_path
from airflow_provider_hubspot_deals.exceptions import ConfigurationError


def test_v3_paths_are_those_of_the_published_description() -> None:
    paths = Paths.for_version("v3")
    assert paths.batch_read == "/crm/v3/objects/deals/batch/read"
    assert paths.account == "/account-info/v3/details"
    assert paths.oauth_token == "/oauth/v3/token"


def test_a_dated_version_moves_into_the_middle_of_each_path() -> None:
    paths = Paths.for_version("2026-09")
    assert paths.search == "/crm/objects/2026-09/deals/search"
    assert paths.properties == "/crm/properties/2026-09/deals"
    assert paths.owners == "/crm/owners/2026-09"


@pytest.mark.parametrize("version", ["v1", "v4", "2026-13", "2026-9", "2026-09/../x", "", "V3", "2026-09-gamma"])
def test_an_unknown_version_is_refused_by_name(version: str) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        Paths.for_version(version)


@pytest.mark.parametrize(
    "base_url",
    ["https://api.hubapi.com", "https://api.hubapi.com/", "https://api-eu1.hubapi.com:443", "https://API.hubspot.com"],
)
def test_hubspots_own_hosts_are_accepted(base_url: str) -> None:
    assert checked_base_url(base_url, allow_other_hosts=False) == base_url.rstrip("/")


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.hubapi.com",
        "https://api.hubapi.com.evil.example",
        "https://evil.example",
        "https://evilapi.hubapi.com",
        "https://api.hubapi.com:8443",
        "https://169.254.169.254",
        "https://api-.hubapi.com",
    ],
)
def test_f22_a_token_goes_to_no_other_host(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="not HubSpot's"):
        checked_base_url(base_url, allow_other_hosts=False)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://user:secret@api.hubapi.com",
        "https://api.hubapi.com/crm",
        "https://api.hubapi.com?x=1",
        "https://api.hubapi.com#x",
        "ftp://api.hubapi.com",
        "api.hubapi.com",
        "https://",
        "https://[",
        "https://api.hubapi.com:port",
        "",
    ],
)
def test_a_base_url_is_scheme_and_host_even_when_other_hosts_are_allowed(base_url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        checked_base_url(base_url, allow_other_hosts=True)
    assert "secret" not in str(raised.value)


def test_another_host_may_be_allowed_explicitly() -> None:
    assert checked_base_url("http://127.0.0.1:8090", allow_other_hosts=True) == "http://127.0.0.1:8090"


@pytest.mark.parametrize(
    "path",
    [
        "crm/v3",
        "//evil.example/crm",
        "https://evil.example/",
        "/crm/../oauth",
        "/crm?x=1",
        "/crm#x",
        "/a b",
        "/a\n",
        "",
    ],
)
def test_a_path_can_only_lead_to_the_configured_host(path: str) -> None:
    with pytest.raises(ValueError, match="starts with one slash"):
        checked_path(path)


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/crm/v3/objects/contacts/search", Endpoint.SEARCH),
        ("/crm/v4/associations/deals/contacts/batch/read", Endpoint.ASSOCIATIONS),
        ("/oauth/v3/token/introspect", Endpoint.OAUTH),
        ("/crm/v3/objects/contacts", Endpoint.OTHER),
    ],
)
def test_any_path_falls_into_the_budget_that_hubspot_counts_it_in(path: str, endpoint: Endpoint) -> None:
    assert Endpoint.of_path(path) is endpoint
