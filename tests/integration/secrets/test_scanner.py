"""The scanner has teeth: whatever form a secret takes, it is found; and nothing is found where nothing is."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.secrets.canaries import CANARIES
from tests.integration.secrets.scanner import ENCODINGS, PIECE, Scanner
from tests.integration.secrets.sinks import unfolded

scanner = Scanner(CANARIES)
each_secret = pytest.mark.parametrize("name", CANARIES)


@each_secret
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_secret_is_found_in_every_encoding(name: str, encoding: str) -> None:
    planted = f"before {ENCODINGS[encoding](CANARIES[name])} after"
    assert any(found.startswith(name) for found in scanner.finds(planted))


@each_secret
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_truncated_secret_is_found_in_every_encoding(name: str, encoding: str) -> None:
    encoded = ENCODINGS[encoding](CANARIES[name])
    assert scanner.finds(f"starts with {encoded[:PIECE]}…")
    assert scanner.finds(f"ends with …{encoded[-PIECE - 3 :]}")


@each_secret
@pytest.mark.parametrize("before", range(6))
def test_base64_is_found_wherever_the_secret_stands_in_it(name: str, before: int) -> None:
    written = base64.b64encode(b"u" * before + CANARIES[name].encode() + b":tail").decode()
    assert scanner.finds(f"Authorization: Basic {written}")


@each_secret
@pytest.mark.parametrize(
    "planted",
    [
        pytest.param(lambda secret: repr({"Authorization": f"Bearer {secret}"}), id="repr of headers"),
        pytest.param(lambda secret: str(urlencode({"client_secret": secret}).encode()), id="form"),
        pytest.param(lambda secret: json.dumps({"extra": json.dumps({"key": secret})}), id="JSON in JSON"),
        pytest.param(lambda secret: f"postgresql://user:{secret}@host/db", id="URL"),
        pytest.param(lambda secret: f"{b'GET / HTTP/1.1 Bearer ' + secret.encode()!r}", id="bytes on the wire"),
    ],
)
def test_a_secret_is_found_where_it_usually_slips_through(name: str, planted: Any) -> None:
    assert scanner.finds(planted(CANARIES[name]))


@each_secret
def test_a_secret_among_the_variables_of_any_exception_of_a_chain_is_found(name: str) -> None:
    def innermost(password: str) -> None:
        raise ValueError(len(password))

    def outer() -> None:
        try:
            innermost(CANARIES[name])
        except ValueError:
            raise RuntimeError("nothing to see") from None

    with pytest.raises(RuntimeError) as raised:
        outer()
    assert not scanner.finds("".join(traceback.format_exception(raised.value)))
    assert scanner.finds(unfolded(raised.value))


def test_nothing_is_found_where_nothing_is() -> None:
    harmless = {"job": "0e7c", "organization": "acme", "message": "HubSpot answered 401 to GET /crm/v3/objects/deals"}
    assert scanner.finds(json.dumps(harmless) + repr(logging.root) + base64.b64encode(b"harmless" * 100).decode()) == []
