"""Several Plays at once: each in a process of its own, with its own PostgreSQL, HubSpot, workers and proxy."""

from __future__ import annotations

import faulthandler
import logging
import multiprocessing
import os
import signal
import sys
from collections import deque
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, NoReturn, Protocol, cast

from local_stack.exceptions import StackError
from local_stack.simulation.play import Play
from local_stack.simulation.played import Played
from local_stack.tether import tie_to_parent
from local_stack.throwaway import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

# The run under way ends, PostgreSQL stops. Rarely nobody hears: an exit that is raised within a callback
# of Python itself, as imports have them, is lost.
LEAVES_WITHIN_S = 20.0
logger = logging.getLogger(__name__)
SPAWN = multiprocessing.get_context("spawn")


class Part(Protocol):
    """What is played by itself: a case, a seed. ``str`` names it."""

    @property
    def again(self) -> str:
        """How to play it again."""

    def play(self, play: Play) -> None:
        """Raises whatever goes wrong."""


def play_all(parts: Sequence[Part], *, processes: int) -> Generator[Played, None, None]:
    """What became of each part, as they end. Close it, or exhaust it: nothing is left running then.

    Raises:
        StackError: PostgreSQL or the workers do not start; or every process has died.
    """
    if processes <= 1:
        with temporary_directory(in_memory=True) as folder, Play(folder) as play:
            for part in parts:
                yield _played(play, part)
        return
    waiting = deque(parts)
    with _players(min(processes, len(parts))) as players:
        for player in players:
            player.begin(waiting.popleft())
        while busy := {player.line: player for player in players if player.part}:
            for line in wait(list(busy)):
                player = busy[cast("Connection", line)]
                yield player.ended()
                if waiting and player.is_alive:
                    player.begin(waiting.popleft())
    if waiting:
        raise StackError(f"all processes that play have died; {len(waiting)} of {len(parts)} were not played")


class _Player:
    """One process, seen from ours.

    Attributes:
        part: that it plays.
        is_alive: as far as it has been heard.
    """

    def __init__(self, folder: Path) -> None:
        self.part: Part | None = None
        self.is_alive = True
        self.line, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_play_what_is_sent, args=(theirs, folder, os.getpid()))
        self.process.start()
        theirs.close()  # so that its end is heard

    def begin(self, part: Part) -> None:
        """Tell it what to play; whether it has died is heard in place of an answer."""
        self.part = part
        with suppress(OSError):
            self.line.send(part)

    def ended(self) -> Played:
        """What it has played, once its line has something to say."""
        part, self.part = self.part, None
        if part is None:
            raise StackError("it plays nothing")
        try:
            played: Played | StackError = self.line.recv()
        except (EOFError, ConnectionError):
            self.is_alive = False
            self.process.join()
            played = Played()
            played.fail(str(part), f"its process has ended with status {self.process.exitcode}", part.again)
        if isinstance(played, StackError):
            raise played
        return played


@contextmanager
def _players(number: int) -> Iterator[list[_Player]]:
    players: list[_Player] = []
    with ExitStack() as folders:  # ours, so that they go however a player ends
        try:
            for _ in range(number):
                folder = folders.enter_context(temporary_directory(in_memory=True))
                players.append(_Player(folder))
            yield players
        finally:
            for each in players:
                each.process.terminate()
            for each in players:
                each.process.join(LEAVES_WITHIN_S)
                each.process.kill()
                each.process.join()
                if each.process.exitcode:
                    logger.warning("A process that plays has ended with status %s.", each.process.exitcode)


def _play_what_is_sent(line: Connection, folder: Path, parent_pid: int) -> None:
    """In the process of a player, until it is told to leave."""
    faulthandler.enable()  # a library that crashes says where; otherwise only a status is left
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of us; who started us says when to leave
    tie_to_parent(parent_pid, signal.SIGTERM)
    try:
        with Play(folder) as play:
            while True:
                line.send(_played(play, line.recv()))
    except StackError as error:
        line.send(error)


def _leave(*_: object) -> NoReturn:
    """Once: what stops then is not to be interrupted."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit()


def _played(play: Play, part: Part) -> Played:
    try:
        part.play(play)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the others are played
        play.played.fail(str(part), f"{type(error).__name__}: {error}", part.again)
    return play.take()
