"""What killed one mutant is likely to kill the next one: those tests go first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest


class KillersFirst:
    """A plugin of pytest: the killers go first, the newest one at the very front, and who fails is written down."""

    def __init__(self, killers: Sequence[str], told_in: Path) -> None:
        self._places = {killer: place for place, killer in enumerate(killers)}
        self._told_in = told_in

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self._places.get(item.nodeid, len(self._places)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._told_in.write_text(report.nodeid)


def with_newest(killers: list[str], told_in: Path) -> list[str]:
    """The killers once one more mutant was killed; a mutant that let no test begin has none."""
    if not told_in.exists():
        return killers
    newest = told_in.read_text()
    told_in.unlink()
    return [newest, *(killer for killer in killers if killer != newest)]
