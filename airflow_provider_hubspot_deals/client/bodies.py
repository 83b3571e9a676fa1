"""Bytes on the wire → one complete JSON value, or a reason why not. Nothing is guessed, repaired or cut."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_decode = msgspec.json.Decoder().decode  # orjson is faster, and rounds integers of more than 64 bits
_GZIP = 16 + zlib.MAX_WBITS


class BodyTooLargeError(Exception):
    """More bytes than any answer may have."""


class BodyDamagedError(Exception):
    """The transfer or its compression is incomplete or broken."""


def read_body(chunks: Iterable[bytes], *, encoding: str, size_max: int) -> tuple[bytes, int]:
    """The whole decoded body, and how many bytes it took on the wire.

    Raises:
        BodyTooLargeError: more than ``size_max`` bytes, on the wire or decoded.
        BodyDamagedError: gzip that is cut or broken, or another encoding than the one we asked for.
    """
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise BodyDamagedError("an encoding that was not asked for")
    received = 0
    gunzip = _Gunzip(size_max) if encoding.endswith("gzip") else None
    parts: list[bytes] = []
    for chunk in chunks:
        received += len(chunk)
        if received > size_max:
            raise BodyTooLargeError
        if gunzip is None:
            parts.append(chunk)
        else:
            gunzip.feed(chunk)
    return (b"".join(parts) if gunzip is None else gunzip.finish()), received


class _Gunzip:
    """Bounded and strict: requests and urllib3 return the text of a truncated gzip stream without a word."""

    def __init__(self, size_max: int) -> None:
        self._size_left = size_max
        self._parts: list[bytes] = []
        self._stream = zlib.decompressobj(_GZIP)
        self._started = False

    def feed(self, chunk: bytes) -> None:
        try:
            while chunk:
                if self._stream.eof:  # RFC 1952: a file may have several members
                    self._stream = zlib.decompressobj(_GZIP)
                self._take(self._stream.decompress(chunk, self._size_left + 1))
                chunk = self._stream.unused_data
        except zlib.error:
            raise BodyDamagedError("broken gzip") from None

    def finish(self) -> bytes:
        if self._started and not self._stream.eof:
            raise BodyDamagedError("gzip ends before its end")
        return b"".join(self._parts)

    def _take(self, part: bytes) -> None:
        self._started = True
        self._size_left -= len(part)
        if self._size_left < 0:
            raise BodyTooLargeError
        self._parts.append(part)


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - JSON is any of its types
    """The one JSON value that ``body`` is, in strict UTF-8.

    Integers of more than 64 bits keep their digits. Lone surrogates survive (half an emoji occurs in customers'
    text, and one such name must not hide a page of deals); NaN, Infinity, a byte-order mark and trailing bytes do not.

    Raises:
        ValueError: anything else than one whole JSON value; the text never quotes the body.
    """
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Only escapes of surrogates are a reason to ask the slower parser for a second opinion.
        if b"\\ud" not in body and b"\\uD" not in body:
            raise ValueError("it is no complete JSON in UTF-8") from None
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise ValueError("it is no complete JSON in UTF-8") from None


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError


def _finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError
    return number
