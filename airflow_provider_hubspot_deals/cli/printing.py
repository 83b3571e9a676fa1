"""Tables for people, JSON for scripts. What a database holds reaches a terminal without its control characters."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NoReturn

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]
_PIPED_WIDTH = 200  # columns, where nobody knows how wide the reader's window is
_ANY_WIDTH = 100_000


def show_rows(rows: Sequence[Row], columns: Mapping[str, str], output: str) -> None:
    """Print rows.

    Args:
        columns: of the table, heading by name; JSON has all that is in the rows.
        output: ``table`` or ``json``.
    """
    if output == "json":
        show_json([dict(row) for row in rows])
        return
    if not rows:
        say("none")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    for heading, column in zip(columns.values(), zip(*cells, strict=True), strict=True):
        # Ids and names stay whole; what has several words may take several lines.
        widest = max(cell.cell_len for cell in (Text(heading), *column))
        is_one_word = not any(" " in cell.plain for cell in column)
        table.add_column(heading, overflow="fold", no_wrap=is_one_word, min_width=widest if is_one_word else None)
    for line in cells:
        table.add_row(*line)
    console = _console()
    if _narrowest(table, console) <= console.width:
        console.print(table)
        return
    for row in rows:  # the table would cut ids and names into pieces that nobody can copy
        _show_lines({heading: row[name] for name, heading in columns.items()})
        say("")


def show_fields(row: Row, output: str) -> None:
    """Print one row, a line for each field that has a value."""
    if output == "json":
        show_json(dict(row))
        return
    _show_lines({name: str(value) if name.endswith("_id") and value else value for name, value in row.items()})


def _show_lines(fields: Row) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if value not in (None, "", [], {}):
            table.add_row(name.replace("_", " "), Text(_clean(_spelled(value))))
    _console().print(table)


def show_json(value: object) -> None:
    """Print JSON: numbers stay numbers, times are ISO 8601."""
    is_utf_8 = codecs.lookup(sys.stdout.encoding or "utf-8").name == "utf-8"
    sys.stdout.write(json.dumps(value, default=_plain, indent=2, ensure_ascii=not is_utf_8) + "\n")


def say(sentence: str) -> None:
    """Print a sentence that is the answer."""
    sys.stdout.write(f"{_clean(sentence)}\n")


def complain(sentence: str) -> None:
    """Print a sentence beside the answer. That nobody reads it any more (``2>&1 | head``) changes no exit code."""
    with suppress(BrokenPipeError):
        sys.stderr.write(f"{_clean(sentence)}\n")


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """For the command to end as it does however else it prints; Rich would end it with a code of its own."""
        raise BrokenPipeError


def _console() -> Console:
    return _Console() if sys.stdout.isatty() else _Console(width=_PIPED_WIDTH)


def _narrowest(table: Table, console: Console) -> int:
    """How many columns the table takes when no word of it is cut."""
    return Measurement.get(console, console.options.update_width(_ANY_WIDTH), table).minimum


def _cell(value: object) -> Text:
    """A value as a person reads it; numbers stand at the right."""
    if value is None:
        return Text("-", style="dim")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Text(_clean(_spelled(value)), justify="right" if is_number else "left")


def _spelled(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case _:
            return json.dumps(value, default=_plain, ensure_ascii=False) if isinstance(value, Mapping) else str(value)


def _clean(text: str) -> str:
    return "".join(
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
