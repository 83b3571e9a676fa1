"""The HubSpot API as an ASGI application: who asks, may they, how often, what goes wrong, what is the answer."""

from __future__ import annotations

import asyncio
import time
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from hubspot_simulator import errors
from hubspot_simulator.access_log import AccessLog, LoggedRequest
from hubspot_simulator.exchange import Answer, Caller, Request
from hubspot_simulator.fault_effects import changed_page, damaged, replacement
from hubspot_simulator.faults import NOT_ALWAYS_FELT, Fault, Plan
from hubspot_simulator.mutations import mutate
from hubspot_simulator.rate_limits import Bucket
from hubspot_simulator.routes.parameters import RefusedError
from hubspot_simulator.routes.table import OPEN_PATHS, OTHER_OBJECTS, UNKNOWN, Endpoint, endpoint_of
from hubspot_simulator.wire import CONNECTION, deliver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hubspot_simulator.accounts import Accounts
    from hubspot_simulator.clock import Clock
    from hubspot_simulator.exchange import Headers
    from hubspot_simulator.faults import FaultRule

URL_CHARACTERS_MAX = 16_000  # the threshold is not documented; about 16,200 has been seen to fail (reference §5.1)
CONSTANT_HEADERS: Headers = [
    (b"server", b"cloudflare"),
    (b"cf-cache-status", b"DYNAMIC"),
    (b"vary", b"origin, accept-encoding"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains; preload"),
]
BEARER = "bearer "


class HubSpotApplication:
    """Answers HubSpot's endpoints for all accounts of a server."""

    def __init__(self, accounts: Accounts, clock: Clock, *, latency_ms: float = 0.0, gzip: bool = False) -> None:
        self.accounts = accounts
        self.clock = clock
        self.plan = Plan()
        self.log = AccessLog()
        self.latency_ms = latency_ms
        self.gzip = gzip
        self.on_request: list[Callable[[str, int | None], None]] = []
        self.on_answer: list[Callable[[LoggedRequest, bytes], None]] = []  # with the body, before it goes on the wire

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        body = await _read_body(receive) if scope["method"] != "GET" else b""
        request = Request(scope["method"], scope["path"], scope["query_string"], scope["headers"], body)
        answer, rule = self.answer(request)
        headers = self._headers(answer)
        content = answer.body
        if self.gzip and "gzip" in request.header(b"accept-encoding") and content:
            content = zlib.compress(content, 1, wbits=31)
            headers.append((b"content-encoding", b"gzip"))
        if self.latency_ms:
            await asyncio.sleep(self.latency_ms / 1000)
        connection = scope["extensions"][CONNECTION]["connection"]
        await deliver(rule, answer.status, headers, content, send=send, connection=connection)

    def answer(self, request: Request) -> tuple[Answer, FaultRule | None]:
        """The answer, and the fault that its delivery must follow."""
        endpoint = endpoint_of(request.path)
        opened = OPEN_PATHS.get(request.path)
        name = opened.name if opened else endpoint.name if endpoint else UNKNOWN
        grant = self.accounts.grant(_token(request))
        caller = None if grant is None else Caller(grant.account, grant.app)
        portal_id = None if caller is None else caller.account.spec.portal_id
        self._disturb(name, portal_id)
        rule = self.plan.fault_for(name, portal_id)
        request.reaches_replica = rule is not None and rule.fault == Fault.OLD_RECORDS
        request.is_cut_short = rule is not None and rule.fault == Fault.SHORT_BATCH
        answer = None if rule is None else replacement(rule, portal_id or 0, caller.app.app_id if caller else 0)
        if answer is None and opened:
            is_post = request.method == "POST"
            answer = opened.handler(request, self.accounts) if is_post else errors.method_not_allowed()
        if answer is None:
            answer = self._answered(request, endpoint, caller, rule)
        if rule is not None:
            rule.felt += _is_felt(rule, request, endpoint, caller, answer)
            answer = damaged(rule, answer)
        self._log(request, name, portal_id, answer, rule)
        return answer, rule

    def _disturb(self, name: str, portal_id: int | None) -> None:
        """Let deals change before the answer."""
        for callback in self.on_request:
            callback(name, portal_id)
        for rule in self.plan.mutations_for(name, portal_id):
            mutated_id = rule.portal_id or portal_id
            if mutated_id is not None:
                mutate(self.accounts.by_portal_id[mutated_id].portal, **rule.counts())

    def _answered(
        self, request: Request, endpoint: Endpoint | None, caller: Caller | None, rule: FaultRule | None
    ) -> Answer:
        if len(request.path) + len(request.raw_query) > URL_CHARACTERS_MAX:
            return errors.uri_too_long()
        if caller is None or self._expired_ms(request) is not None:
            return self._unauthenticated(request)
        if endpoint is None:
            return _no_endpoint(request)
        if request.method != endpoint.method:
            return errors.method_not_allowed()
        limiter = caller.app.limiter
        exceeded = limiter.exceeded_by(endpoint.bucket)
        if exceeded is not None:
            answer = errors.rate_limited(exceeded, caller.account.spec.portal_id, caller.app.app_id)
        elif endpoint.scopes and caller.app.scopes.isdisjoint(endpoint.scopes):
            answer = errors.missing_scopes(endpoint.scopes)
        else:
            answer = _handled(request, endpoint, caller, rule)
        if endpoint.bucket is not Bucket.SEARCH:  # search answers carry no rate headers (reference §5)
            answer.headers += limiter.headers()
        return answer

    def _expired_ms(self, request: Request) -> int | None:
        grant = self.accounts.grant(_token(request))
        expires_ms = None if grant is None else grant.expires_ms
        return expires_ms if expires_ms is not None and expires_ms <= self.clock.now_ms() else None

    def _unauthenticated(self, request: Request) -> Answer:
        token, expired_ms = _token(request), self._expired_ms(request)
        if expired_ms is None and (not token or token.startswith("pat-")):
            return errors.unauthenticated()
        return errors.expired_token(expired_ms or 0, self.clock.now_ms())  # garbage has expired in 1970

    def _headers(self, answer: Answer) -> Headers:
        headers = [(b"date", self.clock.http_date()), (b"content-type", answer.content_type)]
        headers += CONSTANT_HEADERS
        headers += answer.headers
        if not answer.headers or answer.headers[0][0] != errors.CORRELATION_HEADER:
            headers.append((errors.CORRELATION_HEADER, errors.new_correlation_id().encode()))
        return headers

    def _log(self, request: Request, name: str, portal_id: int | None, answer: Answer, rule: FaultRule | None) -> None:
        entry = LoggedRequest(
            time.monotonic(),
            request.method,
            request.path,
            tuple(request.query),
            _body_keys(request),
            name,
            portal_id,
            answer.status,
            None if rule is None else str(rule.fault),
        )
        self.log.add(entry)
        for callback in self.on_answer:
            callback(entry, answer.body)


def _handled(request: Request, endpoint: Endpoint, caller: Caller, rule: FaultRule | None) -> Answer:
    try:
        result = endpoint.handler(request, caller)
    except RefusedError as refused:
        return refused.answer
    if isinstance(result, Answer):
        return result
    return (result if rule is None else changed_page(rule, result, request.query.get("after"))).answer()


def _is_felt(
    rule: FaultRule, request: Request, endpoint: Endpoint | None, caller: Caller | None, answer: Answer
) -> bool:
    if rule.fault not in NOT_ALWAYS_FELT:
        return True
    if endpoint is None or caller is None or answer.status != HTTPStatus.OK:
        return False
    request.reaches_replica = request.is_cut_short = False
    return _handled(request, endpoint, caller, None).body != answer.body


def _no_endpoint(request: Request) -> Answer:
    other = OTHER_OBJECTS.fullmatch(request.path)
    return errors.no_such_route() if other is None else errors.unknown_object_type(other[1])


def _token(request: Request) -> str:
    value = request.header(b"authorization")
    return value[len(BEARER) :] if value[: len(BEARER)].lower() == BEARER else ""


def _body_keys(request: Request) -> tuple[str, ...]:
    try:
        return tuple(request.json) if request.body[:1] == b"{" else ()
    except ValueError:
        return ()


async def _read_body(receive: Callable[[], Awaitable[dict[str, Any]]]) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
