"""`./run simulate`."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from local_stack.simulation.command import main

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def leave(number: int, _frame: object) -> NoReturn:
    """Servers and workers stop, folders go. Once: what stops then is not to be interrupted."""
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)  # as shells tell it


if __name__ == "__main__":
    for each in ENDING:
        signal.signal(each, leave)
    sys.exit(main(sys.argv[1:]))
