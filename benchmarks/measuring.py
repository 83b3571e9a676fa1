"""How long a statement takes, how many locks it holds, and whether the lock table is large enough for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import psycopg

Action = Callable[[psycopg.Connection[Any]], object]

BUDGET_S = 20.0  # of one figure; fewer repetitions than asked for when a statement takes seconds
LOCKS = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"
LOCKS_OF_THE_QUESTION = 2  # the view pg_locks, and the function's result


@dataclass(frozen=True, slots=True)
class Case:
    """A class of statements; each repetition runs in a transaction that is rolled back."""

    name: str
    title: str
    action: Action
    url: str
    has_locks: bool = True  # False when another process takes them


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured. Times and locks are None when the statement could not run."""

    first_ms: float | None = None  # in a new session, whose caches are empty
    median_ms: float | None = None
    repetitions: int = 0
    locks: int | None = None
    max_locks_per_transaction: int | None = 64  # the smallest setting tried at which one session alone can run it
    error: str | None = None  # at the default setting


def measure(case: Case, repetitions: int) -> Figure:
    """Run it in a session of its own; an exhausted lock table is a result, anything else raises."""
    with psycopg.connect(case.url, autocommit=True) as connection:
        try:
            times = _times(connection, case.action, repetitions)
            locks = _locks(connection, case.action) if case.has_locks else None
        except psycopg.errors.OutOfMemory as error:
            sentence = str(error).strip().partition("\n")[0]
            return Figure(error=f"{error.sqlstate or '53200'}: {sentence}", max_locks_per_transaction=None)
    warm = times[1:] or times
    return Figure(round(times[0], 2), round(median(warm), 2), len(warm), locks)


def at_setting(figure: Figure, setting: int, error: str | None) -> Figure:
    """The same figure, as measured under a larger lock table because of ``error`` under the default one."""
    return replace(figure, max_locks_per_transaction=setting, error=error)


def _times(connection: psycopg.Connection[Any], action: Action, repetitions: int) -> list[float]:
    started = time.perf_counter()
    times = [_timed_ms(connection, action)]
    while len(times) <= repetitions and time.perf_counter() - started < BUDGET_S:
        times.append(_timed_ms(connection, action))
    return times


def _timed_ms(connection: psycopg.Connection[Any], action: Action) -> float:
    started = time.perf_counter()
    with connection.transaction(force_rollback=True):
        action(connection)
    return (time.perf_counter() - started) * 1_000


def _locks(connection: psycopg.Connection[Any], action: Action) -> int:
    with connection.transaction(force_rollback=True):
        action(connection)
        row = connection.execute(LOCKS).fetchone()
    return int(row[0]) - LOCKS_OF_THE_QUESTION if row else 0
