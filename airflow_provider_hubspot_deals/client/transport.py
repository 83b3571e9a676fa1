"""One HTTP request, one complete answer. No retries, no meaning: those live one floor up."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from airflow_provider_hubspot_deals import __version__
from airflow_provider_hubspot_deals.client.bodies import BodyDamagedError, BodyTooLargeError, parse_json, read_body
from airflow_provider_hubspot_deals.client.deadline import DeadlineAdapter, Exchange, exchange_deadline
from airflow_provider_hubspot_deals.exceptions import (
    BadResponseError,
    ConfigurationError,
    HubSpotRefusedError,
    ResponseTooLargeError,
    UpstreamUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

USER_AGENT = f"airflow-provider-hubspot-deals/{__version__}"
BODY_SIZE_MAX = 32 * 1024 * 1024  # bytes, decoded; a page of 100 deals with every property set stays far below
_CHUNK_SIZE = 256 * 1024
_CONNECTIONS_MAX = 32  # threads that may have a request in flight; further ones wait for a connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds."""

    connect_s: float = 10.0  # TCP and TLS, for each address of the host
    read_s: float = 60.0  # silence; Cloudflare gives up on HubSpot after 100 s with a 524
    total_s: float = 120.0  # from the first byte sent to the last one received, however slowly they drip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # case does not matter
    body: bytes = field(repr=False)  # decoded; grants and customers' deals stand in it
    bytes_received: int  # on the wire

    def json(self) -> Any:  # noqa: ANN401 - JSON is any of its types
        """The body as strict JSON.

        Raises:
            ValueError: it is none.
        """
        return parse_json(self.body)


class Transport:
    """A session that cannot be led astray: no redirects, cookies, ``.netrc``, proxies from the environment.

    Thread-safe. ``asked`` names the request in messages, without its query. With ``is_path_secret`` the path is left
    out of what urllib3 logs, as queries always are.

    Raises:
        ConfigurationError: there are no CA certificates to check HubSpot's with.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeouts: Timeouts,
        body_size_max: int = BODY_SIZE_MAX,
        ca_bundle: str | None = None,
        is_path_secret: bool = False,
        who: str = "HubSpot",
    ) -> None:
        self._base_url = base_url
        self._timeouts = timeouts
        self._body_size_max = body_size_max
        self._is_path_secret = is_path_secret
        self._who = who
        bundle = ca_bundle or DEFAULT_CA_BUNDLE_PATH
        self._session = _strict_session(_existing(bundle, who) if base_url.startswith("https:") else None)
        self._lock = threading.Lock()
        self._under_way: set[Exchange] = set()
        self._is_abandoned = False

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, *, asked: str) -> Answer:
        """Send one request to ``target`` (path and query) and read its whole answer.

        Raises:
            UpstreamUnavailableError: no connection, no answer in time, a connection cut.
            BadResponseError: a 2xx whose body arrived damaged.
            ResponseTooLargeError: a 2xx with a body beyond the cap.
            HubSpotRefusedError: a certificate we cannot trust (``UNTRUSTED_CERTIFICATE``).
            CancelledError: after :meth:`abandon`.
        """
        try:
            with exchange_deadline(target, self._timeouts.total_s) as exchange, self._known(exchange):
                path = "/" if self._is_path_secret else target.partition("?")[0]
                return self._exchange(method, path, headers, body, asked)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = error
        # Not in the handler: what http.client was about to send would hang on our error as its context.
        if self._is_abandoned:
            raise CancelledError
        raise self._meaning_of(failure, asked)

    def abandon(self) -> None:
        """End every request under way in any thread, and refuse further ones."""
        with self._lock:
            self._is_abandoned = True
            for exchange in self._under_way:
                exchange.abandon()

    def renew(self) -> None:
        """Take requests again."""
        with self._lock:
            self._is_abandoned = False

    def close(self) -> None:
        self._session.close()

    @contextmanager
    def _known(self, exchange: Exchange) -> Iterator[None]:
        with self._lock:
            if self._is_abandoned:
                raise CancelledError
            self._under_way.add(exchange)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(exchange)

    def _exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, asked: str) -> Answer:
        request = _prepared(method, self._base_url + path, headers, body)
        timeout = (self._timeouts.connect_s, self._timeouts.read_s)
        response = self._session.send(request, stream=True, timeout=timeout, allow_redirects=False)
        try:
            content, received = self._body_of(response, asked)
            return Answer(status=response.status_code, headers=response.headers, body=content, bytes_received=received)
        finally:
            response.close()

    def _body_of(self, response: requests.Response, asked: str) -> tuple[bytes, int]:
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        try:
            return read_body(_raw_chunks(response.raw), encoding=encoding, size_max=self._body_size_max)
        except (BodyDamagedError, BodyTooLargeError, urllib3.exceptions.HTTPError, OSError) as error:
            if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
                return b"", 0  # the status says enough
            if isinstance(error, BodyTooLargeError):
                raise self._too_large(asked, response.status_code) from None
            if isinstance(error, BodyDamagedError):
                raise self._damaged(asked, response.status_code, error) from None
            raise

    def _too_large(self, asked: str, status: int) -> ResponseTooLargeError:
        return ResponseTooLargeError(
            f"{self._who}: the answer to {asked} is larger than {self._body_size_max} bytes; ask for fewer properties",
            status_code=status,
        )

    def _damaged(self, asked: str, status: int, error: BodyDamagedError) -> BadResponseError:
        return BadResponseError(
            f"{self._who}: the answer to {asked} arrived damaged ({error}); see whether a proxy stands in between",
            status_code=status,
        )

    def _meaning_of(self, error: Exception, asked: str) -> HubSpotRefusedError | UpstreamUnavailableError:
        # The causes are left out on purpose: their texts hold URLs with queries, and their attributes hold headers.
        if "certificate verify failed" in str(error).lower():
            return HubSpotRefusedError(
                f"{self._who}: the certificate presented for {asked} cannot be trusted; "
                "check the host, the clock and the CA bundle of this worker, and any proxy that intercepts TLS",
                code="UNTRUSTED_CERTIFICATE",
            )
        return UpstreamUnavailableError(f"{self._who}: no complete answer to {asked} ({_root_cause(error)})")


class _NoRedirects(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even with ``allow_redirects=False`` requests would read the body of a redirect, without any limit."""


def _existing(ca_bundle: str, who: str) -> str:
    if not Path(ca_bundle).exists():  # requests would say so with each request, as if the network were down
        raise ConfigurationError(
            f"{who}: the worker has no CA certificates at {ca_bundle}, so nobody's certificate can be checked; "
            "install the package certifi again"
        )
    return ca_bundle


def _strict_session(ca_bundle: str | None) -> requests.Session:
    session = _NoRedirects()
    session.trust_env = False  # a ~/.netrc would replace our Authorization header; a proxy would see it
    session.verify = ca_bundle or True
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.adapters.clear()
    adapter = DeadlineAdapter(pool_connections=1, pool_maxsize=_CONNECTIONS_MAX, pool_block=True)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _prepared(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> requests.PreparedRequest:
    """A request of parts that are encoded and checked already; preparing them again costs 0.1 ms, a tenth of a page."""
    request = requests.PreparedRequest()
    request.method, request.url, request.body = method, url, body
    request.headers = CaseInsensitiveDict(headers)
    if body is not None:
        request.headers["Content-Length"] = str(len(body))
    return request


def _raw_chunks(raw: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    while chunk := raw.read(_CHUNK_SIZE, decode_content=False):
        yield chunk


def _root_cause(error: BaseException) -> str:
    """The innermost reason in a few words, without addresses: ``ConnectionRefusedError: Connection refused``."""
    seen: set[int] = set()
    deepest = error
    while id(deepest) not in seen:
        seen.add(id(deepest))
        deepest = _reason_of(deepest) or deepest
    if isinstance(deepest, TimeoutError | urllib3.exceptions.TimeoutError):
        return "timed out"
    detail = deepest.strerror if isinstance(deepest, OSError) else None
    return f"{type(deepest).__name__}: {detail}" if detail else type(deepest).__name__


def _reason_of(error: BaseException) -> BaseException | None:
    candidates = (getattr(error, "reason", None), error.__cause__, error.__context__, *error.args)
    return next((reason for reason in candidates if isinstance(reason, BaseException)), None)
