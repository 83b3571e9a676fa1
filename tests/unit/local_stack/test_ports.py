"""Ports: free ones by preference, and a clear word when one that was asked for is taken."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from local_stack.exceptions import PortTakenError
from local_stack.ports import LOOPBACK, free_port, is_free, required_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_with_a_listener_is_not_free(taken_port: int) -> None:
    assert not is_free(taken_port)


def test_a_listener_on_every_interface_counts_as_well() -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104 - somebody else's server
        assert not is_free(listener.getsockname()[1])


def test_the_preferred_port_is_kept_when_it_is_free() -> None:
    preferred = free_port()
    assert free_port(preferred) == preferred


def test_another_port_is_found_when_the_preferred_one_is_taken(taken_port: int) -> None:
    found = free_port(taken_port)
    assert found != taken_port
    assert is_free(found)


def test_a_taken_port_that_was_asked_for_is_an_error_with_a_way_out(taken_port: int) -> None:
    with pytest.raises(PortTakenError, match=rf"port {taken_port} for the UI is taken .*: --port {taken_port + 1}"):
        required_port(taken_port, what="the UI", option="--port")


def test_zero_asks_for_any_port() -> None:
    assert required_port(0, what="the UI", option="--port") > 0
