"""Reading while writing: what comes next is made in a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Condition, Thread
from typing import Generic, Self, TypeVar

POLL_S = 0.25  # how often whoever waits looks up

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """Iterate over ``items`` while their maker works ahead, by no more than there is room. A context manager.

    An exception of the maker is raised where its item would have come. Leaving the block early stops the maker at its
    next item and waits for it: whatever it may be waiting for must be given up first.

    Args:
        weigh: how much room an item takes.
        room: of all items that wait; one that is waited for needs none.
        while_waiting: called now and then while there is no item yet; may raise.
    """

    def __init__(
        self,
        items: Iterator[T],
        *,
        weigh: Callable[[T], float],
        room: Callable[[], float],
        while_waiting: Callable[[], None],
    ) -> None:
        self._items, self._weigh, self._room, self._while_waiting = items, weigh, room, while_waiting
        self._made: deque[tuple[T, float]] = deque()
        self._is_waited_for = False
        self._error: BaseException | None = None
        self._is_over = False
        self._is_unwanted = False
        self._changed = Condition()
        self._maker = Thread(target=self._make, name="hubspot-read-ahead", daemon=True)

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._is_waited_for = True
                self._changed.notify_all()
                while not (self._made or self._is_over):
                    self._changed.wait(POLL_S)
                    self._while_waiting()
                if not self._made:
                    break
                item, _ = self._made.popleft()
                self._is_waited_for = False
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        self._maker.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._is_unwanted = True
            self._changed.notify_all()
        self._maker.join()

    def _make(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as error:  # noqa: BLE001 - raised in the thread that reads
            self._error = error
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _put(self, item: T) -> bool:
        weight = self._weigh(item)
        with self._changed:
            while not (self._has_room(weight) or self._is_unwanted):
                self._changed.wait()
            self._made.append((item, weight))
            self._changed.notify_all()
            return not self._is_unwanted

    def _has_room(self, weight: float) -> bool:
        if self._is_waited_for and not self._made:
            return True
        return sum(waiting for _, waiting in self._made) + weight <= self._room()
