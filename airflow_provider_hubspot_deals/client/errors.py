"""An answer that is not a success → the exception that says what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.client.error_bodies import Complaint
from airflow_provider_hubspot_deals.client.pauses import MIGRATING, clamp_deferral
from airflow_provider_hubspot_deals.client.retries import RETRIABLE_STATUSES
from airflow_provider_hubspot_deals.exceptions import (
    AuthenticationError,
    BadResponseError,
    DeferredError,
    HubSpotDealsError,
    HubSpotRefusedError,
    MissingScopeError,
    RateLimitedError,
    UpstreamUnavailableError,
)

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.client.transport import Answer

_BAD_TOKEN_FORMAT = 530  # seen by Airbyte for tokens of a malformed format; HubSpot does not document it
_GRANT_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

_DEFERRALS = {
    MIGRATING: "is moving this portal to another data centre",
    HTTPStatus.TOO_MANY_REQUESTS: "has no calls left for this account at present",
}

# HubSpot's token endpoint names what is wrong with a grant in `status`.
_GRANT_REMEDIES = {
    "BAD_REFRESH_TOKEN": "the refresh token is invalid, expired or revoked: install the app again",
    "BAD_CLIENT_ID": "the client id is not one of a HubSpot app",
    "BAD_CLIENT_SECRET": "the client secret does not belong to this client id",
    "BAD_HUB": "the portal is unknown or no longer has this app: install the app again",
}


def refusal(answer: Answer, complaint: Complaint, *, asked: str, who: str, is_oauth: bool) -> HubSpotDealsError:
    """The exception for an answer that is not 2xx and asks for no long pause."""
    error_class, code, advice = _judge(answer.status, complaint, is_oauth=is_oauth)
    said = f": {complaint.message}" if complaint.message else ""
    return error_class(
        f"{who} answered {answer.status} to {asked}{said}{complaint.reference}. {advice}",
        code=code,
        status_code=answer.status,
        category=complaint.policy or complaint.category or None,
        correlation_id=complaint.correlation_id,
        limits=complaint.limits if answer.status == HTTPStatus.BAD_REQUEST else (),
    )


def deferral(answer: Answer, complaint: Complaint, pause_s: float, *, asked: str, who: str) -> DeferredError:
    """The exception for an answer that asks for a pause too long to sleep through."""
    resume_after_s = clamp_deferral(pause_s)
    why = _DEFERRALS.get(answer.status, "asks for a pause")
    return DeferredError(
        f"{who} {why} ({answer.status} to {asked}); come back in {resume_after_s:.0f} seconds{complaint.reference}",
        resume_after_s=resume_after_s,
        status_code=answer.status,
        category=complaint.policy or complaint.category or None,
        correlation_id=complaint.correlation_id,
    )


def daily_reserve_reached(remaining: int, limit: int, pause_s: float, *, who: str) -> DeferredError:
    """The exception for the point at which the rest of the day's calls belongs to others."""
    resume_after_s = clamp_deferral(pause_s)
    return DeferredError(
        f"{who} has {remaining} of {limit} calls left for this account today, and the organization's "
        f"daily_reserve_percent leaves the rest to other apps; come back in {resume_after_s:.0f} seconds",
        resume_after_s=resume_after_s,
        code="DAILY_RESERVE",
    )


def no_place_soon(seconds: float, *, who: str) -> DeferredError:
    """The exception for a rate limit that has no place for longer than it is worth sleeping."""
    resume_after_s = clamp_deferral(seconds)
    return DeferredError(
        f"{who} takes no more requests of this app at present, by the rate limit in its answers; "
        f"come back in {resume_after_s:.0f} seconds",
        resume_after_s=resume_after_s,
    )


_Judgement = tuple[Callable[..., HubSpotDealsError], str | None, str]


def _judge(status: int, complaint: Complaint, *, is_oauth: bool) -> _Judgement:
    """Exception class, code (None: the class's own) and advice."""
    if is_oauth and status in _GRANT_REFUSED and complaint.is_json:
        return AuthenticationError, None, _grant_advice(complaint)
    if status in {HTTPStatus.UNAUTHORIZED, _BAD_TOKEN_FORMAT}:
        return AuthenticationError, None, "Check the token in the connection: is it complete, current, not revoked?"
    if status == HTTPStatus.FORBIDDEN:
        return _judge_forbidden(complaint)
    return _judge_request(status, complaint)


def _judge_request(status: int, complaint: Complaint) -> _Judgement:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimitedError, None, "Other programs may use up the limits of this portal and app"
    if status in RETRIABLE_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UpstreamUnavailableError, None, "The trouble is on HubSpot's side; try again later"
    if status == HTTPStatus.BAD_REQUEST and not complaint.is_json:
        return BadResponseError, None, "The body is not HubSpot's: something in between answered"
    if status < HTTPStatus.BAD_REQUEST:
        return HubSpotRefusedError, "UNEXPECTED_REDIRECT", "HubSpot does not redirect: check the base URL"
    return HubSpotRefusedError, None, "The same request would be refused again"


def _judge_forbidden(complaint: Complaint) -> _Judgement:
    if complaint.scopes:
        return MissingScopeError, None, f"Grant the app one of these scopes: {', '.join(complaint.scopes)}"
    if complaint.is_json and complaint.category in {"", "MISSING_SCOPES"}:
        return MissingScopeError, None, "Grant the app crm.objects.deals.read and the scopes of what else it loads"
    return HubSpotRefusedError, "FORBIDDEN", "The account, the app or this worker's address is blocked"


def _grant_advice(complaint: Complaint) -> str:
    remedy = _GRANT_REMEDIES.get(complaint.category, "check client id, client secret and refresh token")
    return f"No access token was granted; {remedy}"
