"""One event to one endpoint: a few attempts now, each in the log before it is made; the rest is for later.

Whoever calls has little time: Airflow ends a task's process 20 s (``[core] task_success_overtime``) after the task. The
log keeps what could not be delivered, and maintenance tries again, at the times that hosted services take.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from airflow_provider_hubspot_deals.client.clock import Clock
from airflow_provider_hubspot_deals.client.retries import Attempts, Retries, run_with_retries
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, NotDeliveredError
from airflow_provider_hubspot_deals.webhooks.endpoint import Outcome, Result

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.webhooks.endpoint import Endpoint
    from airflow_provider_hubspot_deals.webhooks.event import Event

log = logging.getLogger(__name__)

# The last attempt begins within 7 s and takes 8 s at most.
AT_ONCE = Retries(attempts_max=3, budget_s=7.0, backoff_s=1.0, backoff_max_s=4.0)


class DeliveryLog(Protocol):
    """What remembers attempts."""

    def begin(self, event: Event, endpoint: Endpoint) -> bool:
        """An attempt is about to be made; False when there is nothing left to tell."""

    def end(self, event: Event, endpoint: Endpoint, result: Result) -> None:
        """It was made."""


def deliver(
    event: Event,
    endpoint: Endpoint,
    deliveries: DeliveryLog,
    *,
    retries: Retries | None = None,
    clock: Clock | None = None,
) -> None:
    """Tell ``endpoint`` of ``event``; retried with backoff and jitter while that may help soon.

    Raises:
        NotDeliveredError: not delivered yet; the log has it for later attempts.
        ConfigurationError: the receiver wants no such events any more (410); nothing is tried again.
    """

    def attempt(attempts: Attempts) -> Result:
        if not deliveries.begin(event, endpoint):
            return Result(outcome=Outcome.DELIVERED)
        result = endpoint.send(event)
        deliveries.end(event, endpoint, result)
        if result.outcome is Outcome.FAILED and result.is_soon_worth_another:
            attempts.pause_s = result.pause_s
            raise NotDeliveredError(_said(event, endpoint, result))
        return result

    result = run_with_retries(
        attempt, retries or AT_ONCE, clock or Clock(), lambda state: _log_wait(event, state.attempt_number)
    )
    if result.outcome is Outcome.FAILED:
        raise NotDeliveredError(_said(event, endpoint, result))
    if result.outcome is Outcome.GONE:
        raise ConfigurationError(_said(event, endpoint, result), code="WEBHOOK_GONE")
    log.info("Event %s (%s) is delivered to %s.", event.id, event.type, endpoint.host)


def _said(event: Event, endpoint: Endpoint, result: Result) -> str:
    said = f"Event {event.id} ({event.type}) was not delivered through connection {endpoint.name!r}: "
    if result.outcome is Outcome.GONE:
        return (
            f"{said}{endpoint.host} answered 410, it wants no more of them. Take the notification out of the settings."
        )
    return f"{said}{endpoint.host} {result.problem}." if result.status else f"{said}{result.problem}."


def _log_wait(event: Event, attempt: int) -> None:
    log.info("Event %s: attempt %d failed, trying again.", event.id, attempt)
