"""What a client has asked of HubSpot so far."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any


class Usage:
    """Counters of one client, safe to read and write from several threads.

    Attributes:
        requests: HTTP requests sent, by endpoint class (``list``, ``search``, ``batch_read``, …).
        retries: requests sent again after a failure.
        rate_limit_hits: answers with status 429.
        bytes_received: body bytes on the wire, before decompression.
        seconds_waiting: time spent on rate limits and back-off.
        daily_limit: requests a day for this account; None until HubSpot told (OAuth apps have no such limit).
        daily_remaining: how many of them are left today.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        self.retries = 0
        self.rate_limit_hits = 0
        self.bytes_received = 0
        self.seconds_waiting = 0.0
        self.daily_limit: int | None = None
        self.daily_remaining: int | None = None

    @property
    def api_calls(self) -> int:
        """All requests sent, whatever the endpoint."""
        with self._lock:
            return self.requests.total()

    def calls_by_endpoint(self) -> dict[str, int]:
        """Requests sent so far, by endpoint class; those that were used."""
        with self._lock:
            return dict(self.requests)

    def count_request(self, endpoint: str) -> None:
        with self._lock:
            self.requests[endpoint] += 1

    def count_answer(self, status: int, bytes_received: int) -> None:
        with self._lock:
            self.bytes_received += bytes_received
            self.rate_limit_hits += status == 429  # noqa: PLR2004 - Too Many Requests

    def count_retry(self) -> None:
        with self._lock:
            self.retries += 1

    def count_waiting(self, seconds: float) -> None:
        with self._lock:
            self.seconds_waiting += seconds

    def see_daily(self, limit: int | None, remaining: int | None) -> None:
        with self._lock:
            self.daily_limit = self.daily_limit if limit is None else limit
            self.daily_remaining = self.daily_remaining if remaining is None else remaining

    def as_dict(self) -> dict[str, Any]:
        """A copy that can be written as JSON."""
        with self._lock:
            return {
                "requests": dict(self.requests),
                "retries": self.retries,
                "rate_limit_hits": self.rate_limit_hits,
                "bytes_received": self.bytes_received,
                "seconds_waiting": round(self.seconds_waiting, 3),
                "daily_limit": self.daily_limit,
                "daily_remaining": self.daily_remaining,
            }
