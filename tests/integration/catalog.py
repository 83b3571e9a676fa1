"""What a schema consists of, as text that can be compared."""

from __future__ import annotations

import re

import psycopg

DESCRIPTION = """
WITH relation AS (
    SELECT c.* FROM pg_class c WHERE c.relnamespace = %(schema)s::regnamespace AND c.relname <> 'schema_version'
)
SELECT format('%%s %%s %%s %%s %%s', relkind, relname, pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid),
              obj_description(oid, 'pg_class'))
FROM relation WHERE relkind IN ('r', 'p', 'v', 'S')
UNION ALL
SELECT format('column %%s.%%s %%s %%s not_null=%%s default=%%s compression=%%s identity=%%s %%s',
              relname, attnum, attname, format_type(atttypid, atttypmod), attnotnull,
              pg_get_expr(adbin, adrelid), attcompression, attidentity, col_description(relation.oid, attnum))
FROM relation JOIN pg_attribute ON attrelid = relation.oid
LEFT JOIN pg_attrdef ON adrelid = relation.oid AND adnum = attnum
WHERE relkind IN ('r', 'p', 'v') AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT format('constraint %%s on %%s: %%s', conname, conrelid::regclass, pg_get_constraintdef(pg_constraint.oid))
FROM pg_constraint JOIN relation ON relation.oid = conrelid
UNION ALL
SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN relation ON relation.oid = indrelid
UNION ALL
SELECT pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
UNION ALL
SELECT concat(pg_get_functiondef(oid), obj_description(oid, 'pg_proc'))
FROM pg_proc WHERE pronamespace = %(schema)s::regnamespace
"""


def description(url: str, schema: str = "hubspot") -> list[str]:
    """Every table, column, constraint, index, trigger and function, without the schema's own name."""
    with psycopg.connect(url) as connection:
        lines: list[tuple[str]] = connection.execute(DESCRIPTION, {"schema": schema}).fetchall()
    return sorted(re.sub(rf'"?\b{schema}\b"?', "…", line) for (line,) in lines)
