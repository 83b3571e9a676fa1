"""Questions to HubSpot side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Self, TypeVar

Asked = TypeVar("Asked")
T = TypeVar("T")


class Readers:
    """Up to ``count`` threads that ask HubSpot; use as a context manager, which waits for them.

    With ``count`` 1 there are none: each question is asked in the caller's thread, when its answer is wanted.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="hubspot-reader") if count > 1 else None

    def ask(self, question: Callable[[], T]) -> Future[T]:
        """Ask as soon as a thread is free."""
        return _Unasked(question) if self._threads is None else self._threads.submit(question)

    @staticmethod
    def first_answered(asked: Sequence[Future[T]]) -> Future[T]:
        """Wait for any of the questions."""
        if isinstance(asked[0], _Unasked):
            return asked[0]
        done = wait(asked, return_when=FIRST_COMPLETED).done
        return next(future for future in asked if future in done)

    def in_order(self, function: Callable[[Asked], T], items: Iterable[Asked], ahead: Callable[[], int]) -> Iterator[T]:
        """``function`` of each item, in the order of the items, with ``ahead()`` further ones under way."""
        under_way: deque[Future[T]] = deque()
        for item in items:
            under_way.append(self.ask(partial(function, item)))
            while len(under_way) > min(ahead(), self.count - 1):
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Unasked(Future[T]):
    def __init__(self, question: Callable[[], T]) -> None:
        super().__init__()
        self._question = question

    def result(self, timeout: float | None = None) -> T:
        if not self.done():
            self.set_result(self._question())
        return super().result(timeout)
