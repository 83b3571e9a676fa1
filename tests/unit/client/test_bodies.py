"""Only a complete body counts, and only within its bound."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.client.bodies import BodyDamagedError, BodyTooLargeError, parse_json, read_body
from tests.unit.client.scripted_server import deals

PAGE = json.dumps(deals(1, 2, after="3"), separators=(",", ":")).encode()
GZIPPED = gzip.compress(PAGE)


def split(data: bytes, size: int = 7) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("cut", range(len(PAGE)))
def test_a24_no_prefix_of_a_page_is_a_page(cut: int) -> None:
    with pytest.raises(ValueError, match="complete JSON"):
        parse_json(PAGE[:cut])


@pytest.mark.parametrize("cut", range(1, len(GZIPPED)))
def test_a24_no_prefix_of_a_gzip_stream_is_a_body(cut: int) -> None:
    with pytest.raises(BodyDamagedError):
        read_body(split(GZIPPED[:cut]), encoding="gzip", size_max=10_000)


def test_gzip_is_decoded_however_it_is_cut_into_chunks() -> None:
    for size in (1, 3, 1000):
        assert read_body(split(GZIPPED, size), encoding="gzip", size_max=10_000) == (PAGE, len(GZIPPED))


def test_a_gzip_stream_of_several_members_is_one_body() -> None:
    members = gzip.compress(PAGE[:50]) + gzip.compress(PAGE[50:])
    assert read_body(split(members), encoding="gzip", size_max=10_000)[0] == PAGE


@pytest.mark.parametrize(
    "damaged",
    [GZIPPED + b"trailing", GZIPPED[:20] + b"\x00\x00" + GZIPPED[22:], PAGE],
    ids=["bytes after the end", "broken in the middle", "no gzip at all"],
)
def test_a26_damaged_gzip_is_refused(damaged: bytes) -> None:
    with pytest.raises(BodyDamagedError):
        read_body([damaged], encoding="gzip", size_max=10_000)


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "utf-8"])
def test_a26_an_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(BodyDamagedError, match="not asked for"):
        read_body([PAGE], encoding=encoding, size_max=10_000)


@pytest.mark.parametrize("size_max", [len(PAGE) - 1, 1])
@pytest.mark.parametrize(("encoding", "body"), [("", PAGE), ("gzip", GZIPPED)])
def test_a_body_beyond_the_bound_is_refused(size_max: int, encoding: str, body: bytes) -> None:
    with pytest.raises(BodyTooLargeError):
        read_body(split(body), encoding=encoding, size_max=size_max)


def test_a_body_of_exactly_the_bound_is_read() -> None:
    assert read_body(split(PAGE), encoding="", size_max=len(PAGE))[0] == PAGE
    plenty = b"a" * 100_000
    assert read_body([gzip.compress(plenty)], encoding="gzip", size_max=len(plenty))[0] == plenty


def test_a27_a_bomb_is_given_up_within_the_bound() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with pytest.raises(BodyTooLargeError):
        read_body([bomb], encoding="gzip", size_max=1_000_000)


def test_a27_empty_gzip_members_without_end_are_given_up() -> None:
    with pytest.raises(BodyTooLargeError):
        read_body([gzip.compress(b"")] * 100, encoding="gzip", size_max=1_000)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xef\xbb\xbf{}",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":"\xe9"}',
        b"{} {}",
        b"<html></html>",
        gzip.compress(b"{}"),
    ],
    ids=["empty", "BOM", "NaN", "-Infinity", "infinite", "5,000 digits", "nested", "latin-1", "two", "HTML", "gzip"],
)
def test_a25_a26_a28_what_is_no_strict_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="complete JSON"):
        parse_json(body)


def test_a_lone_surrogate_does_not_hide_its_page() -> None:
    assert parse_json(rb'{"name":"\ud83d"}') == {"name": "\ud83d"}
    assert parse_json(rb'{"name":"\uD83D\uDE00"}') == {"name": "😀"}


@pytest.mark.parametrize(
    "poison",
    [b'"a":NaN', b'"a":1e999', b'"a":' + b"9" * 5_000, b'"a":"\xe9"', b'"a":' + b"[" * 100_000 + b"]" * 100_000],
    ids=["NaN", "infinite", "5,000 digits", "latin-1", "nested"],
)
def test_a_lone_surrogate_opens_no_door_for_other_faults(poison: bytes) -> None:
    with pytest.raises(ValueError, match="complete JSON"):
        parse_json(rb'{"name":"\ud83d",' + poison + b"}")


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, -(10**300)])
def test_an_integer_of_any_length_keeps_its_digits(number: int) -> None:
    assert parse_json(b"[%d]" % number) == [number]


def test_the_reason_does_not_quote_the_body() -> None:
    with pytest.raises(ValueError, match="complete JSON") as raised:
        parse_json(b'{"dealname":"Customer secret')
    assert raised.value.__cause__ is None
    assert "secret" not in repr(raised.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values, st.booleans())
def test_whatever_is_json_comes_back_as_it_was(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse_json(text.encode("utf-8", "surrogatepass" if ascii_only else "strict")) == value
