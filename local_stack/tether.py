"""Become another program, one that gets a signal when the process that started us dies.

    python -I -S tether.py PARENT_PID SIGNAL UID:GID|- COMMAND [ARGUMENT…]

A script instead of `subprocess`'s `preexec_fn`, which may deadlock in a program with threads. It changes the account
itself, because the kernel forgets the wish at setuid (prctl(2), PR_SET_PDEATHSIG), and because that account may not be
able to reach this interpreter. Linux only; elsewhere the command simply runs.
"""

from __future__ import annotations

import ctypes  # before the account changes: the new one may not be able to read the standard library
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def drop_to(account: str) -> None:
    """Give up root for good; `-` keeps the account."""
    if account == "-":
        return
    uid, gid = map(int, account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def tie_to_parent(parent_pid: int, signal_number: int) -> None:
    """Ask the kernel for `signal_number` at the parent's death; leave when that was missed."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit("the process that started this one is gone")


def main(arguments: list[str]) -> None:
    """Never returns."""
    parent_pid, signal_number, account, *command = arguments
    drop_to(account)
    tie_to_parent(int(parent_pid), int(signal_number))
    os.execvp(command[0], command)  # noqa: S606 - becoming the command is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])
