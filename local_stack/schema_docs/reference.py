"""The catalog as Markdown: table by table, view by view, function by function."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from local_stack.schema_docs.catalog import Catalog, Column, Function, Relation


def tables(catalog: Catalog) -> str:
    """Each table: its columns, constraints and indexes."""
    return _paragraphs(_table(catalog, table) for table in catalog.tables)


def views(catalog: Catalog) -> str:
    """Each view with its columns; a default is what an INSERT through the view gets."""
    return _paragraphs(_view(catalog, view) for view in catalog.views)


def functions(catalog: Catalog) -> str:
    """Those to call, then those that triggers call."""
    callable_ones = [function for function in catalog.functions if not function.is_trigger]
    triggers = [function for function in catalog.functions if function.is_trigger]
    return "\n\n".join(
        [
            _grid(["function", "returns", "what it does"], map(_function, callable_ones)),
            "Called by triggers:",
            _grid(["function", "what it does"], ([_code(each.name), _text(each.comment)] for each in triggers)),
        ]
    )


def _table(catalog: Catalog, table: Relation) -> Iterator[str]:
    place = table.schema, table.name
    yield f"### {table.name}"
    partitioned = f" Partitioned by {_code(table.partition_key)}." if table.partition_key else ""
    yield _text(table.comment) + partitioned
    yield _columns(catalog.columns[place])
    yield _grid(
        ["constraint", "rule"],
        ([_code(each.name), _code(each.definition) + _meaning(each.comment)] for each in catalog.constraints[place]),
    )
    yield _grid(
        ["index", "on", "for"],
        (
            [_code(each.name), ("unique " if each.is_unique else "") + _code(each.definition), _text(each.comment)]
            for each in catalog.indexes[place]
        ),
    )


def _view(catalog: Catalog, view: Relation) -> Iterator[str]:
    yield f"### {view.schema}.{view.name}"
    yield _text(view.comment)
    rows = [
        [_code(each.name), _code(each.type), _default(each), _text(each.comment)]
        for each in catalog.columns[view.schema, view.name]
    ]
    if any(default for _, _, default, _ in rows):
        yield _grid(["column", "type", "default", "meaning"], rows)
    else:
        yield _grid(["column", "type", "meaning"], ([name, type_, meaning] for name, type_, _, meaning in rows))


def _columns(columns: Iterable[Column]) -> str:
    return _grid(
        ["column", "type", "null", "default", "meaning"],
        (
            [_code(each.name), _code(each.type), "null" if each.nullable else "", _default(each), _text(each.comment)]
            for each in columns
        ),
    )


def _default(column: Column) -> str:
    if column.is_identity:
        return "numbered by PostgreSQL"
    expression = _code(column.default) if column.default else ""
    return f"always {expression}" if column.is_generated else expression


def _function(function: Function) -> list[str]:
    name = f"{function.name}({function.arguments})" + (", aggregate" if function.is_aggregate else "")
    return [_code(name), _code(function.result), _text(function.comment)]


def _meaning(comment: str | None) -> str:
    return f": {_text(comment)}" if comment else ""


def _grid(headings: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table, or nothing when it has no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(headings)} |", "|" + "---|" * len(headings), *lines]) if lines else ""


def _paragraphs(sections: Iterable[Iterator[str]]) -> str:
    return "\n\n".join(paragraph for section in sections for paragraph in section if paragraph)


def _code(text: str) -> str:
    """In a table of GitHub's, a bar ends the cell even inside code."""
    return f"`{_one_line(text)}`"


def _text(comment: str | None) -> str:
    """A comment as it was written, with what Markdown or HTML would take for its own escaped.

    Underscores stay: inside a word they mean nothing to GitHub.
    """
    return re.sub(r"([\\*<`])", r"\\\1", _one_line(comment or ""))


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
