"""What a fault makes of an answer, before it goes on the wire: one small function for each fault."""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from hubspot_simulator import errors
from hubspot_simulator.exchange import HTML, Answer, Page
from hubspot_simulator.faults import Fault
from hubspot_simulator.rate_limits import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubspot_simulator.faults import FaultRule

BOMB_BYTES = 200_000_000
UNKEYED = (
    b'{"id":"4.2E+10","properties":{"dealname":"Exported by a spreadsheet"},"createdAt":"2024-01-01T00:00:00Z",'
    b'"updatedAt":"2024-01-01T00:00:00Z","archived":false}'
)


def replacement(rule: FaultRule, portal_id: int, app_id: int) -> Answer | None:
    """The answer that takes the place of the right one; None for faults that change the right one."""
    if rule.fault == Fault.STATUS and rule.status == 429 and rule.body is None:  # noqa: PLR2004 - too many requests
        policy = Policy(rule.policy or Policy.TEN_SECONDLY)
        answer = errors.rate_limited(policy, portal_id, app_id)
    elif rule.fault in _REPLACEMENTS:
        answer = _REPLACEMENTS[Fault(rule.fault)](rule)
    else:
        return None
    if rule.retry_after is not None:
        answer.headers.append((b"retry-after", str(rule.retry_after).encode("latin-1")))
    return answer


def changed_page(rule: FaultRule, page: Page, asked_after: str | None) -> Page:
    """The page with its records or its cursor changed."""
    change = _PAGE_CHANGES.get(Fault(rule.fault))
    return page if change is None or not page.fragments else change(page, asked_after)


def damaged(rule: FaultRule, answer: Answer) -> Answer:
    """The answer with other bytes or headers."""
    extra = [(name.lower().encode(), value.encode("latin-1")) for name, value in rule.headers.items()]
    answer = replace(answer, headers=[*answer.headers, *extra])
    damage = _DAMAGES.get(Fault(rule.fault))
    return answer if damage is None else damage(answer)


def _status(rule: FaultRule) -> Answer:
    if rule.body is not None:
        return Answer(rule.status, rule.body.encode())
    if rule.status in _STATUSES:
        return _STATUSES[rule.status](rule)
    if rule.status >= 500:  # noqa: PLR2004 - the edge answers in HTML
        return _html(rule.status, f"{rule.status} Bad Gateway")
    return errors.error(rule.status, "There was a problem with the request.")


def _unauthorized(rule: FaultRule) -> Answer:
    return errors.expired_token(0, 75_000) if rule.policy == "EXPIRED" else errors.unauthenticated()


def _redirect(rule: FaultRule) -> Answer:
    status = rule.status if 300 <= rule.status < 400 else 302  # noqa: PLR2004 - the class of redirects
    return Answer(status, b"", HTML, [(b"location", (rule.location or "/").encode("latin-1"))])


def _html(status: int, title: str) -> Answer:
    return Answer(status, f"<html>\n<head><title>{title}</title></head>\n<body></body>\n</html>\n".encode(), HTML)


_STATUSES: dict[int, Callable[[FaultRule], Answer]] = {
    401: _unauthorized,
    403: lambda _: errors.missing_scopes(["crm.objects.deals.read"]),
    404: lambda _: errors.not_found(),
    414: lambda _: errors.uri_too_long(),
    423: lambda _: errors.error(423, "The account is locked by another operation."),  # body invented
    477: lambda _: errors.error(477, "This account is being migrated between data centers."),  # body invented
}
_REPLACEMENTS: dict[Fault, Callable[[FaultRule], Answer]] = {
    Fault.STATUS: _status,
    Fault.REDIRECT: _redirect,
    Fault.HTML: lambda _: _html(200, "Please stand by"),
    Fault.BODY: lambda rule: Answer(200, (rule.body or "").encode()),
    Fault.DEEP_JSON: lambda _: Answer(200, b'{"results":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    Fault.HUGE_INTEGER: lambda _: Answer(200, b'{"results":[{"id":' + b"9" * 5_000 + b"}]}"),
}


def _short(page: Page, _: str | None) -> Page:
    half = len(page.fragments) // 2
    return replace(page, fragments=page.fragments[:half], after=page.cursor_at(half))


def _duplicating(page: Page, _: str | None) -> Page:
    return page if page.after is None else replace(page, after=page.cursor_at(len(page.fragments) - 1))


_PAGE_CHANGES: dict[Fault, Callable[[Page, str | None], Page]] = {
    Fault.EMPTY_PAGE: lambda page, _: replace(page, fragments=[], after=page.cursor_at(0)),
    Fault.SHORT_PAGE: _short,
    Fault.CURSOR_LOOP: lambda page, asked_after: replace(page, after=asked_after or "0"),
    Fault.DUPLICATE_RECORD: _duplicating,
    Fault.UNKEYED_RECORD: lambda page, _: replace(page, fragments=[*page.fragments[:1], UNKEYED, *page.fragments[1:]]),
    Fault.UNSORTED: lambda page, _: replace(page, fragments=page.fragments[::-1]),
    Fault.MISSING_NEXT: lambda page, _: replace(page, after=None),
    Fault.NUMBER_CURSOR: lambda page, _: replace(page, after_is_number=True),
}


def _gzipped(answer: Answer, body: bytes) -> Answer:
    return replace(answer, body=body, headers=[*answer.headers, (b"content-encoding", b"gzip")])


def _latin_1(body: bytes) -> bytes:
    return body.decode().replace("–", "é").encode("latin-1", "replace")


def _gzip_truncated(answer: Answer) -> Answer:
    compressed = zlib.compress(answer.body, 1, wbits=31)
    return _gzipped(answer, compressed[: len(compressed) * 3 // 4])


@lru_cache(maxsize=1)  # a second's work
def _bomb() -> bytes:
    compressor = zlib.compressobj(9, wbits=31)
    blanks = b" " * 1_000_000
    parts = [compressor.compress(b'{"results":['), *(compressor.compress(blanks) for _ in range(BOMB_BYTES // 10**6))]
    return b"".join([*parts, compressor.compress(b"]}"), compressor.flush()])


_DAMAGES: dict[Fault, Callable[[Answer], Answer]] = {
    Fault.INVALID_JSON: lambda answer: replace(answer, body=answer.body[:-1]),
    Fault.BYTE_ORDER_MARK: lambda answer: replace(answer, body=b"\xef\xbb\xbf" + answer.body),
    Fault.LATIN_1: lambda answer: replace(answer, body=_latin_1(answer.body)),
    Fault.GZIP_TRUNCATED: _gzip_truncated,
    Fault.GZIP_CLAIMED: lambda answer: _gzipped(answer, answer.body),
    Fault.GZIP_BOMB: lambda answer: _gzipped(answer, _bomb()),
    Fault.BIG_HEADER: lambda answer: replace(answer, headers=[*answer.headers, (b"x-padding", b"x" * 100_000)]),
}
