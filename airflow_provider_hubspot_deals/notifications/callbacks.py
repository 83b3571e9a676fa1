"""Callbacks of a task that tell notifiers how its job ended."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
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

    One that fails does not keep the others from being told.

    Args:
        event: ``completed`` or ``failed``.
        notifications: those that want it.
    """

    def __init__(self, event: str, notifications: Sequence[Notification]) -> None:
        self.event = event
        self.notifications = tuple(notifications)

    def __call__(self, context: Context) -> None:
        facts = job_facts(context)
        for notification in self.notifications:
            tell(notification.notifier, notification.arguments, self.event, facts, context)


def tell(notifier: str, arguments: Mapping[str, Any], event: str, facts: Facts, context: Mapping[str, Any]) -> None:
    """Make a notifier and call it with the facts in its context; what goes wrong is logged.

    Args:
        notifier: where its class is imported from.
        arguments: what it is made with.
    """
    try:
        _class_at(notifier)(**arguments, **({"event": event} if notifier == WEBHOOK_NOTIFIER else {}))(
            {**context, FACTS: facts}
        )
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
