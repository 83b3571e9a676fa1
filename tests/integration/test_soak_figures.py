"""What a soak looks at, and what grows on purpose: each figure is really measured, and its growth called a leak."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from local_stack.soak.database import DatabaseWatch
from local_stack.soak.soaking import OF_DATABASE, OF_WORKERS
from local_stack.soak.trends import trend_of
from local_stack.soak.worker import PLANTS, WorkerOrder, own_resources

LOOKS, MINUTE_S = 40, 60.0
FIGURES_OF_WORKERS = {"memory": "rss_mib", "descriptors": "descriptors", "threads": "threads"}

UPDATE = """
    UPDATE hubspot.updated SET text = 'row' WHERE ctid = ANY (ARRAY(SELECT ctid FROM hubspot.updated LIMIT 50))
"""
CREATE = "CREATE TABLE hubspot.{} (text text) WITH (autovacuum_enabled = false)"

Grow = Callable[[int], object]


def leaks(allowed: dict[str, Any], look: Callable[[], dict[str, float]], grow: Grow) -> set[str]:
    """The figures that a soak would complain of, when so much comes to what it looks at between two looks."""
    samples = []
    for number in range(LOOKS):
        grow(number)
        samples.append((number * MINUTE_S, look()))
    trends = [trend_of(name, [(at, seen[name]) for at, seen in samples], allowed[name]) for name in allowed]
    return {trend.name for trend in trends if trend.is_leak}


def tell_leaks(plant: str | None, answer: Any) -> None:
    order, kept = WorkerOrder(database_url="", hubspot_url="", tenants=()), dict[int, object]()

    def grow(number: int) -> None:
        if plant:
            kept[number] = PLANTS[plant](order)

    answer.send(leaks(OF_WORKERS, own_resources, grow))


@pytest.mark.parametrize("plant", [None, *FIGURES_OF_WORKERS])
def test_what_a_worker_piles_up_is_a_leak_of_that_figure_alone(plant: str | None) -> None:
    """In a new process, which has no memory to spare, and which ends with it."""
    answer, question = multiprocessing.Pipe(duplex=False)
    worker = multiprocessing.get_context("spawn").Process(target=tell_leaks, args=(plant, question))
    worker.start()
    worker.join(60)
    assert answer.recv() == ({FIGURES_OF_WORKERS[plant]} if plant else set())


@pytest.fixture
def grow(database_url: str) -> Iterator[Callable[[str], Grow]]:
    """Ways to let a database grow."""
    with ExitStack() as opened, psycopg.connect(database_url, autocommit=True) as one:
        for name in ("updated", "hubspot_deals_of_nobody"):
            one.execute(CREATE.format(name))
        one.execute("INSERT INTO hubspot.updated SELECT 'row' FROM generate_series(1, 1000)")

        def dead_rows(_: int) -> None:
            one.execute(UPDATE)
            one.execute("SELECT pg_stat_force_next_flush()")

        ways: dict[str, Grow] = {
            "nothing": lambda _: None,
            "sessions": lambda _: opened.enter_context(psycopg.connect(database_url)),
            "locks": lambda number: one.execute(
                "SELECT pg_advisory_lock(%s, key) FROM generate_series(1, 5) AS key", [number]
            ),
            "dead_share": dead_rows,
            "bytes_per_deal": lambda _: one.execute(
                "INSERT INTO hubspot.hubspot_deals_of_nobody SELECT repeat('x', 500) FROM generate_series(1, 300)"
            ),
        }
        yield ways.__getitem__


@pytest.mark.parametrize("figure", ["nothing", *OF_DATABASE])
def test_what_piles_up_in_the_database_is_a_leak_of_that_figure_alone(
    database_url: str, grow: Callable[[str], Grow], figure: str
) -> None:
    with DatabaseWatch(database_url) as watch:
        assert leaks(OF_DATABASE, watch.state, grow(figure)) == {figure} - {"nothing"}
