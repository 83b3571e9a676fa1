"""Reads a migrated database: its tables, views and functions with their comments, the same on PostgreSQL 15 to 18.

Partitions are left out: they repeat their table, and which ones there are depends on the tenants and the date.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString, TypeVar

from psycopg.rows import class_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg import Connection

VERSION_TABLE = "schema_version"  # Alembic's own

RELATIONS: LiteralString = """
SELECT nspname AS schema, relname AS name, relkind IN ('r', 'p') AS is_table,
       pg_get_partkeydef(pg_class.oid) AS partition_key, obj_description(pg_class.oid, 'pg_class') AS comment
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = ANY (%(schemas)s) AND relkind IN ('r', 'p', 'v', 'm')
  AND NOT relispartition AND relname <> %(version_table)s
ORDER BY nspname, relname
"""
COLUMNS: LiteralString = """
SELECT nspname AS schema, relname AS relation, attname AS name,
       replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz') AS type,
       NOT attnotnull AS nullable, attidentity <> '' AS is_identity, attgenerated <> '' AS is_generated,
       pg_get_expr(adbin, adrelid, true) AS "default", col_description(pg_class.oid, attnum) AS comment
FROM pg_attribute
JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE nspname = ANY (%(schemas)s) AND relkind IN ('r', 'p', 'v', 'm')
  AND NOT relispartition AND relname <> %(version_table)s
  AND attnum > 0 AND NOT attisdropped
ORDER BY nspname, relname, attnum
"""
# PostgreSQL 18 lists NOT NULL as constraints as well, which the columns say already.
CONSTRAINTS: LiteralString = """
SELECT nspname AS schema, relname AS relation, conname AS name, contype::text AS kind,
       pg_get_constraintdef(pg_constraint.oid, true) AS definition,
       ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS part (number, position)
             JOIN pg_attribute ON attrelid = conrelid AND attnum = number ORDER BY position) AS columns,
       (SELECT relname FROM pg_class WHERE oid = confrelid) AS references,
       obj_description(pg_constraint.oid, 'pg_constraint') AS comment
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = ANY (%(schemas)s) AND contype IN ('c', 'f', 'p', 'u', 'x')
  AND NOT relispartition AND relname <> %(version_table)s
ORDER BY nspname, relname, array_position('{p,u,x,f,c}', contype::text), conname
"""
INDEXES: LiteralString = """
SELECT nspname AS schema, owner.relname AS relation, pg_class.relname AS name, indisunique AS is_unique,
       substring(pg_get_indexdef(indexrelid, 0, true) FROM ' USING (.*)$') AS definition,
       obj_description(indexrelid, 'pg_class') AS comment
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_class AS owner ON owner.oid = indrelid
JOIN pg_namespace ON pg_namespace.oid = owner.relnamespace
WHERE nspname = ANY (%(schemas)s) AND NOT owner.relispartition
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
ORDER BY nspname, owner.relname, pg_class.relname
"""
FUNCTIONS: LiteralString = """
SELECT nspname AS schema, proname AS name, pg_get_function_arguments(pg_proc.oid) AS arguments,
       pg_get_function_result(pg_proc.oid) AS result, prokind = 'a' AS is_aggregate,
       prorettype = 'trigger'::regtype AS is_trigger,
       obj_description(pg_proc.oid, 'pg_proc') AS comment
FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
WHERE nspname = ANY (%(schemas)s)
ORDER BY nspname, proname, pg_get_function_arguments(pg_proc.oid)
"""
TYPES: LiteralString = """
SELECT nspname AS schema, typname AS name, obj_description(pg_type.oid, 'pg_type') AS comment
FROM pg_type JOIN pg_namespace ON pg_namespace.oid = typnamespace LEFT JOIN pg_class ON pg_class.oid = typrelid
WHERE nspname = ANY (%(schemas)s) AND (typtype IN ('e', 'd', 'r') OR relkind = 'c')
ORDER BY nspname, typname
"""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table or view."""

    schema: str
    relation: str
    name: str
    type: str
    nullable: bool
    is_identity: bool
    is_generated: bool
    default: str | None  # for a generated column, its expression
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """A constraint of a table; NOT NULL is said by its column."""

    schema: str
    relation: str
    name: str
    kind: str  # p(rimary key), u(nique), x (exclusion), f(oreign key), c(heck)
    definition: str
    columns: Sequence[str]
    references: str | None
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class Index:
    """An index that is not a constraint's."""

    schema: str
    relation: str
    name: str
    is_unique: bool
    definition: str  # from its access method on
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function or aggregate."""

    schema: str
    name: str
    arguments: str
    result: str
    is_aggregate: bool
    is_trigger: bool
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class Type:
    """An enumeration, domain, range or composite type of its own."""

    schema: str
    name: str
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A table or view as the catalog's own row tells it."""

    schema: str
    name: str
    is_table: bool
    partition_key: str | None
    comment: str | None


Part = TypeVar("Part")
Member = TypeVar("Member", Column, Constraint, Index)


@dataclass(frozen=True)
class Catalog:
    """Everything in the schema and its reporting schema, ordered by schema and name; parts by (schema, relation)."""

    relations: Sequence[Relation]
    columns: dict[tuple[str, str], list[Column]]
    constraints: dict[tuple[str, str], list[Constraint]]
    indexes: dict[tuple[str, str], list[Index]]
    functions: Sequence[Function]
    types: Sequence[Type]

    @property
    def tables(self) -> list[Relation]:
        """Without partitions."""
        return [relation for relation in self.relations if relation.is_table]

    @property
    def views(self) -> list[Relation]:
        """Those of both schemas."""
        return [relation for relation in self.relations if not relation.is_table]


def read_catalog(connection: Connection, schema: str = "hubspot") -> Catalog:
    """What `schema` and its reporting schema hold; names of `schema` come without it."""
    connection.execute("SELECT set_config('search_path', %s, false)", [schema])
    return Catalog(
        relations=_rows(connection, Relation, RELATIONS, schema),
        columns=_by_relation(_rows(connection, Column, COLUMNS, schema)),
        constraints=_by_relation(_rows(connection, Constraint, CONSTRAINTS, schema)),
        indexes=_by_relation(_rows(connection, Index, INDEXES, schema)),
        functions=_rows(connection, Function, FUNCTIONS, schema),
        types=_rows(connection, Type, TYPES, schema),
    )


def reporting_schema(schema: str) -> str:
    """Name of the schema that holds the reporting views, as revision 0004 derives it."""
    return schema[:53] + "_reporting"


def _rows(connection: Connection, part: type[Part], query: LiteralString, schema: str) -> list[Part]:
    parameters = {"schemas": [schema, reporting_schema(schema)], "version_table": VERSION_TABLE}
    with connection.cursor(row_factory=class_row(part)) as cursor:
        return cursor.execute(query, parameters).fetchall()


def _by_relation(parts: Iterable[Member]) -> dict[tuple[str, str], list[Member]]:
    grouped = defaultdict(list)
    for part in parts:
        grouped[part.schema, part.relation].append(part)
    return grouped
