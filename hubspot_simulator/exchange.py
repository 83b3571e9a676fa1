"""A request as handlers see it and the answers that they give."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubspot_simulator.accounts import Account, App

JSON = b"application/json;charset=utf-8"
HTML = b"text/html; charset=UTF-8"
LINK_HOST = "https://api.hubapi.com"  # HubSpot's links name this host whatever host was asked
Headers = list[tuple[bytes, bytes]]


class Request:
    """One HTTP request."""

    def __init__(self, method: str, path: str, raw_query: bytes, headers: Headers, body: bytes) -> None:
        self.method = method
        self.path = path
        self.raw_query = raw_query
        self.headers = headers
        self.body = body
        self.reaches_replica = False  # one that is as late as the search index
        self.is_cut_short = False  # its answer, should it be a batch

    @cached_property
    def query(self) -> dict[str, str]:
        """Parameters; a repeated one is joined by commas, which HubSpot treats alike."""
        result: dict[str, str] = {}
        for name, value in parse_qsl(self.raw_query.decode("latin-1"), keep_blank_values=True):
            result[name] = f"{result[name]},{value}" if name in result else value
        return result

    @cached_property
    def json(self) -> Any:  # noqa: ANN401 - whatever the client sent
        """The parsed body; raises ValueError when it is no JSON."""
        return orjson.loads(self.body)

    def header(self, name: bytes) -> str:
        return next((value.decode("latin-1") for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the app that the token belongs to, in its account."""

    account: Account
    app: App


@dataclass(slots=True)
class Answer:
    """A complete answer."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Headers = field(default_factory=list)


@dataclass(slots=True)
class Page:
    """Records on their way to becoming a list or search answer; faults may still change them.

    Attributes:
        after: cursor of the following page, None on the last one.
        cursor_at: the cursor that starts a page at the record of that position.
        total: search only.
        link_of: path and query that ``paging.next.link`` repeats; None where HubSpot sends no link.
    """

    fragments: list[bytes]
    after: str | None
    cursor_at: Callable[[int], str]
    total: int | None = None
    link_of: tuple[str, dict[str, str]] | None = None
    after_is_number: bool = False

    def answer(self) -> Answer:
        total = b"" if self.total is None else b'"total":%d,' % self.total
        return Answer(200, b'{%b"results":[%b]%b}' % (total, b",".join(self.fragments), self._paging()))

    def _paging(self) -> bytes:
        if self.after is None:
            return b""  # the last page has no "paging" at all
        cursor = self.after if self.after_is_number else f'"{self.after}"'
        if self.link_of is None:
            return b',"paging":{"next":{"after":%b}}' % cursor.encode()
        path, query = self.link_of
        pairs = "&".join(_pair(name, value) for name, value in query.items() if name != "after")
        link = f"{LINK_HOST}{path}?{pairs}{'&' if pairs else ''}after={self.after}"
        return b',"paging":{"next":{"after":%b,"link":%b}}' % (cursor.encode(), orjson.dumps(link))


@lru_cache(maxsize=1024)  # the same few parameters on every page of a walk
def _pair(name: str, value: str) -> str:
    return f"{quote(name)}={quote(value, safe='')}"
