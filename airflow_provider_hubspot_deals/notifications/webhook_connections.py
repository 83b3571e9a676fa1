"""Airflow connection of type HTTP → the webhook endpoint that it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import mask_secret

from airflow_provider_hubspot_deals.client.secret import Secret, SecretBytes
from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.hooks.connections import get_required_connection, with_port
from airflow_provider_hubspot_deals.webhooks.endpoint import Endpoint
from airflow_provider_hubspot_deals.webhooks.signing import signing_keys

if TYPE_CHECKING:
    from airflow.sdk import Connection

_HOW_TO_CREATE = "type HTTP, with the receiver's address (https://…) as host and the signing secret as password"


def endpoint_of(conn_id: str) -> Endpoint:
    """Return where the connection leads: to its host and nowhere else.

    Raises:
        ConfigurationError: it is missing, or its address or secret cannot be right.
        SecretsUnavailableError: Airflow could not look it up.
    """
    connection = get_required_connection(conn_id, how_to_create=_HOW_TO_CREATE)
    connection.host = Secret(connection.host or "")  # its path may be one
    _mask_each(connection.password or "")
    keys, problem = _keys_or_problem(connection.password or "")
    if problem:
        raise ConfigurationError(f"Connection {conn_id!r}: {problem}.")
    url = Secret(_address(connection) or "")
    if not url:
        raise ConfigurationError(f"Connection {conn_id!r}: the host has another port than the port field.")
    endpoint = Endpoint(name=conn_id, url=url, keys=keys)
    endpoint.check(allow_http=connection.extra_dejson.get("allow_http") is True)
    return endpoint


def _mask_each(secrets: str) -> None:
    """In a frame of its own: later ones, whose tracebacks somebody may print, hold no word of it."""
    for word in secrets.split():
        mask_secret(word)


def _keys_or_problem(password: str) -> tuple[tuple[SecretBytes, ...], str]:
    """An exception raised beside the key shows it among the variables of its frames, even when raised ``from None``."""
    try:
        return signing_keys(password), ""
    except ConfigurationError as error:
        return (), str(error)


def _address(connection: Connection) -> str | None:
    """The host field may hold a whole address, or less of it, with scheme and port in their own fields."""
    host = (connection.host or "").strip()
    return with_port(host if "://" in host else f"{connection.schema or 'https'}://{host}", connection.port)
