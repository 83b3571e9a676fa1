"""HubSpot's error answers, word for word where a recording exists (reference §4.3).

Bodies marked *invented* have no recorded counterpart: rely on their status and category only.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from hubspot_simulator.clock import iso_from_ms
from hubspot_simulator.encoding import to_json
from hubspot_simulator.exchange import HTML, Answer
from hubspot_simulator.rate_limits import Policy

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCS_SCOPES = "https://developers.hubspot.com/scopes"
CORRELATION_HEADER = b"x-hubspot-correlation-id"


def new_correlation_id() -> str:
    return str(uuid.uuid4())


def error(status: int, message: str, **facts: Any) -> Answer:  # noqa: ANN401 - keys of the envelope
    """The envelope; the header carries the same correlation id as the body."""
    correlation_id = new_correlation_id()
    body = {"status": "error", "message": message, "correlationId": correlation_id, **facts}
    return Answer(status, to_json(body), headers=[(CORRELATION_HEADER, correlation_id.encode())])


def validation_error(message: str, **facts: Any) -> Answer:  # noqa: ANN401 - keys of the envelope
    return error(400, message, **facts, category="VALIDATION_ERROR")


def generic_bad_request() -> Answer:
    return error(400, "There was a problem with the request.")


def bad_json() -> Answer:
    return error(400, "Invalid input JSON on line 1, column 1: the body is not valid JSON", category="VALIDATION_ERROR")


def not_deserializable(kind: str, text: str) -> Answer:
    """Invented around the recorded part ``Cannot deserialize value of type``."""
    return validation_error(
        f"Invalid input: Cannot deserialize value of type `{kind}` from String {text[:40]!r}: not a valid value"
    )


def unauthenticated() -> Answer:
    return error(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        category="INVALID_AUTHENTICATION",
    )


def expired_token(expired_ms: int, now_ms: int) -> Answer:
    seconds = max(0, now_ms - expired_ms) // 1000
    ago = f"{seconds} second(s)" if seconds < 86_400 else f"{seconds // 86_400} day(s)"  # noqa: PLR2004 - one day
    return error(
        401,
        f"The OAuth token used to make this call expired {ago} ago.",
        category="EXPIRED_AUTHENTICATION",
        context={"expire time": [iso_from_ms(expired_ms)]},
    )


def missing_scopes(scopes: Iterable[str]) -> Answer:
    return error(
        403,
        "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: "
        f"{DOCS_SCOPES}.",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": sorted(scopes)},
            }
        ],
        links={"scopes": DOCS_SCOPES},
        category="MISSING_SCOPES",
    )


def not_found() -> Answer:
    """No category: that is how a numeric id that does not exist is answered."""
    return error(404, "resource not found")


def not_numeric(deal_id: str) -> Answer:
    return error(
        404,
        "Object not found.  objectId are usually numeric.",
        context={"id": [deal_id]},
        category="OBJECT_NOT_FOUND",
    )


def unknown_object_type(object_type: str) -> Answer:
    return error(400, f"Unable to infer object type from: {object_type}")


def no_such_route() -> Answer:
    """Invented."""
    return error(404, "The requested URL does not exist in this simulator.")


def method_not_allowed() -> Answer:
    """Invented."""
    return error(405, "HTTP 405 Method Not Allowed")


def uri_too_long() -> Answer:
    """Invented; the status is documented."""
    return Answer(414, b"<html>\n<head><title>414 Request-URI Too Large</title></head></html>\n", HTML)


def rate_limited(policy: Policy, portal_id: int, app_id: int) -> Answer:
    if policy is Policy.SECONDLY:
        return error(429, "You have reached your secondly limit.", category="RATE_LIMITS")
    if policy is Policy.DAILY:
        facts = {"errorType": "RATE_LIMIT", "policyName": policy.value, "requestId": str(uuid.uuid4())}
        return error(429, "You have reached your daily limit.", **facts)
    group = f"publicapi:private_app-api-calls-ten-secondly:{app_id}:{portal_id}"
    return error(
        429,
        "You have reached your ten_secondly_rolling limit.",
        errorType="RATE_LIMIT",
        policyName=policy.value,
        groupName=group,
    )


def refused_refresh(code: str, reason: str, description: str) -> Answer:
    """A token endpoint's 400, e.g. ``BAD_REFRESH_TOKEN``."""
    body = {"error": reason, "error_description": description, "status": code, "message": description}
    return Answer(400, to_json(body))
