"""Airflow as separate processes: API server, scheduler, DAG processor, and a triggerer where one is asked for."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from local_stack.airflow_rest import AirflowClient
from local_stack.airflow_settings import USER
from local_stack.exceptions import StackError
from local_stack.processes import ManagedProcess, stop_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.airflow_settings import AirflowSettings

# --skip-serve-logs: the API server reads the log files itself; the log server would listen on every interface.
COMPONENTS = ("api-server", "scheduler", "dag-processor")
OPTIONS = {"scheduler": ("--skip-serve-logs",), "triggerer": ("--skip-serve-logs",)}
STOP_TIMEOUT_S = 12.0  # a task that was asked while it was still starting up does not hear it
MIGRATE_TIMEOUT_S = 300.0
OUTPUT_TAIL_CHARACTERS = 2000


def airflow_command(*arguments: str) -> list[str]:
    """`airflow …` of the environment that runs us."""
    return [str(Path(sys.executable).with_name("airflow")), *arguments]


def run_airflow(settings: AirflowSettings, *arguments: str, timeout_s: float = 120.0) -> str:
    """Run one `airflow` command to its end; gives its output.

    Raises:
        StackError: it failed; the message holds the end of its output.
    """
    done = subprocess.run(  # noqa: S603 - our own arguments
        airflow_command(*arguments),
        env=settings.environment(),
        cwd=settings.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        msg = f"airflow {arguments[0]} failed:\n{done.stdout[-OUTPUT_TAIL_CHARACTERS:]}"
        raise StackError(msg)
    return done.stdout


def airflow_process(settings: AirflowSettings, component: str, log_folder: Path) -> ManagedProcess:
    """One component of Airflow, not yet started."""
    return ManagedProcess(
        name=f"Airflow's {component}",
        command=airflow_command(component, *OPTIONS.get(component, ())),
        log=log_folder / f"airflow-{component}.log",
        env=settings.environment(),
        cwd=settings.home,
        stop_timeout_s=STOP_TIMEOUT_S,
        asks_whole_group=component == "scheduler",  # its workers pass the signal on to their tasks
    )


class MetadataMigration:
    """`airflow db migrate` beside other work: started by `with`, awaited by `finish`."""

    def __init__(self, settings: AirflowSettings, log_folder: Path) -> None:
        self._process = ManagedProcess(
            name="airflow db migrate",
            command=airflow_command("db", "migrate"),
            log=log_folder / "airflow-db-migrate.log",
            env=settings.environment(),
            cwd=settings.home,
        )

    def finish(self) -> None:
        """Wait for the end.

        Raises:
            StackError: it failed; with the end of its output.
        """
        self._process.wait_success(timeout_s=MIGRATE_TIMEOUT_S)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.stop()


class AirflowServices:
    """The running processes; a context manager that starts them without waiting.

    Args:
        components: the API server first.

    `airflow standalone` is not used: killed with SIGTERM it leaves its children behind.
    """

    def __init__(self, settings: AirflowSettings, log_folder: Path, components: Sequence[str] = COMPONENTS) -> None:
        self.settings = settings
        self.processes = [airflow_process(settings, component, log_folder) for component in components]

    def client(self) -> AirflowClient:
        """A REST client with the administrator's rights."""
        return AirflowClient(self.settings.url, USER, self.settings.password)

    def wait_healthy(self, timeout_s: float = 180.0) -> None:
        """Until every component reports itself healthy.

        Raises:
            StackError: one of them ended, or it took longer; the message ends with that component's last log lines.
        """
        client = self.client()
        api_server, *others = self.processes
        api_server.wait_until(lambda: bool(client.health()), timeout_s=timeout_s)
        for process in others:
            component = process.name.split()[-1].replace("-", "_")
            process.wait_until(partial(client.is_healthy, component), timeout_s=timeout_s)

    def stop(self) -> None:
        """End all of them and everything they started.

        The API server goes last: running tasks are interrupted, put their job back and report that through it.
        """
        api_server, *others = self.processes
        stop_all(others)
        api_server.stop()

    def __enter__(self) -> Self:
        try:
            for process in self.processes:
                process.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
