"""A file of SQL statements with one thing changed, again and again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tests.mutation.python_mutants import Mutant

_SWAPS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"<=", "<"),
    (r">=", ">"),
    (r"(?<![<>=])<(?![=>])", "<="),
    (r"(?<![<>=-])>(?![=>])", ">="),
    (r"<>", "="),
    (r"\bAND\b", "OR"),
    (r"\bOR\b", "AND"),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bIS DISTINCT FROM\b", "IS NOT DISTINCT FROM"),
    (r"\bIS NOT DISTINCT FROM\b", "IS DISTINCT FROM"),
    (r"\bNOT (?=[(\w])(?!NULL|DISTINCT|EXISTS)", ""),
    (r"\bDESC\b", "ASC"),
    (r"\bDISTINCT ON \(\w+\) ", ""),
    (r"\bLEFT JOIN\b", "JOIN"),
    (r"\bFOR UPDATE\b", ""),
    (r"\bcoalesce\(([^,()]+), [^()]*\)", r"(\1)"),
    (r"\bgreatest\(", "least("),
    (r"\bleast\(", "greatest("),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r"'(\w+)'", r"'XX\1'"),
    (r"\b(\d+)\b(?!\))", lambda found: str(int(found[0]) + 1)),
    (r"\bmax\(", "min("),
    (r"\bmin\(", "max("),
)
_EQUALITY = (r"(?<=[\w)]) = (?=[\w%(])", " <> ")
_ASSIGNMENT = re.compile(r"^\s+\w+ = .*,$")
_CONDITION = re.compile(r"^\s+(AND|OR) ")
_DDL = re.compile(r"^\s*(CREATE|hubspot_deal_id bigint|_deleted_at timestamptz)")


def sql_mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of the statements, in order of their lines."""
    lines = source.splitlines(keepends=True)
    for number, line in enumerate(lines):
        for changed in _changes(line):
            text = "".join([*lines[:number], changed, *lines[number + 1 :]])
            yield Mutant(number + 1, f"{line.strip()} -> {changed.strip() or '(nothing)'}", text)


def _changes(line: str) -> Iterator[str]:
    if line.lstrip().startswith("--") or _DDL.match(line):
        return
    if _ASSIGNMENT.match(line) or _CONDITION.match(line):
        yield "\n"
    compares = not (_ASSIGNMENT.match(line) or line.lstrip().startswith("SET") or "_target = " in line)
    for pattern, replacement in (*_SWAPS, *([_EQUALITY] if compares else [])):
        for found in re.finditer(pattern, line):
            new = replacement(found) if callable(replacement) else found.expand(replacement)
            yield line[: found.start()] + new + line[found.end() :]
