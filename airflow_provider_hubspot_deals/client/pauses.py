"""How long HubSpot asks us to wait, read from whatever it sends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from airflow_provider_hubspot_deals.client.retries import RETRIABLE_STATUSES, WAIT_MAX_S

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.client.error_bodies import Complaint
    from airflow_provider_hubspot_deals.client.transport import Answer

MIGRATING = 477  # HubSpot moves the portal between data centres, "typically up to 24 hours"

# Least seconds before the next attempt, beneath the jitter. 423: a heavy sync locks the account for 2 s; on 502 and
# 504 HubSpot says to "pause a few seconds".
PAUSE_MIN_S = {423: 2.0, 429: 1.0, 502: 1.0, 504: 1.0}
PAUSE_MAX_S = WAIT_MAX_S
DEFERRED_MAX_S = 24 * 3600.0  # HubSpot on its 477: "typically up to 24 hours"
DEFERRED_UNKNOWN_S = 3600.0  # when HubSpot names no time: one probe an hour
_RESET_WITHIN_S = 600.0  # after midnight; HubSpot does not say how soon its counters follow


def asked_pause_s(answer: Answer, complaint: Complaint, *, now: datetime, time_zone: str) -> float:
    """Least seconds before asking again; more than ``PAUSE_MAX_S`` means: give the worker back.

    ``now`` is HubSpot's clock and ``time_zone`` the portal's, empty when not known.
    """
    if answer.status not in RETRIABLE_STATUSES | {MIGRATING}:
        return 0.0
    named_s = parse_retry_after(answer.headers.get("Retry-After"), now=now) or 0.0
    if answer.status == MIGRATING:
        return max(named_s or DEFERRED_UNKNOWN_S, PAUSE_MAX_S + 1)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS and complaint.is_daily_limit:
        return max(named_s, until_midnight_s(time_zone, now=now), PAUSE_MAX_S + 1)
    return max(named_s, PAUSE_MIN_S.get(answer.status, 0.0))


def parse_http_date(text: str | None) -> datetime | None:
    """An HTTP date in UTC; None for anything else."""
    try:
        moment = parsedate_to_datetime(text or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_retry_after(text: str | None, *, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` asks for, in either of its forms; None when it asks for nothing sensible.

    Negative numbers and dates in the past ask for nothing. The result is not clamped.
    """
    text = (text or "").strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text) or None
    moment = parse_http_date(text)
    seconds = 0.0 if moment is None else (moment - now).total_seconds()
    return seconds if seconds > 0 else None


def until_midnight_s(time_zone: str, *, now: datetime) -> float:
    """Seconds until the daily limit of a portal resets: midnight in the portal's own time zone.

    An unknown zone gives one hour: a probe an hour is harmless.
    """
    try:
        zone = ZoneInfo(time_zone)
    except (LookupError, ValueError, OSError):
        return DEFERRED_UNKNOWN_S
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
    return (midnight.astimezone(UTC) - now).total_seconds()


def until_reserve_is_back_s(time_zone: str, *, now: datetime) -> float:
    """As :func:`until_midnight_s`, where only headers say how much of the day is left.

    Those of the first answers after midnight may still be yesterday's: a probe more is better than a day without a run.
    """
    was_left_s = until_midnight_s(time_zone, now=now - timedelta(seconds=_RESET_WITHIN_S))  # days have 23 to 25 hours
    return DEFERRED_UNKNOWN_S if was_left_s <= _RESET_WITHIN_S else until_midnight_s(time_zone, now=now)


def clamp_deferral(seconds: float) -> float:
    """A pause worth giving the worker back for, and never longer than a day."""
    return min(max(seconds, 1.0), DEFERRED_MAX_S)
