"""Who asked what: for tests that check what a client did. Never holds a token or a value."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

ENTRIES_MAX = 200_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One answered request.

    Attributes:
        at_s: monotonic seconds, to measure gaps between requests.
        query_keys: names of the query parameters.
        body_keys: top-level keys of a JSON body.
        endpoint: endpoint class, ``unknown`` for a path that is none.
        portal_id: of the token, None when it opens none.
        fault: the fault that was played, if any.
    """

    at_s: float
    method: str
    path: str
    query_keys: tuple[str, ...]
    body_keys: tuple[str, ...]
    endpoint: str
    portal_id: int | None
    status: int
    fault: str | None


class AccessLog:
    """The newest requests, oldest first; and how many there were for each endpoint class."""

    def __init__(self) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=ENTRIES_MAX)
        self.counts: dict[str, int] = {}

    def add(self, entry: LoggedRequest) -> None:
        self._entries.append(entry)
        self.counts[entry.endpoint] = self.counts.get(entry.endpoint, 0) + 1

    def entries(self, *, endpoint: str | None = None, portal_id: int | None = None) -> list[LoggedRequest]:
        """A copy, optionally of one endpoint class or portal."""
        return [
            each
            for each in list(self._entries)
            if endpoint in (None, each.endpoint) and portal_id in (None, each.portal_id)
        ]

    def clear(self) -> None:
        self._entries.clear()
        self.counts.clear()


def as_json(entries: Iterable[LoggedRequest]) -> list[dict[str, Any]]:
    return [asdict(entry) for entry in entries]
