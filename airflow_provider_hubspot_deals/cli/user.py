"""Who sits at the keyboard, for the audit trail."""

from __future__ import annotations

import getpass
import socket


def current_user() -> str:
    """``login@host``; the login as the system knows it."""
    try:
        login = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name; OSError from Python 3.13 on
        login = "unknown"
    return f"{login}@{socket.gethostname()}"
