"""Where each statement of a TOML file stands, and which lines are no TOML: all of them, where tomllib names the first.

A TOML file is a sequence of statements, table headers and settings, each of which is TOML by itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass

_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_CLOSES = re.compile(r"[]}]|\"\"\"|'''")  # what a statement of several lines ends with
_OPENS_TEXT = re.compile(r"[^#\[{]*?= *(\"\"\"|''')")  # such a one is a text alone, which ends with the same
_BEGINS = re.compile(r"\s*(\[|[\w\"'][\w\"'. -]*=)")
_PLAINLY_BEGINS = re.compile(r"\s*(\[\[?[\w.-]+\]|[\w.-]+ *=)")  # nothing that could be part of a list
_OPEN_TEXT = "Illegal character '\\n'"
_NEVER_CLOSED = "is not TOML: what begins here is never closed; a bracket or quotation marks are missing"


@dataclass(frozen=True, slots=True)
class Statement:
    """A table header, or a setting with its value, which may take several lines."""

    line: int  # the first one, counted from 1
    text: str
    path: tuple[str, ...]  # names of tables and settings, as far as this statement alone spells them out
    is_header: bool
    is_list: bool  # [[…]]

    @property
    def last_line(self) -> int:
        """The last line, counted from 1."""
        return self.line + self.text.count("\n") - 1


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no TOML."""

    line: int
    what: str


def read_statements(text: str) -> tuple[list[Statement], list[BadLine]]:
    """Every statement that can be read, and every line that cannot.

    What stands below a header that cannot be read is left out: it would be taken for settings of the table above.
    """
    lines = [f"{line}\n" for line in text.split("\n")]  # not splitlines(), which knows more line ends than TOML
    statements: list[Statement] = []
    bad: list[BadLine] = []
    at = 0
    while at < len(lines):
        if not lines[at].strip() or lines[at].lstrip().startswith("#"):
            at += 1
            continue
        found = _statement(lines, at)
        if isinstance(found, Statement):
            statements.append(found)
            at = found.last_line
        else:
            bad.append(found)
            at = _next(lines, max(at, found.line - 1), headers_only=lines[at].lstrip().startswith("["))
    return statements, bad


def without_conflicts(statements: Sequence[Statement]) -> tuple[list[Statement], list[BadLine]]:
    """Leave out what cannot stand beside the rest, such as a setting that is there twice."""
    kept, bad = list(statements), list[BadLine]()
    while conflict := _conflict(kept):
        culprit = next(each for each in reversed(kept) if each.line <= conflict.line)
        bad.append(BadLine(culprit.line, conflict.what))
        kept = _without(kept, culprit)
    return kept, bad


def joined(statements: Sequence[Statement]) -> str:
    """The statements as a file, each on the line where it stood."""
    text, line = "", 1
    for each in statements:
        text += "\n" * (each.line - line) + each.text
        line = each.last_line + 1
    return text


def _statement(lines: Sequence[str], at: int) -> Statement | BadLine:
    """The statement that begins in this line: the fewest lines that are TOML by themselves."""
    opens = _OPENS_TEXT.match(lines[at])
    closes = re.compile(re.escape(opens[1])) if opens else _CLOSES
    for end in range(at, len(lines)):
        if end > at and not closes.search(lines[end]):
            continue
        text = "".join(lines[at : end + 1])
        try:
            return _made(at + 1, text, tomllib.loads(text))
        except RecursionError:
            return BadLine(at + 1, "nests too deeply")
        except tomllib.TOMLDecodeError as error:
            what, line = _explained(error)
            if line is None:
                continue
            if line > 1 and _PLAINLY_BEGINS.match(lines[at + line - 1]):
                break
            return BadLine(at + line, what)
    return BadLine(at + 1, _NEVER_CLOSED)


def _made(line: int, text: str, document: object) -> Statement:
    is_header = text.lstrip().startswith("[")
    path: list[str] = []
    is_list = False
    while (
        isinstance(document, dict) and len(document) == 1 and (is_header or not path or "." in text.partition("=")[0])
    ):
        ((name, document),) = document.items()
        path.append(name)
        if is_header and isinstance(document, list):
            is_list = True
            document = document[0]
    return Statement(line, text, tuple(path), is_header, is_list)


def _explained(error: tomllib.TOMLDecodeError) -> tuple[str, int | None]:
    """What is wrong and in which line; None when it is the end that is missing."""
    text = str(error)
    position = _POSITION.search(text)
    what = text[: position.start()] if position else text
    if what == _OPEN_TEXT:
        what = "a quotation mark is missing at the end of the text"
    if position and position[1]:
        return f"is not TOML: {what}", int(position[1])
    return _NEVER_CLOSED, None


def _next(lines: Sequence[str], bad: int, *, headers_only: bool) -> int:
    """The next line in which a statement seems to begin."""
    for at in range(bad + 1, len(lines)):
        if lines[at].lstrip().startswith("[") if headers_only else _BEGINS.match(lines[at]):
            return at
    return len(lines)


def _conflict(statements: Sequence[Statement]) -> BadLine | None:
    try:
        tomllib.loads(joined(statements))
    except tomllib.TOMLDecodeError as error:
        what, line = _explained(error)
        return BadLine(line or statements[-1].line, what)
    return None


def _without(statements: Sequence[Statement], culprit: Statement) -> list[Statement]:
    kept: list[Statement] = []
    below_culprit = False
    for each in statements:
        if each.is_header:
            below_culprit = each is culprit
        if not below_culprit and each is not culprit:
            kept.append(each)
    return kept
