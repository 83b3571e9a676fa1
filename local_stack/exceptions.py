"""What the local stack raises on purpose; each message tells the person at the terminal what to do."""

from __future__ import annotations


class StackError(Exception):
    """A part of the stack cannot start, died, or did not answer in time."""


class PortTakenError(StackError):
    """Somebody else listens on a port that was asked for by number."""
