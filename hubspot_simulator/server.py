"""The simulator as a server: in a thread for tests, or in the foreground for the command."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import uvicorn

from hubspot_simulator.accounts import Accounts
from hubspot_simulator.application import HubSpotApplication
from hubspot_simulator.clock import Clock
from hubspot_simulator.control import control_application
from hubspot_simulator.journal import Journal
from hubspot_simulator.wire import FaultyProtocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path
    from types import FrameType, TracebackType
    from typing import Self

    from hubspot_simulator.access_log import LoggedRequest
    from hubspot_simulator.accounts import Account
    from hubspot_simulator.faults import Rule
    from hubspot_simulator.portal import Portal
    from hubspot_simulator.specification import PortalSpec

START_TIMEOUT_S = 30.0
CONTROL_PREFIX = "/_control/"


class SimulatorServer:
    """HubSpot on a free port of this machine, with ``portals`` in it.

        with SimulatorServer([PortalSpec(portal_id=1001, deals=500)]) as simulator:
            requests.get(f"{simulator.base_url}/crm/v3/objects/deals", headers=…)
            simulator.portal(1001).edit_deal(…)

    Raises:
        OSError: the port is taken.
        StateFileError: ``state`` belongs to other portals.
    """

    def __init__(
        self,
        portals: Iterable[PortalSpec],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        rate_limits: bool = True,
        latency_ms: float = 0.0,
        gzip: bool = False,
        state: Path | None = None,
    ) -> None:
        specs = tuple(portals)
        self.clock = Clock()
        self.accounts = Accounts(specs, self.clock, rate_limits=rate_limits)
        self.application = HubSpotApplication(self.accounts, self.clock, latency_ms=latency_ms, gzip=gzip)
        self._journal = None if state is None else Journal(state, specs)
        self._replay()
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.base_url = f"http://{host}:{self.port}"
        self._server = _Server(_config(self.application, control_application(self)))
        self._thread = threading.Thread(target=self.run, name="hubspot-simulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._server.is_up.wait(START_TIMEOUT_S):
            raise TimeoutError(f"the simulator did not start within {START_TIMEOUT_S} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.stop()
        self._thread.join(START_TIMEOUT_S)

    def run(self) -> None:
        """Serve until told to stop; in the main thread SIGINT and SIGTERM say so."""
        self._server.run(sockets=[self._socket])
        self._socket.close()
        if self._journal is not None:
            self._journal.close()

    def portal(self, portal_id: int) -> Portal:
        """State of one portal; its methods may be called from any thread."""
        return self.account(portal_id).portal

    def account(self, portal_id: int) -> Account:
        """The portal with its tokens and limits."""
        return self.accounts.by_portal_id[portal_id]

    @property
    def requests(self) -> list[LoggedRequest]:
        """What clients asked, oldest first."""
        return self.application.log.entries()

    def add_fault(self, rule: Rule) -> Rule:
        """Plan a fault or a mutation; the rule counts how often it fired."""
        self.application.plan.add(rule)
        return rule

    def on_request(self, callback: Callable[[str, int | None], None]) -> None:
        """Call ``callback(endpoint_class, portal_id)`` in the server before each answer."""
        self.application.on_request.append(callback)

    def _replay(self) -> None:
        if self._journal is None:
            return
        portals = [account.portal for account in self.accounts.by_portal_id.values()]
        for portal in portals:
            portal.set_search_lag(0)  # what happened before the restart has reached the index
        for change in self._journal.changes():
            self.portal(change["portal"]).apply(change)
        for portal in portals:
            portal.journal = self._journal
            portal.set_search_lag(portal.spec.search_lag_s)


class _Server(uvicorn.Server):
    """Says when it listens, and is told when to stop, so that nobody has to poll."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._is_told: asyncio.Event

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop, self._is_told = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)
        self.is_up.set()

    async def main_loop(self) -> None:
        """As uvicorn's, which looks ten times a second whether to stop, and writes headers that are switched off."""
        await self._is_told.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self.is_up.is_set():  # else it has not come to wait yet
            self.stop()

    def stop(self) -> None:
        """Let ``run`` return soon. Thread-safe, once it is up."""
        with suppress(RuntimeError):  # it has stopped already
            self._loop.call_soon_threadsafe(self._is_told.set)


def _config(hubspot: Callable[..., Awaitable[None]], control: Callable[..., Awaitable[None]]) -> uvicorn.Config:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own types
        await (control if scope["path"].startswith(CONTROL_PREFIX) else hubspot)(scope, receive, send)

    return uvicorn.Config(
        application,
        http=FaultyProtocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        date_header=False,  # the simulator's clock writes it
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )


def _listening(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)  # from here on nobody is refused, even before the loop runs
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}; choose another port") from error
    return listener
