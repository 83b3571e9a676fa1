"""Signals while a task runs in the command line's process."""

from __future__ import annotations

import os
import signal

import pytest

from airflow_provider_hubspot_deals.cli.stopping import stopped_by_signals


class Left(BaseException):
    """What ``on_kill`` raises while the task executes."""


class Task:
    """A task that executes, or not any more."""

    def __init__(self, *, executes: bool) -> None:
        self.executes = executes
        self.kills = 0

    def on_kill(self) -> None:
        self.kills += 1
        if self.executes:
            raise Left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_the_task_once_and_later_ones_change_nothing(number: signal.Signals) -> None:
    task = Task(executes=True)
    with stopped_by_signals(task) as stop:
        with pytest.raises(Left):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert (stop.number, task.kills) == (number, 1)


def test_before_and_after_the_task_a_signal_stops_the_command() -> None:
    with stopped_by_signals(Task(executes=False)), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_the_handlers_of_before_come_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stopped_by_signals(Task(executes=False)):
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
