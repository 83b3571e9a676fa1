"""Where an attempt goes on: the phase, the cursor inside it, and the windows fixed so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from airflow_provider_hubspot_deals.extraction.pages import Cursor

Window = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Written with each batch, in its transaction; JSON in ``jobs.checkpoint``.

    Attributes:
        started_at: HubSpot's clock when the job's first attempt began.
        windows: phase → the closed window of hs_lastmodifieddate that it reads, so that a resumed phase reads the same.
    """

    started_at: datetime
    phase: str
    cursor: Cursor = None
    windows: Mapping[str, Window] = field(default_factory=dict)

    def at(self, phase: str, cursor: Cursor) -> Self:
        """The same run, further on."""
        return replace(self, phase=phase, cursor=cursor)

    def with_window(self, phase: str, window: Window) -> Self:
        """The same place, with the window of ``phase`` fixed."""
        return replace(self, windows={**self.windows, phase: window})

    def as_json(self) -> dict[str, Any]:
        return {
            "started_at": self.started_at.isoformat(),
            "phase": self.phase,
            "cursor": self.cursor,
            "windows": {phase: [end.isoformat() for end in window] for phase, window in self.windows.items()},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        instant = datetime.fromisoformat
        return cls(
            started_at=instant(stored["started_at"]),
            phase=stored["phase"],
            cursor=stored["cursor"],
            windows={phase: (instant(start), instant(end)) for phase, (start, end) in stored["windows"].items()},
        )
