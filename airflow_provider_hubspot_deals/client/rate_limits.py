"""HubSpot's rate limits, kept on our side so that a steady stream of requests never earns a 429.

HubSpot counts a request somewhere between its start and its answer. A slot therefore stays taken until one window
after the *answer*: whatever the latency, any window on HubSpot's side then holds at most the allowed number.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from airflow_provider_hubspot_deals.client.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# The lowest burst HubSpot grants any app is 100 in 10 s; the headers of the first answer tell the real one.
GENERAL_START = (100, 10.0)
# Per account, all apps together; search answers carry no rate headers.
SEARCH_LIMIT = (5, 1.0)
# Associations have a budget of their own: 100 in 10 s on the smallest plan.
ASSOCIATIONS_LIMIT = (100, 10.0)

_WINDOW_MARGIN_S = 0.05  # HubSpot's timer is not ours
_STALE_S = 0.5  # what an answer said of others holds no longer than this
_SHARED_FOR = 6  # windows without a sign of others, after which the limit is taken to be ours alone
_POLL_S = 0.02  # when every slot is in flight, none has a known end
_LIMIT_MAX = 10**9
_WINDOW_MS_MAX = 600_000

IN_FLIGHT_MAX = 16  # HubSpot documents no cap on concurrency; more would only wait for a place in the limit
_REQUESTS_PER_S_MAX = 150.0  # pages that one process can parse and write, whatever a limit would allow
_HEADROOM = 4.0  # after any pause a burst catches up with what the rolling window still allows


class Bucket(StrEnum):
    """Budgets that HubSpot keeps apart."""

    GENERAL = "general"
    SEARCH = "search"
    ASSOCIATIONS = "associations"


class RollingWindow:
    """At most ``limit`` requests in any ``window_s`` seconds. Not thread-safe: its owner locks."""

    def __init__(self, limit: int, window_s: float) -> None:
        self.limit = limit
        self.window_s = window_s
        self._in_flight = 0
        self._answered: deque[float] = deque()
        self._closed_until = 0.0
        self._others = 0
        self._others_until = 0.0
        self._learned_at = 0.0
        self._is_shared_until = 0.0

    def wait_s(self, now: float) -> float:
        """Seconds until a request may start; 0.0 when one may start now."""
        if now < self._closed_until:
            return self._closed_until - now
        self._forget(now)
        if self._in_flight and now < self._is_shared_until and now - self._learned_at > _STALE_S:
            return _POLL_S  # others went on meanwhile: one request asks how much they have left for us
        if self._taken() < self._allowed(now):
            return 0.0
        if self._answered:
            return max(self._answered[0] + self.window_s + _WINDOW_MARGIN_S - now, _POLL_S)
        return _POLL_S

    def start(self) -> None:
        self._in_flight += 1

    def finish(self, now: float) -> None:
        self._in_flight -= 1
        self._answered.append(now)

    def close_for(self, seconds: float, now: float) -> None:
        self._closed_until = max(self._closed_until, now + seconds)

    def learn(self, limit: int, window_s: float, remaining: int | None, now: float) -> None:
        """Take over what HubSpot says; requests that are not ours belong to others who use the same token."""
        self.limit, self.window_s = limit, window_s
        if remaining is not None:
            self._forget(now)
            self._learned_at = now
            self._others = max(0, limit - remaining - self._taken())
            self._others_until = now + window_s
            if self._others:  # then HubSpot may not have counted yet what is in flight
                self._others += self._in_flight
                self._is_shared_until = now + _SHARED_FOR * window_s

    def _taken(self) -> int:
        return self._in_flight + len(self._answered)

    def _allowed(self, now: float) -> int:
        others = self._others if now < self._others_until else 0
        return max(1, self.limit - others)

    def _forget(self, now: float) -> None:
        horizon = now - self.window_s - _WINDOW_MARGIN_S
        while self._answered and self._answered[0] <= horizon:
            self._answered.popleft()


class RateLimits:
    """The budgets of one app in one portal. Thread-safe; share one between all clients of the same credential."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._lock = threading.Lock()
        self._windows = {
            Bucket.GENERAL: RollingWindow(*GENERAL_START),
            Bucket.SEARCH: RollingWindow(*SEARCH_LIMIT),
            Bucket.ASSOCIATIONS: RollingWindow(*ASSOCIATIONS_LIMIT),
        }

    @contextmanager
    def slot(self, bucket: Bucket | None, sleep: Callable[[float], None] | None = None) -> Iterator[float]:
        """Hold a place in ``bucket`` for one request; yields the seconds it took to get one.

        ``sleep`` is how the caller waits; it may raise instead.
        """
        if bucket is None:
            yield 0.0
            return
        waited_s = self._enter(bucket, sleep or self._clock.sleep)
        try:
            yield waited_s
        finally:
            with self._lock:
                self._windows[bucket].finish(self._clock.monotonic())

    def pause(self, bucket: Bucket | None, seconds: float) -> None:
        """Let nobody start a request in ``bucket`` for a while: HubSpot said 429."""
        if bucket is not None:
            with self._lock:
                self._windows[bucket].close_for(seconds, self._clock.monotonic())

    def learn(self, headers: Mapping[str, str]) -> None:
        """Read the limit of the general bucket from an answer's ``X-HubSpot-RateLimit-*`` headers, if it has any."""
        limit = header_int(headers, "X-HubSpot-RateLimit-Max", at_most=_LIMIT_MAX)
        window_ms = header_int(headers, "X-HubSpot-RateLimit-Interval-Milliseconds", at_most=_WINDOW_MS_MAX)
        if not limit or not window_ms:
            return
        remaining = header_int(headers, "X-HubSpot-RateLimit-Remaining", at_most=limit)
        with self._lock:
            self._windows[Bucket.GENERAL].learn(limit, window_ms / 1000, remaining, self._clock.monotonic())

    def limit(self, bucket: Bucket) -> tuple[int, float]:
        """Requests and seconds of the window that ``bucket`` keeps at present."""
        with self._lock:
            window = self._windows[bucket]
            return window.limit, window.window_s

    def in_flight_to_use(self, bucket: Bucket, latency_s: float) -> int:
        """How many requests side by side it takes to use the whole limit when each answer takes ``latency_s``."""
        limit, window_s = self.limit(bucket)
        per_second = min(limit / window_s, _REQUESTS_PER_S_MAX)
        return min(max(math.ceil(_HEADROOM * per_second * latency_s), 1), IN_FLIGHT_MAX)

    def _enter(self, bucket: Bucket, sleep: Callable[[float], None]) -> float:
        waited_s = 0.0
        while wait_s := self._try_start(bucket):
            sleep(wait_s)
            waited_s += wait_s
        return waited_s

    def _try_start(self, bucket: Bucket) -> float:
        with self._lock:
            window = self._windows[bucket]
            wait_s = window.wait_s(self._clock.monotonic())
            if not wait_s:
                window.start()
            return wait_s


_shared: WeakValueDictionary[tuple[str, str], RateLimits] = WeakValueDictionary()
_shared_lock = threading.Lock()


def shared_rate_limits(base_url: str, fingerprint: str) -> RateLimits:
    """The budgets of one credential at one host, the same for everything in this process while anything uses them.

    Another process with the same credential has its own: there the headers of each answer tell what is left for us, and
    a 429 pauses whoever meets it.
    """
    with _shared_lock:
        limits = _shared.get((base_url, fingerprint)) or RateLimits()
        _shared[base_url, fingerprint] = limits
        return limits


def header_int(headers: Mapping[str, str], name: str, *, at_most: int) -> int | None:
    """A header as a number from 0 to ``at_most``; anything else counts as absent."""
    text = (headers.get(name) or "").strip()
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(at_most)):
        return None
    number = int(text)
    return number if number <= at_most else None
