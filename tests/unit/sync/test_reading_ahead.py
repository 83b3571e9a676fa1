"""Reading ahead: in order, within bounds, and over when nobody wants it any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from airflow_provider_hubspot_deals.sync.reading_ahead import ReadAhead


@dataclass(frozen=True)
class Item:
    number: int
    weight: int = 1


def items(count: int, *, weight: int = 1) -> Iterator[Item]:
    return (Item(number, weight) for number in range(count))


def ahead_of(made: Iterator[Item], *, weight_max: int = 5) -> ReadAhead[Item]:
    return ReadAhead(made, weigh=weight_of, room=lambda: weight_max, while_waiting=lambda: None)


def weight_of(item: Item) -> int:
    return item.weight


def makers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "hubspot-read-ahead"]


@pytest.fixture(autouse=True)
def nobody_is_left_behind() -> Iterator[None]:
    yield
    assert makers() == []


@pytest.mark.parametrize("weight", [1, 3, 100], ids=["light", "heavy", "heavier than all that may wait"])
def test_items_come_in_the_order_in_which_they_are_made(weight: int) -> None:
    with ahead_of(items(50, weight=weight)) as ahead:
        assert [item.number for item in ahead] == list(range(50))


def test_e19_the_maker_works_ahead_and_not_too_far() -> None:
    made, reached = [], threading.Event()

    def counted() -> Iterator[Item]:
        for item in items(100, weight=2):
            made.append(item.number)
            if len(made) == 4:  # two that wait, one in hand, and the one that was taken
                reached.set()
            yield item

    with ahead_of(counted(), weight_max=5) as ahead:
        numbers = iter(ahead)
        next(numbers)
        assert reached.wait(10)
        assert len(made) <= 4
        assert len(list(numbers)) == 99


def test_where_there_is_no_room_an_item_is_made_and_kept_until_somebody_waits_for_it() -> None:
    made, reached = [], threading.Event()

    def counted() -> Iterator[Item]:
        for item in items(20):
            made.append(item.number)
            if len(made) == 2:  # the one that was taken, and one in hand
                reached.set()
            yield item

    with ahead_of(counted(), weight_max=0) as ahead:
        numbers = iter(ahead)
        next(numbers)
        assert reached.wait(10)
        assert len(made) == 2
        assert len(list(numbers)) == 19


def test_what_goes_wrong_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[Item]:
        yield from items(3)
        raise OSError("cut")

    with ahead_of(broken()) as ahead:
        numbers = iter(ahead)
        assert [next(numbers).number for _ in range(3)] == [0, 1, 2]
        with pytest.raises(OSError, match="cut"):
            next(numbers)


def test_whoever_waits_may_give_up() -> None:
    released = threading.Event()

    def stuck() -> Iterator[Item]:
        yield Item(0)
        released.wait(30)

    def give_up() -> None:
        released.set()
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        ReadAhead(stuck(), weigh=weight_of, room=lambda: 5, while_waiting=give_up) as ahead,
    ):
        list(ahead)


def test_a_maker_that_waits_for_room_ends_when_nobody_wants_more() -> None:
    made = []

    def counted() -> Iterator[Item]:
        for item in items(1_000):
            made.append(item.number)
            yield item

    with ahead_of(counted()) as ahead:
        assert next(iter(ahead)).number == 0
    assert len(made) <= 8  # five that wait, one taken, one in hand, and the one that nobody wanted
