"""Requests before they are sent: what HubSpot is asked, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import orjson

from airflow_provider_hubspot_deals.client.paths import Endpoint, Paths
from airflow_provider_hubspot_deals.client.rate_limits import Bucket
from airflow_provider_hubspot_deals.client.secret import SecretBytes
from airflow_provider_hubspot_deals.deals.columns import MERGED_IDS_PROPERTY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The same in every API version; HubSpot has not published it, its own tools and many others use it.
_PRIVATE_APP_INFO = "/oauth/v2/private-apps/get/access-token-info"
_SEARCH_FROM_MS_MIN = 1_000  # asking from the epoch exactly has returned 500
# HubSpot counts searches and associations apart, and token requests not at all against the account.
_BUCKETS = {Endpoint.SEARCH: Bucket.SEARCH, Endpoint.ASSOCIATIONS: Bucket.ASSOCIATIONS, Endpoint.OAUTH: None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, without host and credential."""

    method: str
    path: str
    query: str = ""  # encoded, with its question mark
    body: bytes | None = None
    content_type: str = "application/json"
    endpoint: Endpoint = Endpoint.OTHER
    is_repeatable: bool = True  # False: nobody knows what a second one does after a first without an answer

    @property
    def asked(self) -> str:
        """The request as messages and logs name it: never with its query."""
        return f"{self.method} {self.path}"

    @property
    def target(self) -> str:
        return self.path + self.query

    @property
    def bucket(self) -> Bucket | None:
        return _BUCKETS.get(self.endpoint, Bucket.GENERAL)


def get(path: str, params: Mapping[str, str], *, endpoint: Endpoint = Endpoint.METADATA) -> Call:
    return Call(method="GET", path=path, query=encode(params), endpoint=endpoint)


def post_form(path: str, form: Mapping[str, str]) -> Call:
    """A form with credentials in it, to one of HubSpot's OAuth endpoints."""
    return Call(
        method="POST",
        path=path,
        body=SecretBytes(urlencode(form).encode("ascii")),
        content_type="application/x-www-form-urlencoded",
        endpoint=Endpoint.OAUTH,
    )


def private_app_info(token: str) -> Call:
    return Call(
        method="POST",
        path=_PRIVATE_APP_INFO,
        body=SecretBytes(orjson.dumps({"tokenKey": token})),
        endpoint=Endpoint.OAUTH,
    )


def get_page(path: str, *, archived: bool, after: str | None, limit: int) -> Call:
    return get(path, _page(archived=archived, after=after, limit=limit))


def list_deals(paths: Paths, properties: Sequence[str], *, archived: bool, after: str | None, limit: int) -> Call:
    query = encode(_page(archived=archived, after=after, limit=limit))
    if properties:
        # Commas stay as they are: escaped, each would cost three characters of the URL.
        query += "&properties=" + quote(",".join(properties), safe=",")
    return Call(method="GET", path=paths.deals, query=query, endpoint=Endpoint.LIST)


def fit_into_url(properties: Sequence[str]) -> bool:
    """Whether the names survive a list with commas between them; how long it gets is another question."""
    return not any("," in name for name in properties)


def batch_read(paths: Paths, ids: Sequence[int], properties: Sequence[str], *, archived: bool) -> Call:
    return Call(
        method="POST",
        path=paths.batch_read,
        query=encode({"archived": "true"} if archived else {}),
        body=orjson.dumps({"inputs": [{"id": str(deal_id)} for deal_id in ids], "properties": list(properties)}),
        endpoint=Endpoint.BATCH_READ,
    )


def batch_read_history(paths: Paths, ids: Sequence[int], properties: Sequence[str]) -> Call:
    body = {
        "inputs": [{"id": str(deal_id)} for deal_id in ids],
        "properties": ["hs_object_id", MERGED_IDS_PROPERTY],  # a survivor tells for whom it came
        "propertiesWithHistory": list(properties),
    }
    return Call(method="POST", path=paths.batch_read, body=orjson.dumps(body), endpoint=Endpoint.BATCH_READ)


def batch_read_associations(paths: Paths, to_object_type: str, cursors: Mapping[int, str | None]) -> Call:
    inputs = [{"id": str(deal_id)} | ({"after": after} if after else {}) for deal_id, after in cursors.items()]
    return Call(
        method="POST",
        path=f"{paths.associations}/{quote(to_object_type, safe='')}/batch/read",
        body=orjson.dumps({"inputs": inputs}),
        endpoint=Endpoint.ASSOCIATIONS,
    )


def association_labels(paths: Paths, to_object_type: str) -> Call:
    return get(f"{paths.associations}/{quote(to_object_type, safe='')}/labels", {})


def search_deals(
    paths: Paths,
    window: tuple[datetime, datetime],
    *,
    after_id: int,
    properties: Sequence[str],
    limit: int,
) -> Call:
    """A closed window on ``hs_lastmodifieddate``, walked by id.

    Raises:
        ValueError: a time without zone, or a window that ends before it starts.
    """
    from_ms, to_ms = (_epoch_ms(moment) for moment in window)
    if from_ms > to_ms:
        raise ValueError("The search window ends before it starts")
    modified = {
        "propertyName": "hs_lastmodifieddate",
        "operator": "BETWEEN",
        "value": str(max(from_ms, _SEARCH_FROM_MS_MIN)),
        "highValue": str(max(to_ms, _SEARCH_FROM_MS_MIN)),
    }
    beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": str(after_id)}
    return _search(
        paths,
        {
            "filterGroups": [{"filters": [modified, beyond]}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(properties),
            "limit": limit,
        },
    )


def search_newest(paths: Paths, *, sort: str, limit: int) -> Call:
    """All live deals, the highest ``sort`` first."""
    return _search(
        paths,
        {
            "sorts": [{"propertyName": sort, "direction": "DESCENDING"}],
            "properties": ["hs_lastmodifieddate"],
            "limit": limit,
        },
    )


def encode(params: Mapping[str, str]) -> str:
    """A query string with its question mark, or nothing."""
    return f"?{urlencode(params)}" if params else ""


def _search(paths: Paths, query: Mapping[str, object]) -> Call:
    return Call(method="POST", path=paths.search, body=orjson.dumps(query), endpoint=Endpoint.SEARCH)


def _page(*, archived: bool, after: str | None, limit: int) -> dict[str, str]:
    params = {"limit": str(limit), "archived": "true" if archived else "false"}
    return params if after is None else {**params, "after": after}


def _epoch_ms(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("A search window needs times with a time zone")
    return (moment - _EPOCH) // timedelta(milliseconds=1)
