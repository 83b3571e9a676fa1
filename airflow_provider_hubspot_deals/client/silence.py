"""Answers that say nothing of what was asked: no failure, and no reason to believe that there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

BELIEVED_AT = 3  # the first two are asked again, each after a pause


class Answer(Protocol):
    """What can say nothing."""

    @property
    def is_silent(self) -> bool: ...


AnswerT = TypeVar("AnswerT", bound=Answer)


def patient(read: Callable[[Any], AnswerT]) -> Callable[[Any], AnswerT]:
    """``read`` for the attempts of one request: a silent answer is unusable until it has come so often."""
    silent = 0

    def read_patiently(payload: object) -> AnswerT:
        nonlocal silent
        answer = read(payload)
        silent += answer.is_silent
        if answer.is_silent and silent < BELIEVED_AT:
            raise ValueError("it says nothing of what was asked for")
        return answer

    return read_patiently
