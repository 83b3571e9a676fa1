"""Finds a secret in whatever form it may have slipped through: as it is, encoded, or only a piece of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, quote_plus

PIECE = 12  # characters: a piece this long, in any form, is a find
_STEP = 4
_ALIGNMENTS = 3  # of base64: how many bytes precede the secret, modulo 3, decides how it reads

Encoding = Callable[[str], str]


def _base64(secret: str, before: int, encode: Callable[[bytes], bytes]) -> str:
    """What of the secret does not depend on its neighbours, ``before`` bytes into a group of three."""
    data = secret.encode()
    encoded = encode(b"\0" * before + data).decode()
    first = (before * 8 + 5) // 6
    return encoded[first : (before + len(data)) * 8 // 6]


def _encodings() -> Mapping[str, Encoding]:
    aligned = {
        f"{name}, {before} bytes in": lambda secret, b=before, e=encode: _base64(secret, b, e)
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode))
        for before in range(_ALIGNMENTS)
    }
    return {
        "plain": str,
        "reversed case": str.swapcase,
        "URL-quoted": lambda secret: quote(secret, safe=""),
        "URL-quoted, with slashes": quote,
        "form-quoted": quote_plus,
        "URL-quoted in lower case": lambda secret: _lower_escapes(quote(secret, safe="")),
        "JSON-escaped": lambda secret: json.dumps(secret)[1:-1],
        "JSON-escaped, with slashes": lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
        "JSON-escaped twice": lambda secret: json.dumps(json.dumps(secret))[3:-3],
        "unicode-escaped": lambda secret: "".join(f"\\u{ord(character):04x}" for character in secret),
        "repr": lambda secret: repr(secret)[1:-1],
        "repr of bytes": lambda secret: repr(secret.encode())[2:-1],
        "hexadecimal": lambda secret: secret.encode().hex(),
        "HEXADECIMAL": lambda secret: secret.encode().hex().upper(),
        **aligned,
    }


def _lower_escapes(quoted: str) -> str:
    parts = quoted.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


ENCODINGS = _encodings()


class Scanner:
    """Knows secrets by name and tells which of them a text holds, and how.

    A secret's pieces of ``PIECE`` characters are looked for in each encoding, so a truncated one is found as well.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._pieces = {
            piece: f"{name} ({encoding})"
            for name, secret in secrets.items()
            for encoding, encode in ENCODINGS.items()
            for piece in _pieces(encode(secret))
        }

    def finds(self, text: str) -> list[str]:
        """Such as ``["client secret (base64, 1 bytes in)"]``; empty when there is nothing to find."""
        return sorted({found for piece, found in self._pieces.items() if piece in text})


def _pieces(encoded: str) -> Iterator[str]:
    for start in range(0, max(len(encoded) - PIECE, 0) + 1, _STEP):
        yield encoded[start : start + PIECE]
