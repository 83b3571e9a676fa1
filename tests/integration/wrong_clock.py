"""A clock that is wrong, for processes that a test starts: a library that the system puts before its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("wrong_clock.c")


class WrongClock:
    """How far off the clock is of whoever is started with ``environment``; it may change while they run.

    Args:
        directory: which they may enter, whatever account they have.
    """

    def __init__(self, directory: Path, *, off_by_s: int = 0) -> None:
        self._offset = directory / "off_by_s"
        self._offset.write_bytes(bytes(8))
        self._offset.chmod(0o644)
        library = _built(directory)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_IS_OFF_BY_S_IN": str(self._offset)}
        self.put_off(off_by_s)

    def put_off(self, seconds: int) -> None:
        """From now on, so much ahead, or behind."""
        with self._offset.open("r+b") as file:  # in place: they have it in their memory
            file.write(seconds.to_bytes(8, "little", signed=True))


def _built(directory: Path) -> Path:
    if not (compiler := shutil.which("cc")):
        pytest.skip("needs a C compiler, to put a clock before the system's")
    library = directory / "wrong_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)  # noqa: S603 - a compiler
    library.chmod(0o755)
    return library
