"""An Airflow connection, or a sentence that says which one is missing and what to put into it.

Airflow's own class shows password and extra whenever it is printed, and tools print the variables of a traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_hubspot_deals.client.secret import Secret
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, SecretsUnavailableError

if TYPE_CHECKING:
    from airflow.sdk import Connection


def get_required_connection(conn_id: str, *, how_to_create: str) -> Connection:
    """Return the connection, with secrets that do not show.

    Raises:
        ConfigurationError: Airflow has none of this id, or its extra is not what an extra is.
        SecretsUnavailableError: Airflow could not look it up.
    """
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise ConfigurationError(f"Airflow has no connection {conn_id!r}. Create it: {how_to_create}.") from error
    except Exception as error:  # noqa: BLE001 - a secrets backend raises what its library does, and may quote a secret
        raise SecretsUnavailableError(
            f"Airflow could not look up connection {conn_id!r} ({type(error).__name__}); check its secrets backend."
        ) from None
    connection.password = None if connection.password is None else Secret(connection.password)
    connection.extra = None if connection.extra is None else Secret(connection.extra)
    if connection.extra and not isinstance(connection.extra_dejson, dict):  # in a secrets backend, where nobody checks
        raise ConfigurationError(
            f'Connection {conn_id!r}: its extra must be a JSON object, such as {{"name": "value"}}.'
        )
    return connection


def with_port(address: str, port: int | None) -> str | None:
    """``address`` with the connection's port behind its host; None when it names another one itself.

    Nothing is raised here: a traceback would hold the address, whose path may be a secret, among its variables.
    """
    try:
        parts = urlsplit(address)
        own = parts.port
    except ValueError:  # no address; whoever uses it says so
        return address
    if not port or own == port:
        return address
    if own is not None:
        return None
    return parts._replace(netloc=f"{parts.netloc}:{port}").geturl()
