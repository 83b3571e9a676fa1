"""A disk of a few megabytes that can really be full, and a PostgreSQL that keeps something on it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from local_stack.postgres import EmbeddedPostgres, server_account
from local_stack.processes import ManagedProcess

MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$0" && exec setpriv --pdeathsig KILL sleep infinity'


def found(program: str) -> str:
    """Its path, which an account that may not read Python's library needs in place of its name."""
    return shutil.which(program) or program


class SmallDisk:
    """A file system in memory, mounted for those alone who are started with ``seen_by``; a context manager.

    It needs no root: a process may mount what it likes in a user namespace of its own (user_namespaces(7)).

    Raises:
        StackError: this system does not allow that.
    """

    def __init__(self, mount_point: Path, *, megabytes: int) -> None:
        self.mount_point = mount_point
        self._keeper = ManagedProcess(
            name="the keeper of the disk",
            command=[
                *(found("unshare"), "--user", "--map-root-user", "--mount"),
                *(found("sh"), "-c", MOUNT, mount_point, f"{megabytes}m"),
            ],
            log=mount_point.with_suffix(".log"),
            account=server_account(),
        )

    def __enter__(self) -> Self:
        self.mount_point.mkdir()
        self._keeper.start()
        try:
            self._keeper.wait_until(self._is_mounted, timeout_s=20)
        except BaseException:
            self._keeper.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._keeper.stop()

    def seen_by(self, command: Sequence[str | Path]) -> list[str | Path]:
        """The command as it is to be run, under the same account; PostgreSQL refuses to be root in a namespace too."""
        keeper = f"/proc/{self._keeper.pid}/ns"
        enter = [found("nsenter"), "--preserve-credentials", f"--user={keeper}/user", f"--mount={keeper}/mnt"]
        return [*enter, "unshare", "--user", "--map-user=1000", "--map-group=1000", *command]

    def fill(self) -> None:
        """Leave no byte free."""
        self._run("dd", "if=/dev/zero", f"of={self.mount_point}/ballast", "bs=4k")

    def make_room(self) -> None:
        """Undo ``fill``."""
        self._run("rm", "-f", f"{self.mount_point}/ballast")

    def _run(self, *command: str) -> None:
        """Within; root outside is nobody there, who may not even own a file."""
        account = server_account()
        user = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
        subprocess.run(self.seen_by(command), cwd="/", capture_output=True, check=False, **user)  # type: ignore[call-overload]  # noqa: S603 - ours; **user has mixed types

    @property
    def _root(self) -> Path:
        return Path(f"/proc/{self._keeper.pid}/root{self.mount_point}")

    def _is_mounted(self) -> bool:
        return self._root.exists() and self._root.stat().st_dev != self.mount_point.stat().st_dev


class ServerOnDisk(EmbeddedPostgres):
    """Sees the disk; what it keeps there is for the test to say."""

    def __init__(self, directory: Path, disk: SmallDisk, settings: Mapping[str, str]) -> None:
        super().__init__(directory, durable=False, settings=settings)
        self._disk = disk

    def move_wal(self) -> None:
        """Move the log of changes of the stopped server onto the disk, as on a volume of its own."""
        here = self.data / "pg_wal"
        copy = self._disk.seen_by(["cp", "--archive", f"{here}/.", self._disk.mount_point])
        ManagedProcess(
            name="cp", command=copy, log=self.directory / "cp.log", account=self.account, cwd=Path("/")
        ).start().wait_success(timeout_s=30)
        here.rename(self.data.with_name("pg_wal.old"))
        here.symlink_to(self._disk.mount_point)

    def _server(self) -> ManagedProcess:
        server = super()._server()
        server.command = self._disk.seen_by(["setpriv", "--pdeathsig", "INT", *server.command])
        return server
