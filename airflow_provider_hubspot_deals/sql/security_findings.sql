-- name: all
-- Everything by which one organization's rows could be seen by another's readers, one row each; to be run under
-- security.set_search_path. Reads the catalog itself and calls none of the functions that it checks.
WITH RECURSIVE

-- What is ours, and who is who ------------------------------------------------------------------------------------------
namespace AS (
    SELECT oid, nspname, nspacl, nspowner
    FROM pg_namespace WHERE nspname IN (%(schema)s::text, left(%(schema)s::text, 53) || '_reporting')
),
inside (oid) AS (  -- a partition is ours in whatever schema it lies
    SELECT pg_class.oid FROM pg_class JOIN namespace ON namespace.oid = relnamespace
    UNION
    SELECT inhrelid FROM pg_inherits JOIN inside ON inside.oid = inhparent
),
relation AS (
    SELECT class.*, class.oid::regclass::text AS name,
           (SELECT min(attname::text) FROM pg_attribute WHERE attrelid = class.oid AND NOT attisdropped AND attname IN
                ('organization_id', '_organization_id', CASE relname WHEN 'organizations' THEN 'id' END)) AS tenant_column
    FROM pg_class AS class JOIN inside USING (oid)
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
),
leaf AS (
    SELECT relation.oid, relation.name, relation.relname, branch.relname AS branch_name,
           substring(pg_get_expr(branch.relpartbound, branch.oid) FROM '^FOR VALUES IN \(''(.*)''\)$') AS deal_type,
           substring(pg_get_expr(relation.relpartbound, relation.oid) FROM '^FOR VALUES IN \(''(.*)''\)$') AS organization_id
    FROM relation
    JOIN pg_inherits AS in_branch ON in_branch.inhrelid = relation.oid
    JOIN pg_class AS branch ON branch.oid = in_branch.inhparent
    JOIN pg_inherits AS in_deals ON in_deals.inhrelid = branch.oid
    JOIN relation AS deals ON deals.oid = in_deals.inhparent AND deals.relname = 'hubspot_deals' AND deals.relkind = 'p'
),
policy AS (
    SELECT pg_policy.*, regexp_replace(pg_get_expr(polqual, polrelid), '\s+', ' ', 'g') AS seen,
           pg_get_expr(polwithcheck, polrelid) AS written
    FROM pg_policy JOIN relation ON relation.oid = polrelid
),
granted AS (
    SELECT relation.oid, name, relname, relkind, relispartition, NULL::name AS column_name, grantee, privilege_type AS privilege
    FROM relation, aclexplode(relacl) WHERE grantee <> relowner
    UNION ALL
    SELECT relation.oid, name, relname, relkind, relispartition, attname, grantee, privilege_type
    FROM relation JOIN pg_attribute ON attrelid = relation.oid, aclexplode(attacl) WHERE grantee <> relowner
),
loader AS (
    SELECT unnest(polroles) AS oid FROM policy JOIN relation ON relation.oid = polrelid
    WHERE relname = 'organizations' AND polname = 'loader'
),
owner AS (
    SELECT relowner AS oid FROM relation WHERE relname = 'organizations'
),
seer AS (  -- who owns the schema can put functions in the way of those that work as the owner
    SELECT oid FROM loader UNION SELECT oid FROM owner UNION SELECT nspowner FROM namespace
),
bound AS (
    SELECT role::oid AS oid, organization_id FROM {schema}.reader_organizations
),
reader AS (
    SELECT DISTINCT grantee AS oid FROM granted WHERE privilege = 'SELECT' AND grantee <> 0
    AND grantee NOT IN (SELECT oid FROM loader UNION ALL SELECT oid FROM owner)
),

-- Tables, their policies and their places -------------------------------------------------------------------------------
tenant_table AS (
    SELECT oid, name, relrowsecurity, relforcerowsecurity, CASE relname
        WHEN 'job_batches' THEN format(
            '(EXISTS ( SELECT FROM %%I.jobs job WHERE (job.id = job_batches.job_id)))', %(schema)s::text)
        WHEN 'reader_organizations' THEN
            $$(pg_has_role(CURRENT_USER, (role)::oid, 'USAGE'::text) OR pg_has_role(SESSION_USER, (role)::oid, 'USAGE'::text))$$
        ELSE format(
            '(%%I = ANY (( SELECT %%I.visible_organizations() AS visible_organizations)::uuid[]))',
            tenant_column, %(schema)s::text)
    END AS condition
    FROM relation
    WHERE relkind IN ('r', 'p', 'f') AND (tenant_column IS NOT NULL OR relname = 'job_batches')
),
unprotected (name, problem) AS (
    SELECT name, 'row-level security is not enabled' FROM tenant_table WHERE NOT relrowsecurity
    UNION ALL
    SELECT name, 'row-level security is not forced: it does not hold for the owner'
    FROM tenant_table WHERE NOT relforcerowsecurity
    UNION ALL
    SELECT name, 'the policy "loader" is missing, or not as we make it'
    FROM tenant_table LEFT JOIN policy ON polrelid = tenant_table.oid AND polname = 'loader'
    WHERE (polcmd, polpermissive, seen, written) IS DISTINCT FROM ('*', true, 'true', 'true')
       OR EXISTS (SELECT unnest(polroles) EXCEPT SELECT oid FROM loader)
       OR EXISTS (SELECT oid FROM loader EXCEPT SELECT unnest(polroles))
    UNION ALL
    SELECT name, 'the policy "reader" is missing, or not as we make it'
    FROM tenant_table LEFT JOIN policy ON polrelid = tenant_table.oid AND polname = 'reader'
    WHERE (polcmd, polpermissive, polroles, seen) IS DISTINCT FROM ('r', true, '{{0}}'::oid[], condition)
),
about_tables (object, problem, remedy) AS (
    SELECT name, problem, format('SELECT %%I.protect_table(%%L)', %(schema)s::text, name) FROM unprotected
    UNION ALL
    SELECT name, 'it has no column that says whose its rows are',
           'give it organization_id and call protect_table(), or move it to another schema'
    FROM relation WHERE relkind IN ('r', 'p', 'f') AND relname NOT IN ('schema_version', 'job_batches') AND tenant_column IS NULL
    UNION ALL
    SELECT name, format('the policy %%I lets somebody see or write more', polname), format('DROP POLICY %%I ON %%s', polname, name)
    FROM policy JOIN relation ON relation.oid = polrelid WHERE polpermissive AND polname NOT IN ('loader', 'reader')
    UNION ALL
    SELECT relation.name, format('its owner is %%s, not the owner of the other tables', relowner::regrole),
           format('ALTER TABLE %%s OWNER TO %%s', relation.name, owner.oid::regrole)
    FROM relation, owner WHERE relowner <> owner.oid
    UNION ALL
    SELECT name, format('its trigger %%I does not fire', tgname), format('ALTER TABLE %%s ENABLE TRIGGER %%I', name, tgname)
    FROM relation JOIN pg_trigger ON tgrelid = relation.oid WHERE NOT tgisinternal AND tgenabled IN ('D', 'R')
    UNION ALL
    SELECT name, 'its name and the organization and type that it is attached for differ',
           'find out whose rows these are; then attach it rightly or drop it'
    FROM leaf
    WHERE relname IS DISTINCT FROM 'hubspot_deals_' || deal_type || '_' || replace(organization_id, '-', '')
       OR branch_name IS DISTINCT FROM 'hubspot_deals_' || deal_type
    UNION ALL
    SELECT name, 'it is named like a leaf of hubspot_deals and attached nowhere', 'attach it or drop it'
    FROM relation WHERE relname ~ '^hubspot_deals_.*_[0-9a-f]{{32}}$' AND relkind IN ('r', 'p') AND NOT relispartition
),

-- Privileges ------------------------------------------------------------------------------------------------------------
about_privileges (object, problem, remedy) AS (
    SELECT name, format('everybody has %%s on it', string_agg(DISTINCT privilege, ', ')), format('REVOKE ALL ON %%s FROM PUBLIC', name)
    FROM granted WHERE grantee = 0 GROUP BY name
    UNION ALL
    SELECT name, format('%%s has %%s on it, which no policy covers', grantee::regrole, string_agg(DISTINCT privilege, ', ')),
           format('REVOKE %%s ON %%s FROM %%s', string_agg(DISTINCT privilege, ', '), name, grantee::regrole)
    FROM granted WHERE grantee <> 0 AND privilege IN ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')
    GROUP BY name, grantee
    UNION ALL
    SELECT name, format('%%s has %%s on it, which is not for it to write', grantee::regrole, string_agg(DISTINCT privilege, ', ')),
           format('REVOKE %%s ON %%s FROM %%s', string_agg(DISTINCT privilege, ', '), name, grantee::regrole)
    FROM granted
    WHERE NOT relispartition AND grantee <> 0 AND privilege IN ('INSERT', 'UPDATE', 'DELETE')
      AND (grantee NOT IN (SELECT oid FROM loader UNION ALL SELECT oid FROM owner)
           OR relname IN ('reader_organizations', 'schema_version') OR relname = 'job_events' AND privilege <> 'INSERT')
    GROUP BY name, grantee
    UNION ALL
    SELECT name, format('%%s has %%s on this partition', grantee::regrole, string_agg(DISTINCT privilege, ', ')),
           format('REVOKE ALL ON %%s FROM %%s', name, grantee::regrole)
    FROM granted
    WHERE relispartition AND grantee <> 0 AND privilege IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
      AND NOT (oid IN (SELECT oid FROM leaf) AND grantee IN (SELECT oid FROM loader) AND privilege <> 'DELETE')
      AND NOT (privilege = 'SELECT' AND (grantee, oid) IN
          (SELECT bound.oid, leaf.oid FROM bound JOIN leaf ON leaf.organization_id = bound.organization_id::text))
    GROUP BY name, grantee
    UNION ALL
    SELECT name, format('%%s can read the bytes of records that could not be stored', grantee::regrole),
           format('REVOKE ALL ON %%s FROM %%s and call grant_reader() or bind_reader() again', name, grantee::regrole)
    FROM granted WHERE relname = 'deals_quarantine' AND grantee IN (SELECT oid FROM reader)
      AND privilege = 'SELECT' AND coalesce(column_name, 'raw') = 'raw'
    UNION ALL
    SELECT 'schema ' || quote_ident(nspname), format('%%s has %%s on it',
               CASE grantee WHEN 0 THEN 'everybody' ELSE grantee::regrole::text END, privilege_type),
           format('REVOKE %%s ON SCHEMA %%I FROM %%s', privilege_type, nspname, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
    FROM namespace, aclexplode(nspacl)
    WHERE grantee = 0 OR privilege_type = 'CREATE' AND grantee NOT IN (nspowner, (SELECT oid FROM owner))
),

-- Views, ours and others' -----------------------------------------------------------------------------------------------
derived (oid) AS (  -- reads ours, itself or through others
    SELECT oid FROM relation
    UNION
    SELECT ev_class FROM derived
    JOIN pg_depend ON refclassid = 'pg_class'::regclass AND refobjid = derived.oid AND classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite ON pg_rewrite.oid = objid
    WHERE ev_class <> derived.oid
),
about_views (object, problem, remedy) AS (
    SELECT view.oid::regclass::text, 'it shows the rows that its owner sees, whoever asks',
           format('ALTER VIEW %%s SET (security_invoker = true)', view.oid::regclass)
    FROM pg_class AS view JOIN derived USING (oid)
    WHERE view.relkind = 'v' AND NOT EXISTS (
        SELECT FROM pg_options_to_table(view.reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean)
    UNION ALL
    SELECT view.oid::regclass::text, 'a materialized view keeps the rows that its owner saw, without policies',
           format('DROP MATERIALIZED VIEW %%s', view.oid::regclass)
    FROM pg_class AS view JOIN derived USING (oid)
    WHERE view.relkind = 'm'
),

-- Functions -------------------------------------------------------------------------------------------------------------
function AS (
    SELECT pg_proc.oid, pg_proc.oid::regprocedure::text AS name, proname, proowner, prosecdef, prosrc, proacl,
           prosecdef OR provolatile = 'v' AND prorettype <> 'trigger'::regtype OR proname = 'chosen_organization' AS is_privileged,
           EXISTS (SELECT FROM unnest(proconfig) AS setting
                   WHERE setting = format('search_path=%%I, pg_temp', %(schema)s::text)) AS is_pinned
    FROM pg_proc JOIN namespace ON namespace.oid = pronamespace
    WHERE prokind IN ('f', 'p')
),
about_functions (object, problem, remedy) AS (
    SELECT 'function ' || name, 'it works as its owner in whatever search_path its caller sets',
           format('ALTER ROUTINE %%s SET search_path = %%I, pg_temp', name, %(schema)s::text)
    FROM function WHERE prosecdef AND NOT is_pinned
    UNION ALL
    SELECT 'function ' || name, 'everybody may call it', format('REVOKE EXECUTE ON ROUTINE %%s FROM PUBLIC', name)
    FROM function
    WHERE is_privileged AND EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)
    UNION ALL
    SELECT 'function ' || name, format('the reader %%s may call it, and it works as its owner', grantee::regrole),
           format('REVOKE EXECUTE ON ROUTINE %%s FROM %%s', name, grantee::regrole)
    FROM function, aclexplode(proacl) WHERE prosecdef AND grantee IN (SELECT oid FROM reader UNION SELECT oid FROM bound)
    UNION ALL
    SELECT 'function ' || name, format('%%s is bound and may call it: it would see whatever it sets, were its binding lost', grantee::regrole),
           format('REVOKE EXECUTE ON ROUTINE %%s FROM %%s', name, grantee::regrole)
    FROM function, aclexplode(proacl) WHERE proname = 'chosen_organization' AND grantee IN (SELECT oid FROM bound)
    UNION ALL
    SELECT 'function ' || name, format('its owner is %%s, not the owner of the tables', proowner::regrole),
           format('ALTER ROUTINE %%s OWNER TO %%s', name, owner.oid::regrole)
    FROM function, owner WHERE proowner <> owner.oid
    UNION ALL
    SELECT 'function ' || name, 'it says whose rows a reader sees, and is not as we make it',
           'put back the CREATE FUNCTION of the revision that made it'
    FROM function
    WHERE proname = 'visible_organizations'
      AND (prosecdef OR NOT is_pinned OR md5(prosrc) <> '3f467a04dd5aa4f11723ec4f2940a3c2')
),

-- Roles -----------------------------------------------------------------------------------------------------------------
about_roles (object, problem, remedy) AS (
    SELECT 'role ' || rolname, 'a loader that is a superuser or has BYPASSRLS passes by every policy',
           format('ALTER ROLE %%I NOSUPERUSER NOBYPASSRLS, or load with another role', rolname)
    FROM pg_roles JOIN loader USING (oid) WHERE rolsuper OR rolbypassrls
    UNION ALL
    SELECT 'role ' || rolname, 'a reader that is a superuser or has BYPASSRLS sees every organization',
           format('ALTER ROLE %%I NOSUPERUSER NOBYPASSRLS', rolname)
    FROM pg_roles JOIN reader USING (oid) WHERE rolsuper OR rolbypassrls
    UNION ALL
    SELECT 'role ' || rolname, format('a reader that has %%s gets past every policy', power), format('take %%s from it', power)
    FROM (SELECT oid FROM reader UNION SELECT oid FROM bound) AS reader JOIN pg_roles USING (oid), LATERAL (
        SELECT 'REPLICATION' WHERE rolreplication
        UNION ALL  -- until PostgreSQL 16 it may grant itself every role but a superuser
        SELECT 'CREATEROLE' WHERE rolcreaterole AND current_setting('server_version_num')::integer < 160000
        UNION ALL
        SELECT server.rolname FROM pg_roles AS server
        WHERE server.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
          AND pg_has_role(reader.oid, server.oid, 'MEMBER')
    ) AS powers (power)
    WHERE NOT rolsuper
    UNION ALL
    SELECT 'role ' || current_user, 'this connection is a superuser''s or has BYPASSRLS: no policy holds for it',
           'connect with the role that owns the schema or with a loader'
    FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)
    UNION ALL
    SELECT 'role ' || reader.oid::regrole, format('a reader that has, or can take on, the rights of %%s, which sees every organization', seer.oid::regrole),
           format('REVOKE %%s FROM %%s', seer.oid::regrole, reader.oid::regrole)
    FROM reader, seer
    WHERE pg_has_role(reader.oid, seer.oid, 'MEMBER') AND NOT (SELECT rolsuper FROM pg_roles WHERE oid = reader.oid)
    UNION ALL
    SELECT 'role ' || loader.oid::regrole, format('a loader that has the rights of the reader %%s', reader.oid::regrole),
           format('REVOKE %%s FROM %%s', reader.oid::regrole, loader.oid::regrole)
    FROM loader, (SELECT oid FROM reader UNION SELECT oid FROM bound) AS reader
    WHERE pg_has_role(loader.oid, reader.oid, 'USAGE') AND NOT (SELECT rolsuper FROM pg_roles WHERE oid = loader.oid)
    UNION ALL
    SELECT 'role ' || reader.oid::regrole, format('it is bound only as a member of %%s: without that, it would see whatever it sets', bound.oid::regrole),
           format('SELECT %%I.revoke_reader(%%L), or bind it itself', %(schema)s::text, reader.oid::regrole::text)
    FROM reader, (SELECT DISTINCT oid FROM bound) AS bound
    WHERE reader.oid NOT IN (SELECT oid FROM bound) AND pg_has_role(reader.oid, bound.oid, 'USAGE')
      AND NOT (SELECT rolsuper FROM pg_roles WHERE oid = reader.oid)
    UNION ALL
    SELECT 'role ' || oid::text, 'a role that was dropped is still bound to organizations',
           format('SELECT %%I.revoke_reader(%%s)', %(schema)s::text, oid)
    FROM (SELECT DISTINCT oid FROM bound) AS bound WHERE oid NOT IN (SELECT oid FROM pg_roles)
)
SELECT * FROM about_tables
UNION ALL SELECT * FROM about_privileges
UNION ALL SELECT * FROM about_views
UNION ALL SELECT * FROM about_functions
UNION ALL SELECT * FROM about_roles
ORDER BY object, problem
