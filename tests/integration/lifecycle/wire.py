"""A TCP proxy ahead of PostgreSQL that loses a COMMIT, or the answer to it."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread

from tests.integration.sync.proxy import TcpProxy

_COMMIT = b"COMMIT\0"  # as psycopg sends it: a simple query


@dataclass(frozen=True)
class Loss:
    """What becomes of a COMMIT."""

    reaches_server: bool
    is_noticed: bool  # the client's connection is cut; else it stays up, and nothing comes any more


class LossyWire(TcpProxy):
    """Forwards everything to PostgreSQL until ``lose``; from the next COMMIT on as told, once."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._loss: Loss | None = None
        self.losses = 0

    def lose(self, loss: Loss) -> None:
        """Lose the next COMMIT on whichever connection."""
        self._loss = loss

    def connect(self, client: socket.socket, server: socket.socket) -> None:
        answers_are_lost = Event()
        Thread(target=self._to_server, args=(client, server, answers_are_lost), daemon=True).start()
        Thread(target=self._to_client, args=(server, client, answers_are_lost), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, answers_are_lost: Event) -> None:
        with suppress(OSError):
            while data := client.recv(65_536):
                if self._loss is not None and _COMMIT in data:
                    loss, self._loss = self._loss, None
                    self._do_lose(loss, data, client, server, answers_are_lost)
                    return
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _do_lose(
        self, loss: Loss, data: bytes, client: socket.socket, server: socket.socket, answers_are_lost: Event
    ) -> None:
        self.losses += 1
        answers_are_lost.set()
        if loss.reaches_server:
            server.sendall(data)
        if loss.is_noticed:
            client.shutdown(socket.SHUT_RDWR)
        while not loss.is_noticed and client.recv(65_536):  # swallowed
            pass

    def _to_client(self, server: socket.socket, client: socket.socket, answers_are_lost: Event) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                if not answers_are_lost.is_set():
                    client.sendall(data)
            client.shutdown(socket.SHUT_WR)
