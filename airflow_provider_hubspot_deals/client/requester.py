"""One logical request: a place in the rate limit, a valid token, an answer of the right shape, or a typed error."""

from __future__ import annotations

import logging
import threading
from collections import deque
from concurrent.futures import CancelledError
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from airflow_provider_hubspot_deals.client import calls, pauses
from airflow_provider_hubspot_deals.client.bodies import parse_json
from airflow_provider_hubspot_deals.client.clock import Clock
from airflow_provider_hubspot_deals.client.error_bodies import read_complaint, read_content_type
from airflow_provider_hubspot_deals.client.errors import daily_reserve_reached, deferral, no_place_soon, refusal
from airflow_provider_hubspot_deals.client.paths import Endpoint
from airflow_provider_hubspot_deals.client.payloads import read_object
from airflow_provider_hubspot_deals.client.rate_limits import Bucket, RateLimits, header_int
from airflow_provider_hubspot_deals.client.retries import Attempts, Retries, run_with_retries
from airflow_provider_hubspot_deals.client.secret import Secret
from airflow_provider_hubspot_deals.client.transport import USER_AGENT, Answer, Transport
from airflow_provider_hubspot_deals.client.usage import Usage
from airflow_provider_hubspot_deals.exceptions import BadResponseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenacity import RetryCallState

    from airflow_provider_hubspot_deals.client.calls import Call
    from airflow_provider_hubspot_deals.client.credentials import Credentials
    from airflow_provider_hubspot_deals.client.paths import Paths

log = logging.getLogger(__name__)

T = TypeVar("T")

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": USER_AGENT}
_DAILY_MAX = 10**9
_RECENT_ANSWERS = 32  # of which the fastest tells the latency: the others may have waited for this process itself


class Requester:
    """Sends calls for one connection. Thread-safe."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        *,
        rate_limits: RateLimits,
        retries: Retries,
        clock: Clock,
        paths: Paths,
        who: str,
        daily_reserve_percent: float = 0.0,
    ) -> None:
        self.usage = Usage()
        self.portal_time_zone = ""
        self._transport = transport
        self._credentials = credentials
        self._rate_limits = rate_limits
        self._retries = retries
        self._clock = Clock(monotonic=clock.monotonic, sleep=lambda seconds: self._sleep(clock, seconds))
        self._daily_reserve = daily_reserve_percent / 100
        self._recent_s: deque[float] = deque(maxlen=_RECENT_ANSWERS)
        self._abandoned = threading.Event()
        self._paths = paths
        self._who = who
        self._lock = threading.Lock()
        self._server_time: datetime | None = None
        self._last_date = ""

    @property
    def server_time(self) -> datetime | None:
        """HubSpot's clock: the newest ``Date`` header of a successful answer."""
        return self._server_time

    @property
    def requests_in_flight(self) -> int:
        """How many requests side by side use the whole rate limit, given how long answers take at present."""
        return self._rate_limits.in_flight_to_use(Bucket.GENERAL, min(self._recent_s.copy(), default=0.0))

    @property
    def burst_limit(self) -> tuple[int, float]:
        """Requests in how many seconds HubSpot allows this app, as far as it has told."""
        return self._rate_limits.limit(Bucket.GENERAL)

    def abandon(self) -> None:
        """Let every thread that waits here go, with ``CancelledError`` or an error of its request."""
        self._abandoned.set()
        self._transport.abandon()

    def renew(self) -> None:
        """Ask again after :meth:`abandon`. Nobody may wait here any more."""
        self._abandoned.clear()
        self._transport.renew()

    def send(self, call: Call, read: Callable[[Any], T], *, parse: Callable[[bytes], Any] = parse_json) -> T:
        """The answer to ``call`` as ``read`` understands its JSON; ``read`` raises ``ValueError`` at a wrong shape.

        Args:
            parse: the JSON of a body; raises ``ValueError`` too.

        Raises:
            HubSpotRefusedError: and its kin, at once.
            DeferredError: HubSpot asks for a pause of more than a minute.
            RetriableError: the attempts or the time budget are spent.
        """
        return self.exchange(call, lambda answer: self._read(call, answer, lambda got: read(parse(got.body))))

    def ask_about_token(self, read: Callable[[Any], T]) -> T:
        """As :meth:`send`, what HubSpot knows about the access token itself."""
        token = self._credentials.access_token(lambda form: self._request_token(form, Attempts()))
        return self.send(self._credentials.question_about(token, self._paths), read)

    def exchange(self, call: Call, read: Callable[[Answer], T]) -> T:
        """As :meth:`send`, with the whole answer instead of its JSON."""

        def attempt(attempts: Attempts) -> T:
            return read(self._attempt(call, attempts))

        retries = self._retries if call.is_repeatable else replace(self._retries, attempts_max=1)
        return run_with_retries(attempt, retries, self._clock, lambda state: self._before_wait(call, state))

    def _attempt(self, call: Call, attempts: Attempts) -> Answer:
        attempts.pause_s = 0.0
        answer = self._authorized(call, attempts)
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            self._refuse(call, answer, attempts)
        return answer

    def _authorized(self, call: Call, attempts: Attempts) -> Answer:
        rejected: list[str] = []
        while True:
            token = self._credentials.access_token(lambda form: self._request_token(form, attempts))
            answer = self._once(call, {"Authorization": Secret(f"Bearer {token}")})
            if answer.status != HTTPStatus.UNAUTHORIZED:
                return answer
            rejected.append(token)
            complaint = read_complaint(answer, self._credentials.redact)
            if not self._credentials.may_retry(rejected, expired=complaint.is_expired_token):
                return answer
            self.usage.count_retry()
            log.info("%s answered 401 to %s; asking once more", self._who, call.asked)

    def _request_token(self, form: Mapping[str, str], attempts: Attempts) -> Mapping[str, Any]:
        # A single attempt: the request that needs the token repeats it together with itself.
        call = calls.post_form(self._paths.oauth_token, form)
        answer = self._once(call, {})
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            self._refuse(call, answer, attempts)
        return self._read(call, answer, lambda got: read_object(got.json()))

    def _once(self, call: Call, authorization: Mapping[str, str]) -> Answer:
        self._keep_daily_reserve()
        headers = {**_HEADERS, **authorization}
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        with self._rate_limits.slot(call.bucket, self._wait_for_place) as waited_s:
            if waited_s:
                self.usage.count_waiting(waited_s)
            self.usage.count_request(call.endpoint.value)
            asked_at = self._clock.monotonic()
            answer = self._transport.send(call.method, call.target, headers, call.body, asked=call.asked)
            answered_at = self._clock.monotonic()
        if call.bucket is Bucket.GENERAL:
            self._recent_s.append(answered_at - asked_at)
        self._observe(call, answer)
        return answer

    def _sleep(self, clock: Clock, seconds: float) -> None:
        clock.sleep_unless(self._abandoned, seconds)
        if self._abandoned.is_set():
            raise CancelledError

    def _wait_for_place(self, seconds: float) -> None:
        if seconds > pauses.PAUSE_MAX_S:
            raise no_place_soon(seconds, who=self._who)
        self._clock.sleep(seconds)

    def _keep_daily_reserve(self) -> None:
        """Leave the agreed share of the day's calls to the portal's other apps."""
        limit, remaining = self.usage.daily_limit, self.usage.daily_remaining
        if self._daily_reserve and limit and remaining is not None and remaining < self._daily_reserve * limit:
            now = self._server_time or datetime.now(UTC)
            pause_s = pauses.until_reserve_is_back_s(self.portal_time_zone, now=now)
            raise daily_reserve_reached(remaining, limit, pause_s, who=self._who)

    def _observe(self, call: Call, answer: Answer) -> None:
        headers = answer.headers
        self.usage.count_answer(answer.status, answer.bytes_received)
        if call.bucket is Bucket.GENERAL:  # associations have a daily limit of their own, too
            self._rate_limits.learn(headers)
            self.usage.see_daily(
                header_int(headers, "X-HubSpot-RateLimit-Daily", at_most=_DAILY_MAX),
                header_int(headers, "X-HubSpot-RateLimit-Daily-Remaining", at_most=_DAILY_MAX),
            )
        date = headers.get("Date", "")
        if answer.status < HTTPStatus.MULTIPLE_CHOICES and date != self._last_date:
            self._see_date(date)

    def _see_date(self, date: str) -> None:
        moment = pauses.parse_http_date(date)
        with self._lock:
            self._last_date = date
            if moment is not None and (self._server_time is None or moment > self._server_time):
                self._server_time = moment

    def _read(self, call: Call, answer: Answer, read: Callable[[Answer], T]) -> T:
        try:
            return read(answer)
        except ValueError as error:
            reason = str(error)
        # Not in the handler: frames that had the answer in their hands would hang on this error as its context.
        content_type = read_content_type(answer, self._credentials.redact)
        complaint = read_complaint(answer, self._credentials.redact)
        raise BadResponseError(
            f"{self._who} answered {answer.status} to {call.asked} with something unusable: {reason} "
            f"(content type {content_type!r}, {len(answer.body)} bytes){complaint.reference}",
            status_code=answer.status,
            correlation_id=complaint.correlation_id,
        )

    def _refuse(self, call: Call, answer: Answer, attempts: Attempts) -> NoReturn:
        complaint = read_complaint(answer, self._credentials.redact)
        now = pauses.parse_http_date(answer.headers.get("Date")) or self._server_time or datetime.now(UTC)
        pause_s = pauses.asked_pause_s(answer, complaint, now=now, time_zone=self.portal_time_zone)
        if pause_s > pauses.PAUSE_MAX_S:
            raise deferral(answer, complaint, pause_s, asked=call.asked, who=self._who)
        attempts.pause_s = pause_s
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._rate_limits.pause(call.bucket, pause_s)
        raise refusal(answer, complaint, asked=call.asked, who=self._who, is_oauth=call.endpoint is Endpoint.OAUTH)

    def _before_wait(self, call: Call, state: RetryCallState) -> None:
        self.usage.count_retry()
        self.usage.count_waiting(state.upcoming_sleep)
        error = state.outcome.exception() if state.outcome else None
        log.warning(
            "Attempt %d of %s failed, the next one follows in %.1f s: %s",
            state.attempt_number,
            call.asked,
            state.upcoming_sleep,
            error,
        )
