"""Faults and mid-run changes as data: rules that say when, and what."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from threading import Lock
from typing import Any, TypeVar


class RuleError(ValueError):
    """A rule is not one; the message names the key."""


class Fault(StrEnum):
    """What goes wrong."""

    # Another answer instead of the right one
    STATUS = "status"  # `status` with HubSpot's body for it, or `body`; 429 by `policy`; 5xx as HTML
    REDIRECT = "redirect"  # `status` (302) to `location`
    HTML = "html"  # a web page with status 200
    BODY = "body"  # `body` with status 200, verbatim: "", "null", "[]", "{}", …
    DEEP_JSON = "deep_json"  # 100,000 nested arrays
    HUGE_INTEGER = "huge_integer"  # a number of 5,000 digits
    # The right records on a wrong page (list and search only)
    EMPTY_PAGE = "empty_page"  # no records, but a cursor to them
    SHORT_PAGE = "short_page"  # half of the records, and a cursor to the rest
    CURSOR_LOOP = "cursor_loop"  # the cursor leads to this very page
    DUPLICATE_RECORD = "duplicate_record"  # the last record comes again on the next page
    UNKEYED_RECORD = "unkeyed_record"  # one more record, whose id is none
    UNSORTED = "unsorted"  # descending ids
    MISSING_NEXT = "missing_next"  # a full page without a cursor
    NUMBER_CURSOR = "number_cursor"  # the cursor is a JSON number
    OLD_RECORDS = "old_records"  # list and batch read: live records as search still has them, from a replica that lags
    SHORT_BATCH = "short_batch"  # batch read, of associations too: half of what is found, and no word of any other id
    # The right answer, damaged
    INVALID_JSON = "invalid_json"  # the last character is missing, the length is right
    BYTE_ORDER_MARK = "byte_order_mark"
    LATIN_1 = "latin_1"  # not UTF-8
    GZIP_TRUNCATED = "gzip_truncated"  # the length is right, the stream ends early
    GZIP_CLAIMED = "gzip_claimed"  # Content-Encoding: gzip on plain bytes
    GZIP_BOMB = "gzip_bomb"  # 200 MB of blanks in 200 KB
    BIG_HEADER = "big_header"  # 100 KB
    # The right answer, badly delivered
    DELAY = "delay"  # `seconds` late
    HANG = "hang"  # never
    DRIP = "drip"  # `chunk_bytes` every `seconds`
    TRUNCATE = "truncate"  # closed after `keep_bytes` (half) of the body, Content-Length says more
    RESET = "reset"  # TCP reset after `keep_bytes` (none) of the body
    LENGTH_TOO_SMALL = "length_too_small"  # more body than Content-Length says
    CHUNKED_CUT = "chunked_cut"  # chunked, closed before the last chunk
    UNDELIMITED_CUT = "undelimited_cut"  # no length, closed half-way
    HTTP_1_0 = "http_1_0"  # the whole answer as HTTP/1.0, ended by closing
    CLOSE = "close"  # the whole answer, and the kept-alive connection is closed without a word


# Nothing is wrong with some answers: a last page has no cursor to lose, one record is always in order.
NOT_ALWAYS_FELT = frozenset(
    {
        *(Fault.EMPTY_PAGE, Fault.SHORT_PAGE, Fault.CURSOR_LOOP, Fault.DUPLICATE_RECORD, Fault.UNSORTED),
        *(Fault.MISSING_NEXT, Fault.NUMBER_CURSOR, Fault.OLD_RECORDS, Fault.UNKEYED_RECORD),
        Fault.SHORT_BATCH,
    }
)


@dataclass(kw_only=True)
class Rule:
    """When it applies: from the ``nth`` matching request on, every ``every``-th, at most ``times`` times.

    Attributes:
        endpoint: endpoint class (routes/table.py), None for all.
        portal_id: portal that the token belongs to, None for all.
        times: None for ever.
        seen: matching requests so far.
        fired: how often it applied.
    """

    endpoint: str | None = None
    portal_id: int | None = None
    nth: int = 1
    every: int = 1
    times: int | None = 1
    seen: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    def is_due(self, endpoint: str, portal_id: int | None) -> bool:
        """Count the request; whether the rule wants to apply to it. Whoever applies it counts ``fired``."""
        if self.endpoint not in (None, endpoint) or self.portal_id not in (None, portal_id):
            return False
        self.seen += 1
        is_turn = self.seen >= self.nth and (self.seen - self.nth) % self.every == 0
        return is_turn and (self.times is None or self.fired < self.times)


RuleT = TypeVar("RuleT", bound=Rule)


@dataclass(kw_only=True)
class FaultRule(Rule):
    """A fault. Which of the further fields matter is said at `Fault`."""

    fault: str
    status: int = 500
    policy: str | None = None  # 429: TEN_SECONDLY_ROLLING | SECONDLY | DAILY; 401: EXPIRED
    retry_after: str | int | None = None  # any text, as it goes on the wire
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 1.0
    keep_bytes: int | None = None
    chunk_bytes: int = 1
    location: str | None = None
    insists: bool = False  # once its turn has come, it is tried at every request until it has been felt for once
    felt: int = field(default=0, init=False)  # how often the answer was another one than without it

    def __post_init__(self) -> None:
        try:
            self.fault = Fault(self.fault)
        except ValueError:
            raise RuleError(f"unknown fault {self.fault!r}; known are {', '.join(Fault)}") from None

    def is_late(self, endpoint: str, portal_id: int | None) -> bool:
        """Whether it insists, and nothing has come of its turns so far."""
        matches = self.endpoint in (None, endpoint) and self.portal_id in (None, portal_id)
        return self.insists and matches and self.fired > 0 and not self.felt


@dataclass(kw_only=True)
class MutationRule(Rule):
    """Random changes just before a request is answered, as people change deals while somebody reads them."""

    edit: int = 0
    archive: int = 0
    merge: int = 0
    create: int = 0
    restore: int = 0

    def counts(self) -> dict[str, int]:
        return {verb: getattr(self, verb) for verb in ("edit", "archive", "merge", "create", "restore")}


class Plan:
    """The rules of a server; safe to change while it runs."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.faults: list[FaultRule] = []
        self.mutations: list[MutationRule] = []

    def add(self, rule: Rule) -> None:
        with self._lock:
            if isinstance(rule, MutationRule):
                self.mutations = [*self.mutations, rule]
            elif isinstance(rule, FaultRule):
                self.faults = [*self.faults, rule]

    def clear(self) -> None:
        with self._lock:
            self.faults, self.mutations = [], []

    def fault_for(self, endpoint: str, portal_id: int | None) -> FaultRule | None:
        """The first due rule. Every matching rule counts the request; one that had to wait is due at the next."""
        if not self.faults:
            return None
        with self._lock:
            due = [rule for rule in self.faults if rule.is_due(endpoint, portal_id)]
            due = due or [rule for rule in self.faults if rule.is_late(endpoint, portal_id)]
            return _fired(due[:1])[0] if due else None

    def mutations_for(self, endpoint: str, portal_id: int | None) -> list[MutationRule]:
        if not self.mutations:
            return []
        with self._lock:
            return _fired([rule for rule in self.mutations if rule.is_due(endpoint, portal_id)])


def _fired(rules: list[RuleT]) -> list[RuleT]:
    for rule in rules:
        rule.fired += 1
    return rules


def rule_from_json(kind: type[FaultRule | MutationRule], facts: dict[str, Any]) -> FaultRule | MutationRule:
    """Raises RuleError for an unknown or a missing key."""
    known = {each.name: each for each in fields(kind) if each.init}
    unknown = facts.keys() - known.keys()
    missing = {name for name, each in known.items() if each.default is MISSING and each.default_factory is MISSING}
    if unknown or missing - facts.keys():
        raise RuleError(f"unknown keys {sorted(unknown)}, missing keys {sorted(missing - facts.keys())}")
    return kind(**facts)
