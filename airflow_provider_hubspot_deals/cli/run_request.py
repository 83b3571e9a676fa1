"""What is asked of a run, and whether a job that waits is it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What is asked of a run."""

    mode: str = "auto"
    window_start: datetime | None = None
    window_end: datetime | None = None

    def is_met_by(self, job: Mapping[str, Any]) -> bool:
        """Whether going on with ``job`` is what is asked for."""
        asked = job["config"] or {}
        if self.mode == "window":
            return self.mode == job["mode"] and all(
                asked.get(name) == (moment and moment.isoformat())
                for name, moment in (("window_start", self.window_start), ("window_end", self.window_end))
            )
        return self.mode in ("auto", job["mode"]) and job["mode"] != "window"

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> RunRequest:
        """What was asked of ``job``, a row of ``jobs``."""
        if job["mode"] != "window":
            return cls(mode=job["mode"] or "auto")
        asked = job["config"] or {}
        start, end = (
            asked.get(name) and datetime.fromisoformat(asked[name]) for name in ("window_start", "window_end")
        )
        return cls(mode="window", window_start=start, window_end=end)
