-- name: set_search_path
-- With nothing of ours in it, PostgreSQL prints every name and expression in one way: with its schema.
SELECT set_config('search_path', 'pg_catalog', true)

-- name: may_use_schema
SELECT coalesce(has_schema_privilege(to_regnamespace(quote_ident(%(schema)s::text)), 'USAGE'), true)

-- name: missing_privileges
SELECT {schema}.missing_privileges(current_user::regrole)

-- name: has_row_security
SELECT to_regprocedure(format('%%I.protect_table(regclass)', %(schema)s::text)) IS NOT NULL

-- name: unprotected
-- Tables, partitions and leaves that protect_table() has never seen: it does everything or nothing.
SELECT pg_class.oid AS relation, pg_class.oid::regclass::text AS name
FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(%(schema)s::text)) AND relkind IN ('r', 'p')
  AND NOT relforcerowsecurity AND {schema}.reader_condition(pg_class.oid) IS NOT NULL
ORDER BY name

-- name: protect_table
SELECT {schema}.protect_table(%(table)s::oid::regclass)
