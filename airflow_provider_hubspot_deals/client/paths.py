"""Where HubSpot's resources live: one table per API version, and which hosts may see a token."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from airflow_provider_hubspot_deals.exceptions import ConfigurationError

_DATED_VERSION = re.compile(r"20\d\d-(0[1-9]|1[0-2])(-beta)?")
# Every published description names api.hubapi.com alone; the regional and the older host serve the same API.
_HUBSPOT_HOST = re.compile(r"api(-[a-z0-9]+)?\.hubapi\.com|api\.hubspot\.com")


class Endpoint(StrEnum):
    """Classes of requests that HubSpot counts, or we report, separately."""

    LIST = "list"
    SEARCH = "search"
    BATCH_READ = "batch_read"
    ASSOCIATIONS = "associations"
    METADATA = "metadata"  # account, properties, pipelines, owners, exchange rates
    OAUTH = "oauth"
    OTHER = "other"

    @classmethod
    def of_path(cls, path: str) -> Endpoint:
        """The class of any path, for requests that are not one of the client's own methods."""
        if path.startswith("/oauth/"):
            return cls.OAUTH
        if path.endswith("/search"):
            return cls.SEARCH
        return cls.ASSOCIATIONS if "/associations/" in path else cls.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Paths of one API version, each with a leading slash."""

    deals: str
    properties: str
    pipelines: str
    owners: str
    account: str
    oauth_token: str
    oauth_introspection: str
    associations: str  # from deals; the type of the other records follows
    exchange_rates: str

    @property
    def search(self) -> str:
        return f"{self.deals}/search"

    @property
    def batch_read(self) -> str:
        return f"{self.deals}/batch/read"

    @classmethod
    def for_version(cls, version: str) -> Paths:
        """Paths of ``v3``, or of a date-based version such as ``2026-09``.

        Raises:
            ConfigurationError: ``version`` is neither.
        """
        if version == "v3":
            return cls(
                deals="/crm/v3/objects/deals",
                properties="/crm/v3/properties/deals",
                pipelines="/crm/v3/pipelines/deals",
                owners="/crm/v3/owners",
                account="/account-info/v3/details",
                oauth_token="/oauth/v3/token",  # noqa: S106 - a path
                oauth_introspection="/oauth/v3/token/introspect",
                associations="/crm/v4/associations/deals",
                exchange_rates="/settings/v3/currencies/exchange-rates",
            )
        if not _DATED_VERSION.fullmatch(version):
            raise ConfigurationError(
                f"HubSpot API version {version!r} does not exist: use 'v3' or a dated version such as '2026-09'"
            )
        return cls(
            deals=f"/crm/objects/{version}/deals",
            properties=f"/crm/properties/{version}/deals",
            pipelines=f"/crm/pipelines/{version}/deals",
            owners=f"/crm/owners/{version}",
            account=f"/account-info/{version}/details",
            oauth_token=f"/oauth/{version}/token",
            oauth_introspection=f"/oauth/{version}/token/introspect",
            associations=f"/crm/associations/{version}/deals",
            exchange_rates=f"/settings/currencies/{version}/exchange-rates",
        )


def checked_base_url(base_url: str, *, allow_other_hosts: bool) -> str:
    """``base_url`` as scheme and host, after making sure that a token may be sent there.

    Raises:
        ConfigurationError: not https to a HubSpot host, unless ``allow_other_hosts``; or no plain base URL at all.
    """
    parts = _split(base_url)
    if parts.username or parts.password or parts.query or parts.fragment or parts.path not in {"", "/"}:
        raise ConfigurationError("The HubSpot base URL may hold a scheme, a host and a port, and nothing else")
    if not allow_other_hosts and not _is_hubspot(parts):
        raise ConfigurationError(
            f"The HubSpot base URL {parts.scheme}://{parts.hostname} is not HubSpot's: tokens only go to "
            "https://api.hubapi.com, https://api-<region>.hubapi.com or https://api.hubspot.com "
            "(set allow_other_hosts to use a simulator or a gateway)"
        )
    return f"{parts.scheme}://{parts.netloc}"


def checked_path(path: str) -> str:
    """``path`` when it can only lead to the configured host.

    Raises:
        ValueError: relative, absolute with a host, climbing, or with a query of its own.
    """
    if not re.fullmatch(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+/?", path) or ".." in path:
        raise ValueError("A HubSpot path starts with one slash, names no host and carries no query")
    return path


def _split(base_url: str) -> SplitResult:
    try:
        parts = urlsplit(base_url)
        parts.port  # noqa: B018 - reading it is what validates it
    except ValueError:
        raise ConfigurationError("The HubSpot base URL is no URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError("The HubSpot base URL must start with https:// and name a host")
    return parts


def _is_hubspot(parts: SplitResult) -> bool:
    host = (parts.hostname or "").lower()
    return parts.scheme == "https" and parts.port in {None, 443} and _HUBSPOT_HOST.fullmatch(host) is not None
