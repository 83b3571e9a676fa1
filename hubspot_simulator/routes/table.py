"""Which path is which endpoint: v3/v4 and dated versions side by side (reference §0.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubspot_simulator.rate_limits import Bucket
from hubspot_simulator.routes import account, associations, deals, legacy, metadata, oauth, search

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubspot_simulator.accounts import Accounts
    from hubspot_simulator.exchange import Answer, Caller, Page, Request

DATED_VERSIONS = ("2026-03", "2026-09")
DEALS_READ = ("crm.objects.deals.read",)
SCHEMAS_READ = ("crm.schemas.deals.read", "crm.objects.deals.read")
OWNERS_READ = ("crm.objects.owners.read",)
CURRENCIES_READ = ("settings.currencies.read",)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint class: what it is called in logs and fault rules, and what it asks of a caller.

    Attributes:
        scopes: one of them is enough; none are needed when empty.
    """

    name: str
    method: str
    handler: Callable[[Request, Caller], Answer | Page]
    scopes: tuple[str, ...] = ()
    bucket: Bucket = Bucket.GENERAL


@dataclass(frozen=True, slots=True)
class OpenEndpoint:
    """An endpoint that takes its credential from the body: anybody may call it, and no limit counts it."""

    name: str
    handler: Callable[[Request, Accounts], Answer]


LIST = Endpoint("list", "GET", deals.list_deals, DEALS_READ)
READ = Endpoint("read", "GET", deals.read_deal, DEALS_READ)
BATCH_READ = Endpoint("batch_read", "POST", deals.batch_read, DEALS_READ)
SEARCH = Endpoint("search", "POST", search.search_deals, DEALS_READ, Bucket.SEARCH)
PROPERTIES = Endpoint("properties", "GET", metadata.list_properties, SCHEMAS_READ)
PIPELINES = Endpoint("pipelines", "GET", metadata.list_pipelines, SCHEMAS_READ)
OWNERS = Endpoint("owners", "GET", metadata.list_owners, OWNERS_READ)
EXCHANGE_RATES = Endpoint("exchange_rates", "GET", metadata.list_exchange_rates, CURRENCIES_READ)
ACCOUNT_INFO = Endpoint("account_info", "GET", account.details)
USAGE = Endpoint("usage", "GET", account.daily_usage)
ASSOCIATIONS = Endpoint("associations", "POST", associations.batch_read, DEALS_READ, Bucket.ASSOCIATIONS)
ASSOCIATIONS_OF_ONE = Endpoint("associations_of_one", "GET", associations.read_one, DEALS_READ)
LABELS = Endpoint("labels", "GET", associations.labels, DEALS_READ)
SCHEMAS = Endpoint("schemas", "GET", metadata.list_schemas, ("crm.schemas.custom.read",))
LEGACY_LIST = Endpoint("legacy_list", "GET", legacy.list_deals, DEALS_READ)
LEGACY_PROPERTIES = Endpoint("legacy_properties", "GET", legacy.list_properties, SCHEMAS_READ)
ENDPOINTS = (
    *(LIST, READ, BATCH_READ, SEARCH, PROPERTIES, PIPELINES, OWNERS, ACCOUNT_INFO, USAGE),
    *(ASSOCIATIONS, ASSOCIATIONS_OF_ONE, LABELS, EXCHANGE_RATES, SCHEMAS, LEGACY_LIST, LEGACY_PROPERTIES),
)
TOKEN = OpenEndpoint("oauth_token", oauth.token)
INTROSPECTION = OpenEndpoint("token_info", oauth.introspect)
PRIVATE_APP = OpenEndpoint("token_info", oauth.private_app)
UNKNOWN = "unknown"


def _fixed_paths() -> dict[str, Endpoint]:
    paths = {"/deals/v1/deal/paged": LEGACY_LIST, "/properties/v1/deals/properties": LEGACY_PROPERTIES}
    paths["/crm/v3/schemas"] = SCHEMAS
    for version in ("v3", *DATED_VERSIONS):
        is_dated = version != "v3"
        for spelling in ("deals", "0-3"):
            objects = f"/crm/objects/{version}/{spelling}" if is_dated else f"/crm/v3/objects/{spelling}"
            paths |= {objects: LIST, f"{objects}/search": SEARCH, f"{objects}/batch/read": BATCH_READ}
            for resource, endpoint in (("properties", PROPERTIES), ("pipelines", PIPELINES)):
                path = f"{resource}/{version}" if is_dated else f"v3/{resource}"
                paths[f"/crm/{path}/{spelling}"] = endpoint
        paths[f"/crm/owners/{version}" if is_dated else "/crm/v3/owners"] = OWNERS
        settings = f"/settings/currencies/{version}" if is_dated else "/settings/v3/currencies"
        paths[f"{settings}/exchange-rates"] = EXCHANGE_RATES
        paths[f"/account-info/{version}/details"] = ACCOUNT_INFO
        paths[f"/account-info/{version}/api-usage/daily/private-apps"] = USAGE
    return paths


PATHS = _fixed_paths()
OPEN_PATHS = {
    **{f"/oauth/{version}/token": TOKEN for version in ("v1", "v3", *DATED_VERSIONS)},
    **{f"/oauth/{version}/token/introspect": INTROSPECTION for version in ("v3", *DATED_VERSIONS)},
    "/oauth/v2/private-apps/get/access-token-info": PRIVATE_APP,
}
_DATED = "|".join(DATED_VERSIONS)
_OBJECTS = rf"/crm/(?:v3/objects|objects/(?:{_DATED}))"
_BETWEEN = r"/(?:deals|deal|0-3)/[^/]+"
_PATTERNS = (
    (re.compile(rf"{_OBJECTS}/(?:deals|0-3)/[^/]+"), READ),
    (re.compile(rf"/crm/(?:v4/associations|associations/(?:{_DATED})){_BETWEEN}/batch/read"), ASSOCIATIONS),
    (re.compile(rf"/crm/(?:v4/associations|associations/(?:{_DATED})){_BETWEEN}/labels"), LABELS),
    (
        re.compile(rf"/crm/(?:v4/objects|objects/(?:{_DATED}))/(?:deals|deal|0-3)/[^/]+/associations/[^/]+"),
        ASSOCIATIONS_OF_ONE,
    ),
)
OTHER_OBJECTS = re.compile(rf"{_OBJECTS}/([^/]+)(?:/.*)?")


def endpoint_of(path: str) -> Endpoint | None:
    """The endpoint at ``path``, whatever the method."""
    endpoint = PATHS.get(path)
    if endpoint is not None:
        return endpoint
    return next((found for pattern, found in _PATTERNS if pattern.fullmatch(path)), None)
