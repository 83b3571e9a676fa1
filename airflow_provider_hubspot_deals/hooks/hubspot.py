"""Airflow connection of type HubSpot → client for that portal."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import mask_secret
from airflow.providers.http.hooks.http import HttpHook

from airflow_provider_hubspot_deals.client.credentials import Credentials, OAuthRefreshToken, PrivateAppToken
from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.client.rate_limits import shared_rate_limits
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.client.secret import Secret
from airflow_provider_hubspot_deals.client.transport import Timeouts
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, HubSpotDealsError
from airflow_provider_hubspot_deals.hooks.access import Access, look_at
from airflow_provider_hubspot_deals.hooks.connections import get_required_connection, with_port
from airflow_provider_hubspot_deals.hooks.scopes import USUAL_ASSOCIATIONS
from airflow_provider_hubspot_deals.hooks.session import session_through

if TYPE_CHECKING:
    from collections.abc import Iterable

    import requests
    from airflow.sdk import Connection

    from airflow_provider_hubspot_deals.deals.records import PortalFacts

_DEFAULT_BASE_URL = "https://api.hubapi.com"
_OAUTH_FIELDS = ("client_id", "client_secret", "refresh_token")
_EXTRAS = (*_OAUTH_FIELDS, "portal_id", "api_version", "allow_other_hosts")
# Where somebody waits for the answer.
SHORT_TIMEOUTS, FEW_RETRIES = Timeouts(connect_s=5, read_s=10, total_s=15), Retries(attempts_max=2)
_HOW_TO_CREATE = "type HubSpot, with a private app's token or a service key in the field 'Access token'"


class HubSpotHook(HttpHook):
    """Reach one HubSpot portal.

    What HttpHook's users call works (``run``, ``run_with_advanced_retry``, ``HttpOperator`` with this connection),
    but every request goes through :class:`HubSpotClient`: its rate limits, retries, deadlines and typed errors, never
    an unknown ``extra`` as a header, never a redirect or a proxy of the environment.

    Args:
        hubspot_conn_id: Airflow connection of type HubSpot.
        method: HTTP method of ``run``.
        http_options: HttpHook's further arguments; they are the client's business here and change nothing.
    """

    conn_name_attr = "hubspot_conn_id"
    default_conn_name = "hubspot_default"
    conn_type = "hubspot"
    hook_name = "HubSpot"

    def __init__(
        self,
        hubspot_conn_id: str = default_conn_name,
        method: str = "GET",
        **http_options: Any,  # noqa: ANN401 - HttpHook's
    ) -> None:
        super().__init__(method=method, http_conn_id=hubspot_conn_id, **http_options)
        self.hubspot_conn_id = hubspot_conn_id

    def run(
        self,
        endpoint: str | None = None,
        data: dict[str, Any] | str | None = None,
        headers: dict[str, Any] | None = None,
        extra_options: dict[str, Any] | None = None,
        **request_options: Any,  # noqa: ANN401 - HttpHook's
    ) -> Any:  # noqa: ANN401 - as above
        """Send one request and return HubSpot's answer, a ``requests.Response``; an answer that is no success raises.

        What may write is sent once; what only reads is asked again as the client does.

        Args:
            endpoint: path of the API, such as ``/crm/v3/owners``.
            data: parameters of the address with GET; else the body, as JSON text.
            headers: have no effect, the client sends its own.
            extra_options: as HttpHook has them; timeouts, TLS and proxies are the client's.
            request_options: of ``requests.Request``, such as ``json`` for a body.

        Raises:
            HubSpotDealsError: the connection cannot be right, or HubSpot refused or did not answer.
        """
        return super().run(endpoint, data, headers, extra_options, **request_options)

    def get_client(
        self,
        *,
        timeouts: Timeouts | None = None,
        retries: Retries | None = None,
        daily_reserve_percent: float = 0.0,
    ) -> HubSpotClient:
        """Return a new client for the connection's portal; close it, or use it as a context manager.

        All clients of one credential in one process share its rate limits.

        Args:
            timeouts: of connecting, of silence and of a whole answer, each in seconds; the client's own when not given.
            retries: how often what may be asked again is asked again; the client's own when not given.
            daily_reserve_percent: share of the account's daily API calls to leave to other apps.

        Raises:
            ConfigurationError: the connection is missing or its fields cannot be right; names both.
            AuthenticationError: the token cannot be one.
        """
        connection = self._connection
        credentials, base_url = self._credentials(connection), self._base_url()
        return HubSpotClient(
            credentials,
            base_url=base_url,
            api_version=_text(connection, "api_version") or "v3",
            allow_other_hosts=self._allows_other_hosts(connection),
            timeouts=timeouts,
            retries=retries,
            rate_limits=shared_rate_limits(base_url, credentials.fingerprint),
            connection_name=self.hubspot_conn_id,
            daily_reserve_percent=daily_reserve_percent,
        )

    @property
    def portal_id(self) -> int | None:
        """The account that the connection says its token belongs to; None when it does not say.

        Raises:
            ConfigurationError: it is no number.
        """
        portal_id = _text(self._connection, "portal_id")
        if portal_id and not (portal_id.isascii() and portal_id.isdigit()):
            raise self._wrong("'HubSpot account ID' must be a number, or empty")
        return int(portal_id) if portal_id else None

    def get_conn(
        self,
        headers: dict[Any, Any] | None = None,  # noqa: ARG002 - HttpHook's signature; the client sets its own
        extra_options: dict[str, Any] | None = None,  # noqa: ARG002 - as above
    ) -> requests.Session:
        """Return a session that sends through the client, and to this portal's API only."""
        return session_through(self._shared_client, self._base_url())

    def url_from_endpoint(self, endpoint: str | None) -> str:
        """Return the full address of ``endpoint``, a path such as ``/crm/v3/objects/deals``."""
        return f"{self._base_url()}/{(endpoint or '').lstrip('/')}"

    def test_connection(self, associations: Iterable[str] = USUAL_ASSOCIATIONS) -> tuple[bool, str]:
        """Say which portal the token opens, which scopes it lacks and what is left of its limits: the test button.

        Args:
            associations: object types whose scopes are looked for as well; the button does not know an organization's.
        """
        try:
            return True, str(self.access(associations, timeouts=SHORT_TIMEOUTS, retries=FEW_RETRIES))
        except HubSpotDealsError as error:
            return False, str(error)

    def access(
        self,
        associations: Iterable[str] = USUAL_ASSOCIATIONS,
        *,
        timeouts: Timeouts | None = None,
        retries: Retries | None = None,
    ) -> Access:
        """Find out what the connection's token opens and may do; ``str()`` of it is a few sentences for people.

        Args:
            associations: object types whose scopes are looked for as well.
            timeouts, retries: as :meth:`get_client` takes them.

        Raises:
            HubSpotDealsError: the connection cannot be right, its token is refused, or it cannot read deals.
        """
        with self.get_client(timeouts=timeouts, retries=retries) as client:
            portal = client.portal_facts()
            self._check_portal(portal)
            return look_at(client, portal, associations)

    @cached_property
    def _connection(self) -> Connection:
        # Read once: a long task must not depend on Airflow's API server again.
        return get_required_connection(self.hubspot_conn_id, how_to_create=_HOW_TO_CREATE)

    @cached_property
    def _shared_client(self) -> HubSpotClient:
        return self.get_client()

    def _credentials(self, connection: Connection) -> Credentials:
        token = connection.password or ""
        oauth = {field: Secret(_text(connection, field)) for field in _OAUTH_FIELDS}
        for secret in (token, oauth["client_secret"], oauth["refresh_token"]):
            if secret:
                mask_secret(str(secret))
        if token and any(oauth.values()):
            raise self._wrong("has both an access token and OAuth fields; keep one of the two")
        if token:
            return PrivateAppToken(token)
        if missing := [field for field, value in oauth.items() if not value]:
            raise self._wrong(
                "has no 'Access token'; fill it in"
                if len(missing) == len(oauth)
                else f"lacks {', '.join(missing)}; OAuth needs {', '.join(oauth)}"
            )
        return OAuthRefreshToken(
            oauth["client_id"],
            oauth["client_secret"],
            oauth["refresh_token"],
            on_token=lambda access_token: mask_secret(str(access_token)),
            on_rotated=self._on_rotated,
        )

    def _on_rotated(self, refresh_token: str) -> None:
        mask_secret(str(refresh_token))
        self.log.warning(
            "HubSpot has replaced the OAuth refresh token of connection %r. This process uses the new one, but a task "
            "cannot store it: if the next run is refused, install the app again and renew the connection.",
            self.hubspot_conn_id,
        )

    def _base_url(self) -> str:
        connection = self._connection
        host = (connection.host or "").strip().rstrip("/")
        if not host:
            return _DEFAULT_BASE_URL
        address = host if "://" in host else f"{connection.schema or 'https'}://{host}"
        complete = with_port(address, connection.port)
        if complete is None:
            raise self._wrong(f"'API address' has another port than 'Port', which is {connection.port}")
        return complete

    def _allows_other_hosts(self, connection: Connection) -> bool:
        value = _text(connection, "allow_other_hosts").lower()
        if value not in ("", "true", "false"):
            raise self._wrong("'allow_other_hosts' must be true or false")
        return value == "true"

    def _check_portal(self, facts: PortalFacts) -> None:
        if self.portal_id not in (None, facts.portal_id):
            raise self._wrong(
                f"has a token of HubSpot account {facts.portal_id}, but its 'HubSpot account ID' is {self.portal_id}"
            )

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"Connection {self.hubspot_conn_id!r}: {what}.")


def _text(connection: Connection, extra: str) -> str:
    """One extra by name, as text. Extras are never passed on as a whole: HttpHook would send them as headers."""
    if extra not in _EXTRAS:
        raise KeyError(extra)
    value = connection.extra_dejson.get(extra)
    return "" if value is None else str(value).strip()
