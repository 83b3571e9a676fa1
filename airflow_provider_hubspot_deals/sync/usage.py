"""What a run has asked of HubSpot and its job does not say yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol


class ApiUsage(Protocol):
    """Counters that only grow, and the account's daily limit as HubSpot last told it."""

    rate_limit_hits: int
    bytes_received: int
    daily_limit: int | None
    daily_remaining: int | None

    def calls_by_endpoint(self) -> dict[str, int]: ...


class UsageMeter:
    """The client's counters, less what was committed with the job."""

    def __init__(self, usage: ApiUsage) -> None:
        self._usage = usage
        self._calls: Counter[str] = Counter()
        self._rate_limit_hits = 0
        self._bytes_received = 0

    def unreported(self) -> dict[str, Any]:
        """``api_calls``, ``api_calls_by_endpoint``, ``rate_limit_hits`` and ``bytes_received`` (bytes) since then.

        And ``daily_limit`` and ``daily_remaining`` (calls) as they are now; None until HubSpot told them.
        """
        calls = Counter(self._usage.calls_by_endpoint())
        calls.subtract(self._calls)
        return {
            "api_calls": calls.total(),
            "api_calls_by_endpoint": {endpoint: count for endpoint, count in calls.items() if count},
            "rate_limit_hits": self._usage.rate_limit_hits - self._rate_limit_hits,
            "bytes_received": self._usage.bytes_received - self._bytes_received,
            "daily_limit": self._usage.daily_limit,
            "daily_remaining": self._usage.daily_remaining,
        }

    def reported(self, usage: Mapping[str, Any]) -> None:
        """This much is committed. Only then: what a transaction that failed would have said is still to be said."""
        self._calls.update(usage["api_calls_by_endpoint"])
        self._rate_limit_hits += usage["rate_limit_hits"]
        self._bytes_received += usage["bytes_received"]
