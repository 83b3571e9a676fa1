-- name: missing_to_migrate
-- What the session's role lacks for changing the schema, with the remedy; no row when it lacks nothing.
WITH schema (name, oid) AS (
    SELECT name, to_regnamespace(quote_ident(name))::oid
    FROM unnest(ARRAY[%(schema)s::text, left(%(schema)s::text, 53) || '_reporting']) AS name
),
object (owner, name) AS (
    SELECT relowner, pg_class.oid::regclass::text FROM pg_class JOIN schema ON schema.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v')
    UNION ALL
    SELECT proowner, pg_proc.oid::regprocedure::text FROM pg_proc JOIN schema ON schema.oid = pronamespace
)
SELECT format('CREATE on database %%I (GRANT CREATE ON DATABASE %%I TO %%I; or, by somebody who may: %%s)',
              current_database(), current_database(), current_user,
              string_agg(format('CREATE SCHEMA %%I AUTHORIZATION %%I', name, current_user), '; '))
FROM schema WHERE oid IS NULL AND NOT has_database_privilege(current_database(), 'CREATE')
HAVING count(*) > 0
UNION ALL
SELECT format('%%s on schema %%I (GRANT %%s ON SCHEMA %%I TO %%I)', lacking, name, lacking, name, current_user)
FROM schema, concat_ws(', ',
    CASE WHEN NOT has_schema_privilege(oid, 'USAGE') THEN 'USAGE' END,
    CASE WHEN NOT has_schema_privilege(oid, 'CREATE') THEN 'CREATE' END) AS lacking
WHERE oid IS NOT NULL AND lacking <> ''
UNION ALL
SELECT format('ownership of %%s and %%s more (migrate as %%I, who owns them)', min(name), count(*) - 1, rolname)
FROM object JOIN pg_roles ON pg_roles.oid = owner
WHERE NOT pg_has_role(owner, 'USAGE')
GROUP BY rolname

-- name: own_tables
-- Partitions are left to whoever needs them: thousands of locks would not fit.
SELECT relname
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = %(schema)s AND relkind IN ('r', 'p') AND NOT relispartition
ORDER BY relname

-- name: who_locks
-- Other sessions that hold a lock on one of our tables, the oldest transaction first.
SELECT format('process %%s on %%s, in a transaction of %%s s', pid, string_agg(relname, ', ' ORDER BY relname),
              round(extract(epoch FROM clock_timestamp() - min(xact_start))))
FROM pg_locks
JOIN pg_class ON pg_class.oid = relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
JOIN pg_stat_activity USING (pid)
WHERE nspname = %(schema)s AND relkind IN ('r', 'p') AND granted AND pid <> pg_backend_pid()
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
GROUP BY pid
ORDER BY min(xact_start)
LIMIT 5

-- name: can_lay_out
SELECT to_regprocedure(format('%%I.lay_out_leaf(regclass)', %(schema)s::text)) IS NOT NULL

-- name: not_laid_out
-- Leaves for which lay_out_leaf() has something to do.
SELECT leaf.oid
FROM pg_class AS leaf
JOIN pg_inherits AS in_branch ON in_branch.inhrelid = leaf.oid
JOIN pg_inherits AS in_deals ON in_deals.inhrelid = in_branch.inhparent
WHERE in_deals.inhparent = to_regclass(format('%%I.hubspot_deals', %(schema)s::text))
  AND NOT (EXISTS (SELECT FROM unnest(leaf.reloptions) AS option WHERE option LIKE 'toast_tuple_target=%%')
           AND EXISTS (SELECT FROM pg_index WHERE indrelid = leaf.oid AND indpred IS NOT NULL))
ORDER BY leaf.relname

-- name: lay_out_leaf
SELECT {schema}.lay_out_leaf(%(leaf)s::oid::regclass)
