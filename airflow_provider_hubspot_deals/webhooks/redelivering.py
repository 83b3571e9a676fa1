"""What could not be delivered at once is tried again, one attempt for each event that is due."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from time import monotonic
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, HubSpotDealsError, NotDeliveredError
from airflow_provider_hubspot_deals.webhooks.delivering import deliver
from airflow_provider_hubspot_deals.webhooks.delivery_log import Due, PostgresDeliveryLog, due
from airflow_provider_hubspot_deals.webhooks.endpoint import Endpoint, Outcome, Result

log = logging.getLogger(__name__)

ROUND = 1_000  # events of one call
ROUND_S = 900.0  # no event is begun after this: endpoints may all be slow, and maintenance has an hour
_ONCE = Retries(attempts_max=1)


def redeliver(connect: Callable[[], Connection[Any]], schema: str, endpoint_of: Callable[[str], Endpoint]) -> int:
    """Try everything that is due; returns how many events were delivered.

    An endpoint that fails once is left alone until the next call: what is down costs one timeout, not one per event.

    Args:
        connect: opens a psycopg connection.
        endpoint_of: by the id of an Airflow connection; raises ``HubSpotDealsError`` when there is none.

    Raises:
        psycopg.Error: PostgreSQL refused or went away.
    """
    with closing(connect()) as connection:
        connection.autocommit = True
        waiting = due(connection, schema, ROUND)
    delivered, failing, began = 0, set[str](), monotonic()
    for each in waiting:
        if monotonic() - began > ROUND_S:
            log.warning("Webhooks are slow: of %d events the rest is for the next call.", len(waiting))
            break
        if each.webhook_conn_id in failing:
            continue
        deliveries = PostgresDeliveryLog(connect, schema, organization_id=each.organization_id, job_id=each.job_id)
        if _is_delivered(each, endpoint_of, deliveries):
            delivered += 1
        else:
            failing.add(each.webhook_conn_id)
    return delivered


def _is_delivered(each: Due, endpoint_of: Callable[[str], Endpoint], deliveries: PostgresDeliveryLog) -> bool:
    try:
        endpoint = endpoint_of(each.webhook_conn_id)
    except HubSpotDealsError as error:
        _note(each, deliveries, error)
        return False
    try:
        deliver(each.event, endpoint, deliveries, retries=_ONCE)
    except (NotDeliveredError, ConfigurationError) as error:
        log.warning("%s", error)
        return False
    return True


def _note(each: Due, deliveries: PostgresDeliveryLog, error: HubSpotDealsError) -> None:
    """An attempt that had nowhere to go counts as one, or it would be due for ever."""
    log.warning("Event %s was not delivered: %s", each.event.id, error)
    nowhere = Endpoint(name=each.webhook_conn_id, url="", keys=())
    deliveries.begin(each.event, nowhere)
    deliveries.end(each.event, nowhere, Result(outcome=Outcome.FAILED, problem=str(error)))
