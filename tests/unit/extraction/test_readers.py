"""Questions side by side, answers in order."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_hubspot_deals.extraction.readers import Readers


@pytest.mark.parametrize("count", [1, 2, 5])
def test_answers_come_in_the_order_of_the_questions(count: int) -> None:
    with Readers(count) as readers:
        assert list(readers.in_order(str, range(30), lambda: 4)) == [str(number) for number in range(30)]


def test_as_many_are_asked_at_once_as_there_are_readers() -> None:
    together = threading.Barrier(3, timeout=30)

    def ask(number: int) -> int:
        together.wait()
        return number

    with Readers(3) as readers:
        assert list(readers.in_order(ask, range(6), lambda: 2)) == list(range(6))


def test_a_single_reader_asks_in_the_callers_thread_and_only_when_the_answer_is_wanted() -> None:
    asked: list[str] = []
    with Readers(1) as readers:
        question = readers.ask(lambda: asked.append(threading.current_thread().name))
        assert asked == []
        question.result()
        question.result()
    assert asked == [threading.current_thread().name]


@pytest.mark.parametrize("count", [1, 4])
def test_an_error_comes_where_its_answer_would_have_come(count: int) -> None:
    def ask(number: int) -> int:
        if number == 3:
            raise OSError("cut")
        return number

    with Readers(count) as readers:
        answers = readers.in_order(ask, range(9), lambda: 3)
        assert [next(answers) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(OSError, match="cut"):
            next(answers)


def test_no_reader_is_left_behind() -> None:
    with Readers(4) as readers:
        list(readers.in_order(str, range(9), lambda: 3))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hubspot-reader")]
