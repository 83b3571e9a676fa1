"""What HubSpot's error bodies say.

HubSpot promises only the status code: "all fields … should be treated as optional in any error parsing".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_hubspot_deals.client.transport import Answer

_MESSAGE_LENGTH_MAX = 300
_WORD_LENGTH_MAX = 64
_SCOPES_MAX = 10
_SPEAKS_OF_A_LIMIT = re.compile(r"at most|maximum|limit|no more than|up to", re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"(?<![\w.,-])[0-9]{1,5}(?![\w-]|[.,][0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What HubSpot's error body says; every field may be empty."""

    message: str = ""
    category: str = ""  # VALIDATION_ERROR, MISSING_SCOPES, EXPIRED_AUTHENTICATION, BAD_REFRESH_TOKEN, …
    policy: str = ""  # of a 429: DAILY, TEN_SECONDLY_ROLLING, SECONDLY
    correlation_id: str | None = None
    scopes: tuple[str, ...] = ()
    is_json: bool = False

    @property
    def is_daily_limit(self) -> bool:
        """The account's calls of today are spent. HubSpot may change messages, hence only as the last hint."""
        return "DAILY" in self.policy or (not self.policy and "daily limit" in self.message.lower())

    @property
    def limits(self) -> tuple[int, ...]:
        """The numbers of a message that speaks of a limit; which of them it is, whoever asked for too much knows.

        HubSpot has no other field for it.
        """
        if not _SPEAKS_OF_A_LIMIT.search(self.message):
            return ()
        return tuple(int(number) for number in _WHOLE_NUMBER.findall(self.message))

    @property
    def is_expired_token(self) -> bool:
        return self.category == "EXPIRED_AUTHENTICATION"

    @property
    def reference(self) -> str:
        """What HubSpot's support asks for, ready to stand in a sentence."""
        return f" (correlation id {self.correlation_id})" if self.correlation_id else ""


def read_complaint(answer: Answer, redact: Callable[[str], str]) -> Complaint:
    """HubSpot's error body, however much of it there is, without our secrets: any field may echo what we sent."""
    body = _object(answer)

    def word(value: object) -> str:
        return _word(value, redact)

    return Complaint(
        message=_text(body.get("message"), redact),
        category=word(body.get("category")) or _grant_status(word(body.get("status"))),
        policy=word(body.get("policyName")).upper(),
        correlation_id=word(answer.headers.get("X-HubSpot-Correlation-Id")) or word(body.get("correlationId")) or None,
        scopes=_scopes(body, word),
        is_json=bool(body),
    )


def read_content_type(answer: Answer, redact: Callable[[str], str]) -> str:
    """What the body claims to be, or ``none``."""
    return _word(answer.headers.get("Content-Type"), redact) or "none"


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _text(value: object, redact: Callable[[str], str]) -> str:
    """Foreign text fit for one log line: no secrets, control characters or lone surrogates, and not endless."""
    if not isinstance(value, str):
        return ""
    text = redact(value)
    cut = text if len(text) <= _MESSAGE_LENGTH_MAX else text[:_MESSAGE_LENGTH_MAX] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in cut)


def _word(value: object, redact: Callable[[str], str]) -> str:
    """A short identifier, or nothing."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return ""
    return redact(value)[:_WORD_LENGTH_MAX]


def _grant_status(status: str) -> str:
    return "" if status == "error" else status  # every other error body says "error" here


def _scopes(body: Mapping[str, Any], word: Callable[[object], str]) -> tuple[str, ...]:
    """``requiredGranularScopes``, from the body's own ``context`` or that of its ``errors``: both are recorded."""
    errors = body.get("errors")
    holders = [body, *(errors if isinstance(errors, list) else [])]
    contexts = [holder.get("context") for holder in holders if isinstance(holder, dict)]
    found = [context.get("requiredGranularScopes") for context in contexts if isinstance(context, dict)]
    names = [word(name) for scopes in found if isinstance(scopes, list) for name in scopes]
    return tuple(dict.fromkeys(name for name in names if name))[:_SCOPES_MAX]
