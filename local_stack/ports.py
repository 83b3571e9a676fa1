"""TCP ports on 127.0.0.1."""

from __future__ import annotations

import socket

from local_stack.exceptions import PortTakenError

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether this process could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Without it, connections of the previous run that linger in TIME_WAIT would count as "taken".
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def free_port(preferred: int = 0) -> int:
    """`preferred` when it is free, so that addresses stay the same from run to run; else any free port."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def required_port(port: int, *, what: str, option: str) -> int:
    """The port that somebody asked for by number; 0 asks for any.

    Raises:
        PortTakenError: another program listens there. Moving silently would print one address and bookmark another.
    """
    if port == 0:
        return free_port()
    if not is_free(port):
        msg = (
            f"port {port} for {what} is taken by another program (or may not be opened by this account). "
            f"Stop that program, or choose another port: {option} {port + 1} ({option} 0 picks a free one)."
        )
        raise PortTakenError(msg)
    return port
