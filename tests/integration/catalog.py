"""What a schema consists of, as text that can be compared: everything that a revision can change and must undo."""

from __future__ import annotations

import re

import psycopg

# Privileges are compared by what they mean: none written down means the default ones. Alembic's own table is left out.
# PostgreSQL 18 lists NOT NULL among the constraints; the columns say it already.
DESCRIPTION = """
WITH relation AS (
    SELECT * FROM pg_class WHERE relnamespace = ANY (%(schemas)s::regnamespace[]) AND relname <> 'schema_version'
        AND (%(partitions)s OR NOT relispartition)
)
SELECT format('%%s %%s %%s %%s options=%%s rls=%%s/%%s replica=%%s access=%%s %%s %%s', relkind, relname,
              pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid), reloptions, relrowsecurity, relforcerowsecurity,
              relreplident,
              ARRAY(SELECT held::text FROM unnest(coalesce(relacl, acldefault('r', relowner))) AS held ORDER BY 1),
              obj_description(oid, 'pg_class'), pg_get_viewdef(oid))
FROM relation WHERE relkind IN ('r', 'p', 'v', 'm', 'c', 'f')
UNION ALL
SELECT format('column %%s.%%s %%s %%s not_null=%%s default=%%s storage=%%s '
              'compression=%%s identity=%%s generated=%%s access=%%s %%s',
              relname, row_number() OVER (PARTITION BY relation.oid ORDER BY attnum), attname,
              format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), attstorage, attcompression,
              attidentity, attgenerated, ARRAY(SELECT held::text FROM unnest(attacl) AS held ORDER BY 1),
              col_description(relation.oid, attnum))
FROM relation JOIN pg_attribute ON attrelid = relation.oid
LEFT JOIN pg_attrdef ON adrelid = relation.oid AND adnum = attnum
WHERE relkind IN ('r', 'p', 'v', 'm', 'c', 'f') AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT format('constraint %%s on %%s: %%s %%s', conname, conrelid::regclass, pg_get_constraintdef(pg_constraint.oid),
              obj_description(pg_constraint.oid, 'pg_constraint'))
FROM pg_constraint JOIN relation ON relation.oid = conrelid WHERE contype <> 'n'
UNION ALL
SELECT format('%%s valid=%%s %%s', pg_get_indexdef(indexrelid), indisvalid, obj_description(indexrelid, 'pg_class'))
FROM pg_index JOIN relation ON relation.oid = indrelid
UNION ALL
SELECT format('%%s enabled=%%s %%s', pg_get_triggerdef(pg_trigger.oid), tgenabled,
              obj_description(pg_trigger.oid, 'pg_trigger'))
FROM pg_trigger JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
UNION ALL
SELECT format('%%s enabled=%%s', pg_get_ruledef(pg_rewrite.oid), ev_enabled)
FROM pg_rewrite JOIN relation ON relation.oid = ev_class WHERE rulename <> '_RETURN'
UNION ALL
SELECT format('policy %%s on %%s: permissive=%%s for %%s to %%s using %%s check %%s %%s', polname, polrelid::regclass,
              polpermissive, polcmd, polroles::regrole[], pg_get_expr(polqual, polrelid),
              pg_get_expr(polwithcheck, polrelid), obj_description(pg_policy.oid, 'pg_policy'))
FROM pg_policy JOIN relation ON relation.oid = polrelid
UNION ALL
SELECT format('sequence %%s %%s start=%%s by=%%s from=%%s to=%%s cycle=%%s owned=%%s access=%%s %%s', relname,
              format_type(seqtypid, NULL), seqstart, seqincrement, seqmin, seqmax, seqcycle,
              (SELECT refobjid::regclass FROM pg_depend WHERE objid = relation.oid AND deptype IN ('a', 'i')
                  AND refclassid = 'pg_class'::regclass),
              ARRAY(SELECT held::text FROM unnest(coalesce(relacl, acldefault('s', relowner))) AS held ORDER BY 1),
              obj_description(relation.oid, 'pg_class'))
FROM relation JOIN pg_sequence ON seqrelid = relation.oid
UNION ALL
SELECT format('statistics %%s %%s', pg_get_statisticsobjdef(oid), obj_description(oid, 'pg_statistic_ext'))
FROM pg_statistic_ext WHERE stxnamespace = ANY (%(schemas)s::regnamespace[])
UNION ALL
SELECT format('type %%s %%s not_null=%%s default=%%s %%s %%s %%s access=%%s %%s',
              typtype, typname, typnotnull, typdefault,
              format_type(nullif(typbasetype, 0), typtypmod),
              ARRAY(SELECT enumlabel FROM pg_enum WHERE enumtypid = pg_type.oid ORDER BY enumsortorder),
              ARRAY(SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contypid = pg_type.oid ORDER BY conname),
              ARRAY(SELECT held::text FROM unnest(coalesce(typacl, acldefault('T', typowner))) AS held ORDER BY 1),
              obj_description(oid, 'pg_type'))
FROM pg_type WHERE typnamespace = ANY (%(schemas)s::regnamespace[]) AND typtype IN ('d', 'e', 'r')
UNION ALL
SELECT format('%%s access=%%s %%s',
              CASE prokind WHEN 'a' THEN format('%%s %%s %%s %%s %%s %%s %%s', pg_proc.oid::regprocedure,
                  aggtransfn, aggtranstype::regtype, agginitval, aggfinalfn, aggcombinefn, proparallel)
                           ELSE pg_get_functiondef(pg_proc.oid) END,
              ARRAY(SELECT held::text FROM unnest(coalesce(proacl, acldefault('f', proowner))) AS held ORDER BY 1),
              obj_description(pg_proc.oid, 'pg_proc'))
FROM pg_proc LEFT JOIN pg_aggregate ON aggfnoid = pg_proc.oid WHERE pronamespace = ANY (%(schemas)s::regnamespace[])
UNION ALL
SELECT format('%%s %%s %%s', collname, collprovider, obj_description(oid, 'pg_collation'))
FROM pg_collation WHERE collnamespace = ANY (%(schemas)s::regnamespace[])
UNION ALL
SELECT format('defaults in %%s of %%s for %%s: %%s',
              defaclnamespace::regnamespace, defaclrole::regrole, defaclobjtype, defaclacl)
FROM pg_default_acl WHERE defaclnamespace = ANY (%(schemas)s::regnamespace[])
"""


def description(url: str, schema: str = "hubspot", *, partitions: bool = True) -> list[str]:
    """Every object of both schemas with its privileges and comment, without the schema's name."""
    with psycopg.connect(url) as connection:
        return description_in(connection, schema, partitions=partitions)


def description_in(connection: psycopg.Connection, schema: str = "hubspot", *, partitions: bool = True) -> list[str]:
    """The same as this connection sees it, in the middle of its transaction."""
    named = [schema, f"{schema}_reporting"]
    connection.execute("SET search_path TO pg_catalog")  # else what is in it is printed without its schema
    (schemas,) = connection.execute(
        "SELECT array_agg(quote_ident(nspname)) FROM pg_namespace WHERE nspname = ANY (%s)", [named]
    ).fetchone() or ([],)
    wanted = {"schemas": schemas, "partitions": partitions}
    lines: list[tuple[str]] = connection.execute(DESCRIPTION, wanted).fetchall()
    # Before a name, or as a function's search_path; a comment may use the same word for something else.
    own_name = re.compile(rf'"?\b{schema}(_reporting)?\b"?(?=\.["a-z_]|\', \'pg_temp\')')
    return sorted(own_name.sub(r"…\1", line) for (line,) in lines)
