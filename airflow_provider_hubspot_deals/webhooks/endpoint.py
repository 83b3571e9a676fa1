"""Where events go: one address, its signing keys, and what its answers mean."""

from __future__ import annotations

import re
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from airflow_provider_hubspot_deals.client.pauses import parse_retry_after
from airflow_provider_hubspot_deals.client.retries import RETRIABLE_STATUSES
from airflow_provider_hubspot_deals.client.transport import USER_AGENT, Answer, Timeouts, Transport
from airflow_provider_hubspot_deals.exceptions import (
    BadResponseError,
    ConfigurationError,
    HubSpotDealsError,
    ResponseTooLargeError,
    RetriableError,
)
from airflow_provider_hubspot_deals.webhooks.signing import signatures

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.webhooks.event import Event

ANSWER_SIZE_MAX = 64 * 1024  # bytes; nobody reads them
TIMEOUT_S = 8.0  # of one attempt; Airflow ends a task's process 20 s after its end, callbacks included
_ADDRESS = re.compile(r"https?://[!-~]+")  # anything else must be percent-encoded
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Outcome(StrEnum):
    """How an attempt ended; the words of ``notification_deliveries.outcome``."""

    DELIVERED = "delivered"  # 2xx
    FAILED = "failed"  # no answer, or one that may be another later; told again
    GONE = "gone"  # 410: the receiver wants no more of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one attempt.

    Attributes:
        status: HTTP status; None when no answer came.
        problem: a few words for people; empty when it was delivered.
        is_soon_worth_another: whether the failure looks like one that passes within seconds.
        pause_s: seconds that the receiver asked to be left alone.
    """

    outcome: Outcome
    status: int | None = None
    problem: str = ""
    is_soon_worth_another: bool = False
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address that takes events.

    Attributes:
        name: the Airflow connection's id, for messages.
        url: with its path, which may be a secret: it is never logged, ``host`` is.
        keys: signing keys, the new one first.
    """

    name: str
    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    timeout_s: float = TIMEOUT_S
    ca_bundle: str | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def check(self, *, allow_http: bool) -> None:
        """Refuse an address that nothing can be sent to, or that everybody on the way can read.

        Raises:
            ConfigurationError: says what is wrong with it.
        """
        if complaint := self._complaint(allow_http=allow_http):
            raise ConfigurationError(f"Connection {self.name!r}: {complaint}")

    def _complaint(self, *, allow_http: bool) -> str:
        """Returned and not raised: a traceback would hold the address among its variables."""
        parts = self._parts()
        if parts is None or parts.username is not None or parts.fragment:
            return "the host must be an address such as https://…."
        if parts.scheme == "http" and not (allow_http or parts.hostname in _LOOPBACK):
            return "the address must begin with https://; the extra allow_http says otherwise."
        return ""

    def _parts(self) -> SplitResult | None:
        """The address in its parts; None when it is none, or not in the characters that HTTP has."""
        try:
            parts = urlsplit(self.url if _ADDRESS.fullmatch(self.url) else "")
            is_address = bool(parts.hostname) and parts.port != 0
        except ValueError:  # such as a port beyond 65535; of its text nothing is said, it repeats the address
            return None
        return parts if is_address else None

    def send(self, event: Event) -> Result:
        """One attempt; whatever comes of it is its result. Follows no redirect, uses no proxy of the environment."""
        parts, body = urlsplit(self.url), event.body.encode()
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            with closing(self._transport(f"{parts.scheme}://{parts.netloc}")) as transport:
                return _meaning(transport.send("POST", target, self._headers(event.id, body), body, asked=self.host))
        except (ResponseTooLargeError, BadResponseError) as error:  # of a 2xx: the event has arrived, whatever it said
            return Result(outcome=Outcome.DELIVERED, status=error.status_code)
        except HubSpotDealsError as error:
            passes = isinstance(error, RetriableError)
            return Result(outcome=Outcome.FAILED, problem=str(error), is_soon_worth_another=passes)

    def _headers(self, event_id: str, body: bytes) -> dict[str, str]:
        timestamp_s = int(time.time())  # of the attempt: receivers refuse old ones, which somebody may have recorded
        return {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "webhook-id": event_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": signatures(self.keys, event_id=event_id, timestamp_s=timestamp_s, body=body),
        }

    def _transport(self, base_url: str) -> Transport:
        return Transport(
            base_url,
            timeouts=Timeouts(connect_s=self.timeout_s, read_s=self.timeout_s, total_s=self.timeout_s),
            body_size_max=ANSWER_SIZE_MAX,
            ca_bundle=self.ca_bundle,
            is_path_secret=True,
            who=f"webhook {self.name!r}",
        )


def _meaning(answer: Answer) -> Result:
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return Result(outcome=Outcome.DELIVERED, status=answer.status)
    problem = f"answered {answer.status}"
    if answer.status == HTTPStatus.GONE:
        return Result(outcome=Outcome.GONE, status=answer.status, problem=problem)
    pause_s = parse_retry_after(answer.headers.get("Retry-After"), now=datetime.now(UTC)) or 0.0
    return Result(
        outcome=Outcome.FAILED,
        status=answer.status,
        problem=problem,
        is_soon_worth_another=answer.status in RETRIABLE_STATUSES,
        pause_s=pause_s,
    )
