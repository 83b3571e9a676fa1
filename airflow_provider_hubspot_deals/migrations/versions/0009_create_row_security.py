"""Row-level security: who sees whose rows, and the functions that give roles their rights.

Leaves of ``hubspot_deals`` that stand already are left out: there may be thousands, and one transaction would lock them
all against their readers. ``migrations.upgrade`` protects them afterwards, one by one.
"""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("""
CREATE TABLE reader_organizations (
    role            regrole     NOT NULL,
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (role, organization_id)
);
COMMENT ON TABLE reader_organizations IS 'Roles that see these organizations and no others, whatever they set. Written by bind_reader() and revoke_reader().';
COMMENT ON COLUMN reader_organizations.role IS 'The bound role, by its oid: renaming it changes nothing. Whoever has its rights is bound as well.';
COMMENT ON COLUMN reader_organizations.organization_id IS 'An organization that the role sees.';
COMMENT ON COLUMN reader_organizations.created_at IS 'When the role was bound to the organization.';

CREATE FUNCTION chosen_organization() RETURNS uuid LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    chosen text := nullif(current_setting('app.current_tenant', true), '');
BEGIN
    IF chosen !~* '^(\\{([0-9a-f]{4}-?){7}[0-9a-f]{4}\\}|([0-9a-f]{4}-?){7}[0-9a-f]{4})$' THEN
        RAISE EXCEPTION 'app.current_tenant must be the id of an organization, which is a UUID'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'organizations.id, not its slug.';
    END IF;
    RETURN chosen::uuid;
END $$;
COMMENT ON FUNCTION chosen_organization IS 'The organization in the setting app.current_tenant, or NULL. Whoever may call this may choose: readers that are bound to none.';
REVOKE EXECUTE ON FUNCTION chosen_organization() FROM PUBLIC;

CREATE FUNCTION visible_organizations() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    bound uuid[];
BEGIN
    SELECT array_agg(organization_id) INTO bound FROM reader_organizations WHERE pg_has_role(current_user, role, 'USAGE');
    -- A bound login stays bound in whatever role it takes on. A superuser has the rights of every role.
    IF bound IS NULL AND session_user <> current_user THEN
        SELECT array_agg(organization_id) INTO bound FROM reader_organizations
        WHERE pg_has_role(session_user, role, 'USAGE')
          AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = session_user AND rolsuper);
    END IF;
    IF bound IS NOT NULL THEN
        RETURN bound;
    END IF;
    -- To choose is a right of its own: a bound role whose binding is lost, as when a dump is restored where one of its
    -- roles does not exist, sees nothing then, and not what it likes.
    IF NOT has_function_privilege('chosen_organization()', 'EXECUTE') THEN
        RETURN '{}';
    END IF;
    RETURN array_remove(ARRAY[chosen_organization()], NULL);
END $$;
COMMENT ON FUNCTION visible_organizations IS 'The organizations whose rows a reader sees: those that its role is bound to, else the one in the setting app.current_tenant if it may choose, else none.';

CREATE FUNCTION tenant_deals(deal_type text DEFAULT 'standard') RETURNS SETOF hubspot_deals
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    organization uuid;
BEGIN
    FOREACH organization IN ARRAY visible_organizations() LOOP
        RETURN QUERY EXECUTE format(
            'SELECT * FROM hubspot_deals WHERE _organization_id = %L AND _type = %L', organization, deal_type);
    END LOOP;
END $$;
COMMENT ON FUNCTION tenant_deals IS 'The deals of the organizations that the caller sees, of one type. It names them to the planner, which a policy cannot: one leaf is read and locked, not every organization''s.';

CREATE FUNCTION reader_condition(relation regclass) RETURNS text LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT CASE relation
        WHEN 'reader_organizations'::regclass
            THEN 'pg_has_role(CURRENT_USER, role, ''USAGE'') OR pg_has_role(SESSION_USER, role, ''USAGE'')'
        WHEN 'job_batches'::regclass
            THEN 'EXISTS (SELECT FROM jobs AS job WHERE job.id = job_id)'
        ELSE (
            SELECT format('%I = ANY ((SELECT visible_organizations())::uuid[])', attname)
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE attrelid = relation AND relkind IN ('r', 'p')
              AND attname IN ('organization_id', '_organization_id', CASE relation WHEN 'organizations'::regclass THEN 'id' END)
        )
    END
$$;
COMMENT ON FUNCTION reader_condition IS 'Which rows of a table readers see, as the SQL text of its policy; NULL for a table without an organization, and for views.';

CREATE FUNCTION leaf_organization(relation regclass) RETURNS uuid LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN (
        SELECT substring(pg_get_expr(leaf.relpartbound, leaf.oid) FROM '[0-9a-f]{8}-[0-9a-f-]{27}')
        FROM pg_class AS leaf
        JOIN pg_inherits AS in_branch ON in_branch.inhrelid = leaf.oid
        JOIN pg_inherits AS in_deals ON in_deals.inhrelid = in_branch.inhparent
        WHERE leaf.oid = relation AND in_deals.inhparent = 'hubspot_deals'::regclass
    );
END $$;
COMMENT ON FUNCTION leaf_organization IS 'The organization of a leaf of hubspot_deals; NULL for every other table.';

CREATE FUNCTION reporting_schema() RETURNS text LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT left(current_schema(), 53) || '_reporting'
$$;
COMMENT ON FUNCTION reporting_schema IS 'Name of the schema of the reporting views.';

CREATE FUNCTION our_relations() RETURNS SETOF regclass LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT oid::regclass FROM pg_class
    WHERE relkind IN ('r', 'p', 'v')
      AND relnamespace IN (current_schema()::regnamespace, to_regnamespace(quote_ident(reporting_schema())))
$$;
COMMENT ON FUNCTION our_relations IS 'Tables, partitions and views of this schema and its reporting schema.';
    """)
    op.execute("""
CREATE FUNCTION loaders() RETURNS regrole[] LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT coalesce(
        (SELECT polroles::regrole[] FROM pg_policy WHERE polrelid = 'organizations'::regclass AND polname = 'loader'),
        (SELECT ARRAY[relowner::regrole] FROM pg_class WHERE oid = 'organizations'::regclass)
    )
$$;
COMMENT ON FUNCTION loaders IS 'The roles that read and write the rows of all organizations: the owner, and those of grant_loader().';

CREATE FUNCTION readers() RETURNS regrole[] LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT coalesce(array_agg(grantee::regrole), '{}')
    FROM pg_class, aclexplode(relacl)
    WHERE oid = 'organizations'::regclass AND privilege_type = 'SELECT' AND grantee <> 0 AND grantee <> ALL (loaders())
$$;
COMMENT ON FUNCTION readers IS 'The roles of grant_reader() and bind_reader().';

CREATE FUNCTION loader_privileges(relation regclass) RETURNS text[] LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    kind pg_class := (SELECT pg_class FROM pg_class WHERE oid = relation);
BEGIN
    RETURN CASE
        WHEN kind.relkind NOT IN ('r', 'p') OR kind.relispartition AND leaf_organization(relation) IS NULL THEN '{}'
        WHEN kind.relname IN ('usage_records', 'exchange_rates', 'deal_property_history') THEN '{}'
        WHEN kind.relname IN ('schema_version', 'reader_organizations', 'jobs_archive') THEN '{SELECT}'
        WHEN kind.relname = 'job_batches' THEN '{INSERT}'
        WHEN kind.relname IN ('hubspot_deals', 'job_events') THEN '{SELECT,INSERT}'
        WHEN kind.relname = 'absent_deals' THEN '{SELECT,INSERT,DELETE}'
        WHEN kind.relname = 'deal_associations' THEN '{SELECT,INSERT,UPDATE,DELETE}'
        ELSE '{SELECT,INSERT,UPDATE}'
    END;
END $$;
COMMENT ON FUNCTION loader_privileges IS 'The privileges that loading needs on a table or leaf.';

CREATE FUNCTION loader_functions() RETURNS SETOF regprocedure LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace AND proname IN (
        'ensure_deals_partition', 'allow_negative_amounts', 'ensure_job_events_partition', 'ensure_job_events_partitions', 'tell',
        'reap_silent_jobs', 'archive_jobs', 'expire_archive', 'expire_usage', 'expire_quarantine', 'drop_job_events_before',
        'analyze_deals', 'requeue_quarantine', 'chosen_organization')
$$;
COMMENT ON FUNCTION loader_functions IS 'The functions that loading and maintenance call and that not everybody may. Purging, erasing and granting are left to the owner.';

CREATE FUNCTION missing_privileges(role regrole) RETURNS SETOF text LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT format('USAGE on schema %I', current_schema()) WHERE NOT has_schema_privilege(role, current_schema(), 'USAGE')
    UNION ALL
    SELECT format('TEMPORARY on database %I', current_database())
    WHERE NOT has_database_privilege(role, current_database(), 'TEMPORARY')
    UNION ALL
    SELECT format('a place in the policy loader of table %s', min(relation::text))
           || CASE WHEN count(*) > 1 THEN format(' and %s more', count(*) - 1) ELSE '' END
    FROM pg_policy JOIN our_relations() AS relation ON relation = polrelid
    WHERE polname = 'loader' AND NOT EXISTS (SELECT FROM unnest(polroles) AS loader WHERE pg_has_role(role, loader, 'USAGE'))
    HAVING count(*) > 0
    UNION ALL
    SELECT format('%s on table %s', string_agg(privilege, ', '), relation)
    FROM our_relations() AS relation, unnest(loader_privileges(relation)) AS privilege
    WHERE NOT has_table_privilege(role, relation, privilege)
    GROUP BY relation
    UNION ALL
    SELECT format('EXECUTE on function %s', called) FROM loader_functions() AS called
    WHERE NOT has_function_privilege(role, called, 'EXECUTE')
$$;
COMMENT ON FUNCTION missing_privileges IS 'What a role lacks for loading, one line each; nothing when grant_loader() has been called for it.';

CREATE FUNCTION give_loader(relation regclass, role regrole) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    needed text[] := loader_privileges(relation);
BEGIN
    IF needed <> '{}' THEN
        EXECUTE format('GRANT %s ON %s TO %s', array_to_string(needed, ', '), relation, role);
    END IF;
END $$;
COMMENT ON FUNCTION give_loader IS 'Grant on one table what loading needs.';

CREATE FUNCTION give_reader(relation regclass, reader regrole) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    kind pg_class := (SELECT pg_class FROM pg_class WHERE oid = relation);
    columns text;
BEGIN
    IF kind.relkind <> 'v' AND reader_condition(relation) IS NULL OR kind.relispartition AND NOT EXISTS (
        SELECT FROM reader_organizations WHERE role = reader AND organization_id = leaf_organization(relation)
    ) THEN
        RETURN;
    END IF;
    IF relation = 'deals_quarantine'::regclass THEN
        -- A record that could not be stored is kept as HubSpot sent it: its bytes may hold anything.
        columns := (SELECT '(' || string_agg(quote_ident(attname), ', ') || ')' FROM pg_attribute
                    WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attname <> 'raw');
    END IF;
    EXECUTE format('GRANT SELECT %s ON %s TO %s', columns, relation, reader);
END $$;
COMMENT ON FUNCTION give_reader IS 'Grant on one table or view what a reader may see; of partitions, the leaves of the organizations that it is bound to.';

CREATE FUNCTION protect_table(relation regclass) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    condition text := reader_condition(relation);
BEGIN
    IF condition IS NULL THEN
        RAISE EXCEPTION 'table % has no column organization_id that says whose its rows are', relation
            USING ERRCODE = 'invalid_table_definition';
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format('DROP POLICY IF EXISTS loader ON %s', relation);
    EXECUTE format('CREATE POLICY loader ON %s TO %s USING (true) WITH CHECK (true)', relation, array_to_string(loaders(), ', '));
    EXECUTE format('DROP POLICY IF EXISTS reader ON %s', relation);
    EXECUTE format('CREATE POLICY reader ON %s FOR SELECT USING (%s)', relation, condition);
    PERFORM give_loader(relation, role) FROM unnest(loaders()) AS role;
    PERFORM give_reader(relation, role) FROM unnest(readers()) AS role;
END $$;
COMMENT ON FUNCTION protect_table IS 'Give a table, partition or leaf its policies, and loaders and readers their rights on it. To be called for each new one: neither is inherited.';
    """)
    op.execute("""
CREATE FUNCTION grant_loader(role regrole) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    roles text := array_to_string(array_append(array_remove(loaders(), role), role), ', ');
    relation regclass;
    called regprocedure;
    missing text;
BEGIN
    IF role = ANY (readers()) THEN
        RAISE EXCEPTION 'role % is a reader, and a loader sees every organization', role
            USING ERRCODE = 'invalid_grant_operation', HINT = 'Use another role, or call revoke_reader() first.';
    END IF;
    PERFORM use_schema(role, current_schema());
    PERFORM give_loader(ours, role) FROM our_relations() AS ours;
    FOR called IN SELECT loader_functions() LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', called, role);
    END LOOP;
    -- Last, since from here on readers of these tables wait for the end of this transaction.
    FOR relation IN
        SELECT polrelid FROM pg_policy JOIN our_relations() AS ours ON ours = polrelid
        WHERE polname = 'loader' AND role <> ALL (polroles)
    LOOP
        EXECUTE format('ALTER POLICY loader ON %s TO %s', relation, roles);
    END LOOP;
    missing := (SELECT string_agg(lacking, ', ') FROM missing_privileges(role) AS lacking);
    IF missing IS NOT NULL THEN
        RAISE WARNING 'role % still lacks %', role, missing USING HINT = 'The owner of the database can grant it.';
    END IF;
END $$;
COMMENT ON FUNCTION grant_loader IS 'Let a role load: read and write every organization''s rows, and make their leaves. It need not own anything.';

CREATE FUNCTION use_schema(role regrole, name text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- Not asked for twice: whoever migrates need not own the schema, and its owner may have granted this.
    IF NOT has_schema_privilege(role, name, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', name, role);
    END IF;
END $$;
COMMENT ON FUNCTION use_schema IS 'Let a role use a schema.';

CREATE FUNCTION grant_reader(role regrole) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE oid = role AND (rolsuper OR rolbypassrls)) THEN
        RAISE EXCEPTION 'role % is a superuser or has BYPASSRLS: no policy would hold for it', role
            USING ERRCODE = 'invalid_grant_operation', HINT = 'Use another role.';
    END IF;
    IF EXISTS (SELECT FROM unnest(loaders()) AS loader WHERE pg_has_role(role, loader, 'MEMBER')) THEN
        RAISE EXCEPTION 'role % has the rights of a loader, which sees every organization', role
            USING ERRCODE = 'invalid_grant_operation', HINT = 'Use another role.';
    END IF;
    PERFORM use_schema(role, name) FROM unnest(ARRAY[current_schema(), reporting_schema()]) AS name;
    PERFORM give_reader(ours, role) FROM our_relations() AS ours JOIN pg_class ON oid = ours
    WHERE NOT relispartition OR right(relname, 32) IN (
        SELECT replace(organization_id::text, '-', '') FROM reader_organizations AS bound WHERE bound.role = grant_reader.role
    );
    EXECUTE format(
        CASE WHEN EXISTS (SELECT FROM reader_organizations AS bound WHERE bound.role = grant_reader.role)
             THEN 'REVOKE EXECUTE ON FUNCTION chosen_organization() FROM %s'
             ELSE 'GRANT EXECUTE ON FUNCTION chosen_organization() TO %s' END, role);
END $$;
COMMENT ON FUNCTION grant_reader IS 'Let a role read the organization that it names in the setting app.current_tenant. It can name any: bind a role that is not to be trusted with that.';

CREATE FUNCTION bind_reader(role regrole, organization uuid) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM organizations WHERE id = organization) THEN
        RAISE EXCEPTION 'organization % is not registered', organization USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO reader_organizations (role, organization_id) VALUES (role, organization) ON CONFLICT DO NOTHING;
    PERFORM grant_reader(role);
END $$;
COMMENT ON FUNCTION bind_reader IS 'Let a role read one organization, and none but those that it is bound to, whatever it sets. It may also read that organization''s leaves.';

CREATE FUNCTION revoke_rights(role regrole) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    right_on text;
BEGIN
    FOR right_on IN
        SELECT DISTINCT CASE classid
            WHEN 'pg_class'::regclass THEN 'TABLE ' || objid::regclass
            WHEN 'pg_proc'::regclass THEN 'ROUTINE ' || objid::regprocedure
            ELSE 'SCHEMA ' || objid::regnamespace
        END
        FROM pg_shdepend
        LEFT JOIN pg_class ON classid = 'pg_class'::regclass AND pg_class.oid = objid
        LEFT JOIN pg_proc ON classid = 'pg_proc'::regclass AND pg_proc.oid = objid
        WHERE refclassid = 'pg_authid'::regclass AND refobjid = role AND deptype = 'a'
          AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND coalesce(relnamespace, pronamespace, CASE classid WHEN 'pg_namespace'::regclass THEN objid END)
              IN (current_schema()::regnamespace, to_regnamespace(quote_ident(reporting_schema())))
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', right_on, role);
    END LOOP;
END $$;
COMMENT ON FUNCTION revoke_rights IS 'Take back every privilege of a role in this schema and its reporting schema.';

CREATE FUNCTION revoke_reader(role regrole) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF role = ANY (loaders()) THEN
        RAISE EXCEPTION 'role % is a loader, not a reader', role
            USING ERRCODE = 'invalid_grant_operation', HINT = 'DROP OWNED BY takes every right of a role back.';
    END IF;
    PERFORM revoke_rights(role);
    DELETE FROM reader_organizations AS bound WHERE bound.role = revoke_reader.role;
END $$;
COMMENT ON FUNCTION revoke_reader IS 'Take back everything that grant_reader() and bind_reader() gave.';

CREATE FUNCTION keep_bound() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'readers are unbound by revoke_reader(), one by one' USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE oid = OLD.role) THEN
        PERFORM revoke_rights(OLD.role);
        IF EXISTS (SELECT FROM reader_organizations WHERE role = OLD.role) THEN
            PERFORM grant_reader(OLD.role);
        END IF;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION keep_bound IS 'A role that loses its last organization loses its rights with it.';
CREATE TRIGGER reader_organizations_keep_bound AFTER UPDATE OR DELETE ON reader_organizations
    FOR EACH ROW EXECUTE FUNCTION keep_bound();
CREATE TRIGGER reader_organizations_refuse_truncate BEFORE TRUNCATE ON reader_organizations
    FOR EACH STATEMENT EXECUTE FUNCTION keep_bound();
    """)
    op.execute("""
-- What these do, they now do as their owner: a loader makes leaves and months, and owns none.
ALTER FUNCTION ensure_job_events_partition(timestamptz) RENAME TO make_job_events_partition;
ALTER FUNCTION ensure_deals_partition(uuid, text) RENAME TO make_deals_partition;
ALTER FUNCTION make_deals_partition(uuid, text) SET search_path FROM CURRENT;
ALTER FUNCTION allow_negative_amounts(uuid, text, boolean) RENAME TO switch_amount_check;
ALTER FUNCTION switch_amount_check(uuid, text, boolean) SET search_path FROM CURRENT;

CREATE FUNCTION deals_leaf(organization uuid, deal_type text) RETURNS regclass LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT oid::regclass FROM pg_class
    WHERE relname = deals_partition(organization, deal_type) AND relnamespace = current_schema()::regnamespace
$$;
COMMENT ON FUNCTION deals_leaf IS 'The leaf of one organization and type; NULL when there is none. A temporary table of that name is not it.';

CREATE FUNCTION ensure_deals_partition(organization uuid, deal_type text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    new_table regclass;
BEGIN
    IF organization IS NULL OR deal_type IS NULL THEN
        RAISE EXCEPTION 'a leaf needs an organization and a deal type' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF deals_leaf(organization, deal_type) IS NULL THEN
        -- erase_organization() waits for this lock, and this for it: what is erased must not get a leaf any more.
        IF EXISTS (SELECT FROM organizations WHERE id = organization) THEN
            PERFORM FROM organizations WHERE id = organization FOR KEY SHARE;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'organization % has been erased meanwhile', organization USING ERRCODE = 'foreign_key_violation';
            END IF;
        END IF;
        PERFORM make_deals_partition(organization, deal_type);
        FOR new_table IN
            SELECT oid FROM pg_class
            WHERE relname IN ('hubspot_deals_' || deal_type, deals_partition(organization, deal_type))
              AND relnamespace = current_schema()::regnamespace AND NOT relforcerowsecurity
        LOOP
            PERFORM protect_table(new_table);
            IF new_table = deals_leaf(organization, deal_type) THEN
                PERFORM switch_amount_check(organization, deal_type, false);  -- until somebody allows negative amounts
            END IF;
        END LOOP;
    END IF;
    RETURN deals_partition(organization, deal_type);
END $$;
COMMENT ON FUNCTION ensure_deals_partition IS 'Make and protect the leaf table of one organization and type if it is not there, and return its name. For loaders; works as the owner.';

CREATE FUNCTION ensure_job_events_partition(moment timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT make_job_events_partition(moment) THEN
        RETURN false;
    END IF;
    PERFORM protect_table(job_events_partition(moment)::regclass);
    RETURN true;
END $$;
COMMENT ON FUNCTION ensure_job_events_partition IS 'Make and protect the partition for the month of a moment; true if it was not there. For loaders; works as the owner.';

CREATE FUNCTION allow_negative_amounts(organization uuid, deal_type text, allowed boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF deals_leaf(organization, deal_type) IS NULL THEN
        RAISE EXCEPTION 'organization % has no leaf of type %', organization, quote_nullable(deal_type)
            USING ERRCODE = 'undefined_table', HINT = 'ensure_deals_partition() makes it.';
    END IF;
    PERFORM switch_amount_check(organization, deal_type, allowed);
END $$;
COMMENT ON FUNCTION allow_negative_amounts IS 'Switch the amount check of one leaf; HubSpot itself allows negative amounts. For loaders; works as the owner.';

DO $$
DECLARE
    called regprocedure;
BEGIN
    PERFORM protect_table(relation) FROM our_relations() AS relation
    WHERE reader_condition(relation) IS NOT NULL AND leaf_organization(relation) IS NULL;
    -- Whatever changes something, or works as its owner, is for those it was granted to.
    FOR called IN
        SELECT oid FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
           AND prokind IN ('f', 'p')
           AND (prosecdef OR provolatile = 'v' AND prorettype <> 'trigger'::regtype)
    LOOP
        EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', called);
    END LOOP;
END $$;
    """)


def downgrade() -> None:
    op.execute("""
DO $$
DECLARE
    relation regclass;
    called regprocedure;
BEGIN
    -- First the rights: without the policies, they would be rights to every organization.
    PERFORM revoke_rights(refobjid) FROM (
        SELECT DISTINCT refobjid FROM pg_shdepend
        WHERE refclassid = 'pg_authid'::regclass AND deptype = 'a'
          AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS granted;
    FOR relation IN SELECT DISTINCT polrelid FROM pg_policy JOIN our_relations() AS ours ON ours = polrelid LOOP
        EXECUTE format('DROP POLICY IF EXISTS loader ON %s', relation);
        EXECUTE format('DROP POLICY IF EXISTS reader ON %s', relation);
        EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', relation);
    END LOOP;
    FOR called IN SELECT oid FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prokind IN ('f', 'p') LOOP
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', called);
    END LOOP;
END $$;

DROP FUNCTION ensure_job_events_partition(timestamptz);
ALTER FUNCTION make_job_events_partition(timestamptz) RENAME TO ensure_job_events_partition;
DROP FUNCTION ensure_deals_partition(uuid, text);
DROP FUNCTION allow_negative_amounts(uuid, text, boolean);
ALTER FUNCTION make_deals_partition(uuid, text) RENAME TO ensure_deals_partition;
ALTER FUNCTION switch_amount_check(uuid, text, boolean) RENAME TO allow_negative_amounts;
DROP TABLE reader_organizations;
DROP FUNCTION deals_leaf(uuid, text);
DROP FUNCTION keep_bound();
DROP FUNCTION revoke_reader(regrole);
DROP FUNCTION revoke_rights(regrole);
DROP FUNCTION bind_reader(regrole, uuid);
DROP FUNCTION grant_reader(regrole);
DROP FUNCTION use_schema(regrole, text);
DROP FUNCTION grant_loader(regrole);
DROP FUNCTION protect_table(regclass);
DROP FUNCTION give_reader(regclass, regrole);
DROP FUNCTION give_loader(regclass, regrole);
DROP FUNCTION missing_privileges(regrole);
DROP FUNCTION loader_functions();
DROP FUNCTION loader_privileges(regclass);
DROP FUNCTION readers();
DROP FUNCTION loaders();
DROP FUNCTION our_relations();
DROP FUNCTION reporting_schema();
DROP FUNCTION leaf_organization(regclass);
DROP FUNCTION reader_condition(regclass);
DROP FUNCTION tenant_deals(text);
DROP FUNCTION visible_organizations();
DROP FUNCTION chosen_organization();
    """)
