"""Time as the client measures and spends it; tests pass a clock that does not sleep."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event


@dataclass(frozen=True, slots=True)
class Clock:
    """Monotonic seconds and a way to let them pass. HubSpot's own time comes from its ``Date`` header."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def sleep_unless(self, stopped: Event, seconds: float) -> None:
        """Let ``seconds`` pass, or fewer when ``stopped`` is set meanwhile."""
        if self.sleep is time.sleep:
            stopped.wait(seconds)
        else:  # a clock of its own does not really sleep
            self.sleep(seconds)
