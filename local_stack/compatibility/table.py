"""The table of trials in docs/compatibility.md."""

from __future__ import annotations

import re
from pathlib import Path

from local_stack.compatibility.trial import Outcome
from local_stack.exceptions import StackError

MARKS = ("<!-- written by ./run compatibility -->\n", "<!-- end of the trials -->")
COLUMNS = ("Airflow", "Python", "our other dependencies", "PostgreSQL", "tests passed", "failed", "skipped", "on")
HEADING = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n"
_KEY = 4  # the columns that say which environment it was


def record(page: Path, outcome: Outcome, day: str) -> None:
    """Write a trial into the table, in place of an older one of the same environment.

    Raises:
        StackError: the page has no place for the table.
    """
    text = page.read_text("utf-8")
    found = re.search("(.*)".join(map(re.escape, MARKS)), text, re.DOTALL)
    if not found:
        msg = f"{page.name} has no place for the table: {MARKS[0].strip()} … {MARKS[1]}"
        raise StackError(msg)
    rows = [line for line in found[1].splitlines() if re.match(r"\| \d", line)]
    fresh = row_of(outcome, day)
    rows = sorted([*(row for row in rows if key_of(row) != key_of(fresh)), fresh], key=order)
    page.write_text(text.replace(found[0], f"{MARKS[0]}{HEADING}{chr(10).join(rows)}\n{MARKS[1]}"), "utf-8")


def row_of(outcome: Outcome, day: str) -> str:
    """One line."""
    dependencies = "lowest allowed" if outcome.combination.lowest else "newest"
    environment = (outcome.airflow, outcome.python, dependencies, outcome.postgres)
    cells = (*environment, outcome.passed, outcome.failed, outcome.skipped, day)
    return f"| {' | '.join(map(str, cells))} |"


def key_of(row: str) -> list[str]:
    """Which environment a line is about."""
    return [cell.strip() for cell in row.strip("| ").split("|")][:_KEY]


def order(row: str) -> list[list[int]]:
    """By version numbers."""
    airflow, python, _, postgres = key_of(row)
    return [[int(part) for part in re.findall(r"\d+", version)] for version in (airflow, python, postgres)]
