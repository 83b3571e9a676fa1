"""What is asked of a run, and whether a job that waits is it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_provider_hubspot_deals.organizations.organization import STANDARD_TYPE


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What is asked of a run."""

    mode: str = "auto"
    window_start: datetime | None = None
    window_end: datetime | None = None
    additional_properties: tuple[str, ...] = ()

    def command(self, slug: str, type_: str, file: str | None = None) -> str:
        """What to type to ask for the same.

        Args:
            file: the organizations file, if one was named.
        """
        options = {
            "--type": None if type_ == STANDARD_TYPE else type_,
            "--mode": None if self.mode == "auto" else self.mode,
            "--window-start": self.window_start and self.window_start.isoformat(),
            "--window-end": self.window_end and self.window_end.isoformat(),
            "--additional-properties": ",".join(self.additional_properties),
            "--file": file,
        }
        given = [word for option, value in options.items() if value for word in (option, value)]
        return shlex.join(["airflow", "hubspot-deals", "sync", slug, *given])

    def is_met_by(self, job: Mapping[str, Any]) -> bool:
        """Whether going on with ``job`` is what is asked for."""
        asked = job["config"] or {}
        if _additional_properties(asked) != self.additional_properties:
            return False
        if self.mode == "window":
            return self.mode == job["mode"] and all(
                asked.get(name) == (moment and moment.isoformat())
                for name, moment in (("window_start", self.window_start), ("window_end", self.window_end))
            )
        # What was asked for as incremental is a full run where none has been completed before.
        return self.mode in ("auto", job["mode"], asked.get("mode")) and job["mode"] != "window"

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> RunRequest:
        """What was asked of ``job``, a row of ``jobs``."""
        asked = job["config"] or {}
        added = _additional_properties(asked)
        if job["mode"] != "window":
            return cls(mode=job["mode"] or "auto", additional_properties=added)
        start, end = (
            asked.get(name) and datetime.fromisoformat(asked[name]) for name in ("window_start", "window_end")
        )
        return cls(mode="window", window_start=start, window_end=end, additional_properties=added)


def _additional_properties(config: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(config.get("additional_properties") or ())
