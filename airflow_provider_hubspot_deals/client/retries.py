"""Which failures are worth another attempt, how often, and how long apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from airflow_provider_hubspot_deals.exceptions import RetriableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_hubspot_deals.client.clock import Clock

T = TypeVar("T")

# 520-527: Cloudflare in front of HubSpot. 423: an account locked for two seconds. The rest as HTTP says.
RETRIABLE_STATUSES = frozenset({408, 423, 425, 429, 500, 502, 503, 504, *range(520, 528)})
WAIT_MAX_S = 60.0  # before another attempt; longer than this and the worker is better used elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Bounds of one logical request. ``attempts_max=1`` switches retries off."""

    attempts_max: int = 8
    budget_s: float = 300.0  # no further attempt would start after this
    backoff_s: float = 0.5  # upper end of the first random wait; doubles with each attempt
    backoff_max_s: float = 60.0


@dataclass(slots=True)
class Attempts:
    """What the attempts of one logical request tell each other."""

    pause_s: float = 0.0  # least wait before the next one


def run_with_retries(
    attempt: Callable[[Attempts], T],
    retries: Retries,
    clock: Clock,
    before_wait: Callable[[RetryCallState], None],
) -> T:
    """Call ``attempt`` until it returns, raises something that is no ``RetriableError``, or the bounds are reached.

    Waits are the pause that the attempt asks for plus full jitter (uniform from 0 to an exponentially growing bound),
    together no longer than a minute or the pause alone.
    """
    attempts = Attempts()
    jitter = wait_random_exponential(multiplier=retries.backoff_s, max=retries.backoff_max_s)
    started = clock.monotonic()

    def wait(state: RetryCallState) -> float:
        return min(attempts.pause_s + jitter(state), max(attempts.pause_s, WAIT_MAX_S))

    def stop(state: RetryCallState) -> bool:
        spent_s = clock.monotonic() - started + state.upcoming_sleep
        return state.attempt_number >= retries.attempts_max or spent_s > retries.budget_s

    retrying = Retrying(
        sleep=clock.sleep,
        stop=stop,
        wait=wait,
        retry=retry_if_exception_type(RetriableError),
        before_sleep=before_wait,
        reraise=True,
    )
    return retrying(attempt, attempts)
