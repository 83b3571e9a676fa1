"""Reading while writing: what comes next is made in a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Condition, Thread
from typing import Generic, Protocol, Self, TypeVar

POLL_S = 0.25  # how often whoever waits looks up


class Sized(Protocol):
    """Something that knows how much memory it is worth, in whatever unit its buffer counts."""

    @property
    def weight(self) -> int: ...


T = TypeVar("T", bound=Sized)


class ReadAhead(Generic[T]):
    """Iterate over ``items`` while their maker works ahead, by no more than ``weight_max``. A context manager.

    An exception of the maker is raised where its item would have come. Leaving the block early stops the maker at its
    next item and waits for it: whatever it may be waiting for must be given up first.

    Args:
        while_waiting: called now and then while there is no item yet; may raise.
    """

    def __init__(self, items: Iterator[T], *, weight_max: int, while_waiting: Callable[[], None]) -> None:
        self._items, self._weight_max, self._while_waiting = items, weight_max, while_waiting
        self._made: deque[T] = deque()
        self._weight = 0
        self._error: BaseException | None = None
        self._is_over = False
        self._is_unwanted = False
        self._changed = Condition()
        self._maker = Thread(target=self._make, name="hubspot-read-ahead", daemon=True)

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                while not (self._made or self._is_over):
                    self._changed.wait(POLL_S)
                    self._while_waiting()
                if not self._made:
                    break
                item = self._made.popleft()
                self._weight -= item.weight
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
        with self._changed:
            # One item is always taken, however heavy.
            while self._made and self._weight + item.weight > self._weight_max and not self._is_unwanted:
                self._changed.wait()
            self._made.append(item)
            self._weight += item.weight
            self._changed.notify_all()
            return not self._is_unwanted
