"""A requests session for code written for HttpHook. It sends everything through our client."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from airflow_provider_hubspot_deals.exceptions import ConfigurationError

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient


def session_through(client: HubSpotClient, base_url: str) -> requests.Session:
    """A session that reaches ``base_url`` and nothing else.

    It never holds the token: the client adds it to each request, with its own limits, retries and typed errors.
    """
    session = requests.Session()
    session.trust_env = False  # ~/.netrc would set an Authorization header, the environment a proxy
    session.adapters.clear()  # any other address is refused: requests has no adapter for it
    session.mount(f"{base_url}/", _ClientAdapter(client))
    return session


class _ClientAdapter(BaseAdapter):
    def __init__(self, client: HubSpotClient) -> None:
        super().__init__()
        self._client = client

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401 - timeouts and TLS are the client's
        address = urlsplit(request.url or "")
        params, json = _params(address.query), _json_body(request.body)
        try:
            answer = self._client.request(request.method or "GET", address.path, params=params, json=json)
        except ValueError as error:  # a path that leads elsewhere
            raise ConfigurationError(f"{error}; such as /crm/v3/objects/companies") from None
        response = requests.Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.headers)
        response.raw = io.BytesIO(answer.body)
        response.encoding = "utf-8"
        response.url = request.url or ""
        response.request = request
        return response

    def close(self) -> None:
        self._client.close()


def _params(query: str) -> dict[str, str]:
    """Query parameters by name; HubSpot reads a repeated one and a list with commas alike."""
    params: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        params[name] = f"{params[name]},{value}" if name in params else value
    return params


def _json_body(body: Any) -> Any:  # noqa: ANN401 - what requests prepared, to anything that JSON can hold
    try:
        return None if not body else json.loads(body)
    except (TypeError, ValueError) as error:
        raise ConfigurationError("HubSpot takes JSON: give the body as json=… or as JSON text in data") from error
