"""Secrets that no traceback shows: tools that print the variables of frames, as Sentry does, print their ``repr``."""

from __future__ import annotations

_SHOWN = "Secret(***)"


class Secret(str):
    """Text that is like any other but for its ``repr``. What is made from it (``+``, ``format``) is plain again."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _SHOWN


class SecretBytes(bytes):
    """The same of bytes."""

    def __repr__(self) -> str:
        return _SHOWN
