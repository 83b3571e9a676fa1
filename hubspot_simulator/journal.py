"""Changes as JSON lines, so that a portal's state survives a restart: seed plus replayed journal."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from threading import Lock
from typing import TYPE_CHECKING, Any

from hubspot_simulator.deal import Deal, Edit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hubspot_simulator.specification import PortalSpec


class StateFileError(ValueError):
    """The state file cannot be continued; the message says why and what to do."""


class Journal:
    """An append-only file: a header that names the portals it belongs to, then one line a change."""

    def __init__(self, path: Path, portals: Iterable[PortalSpec]) -> None:
        self._path = path
        self._header = {"simulator_state": 1, "portals": _fingerprint(portals)}
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or not path.stat().st_size:
            path.write_text(json.dumps(self._header) + "\n", encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")
        self._lock = Lock()  # portals have locks of their own, the file is one

    def changes(self) -> Iterator[dict[str, Any]]:
        """Recorded changes, oldest first. A last line cut by a kill is left out, and cut off the file.

        Raises:
            StateFileError: no state file, or that of other portals.
        """
        with self._path.open("rb+") as file:
            self._check_header(file.readline())
            intact = file.tell()
            for line in file:
                if not line.endswith(b"\n"):
                    file.truncate(intact)
                    return
                intact += len(line)
                yield json.loads(line)

    def write(self, portal_id: int, change: dict[str, Any]) -> None:
        with self._lock:
            self._file.write(json.dumps({"portal": portal_id, **change}, default=_plain) + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()

    @staticmethod
    def deal(fields: dict[str, Any]) -> Deal:
        """A deal from its recorded fields."""
        return Deal(**{**fields, "edits": tuple(Edit(**edit) for edit in fields["edits"])})

    def _check_header(self, line: bytes) -> None:
        try:
            header = json.loads(line)
        except ValueError:
            header = None
        if header != self._header:
            raise StateFileError(
                f"{self._path} was not written for these portals (same file, seeds and sizes); delete it to start over"
            )


def _plain(value: object) -> object:
    return asdict(value) if isinstance(value, Deal) else str(value)


def _fingerprint(portals: Iterable[PortalSpec]) -> str:
    described = sorted(repr((spec.portal_id, spec.seed, spec.deals, spec.archived_deals)) for spec in portals)
    return hashlib.sha256("\n".join(described).encode()).hexdigest()[:16]
