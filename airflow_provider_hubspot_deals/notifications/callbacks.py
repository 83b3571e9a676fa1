"""Callbacks of a task that tell notifiers how its job ended."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider_hubspot_deals.exceptions import ConfigurationError, HubSpotDealsError
from airflow_provider_hubspot_deals.notifications.job_facts import FACTS, Facts, job_facts
from airflow_provider_hubspot_deals.organizations.notifications import WEBHOOK_NOTIFIER

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

    from airflow_provider_hubspot_deals.organizations import Notification

log = logging.getLogger(__name__)


class JobCallback:
    """Tells every notifier of one event. For ``on_success_callback`` and ``on_failure_callback``.

    Args:
        event: ``completed`` or ``failed``.
        notifications: those that want it.
    """

    def __init__(self, event: str, notifications: Sequence[Notification]) -> None:
        self.event = event
        self.notifications = tuple(notifications)

    def __call__(self, context: Context) -> None:
        tell(self.notifications, self.event, job_facts(context), context)


def tell(notifications: Sequence[Notification], event: str, facts: Facts, context: Mapping[str, Any]) -> None:
    """Make the notifiers and call each with the facts in its context.

    One that fails is an error in the log and costs no other. What goes to webhooks is written down before anybody is
    told: a notifier that hangs may use up all the time that Airflow gives to a task that is over.
    """
    context = {**context, FACTS: facts}
    notifiers = []
    for each in sorted(notifications, key=lambda each: each.notifier != WEBHOOK_NOTIFIER):
        with _failing_alone(each.notifier, event, facts):
            notifiers.append((each.notifier, _made(each, event, context)))
    for path, notifier in notifiers:
        with _failing_alone(path, event, facts):
            notifier({**context})  # of its own: Airflow's notifiers add their fields to it


def _made(notification: Notification, event: str, context: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], None]:
    made = _class_at(notification.notifier)
    if notification.notifier != WEBHOOK_NOTIFIER:
        return made(**notification.arguments)
    webhook: Any = made(event=event, **notification.arguments)
    webhook.announce(context)
    return webhook  # type: ignore[no-any-return]  # imported by its name


@contextmanager
def _failing_alone(notifier: str, event: str, facts: Facts) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a notifier raises what its library does, and may quote an address
        reason = str(error) if isinstance(error, HubSpotDealsError) else type(error).__name__
        log.error("%s: %s was not told (%s): %s", facts["organization"], notifier, event, reason)  # noqa: TRY400 - as above


def check_notifier(path: str) -> None:
    """Look whether a notifier's class is here.

    Raises:
        ConfigurationError: it is not.
    """
    _class_at(path)


def _class_at(path: str) -> Callable[..., Callable[[Mapping[str, Any]], None]]:
    """The notifier's class, imported when there is something to tell: a DAG file is parsed too often for that.

    Raises:
        ConfigurationError: there is no such class here.
    """
    module, _, name = path.rpartition(".")
    try:
        found: Callable[..., Callable[[Mapping[str, Any]], None]] = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"notifier {path} cannot be imported here ({type(error).__name__}); install its provider, or correct it."
        ) from None
    return found
