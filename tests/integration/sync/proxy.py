"""TCP proxies, and one that can fall silent: connections stay up, and nothing comes through any more."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from contextlib import ExitStack, suppress
from threading import Event, Thread
from typing import Self


class TcpProxy(ABC):
    """Context manager. Listens on ``port`` of 127.0.0.1; what passes between client and server is up to ``connect``."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._listener = self._open.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._open.close()

    @abstractmethod
    def connect(self, client: socket.socket, server: socket.socket) -> None:
        """Start the threads of a new pair."""

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._open.enter_context(self._listener.accept()[0])
                server = self._open.enter_context(socket.create_connection(self._upstream))
                self.connect(client, server)


class SilentProxy(TcpProxy):
    """Forwards what is sent until ``fall_silent``."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._is_silent = Event()

    def fall_silent(self) -> None:
        """From now on whatever arrives is swallowed."""
        self._is_silent.set()

    def connect(self, client: socket.socket, server: socket.socket) -> None:
        for source, target in ((client, server), (server, client)):
            Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if not self._is_silent.is_set():
                    target.sendall(data)
            if not self._is_silent.is_set():
                target.shutdown(socket.SHUT_WR)
