"""Whether a page shows what is printed now: the same lines, up to numbers, times, ids, folders and widths.

A table's rows are compared cell by cell. ``…`` in a page stands for anything within its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import ndiff

_RULE = re.compile(r"[─ ]*─[─ ]*")
_HEADING = re.compile(r"\S+(?: \S+)*")
_ANYTHING = "…"
# What differs from one day or machine to the next, and what stands for it; an earlier one goes first.
_VARIABLE = (
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)?"), "<time>"),
    (re.compile(r"[\w.-]+@[\w.-]+"), "<login@host>"),
    (re.compile(r"(?<![\w/:])(?:/[\w.-]+)*/([\w.-]+)"), r"<folder>/\1"),
    # 0018, v1 and hubspot_deals_2 are names.
    (re.compile(r"(?<![\w.])(?:0|[1-9]\d*)(?:[.,]\d+)*(?!\w)"), "<number>"),
)


def differences(shown: str, printed: str) -> list[str]:
    """What is to be taken out of the page, after ``-``, and what is to be put in, after ``+``; nothing if it is right.

    Args:
        shown: by a page.
        printed: by the command itself.
    """
    there = shape_of(printed)
    here = [_filled_in(line, there) for line in shape_of(shown)]
    return [line for line in ndiff(here, there) if line[0] in "-+"]


def shape_of(text: str) -> list[str]:
    """Its lines without what may change; cells of a table stand between bars."""
    return [_without_variables(line) for line in _lines(text.splitlines())]


def _lines(lines: list[str]) -> Iterator[str]:
    """Lines as they are, and rows with their cells told apart."""
    starts: list[int] = []
    row: list[str] = []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if _RULE.fullmatch(below):
            starts = [heading.start() for heading in _HEADING.finditer(line)]
        if starts and line.startswith(" "):
            cells = _cells(line, starts)
            if row and not cells[0]:  # a cell that is too long goes on in the next line
                row = [f"{above} {cell}" for above, cell in zip(row, cells, strict=True)]
                continue
            yield from _joined(row)
            row = [] if _RULE.fullmatch(line) else cells
            continue
        yield from _joined(row)
        starts, row = [], []
        if line.strip():
            yield line
    yield from _joined(row)


def _cells(line: str, starts: list[int]) -> list[str]:
    return [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]


def _joined(row: list[str]) -> Iterator[str]:
    if row:
        yield " │ ".join(row)


def _without_variables(line: str) -> str:
    for pattern, name in _VARIABLE:
        line = pattern.sub(name, line)
    return " ".join(line.split())


def _filled_in(line: str, printed: list[str]) -> str:
    """A line of the page, with what was printed in the place of ``…``."""
    if _ANYTHING not in line:
        return line
    pattern = ".*".join(re.escape(part) for part in line.split(_ANYTHING))
    return next((each for each in printed if re.fullmatch(pattern, each)), line)
