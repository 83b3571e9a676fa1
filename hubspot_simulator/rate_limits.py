"""HubSpot's rate limits: a rolling window per app, a daily budget and a search limit per account (reference §5)."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from hubspot_simulator.clock import Clock
    from hubspot_simulator.specification import AppKind, Tier

NEVER_REACHED = 1_000_000_000
BURST_INTERVAL_S = 10.0


class Policy(StrEnum):
    """Which limit a request exceeded, in the words of ``policyName``."""

    TEN_SECONDLY = "TEN_SECONDLY_ROLLING"
    SECONDLY = "SECONDLY"
    DAILY = "DAILY"


class Bucket(StrEnum):
    """Which budget an endpoint draws on besides the daily one."""

    GENERAL = "general"
    SEARCH = "search"
    ASSOCIATIONS = "associations"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Requests allowed. ``daily`` None: this kind of app has no daily limit."""

    burst_per_10_s: int = 190
    daily: int | None = 625_000
    search_per_s: int = 5
    associations_per_10_s: int = 150

    @classmethod
    def of(cls, app: AppKind, tier: Tier) -> Limits:
        limits = {
            "starter": cls(burst_per_10_s=100, daily=250_000, associations_per_10_s=100),
            "professional": cls(),
            "enterprise": cls(daily=1_000_000),
        }[tier]
        return limits if app == "private_app" else replace(limits, burst_per_10_s=110, daily=None)

    @classmethod
    def unlimited(cls) -> Limits:
        """Announced in the headers like any other limit, and never reached."""
        return cls(
            burst_per_10_s=NEVER_REACHED,
            daily=NEVER_REACHED,
            search_per_s=NEVER_REACHED,
            associations_per_10_s=NEVER_REACHED,
        )


class RollingWindow:
    """At most ``limit`` requests in any ``interval_s``; refused ones do not count."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._taken_at: deque[float] = deque()

    def take(self, limit: int) -> bool:
        now = time.monotonic()
        taken_at = self._taken_at
        while taken_at and taken_at[0] <= now - self._interval_s:
            taken_at.popleft()
        if len(taken_at) >= limit:
            return False
        if limit < NEVER_REACHED:
            taken_at.append(now)
        return True

    def used(self) -> int:
        return len(self._taken_at)


class AccountUsage:
    """What all apps of one portal share: the day's calls, the search second, the associations budget."""

    def __init__(self, time_zone: str, clock: Clock) -> None:
        self._time_zone = ZoneInfo(time_zone)
        self._clock = clock
        self._day_ends_ms = 0
        self.calls_today = 0
        self.search = RollingWindow(1.0)
        self.associations = RollingWindow(BURST_INTERVAL_S)

    def count_call(self, limit: int | None) -> bool:
        """Whether the day's budget allows one more; resets at midnight in the account's time zone."""
        now_ms = self._clock.now_ms()
        if now_ms >= self._day_ends_ms or now_ms < self._day_ends_ms - 90_000_000:  # the clock was set back
            self.calls_today, self._day_ends_ms = 0, self._midnight_ms(now_ms)
        if limit is not None and self.calls_today >= limit:
            return False
        self.calls_today += 1
        return True

    def resets_at_ms(self) -> int:
        return self._midnight_ms(self._clock.now_ms())

    def _midnight_ms(self, now_ms: int) -> int:
        local = datetime.fromtimestamp(now_ms / 1000, self._time_zone)
        midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return round(midnight.timestamp() * 1000)


class AppLimiter:
    """The limits of one app in one portal."""

    def __init__(self, limits: Limits, account: AccountUsage) -> None:
        self.limits = limits
        self._account = account
        self._burst = RollingWindow(BURST_INTERVAL_S)

    def exceeded_by(self, bucket: Bucket) -> Policy | None:
        """Take one request from the budgets; the policy that refuses it, if any."""
        account, limits = self._account, self.limits
        if bucket is Bucket.SEARCH and not account.search.take(limits.search_per_s):
            return Policy.SECONDLY
        if bucket is Bucket.GENERAL and not self._burst.take(limits.burst_per_10_s):
            return Policy.TEN_SECONDLY
        if bucket is Bucket.ASSOCIATIONS and not account.associations.take(limits.associations_per_10_s):
            return Policy.TEN_SECONDLY
        return None if account.count_call(limits.daily) else Policy.DAILY

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The rate headers of an ordinary answer; the daily pair only where there is a daily limit."""
        limits = self.limits
        remaining = max(0, limits.burst_per_10_s - self._burst.used())
        facts = {
            b"x-hubspot-ratelimit-max": limits.burst_per_10_s,
            b"x-hubspot-ratelimit-remaining": remaining,
            b"x-hubspot-ratelimit-interval-milliseconds": round(BURST_INTERVAL_S * 1000),
            b"x-hubspot-ratelimit-secondly": limits.burst_per_10_s // 10,
            b"x-hubspot-ratelimit-secondly-remaining": max(0, min(limits.burst_per_10_s // 10 - 1, remaining)),
        }
        if limits.daily is not None:
            facts[b"x-hubspot-ratelimit-daily"] = limits.daily
            facts[b"x-hubspot-ratelimit-daily-remaining"] = max(0, limits.daily - self._account.calls_today)
        return [(name, b"%d" % value) for name, value in facts.items()]
