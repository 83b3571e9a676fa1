"""Several Plays at once, in processes of their own: what they have played, and what is left when they are ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_stack.exceptions import StackError
from local_stack.processes import process_ids, wait_until
from local_stack.simulation.checking import InvariantBrokenError
from local_stack.simulation.played import Played
from local_stack.simulation.side_by_side import Part, play_all
from local_stack.throwaway import temporary_directory

if TYPE_CHECKING:
    from local_stack.simulation.play import Play

ROOT = Path(__file__).parents[2]
WORKERS = ["-P", "-m", "local_stack.simulation.worker"]


@dataclass(frozen=True)
class Quick:
    """A run that nobody disturbs, told with who played it."""

    again: str = "as often as you like"

    def play(self, play: Play) -> None:
        play.played.tally[str(os.getpid())] += 1
        with play.stage("full") as stage:
            play.finish(stage, "full", "quick")


@dataclass(frozen=True)
class Wrong:
    """Ends with an error, after which its process plays on."""

    again: str = "in vain"

    def play(self, play: Play) -> None:
        play.played.tally[str(os.getpid())] += 1
        raise InvariantBrokenError("lost")


@dataclass(frozen=True)
class Deadly:
    """Whoever plays it ends."""

    again: str = "do not"

    def play(self, _play: Play) -> None:
        sys.exit(7)


def test_what_each_process_has_played_is_told_and_so_is_the_end_of_one() -> None:
    parts: list[Part] = [Quick(), Wrong(), Quick(), Deadly(), Quick()]

    played = Played()
    for each in play_all(parts, processes=2):
        played.add(each)

    assert sorted(played.problems) == [
        f"{Deadly()} FAILED: its process has ended with status 7\n  do not",
        f"{Wrong()} FAILED: InvariantBrokenError: lost\n  in vain",
    ]
    who = {name: number for name, number in played.tally.items() if name.isdecimal()}
    assert sum(who.values()) == len(parts) - 1
    assert len(who) <= 2
    assert str(os.getpid()) not in who


@dataclass(frozen=True)
class Killed:
    """Whoever plays it ends at once, with its server running."""

    again: str = "do not"

    def play(self, _play: Play) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with temporary_directory() as memory:
        monkeypatch.setattr("local_stack.throwaway.MEMORY", memory)
        monkeypatch.setattr("local_stack.throwaway.ROOM_MIN", 0)

        played = list(play_all([Killed(), Quick()], processes=2))

        assert sorted(len(each.problems) for each in played) == [0, 1]
        assert list(memory.iterdir()) == []


def test_what_nobody_is_left_to_play_is_an_error() -> None:
    with pytest.raises(StackError, match="all processes that play have died; 1 of 3 were not played"):
        list(play_all([Deadly(), Deadly(), Quick()], processes=2))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_whoever_ends_it_finds_nothing_left(number: signal.Signals) -> None:
    with simulation("--processes", "--seeds", "4", "--workers", "2") as process:
        wait_until(lambda: len(attempts_of(process.pid)) > 0, what="the first attempts", timeout_s=200)
        wait_until(lambda: len(data_folders(descendants(process.pid))) == 2, what="both servers", timeout_s=60)

        check_it_leaves_nothing(process, number)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_whoever_ends_it_while_workers_start_finds_nothing_left() -> None:
    with simulation("--processes", "--seeds", "4", "--workers", "2") as process:
        wait_until(lambda: len(starting_workers(process.pid)) == 2, what="both processes of workers", timeout_s=200)

        check_it_leaves_nothing(process, signal.SIGTERM)


def check_it_leaves_nothing(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    family = descendants(process.pid)
    folders = data_folders(family)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    assert process.wait(60) == 128 + number
    wait_until(lambda: not any(map(words_of, family)), what="the end of all", timeout_s=5)
    assert [folder for folder in folders if Path(folder).parents[1].exists()] == []


def starting_workers(pid: int) -> set[int]:
    return {each for each in descendants(pid) if words_of(each)[1:] == WORKERS}


def data_folders(family: Iterable[int]) -> set[str]:
    return {word for pid in family for word in words_of(pid) if word.endswith("/data")}


@contextmanager
def simulation(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-P", "-m", "local_stack.simulation", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)  # noqa: S603 - our own
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def words_of(pid: int) -> list[str]:
    """Its command line; empty when it is gone, or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(pid: int) -> set[int]:
    """It, and whom it started, and whom those started."""
    family = {pid}
    parents = {each: parent_of(each) for each in process_ids()}
    while more := {each for each, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def attempts_of(pid: int) -> set[int]:
    """Those that were forked by a process of workers."""
    family = descendants(pid)
    return {
        each
        for each in family
        if (words := words_of(each)) and "worker" in words[-1] and words_of(parent_of(each)) == words
    }
