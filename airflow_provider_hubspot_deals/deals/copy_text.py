r"""COPY's text format: a line per row, tabs between the columns, ``\N`` for NULL."""

from __future__ import annotations

NULL = r"\N"


def escape(value: str) -> str:
    """``value`` with the four characters written out that COPY would take for its own."""
    return value.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def escape_json(text: bytes) -> bytes:
    """The same of JSON text, which spells control characters with a backslash already."""
    return text.replace(b"\\", rb"\\")


def unescape_json(text: bytes) -> bytes:
    """What ``escape_json`` was given."""
    return text.replace(rb"\\", b"\\")
