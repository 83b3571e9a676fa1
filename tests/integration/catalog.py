"""What a schema consists of, as text that can be compared."""

from __future__ import annotations

import re

import psycopg

DESCRIPTION = """
WITH relation AS (
    SELECT c.* FROM pg_class c WHERE c.relnamespace = ANY (%(schemas)s::regnamespace[])
        AND c.relname <> 'schema_version'
)
SELECT format('%%s %%s %%s %%s %%s %%s %%s', relkind, relname, pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid),
              obj_description(oid, 'pg_class'), reloptions, pg_get_viewdef(oid))
FROM relation WHERE relkind IN ('r', 'p', 'v', 'S')
UNION ALL
SELECT format('column %%s.%%s %%s %%s not_null=%%s default=%%s compression=%%s identity=%%s %%s',
              relname, row_number() OVER (PARTITION BY relation.oid ORDER BY attnum), attname,
              format_type(atttypid, atttypmod), attnotnull,
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
SELECT format('row security of %%s: enabled=%%s forced=%%s', relname, relrowsecurity, relforcerowsecurity)
FROM relation WHERE relkind IN ('r', 'p')
UNION ALL
SELECT format('policy %%s on %%s: %%s %%s %%s using %%s check %%s', polname, relname, polcmd, polpermissive,
              polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
FROM pg_policy JOIN relation ON relation.oid = polrelid
UNION ALL
SELECT format('grant on %%s: %%s to %%s', relname, privilege_type, grantee::regrole)
FROM relation, aclexplode(relacl) WHERE grantee <> relowner
UNION ALL
SELECT format('grant on column %%s.%%s: %%s to %%s', relname, attname, privilege_type, grantee::regrole)
FROM relation JOIN pg_attribute ON attrelid = relation.oid, aclexplode(attacl)
UNION ALL
SELECT format('grant on function %%s: %%s to %%s', pg_proc.oid::regprocedure, privilege_type, grantee::regrole)
FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
WHERE pronamespace = ANY (%(schemas)s::regnamespace[]) AND grantee <> proowner
UNION ALL
SELECT concat(CASE prokind WHEN 'a' THEN oid::regprocedure::text ELSE pg_get_functiondef(oid) END,
              obj_description(oid, 'pg_proc'))
FROM pg_proc WHERE pronamespace = ANY (%(schemas)s::regnamespace[])
"""


def description(url: str, schema: str = "hubspot") -> list[str]:
    """Everything that both schemas consist of, who may use it and under which policies, without the schema's name."""
    named = [schema, f"{schema}_reporting"]
    with psycopg.connect(url) as connection:
        (schemas,) = connection.execute(
            "SELECT array_agg(quote_ident(nspname)) FROM pg_namespace WHERE nspname = ANY (%s)", [named]
        ).fetchone() or ([],)
        lines: list[tuple[str]] = connection.execute(DESCRIPTION, {"schemas": schemas}).fetchall()
    return sorted(re.sub(rf'"?\b{schema}(_reporting)?\b"?', r"…\1", line) for (line,) in lines)
