"""The tables as a Mermaid entity diagram, from foreign keys and from columns that name an organization or a job.

Only what every version of Mermaid reads: one word per type and name, keys, and relationships.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_stack.schema_docs.catalog import Catalog, Column, Relation

# Columns that point at a row without a foreign key: deals and the audit trail outlive jobs, and may not slow them down.
POINTERS = {
    "organization_id": "organizations",
    "_organization_id": "organizations",
    "job_id": "jobs",
    "_scan_id": "jobs",
}
PRIMARY, FOREIGN = "PK", "FK"


@dataclass(frozen=True)
class Reference:
    """One table's columns that point at a row of another."""

    child: str
    parent: str
    columns: tuple[str, ...]
    optional: bool
    enforced: bool  # by a foreign key

    def __str__(self) -> str:
        parent_end = "|o" if self.optional else "||"
        line = "--" if self.enforced else ".."
        return f'{self.parent} {parent_end}{line}o{{ {self.child} : "{", ".join(self.columns)}"'


def diagram(catalog: Catalog) -> str:
    """A fenced block for Markdown: relationships, then each table with its key columns."""
    references = sorted(_references(catalog), key=lambda found: (found.parent, found.child, found.columns))
    entities = [line for table in catalog.tables for line in _entity(catalog, table, references)]
    return "\n".join(["```mermaid", "erDiagram", *(f"    {reference}" for reference in references), *entities, "```"])


def _references(catalog: Catalog) -> Iterator[Reference]:
    for table in catalog.tables:
        columns = {column.name: column for column in catalog.columns[table.schema, table.name]}
        enforced: set[str] = set()
        for key in catalog.constraints[table.schema, table.name]:
            if key.references:
                optional = any(columns[name].nullable for name in key.columns)
                yield Reference(table.name, key.references, tuple(key.columns), optional, enforced=True)
                enforced.update(key.columns)
        for name in columns.keys() & POINTERS.keys() - enforced:
            yield Reference(table.name, POINTERS[name], (name,), columns[name].nullable, enforced=False)


def _entity(catalog: Catalog, table: Relation, references: list[Reference]) -> Iterator[str]:
    constraints = catalog.constraints[table.schema, table.name]
    primary = {name for key in constraints if key.kind == "p" for name in key.columns}
    foreign = {name for reference in references if reference.child == table.name for name in reference.columns}
    yield f"    {table.name} {{"
    for column in catalog.columns[table.schema, table.name]:
        keys = [PRIMARY] * (column.name in primary) + [FOREIGN] * (column.name in foreign)
        if keys:
            yield f"        {_word(column)} {column.name} {', '.join(keys)}"
    yield "    }"


def _word(column: Column) -> str:
    """The column's type as one word."""
    return re.sub(r"[^a-z0-9_]+", "_", column.type.partition("(")[0])
