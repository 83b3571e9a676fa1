"""CPU and memory of a process and everything below it, from Linux's /proc."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from local_stack.processes import process_ids

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PSS = re.compile(r"^Pss: +(\d+) kB$", re.MULTILINE)
KIB = 1024


@dataclass(frozen=True, slots=True)
class Stat:
    """What /proc/PID/stat says, in seconds.

    Attributes:
        own_s: of its threads, the ended ones too.
        ended_s: of children that have ended and were waited for, with theirs.
    """

    pid: int
    parent: int
    own_s: float
    ended_s: float


def tree(root: int) -> list[Stat]:
    """``root`` and its living descendants; empty when it is gone."""
    by_pid = {each.pid: each for each in map(_stat, process_ids()) if each}
    children = defaultdict(list)
    for each in by_pid.values():
        children[each.parent].append(each.pid)
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        if pid in by_pid:
            found.append(by_pid[pid])
            todo.extend(children[pid])
    return found


def cpu_s(processes: Iterable[Stat]) -> float:
    """Of them and of their children that have ended."""
    return sum(each.own_s + each.ended_s for each in processes)


def memory_bytes(processes: Iterable[Stat]) -> int:
    """Proportional set size: what several of them share counts once."""
    return sum(_pss(each.pid) for each in processes)


def _pss(pid: int) -> int:
    try:
        match = PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except OSError:  # it has ended
        return 0
    return int(match[1]) * KIB if match else 0


def _stat(pid: int) -> Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # from the state on: the name before it may hold anything
    user, system, user_ended, system_ended = (int(field) / TICKS_PER_S for field in fields[11:15])
    return Stat(pid, int(fields[1]), user + system, user_ended + system_ended)
