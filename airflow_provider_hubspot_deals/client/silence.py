"""Answers that say nothing of what was asked: no failure, and no reason to believe that there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

BELIEVED_AT = 3  # the first two are asked again, each after a pause


def patient(read: Callable[[Any], T], is_silent: Callable[[T], bool]) -> Callable[[Any], T]:
    """``read`` for the attempts of one request: a silent answer is unusable until it has come so often."""
    silent = 0

    def read_patiently(payload: object) -> T:
        nonlocal silent
        answer = read(payload)
        if is_silent(answer):
            silent += 1
            if silent < BELIEVED_AT:
                raise ValueError("it says nothing of what was asked for")
        return answer

    return read_patiently
