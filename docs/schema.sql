-- The schema of airflow-provider-hubspot-deals, as its revisions make it. Written by ./run schema, with the pg_dump of
-- PostgreSQL 18; do not edit. To be read and compared: databases are made by
-- python -m airflow_provider_hubspot_deals.migrations upgrade.
-- Partitions are left out. hubspot_loader stands for whoever migrates.

SET check_function_bodies = false;

CREATE SCHEMA hubspot;

CREATE SCHEMA hubspot_reporting;

CREATE FUNCTION hubspot.add_percentage(total numeric[], percentage text) RETURNS numeric[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT ARRAY[total[1] + rtrim(percentage, ' %')::numeric, total[2] + 1]
$$;

COMMENT ON FUNCTION hubspot.add_percentage(total numeric[], percentage text) IS 'Step of avg(text): adds one percentage to the sum and count so far.';

CREATE FUNCTION hubspot.add_usage() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    endpoints CONSTANT text[] := '{list,search,batch_read,associations,metadata}';
    before    jobs;
    calls     bigint[];
    ended     text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := OLD;
    END IF;
    IF NEW.status IS DISTINCT FROM before.status THEN
        ended := NEW.status;
    END IF;
    calls := ARRAY(
        SELECT coalesce(count_in(NEW.api_calls_by_endpoint, endpoint), 0)
               - coalesce(count_in(before.api_calls_by_endpoint, endpoint), 0)
        FROM unnest(endpoints) WITH ORDINALITY AS class (endpoint, position) ORDER BY position);
    INSERT INTO usage_records AS total (
        organization_id, type, day,
        api_calls_list, api_calls_search, api_calls_batch_read, api_calls_associations, api_calls_metadata, api_calls_other,
        api_calls, rate_limit_hits, bytes_received,
        deals_read, deals_inserted, deals_updated, deals_unchanged, deals_deleted, deals_quarantined,
        runs_completed, runs_failed, runs_cancelled
    ) VALUES (
        NEW.organization_id, deal_type_of(NEW.type), (clock_timestamp() AT TIME ZONE 'UTC')::date,
        calls[1], calls[2], calls[3], calls[4], calls[5],
        NEW.api_calls - coalesce(before.api_calls, 0) - (SELECT sum(call) FROM unnest(calls) AS call),
        NEW.api_calls - coalesce(before.api_calls, 0),
        NEW.rate_limit_hits - coalesce(before.rate_limit_hits, 0),
        NEW.bytes_received - coalesce(before.bytes_received, 0),
        NEW.records_extracted - coalesce(before.records_extracted, 0),
        NEW.records_inserted - coalesce(before.records_inserted, 0),
        NEW.records_updated - coalesce(before.records_updated, 0),
        NEW.records_unchanged - coalesce(before.records_unchanged, 0),
        NEW.records_deleted - coalesce(before.records_deleted, 0),
        NEW.records_quarantined - coalesce(before.records_quarantined, 0),
        (ended IS NOT DISTINCT FROM 'completed')::integer, (ended IS NOT DISTINCT FROM 'failed')::integer,
        (ended IS NOT DISTINCT FROM 'cancelled')::integer
    )
    ON CONFLICT (organization_id, type, day) DO UPDATE SET
        api_calls_list = total.api_calls_list + excluded.api_calls_list,
        api_calls_search = total.api_calls_search + excluded.api_calls_search,
        api_calls_batch_read = total.api_calls_batch_read + excluded.api_calls_batch_read,
        api_calls_associations = total.api_calls_associations + excluded.api_calls_associations,
        api_calls_metadata = total.api_calls_metadata + excluded.api_calls_metadata,
        api_calls_other = total.api_calls_other + excluded.api_calls_other,
        api_calls = total.api_calls + excluded.api_calls,
        rate_limit_hits = total.rate_limit_hits + excluded.rate_limit_hits,
        bytes_received = total.bytes_received + excluded.bytes_received,
        deals_read = total.deals_read + excluded.deals_read,
        deals_inserted = total.deals_inserted + excluded.deals_inserted,
        deals_updated = total.deals_updated + excluded.deals_updated,
        deals_unchanged = total.deals_unchanged + excluded.deals_unchanged,
        deals_deleted = total.deals_deleted + excluded.deals_deleted,
        deals_quarantined = total.deals_quarantined + excluded.deals_quarantined,
        runs_completed = total.runs_completed + excluded.runs_completed,
        runs_failed = total.runs_failed + excluded.runs_failed,
        runs_cancelled = total.runs_cancelled + excluded.runs_cancelled;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION hubspot.add_usage() IS 'Trigger: adds to usage_records what a change of a job''s row counted.';

CREATE FUNCTION hubspot.allow_negative_amounts(organization uuid, deal_type text, allowed boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    IF deals_leaf(organization, deal_type) IS NULL THEN
        RAISE EXCEPTION 'organization % has no leaf of type %', organization, quote_nullable(deal_type)
            USING ERRCODE = 'undefined_table', HINT = 'ensure_deals_partition() makes it.';
    END IF;
    PERFORM switch_amount_check(organization, deal_type, allowed);
END $$;

COMMENT ON FUNCTION hubspot.allow_negative_amounts(organization uuid, deal_type text, allowed boolean) IS 'Switch the amount check of one leaf; HubSpot itself allows negative amounts. For loaders; works as the owner.';

CREATE FUNCTION hubspot.analyze_deals(tables_max integer DEFAULT 50) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    -- pg_inherits, since pg_partition_tree() locks every leaf.
    changed regclass[] := ARRAY(
        SELECT leaf.oid::regclass
        FROM pg_inherits AS branches
        JOIN pg_inherits AS leaves ON leaves.inhparent = branches.inhrelid
        JOIN pg_class AS leaf ON leaf.oid = leaves.inhrelid
        WHERE branches.inhparent = 'hubspot_deals'::regclass
          AND pg_stat_get_mod_since_analyze(leaf.oid) > 50 + 0.1 * greatest(leaf.reltuples, 0)
        ORDER BY pg_stat_get_mod_since_analyze(leaf.oid) DESC
        LIMIT tables_max
    );
    relation regclass;
BEGIN
    IF coalesce(pg_stat_get_last_analyze_time('job_events'::regclass), '-infinity') < now() - interval '1 day' THEN
        changed := changed || 'job_events'::regclass;
    END IF;
    FOREACH relation IN ARRAY changed LOOP
        EXECUTE 'ANALYZE (SKIP_LOCKED) ' || relation;
    END LOOP;
    RETURN cardinality(changed);
END $$;

COMMENT ON FUNCTION hubspot.analyze_deals(tables_max integer) IS 'ANALYZE the leaves of hubspot_deals with the most changes since autovacuum last did, at most tables_max, and once a day job_events with its months. Never hubspot_deals itself: that reads every leaf, and would mix values of all tenants in its statistics. Returns how many; no event.';

CREATE FUNCTION hubspot.archive_jobs(organization uuid DEFAULT NULL::uuid, rows_max integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $_$
DECLARE
    names text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                   WHERE attrelid = 'jobs'::regclass AND attnum > 0 AND NOT attisdropped);
    tenant uuid;
    moved integer;
    total integer := 0;
BEGIN
    PERFORM set_config('hubspot_deals.moving_jobs', 'on', true);  -- else each would be told as deleted
    FOR tenant, moved IN EXECUTE format($sql$
        WITH due AS (
            SELECT job.id
            FROM organizations AS owner
            JOIN jobs AS job ON job.organization_id = owner.id
                            AND job.end_time < now() - make_interval(days => owner.retention_days)
            WHERE $1 IS NULL OR owner.id = $1
            LIMIT $2
            FOR UPDATE OF job SKIP LOCKED FOR KEY SHARE OF owner SKIP LOCKED
        ),
        removed AS (DELETE FROM jobs USING due WHERE jobs.id = due.id RETURNING jobs.*),
        kept AS (INSERT INTO jobs_archive (%1$s) SELECT %1$s FROM removed RETURNING organization_id)
        SELECT organization_id, count(*) FROM kept GROUP BY organization_id
    $sql$, names) USING organization, rows_max
    LOOP
        PERFORM tell(tenant, 'jobs_archived', jsonb_build_object('jobs', moved));
        total := total + moved;
    END LOOP;
    PERFORM set_config('hubspot_deals.moving_jobs', '', true);
    RETURN total;
END $_$;

COMMENT ON FUNCTION hubspot.archive_jobs(organization uuid, rows_max integer) IS 'Move jobs that ended longer ago than retention_days to jobs_archive, of one organization or of all (NULL), at most rows_max; never touches deals. Returns how many: call again while it is rows_max.';

CREATE FUNCTION hubspot.average_percentage(total numeric[]) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT total[1] / nullif(total[2], 0)
$$;

COMMENT ON FUNCTION hubspot.average_percentage(total numeric[]) IS 'Last step of avg(text): the mean, or NULL of nothing.';

CREATE FUNCTION hubspot.bind_reader(role regrole, organization uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM organizations WHERE id = organization) THEN
        RAISE EXCEPTION 'organization % is not registered', organization USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO reader_organizations (role, organization_id) VALUES (role, organization) ON CONFLICT DO NOTHING;
    PERFORM grant_reader(role);
END $$;

COMMENT ON FUNCTION hubspot.bind_reader(role regrole, organization uuid) IS 'Let a role read one organization, and none but those that it is bound to, whatever it sets. It may also read that organization''s leaves.';

CREATE FUNCTION hubspot.changed(old_value anycompatible, new_value anycompatible, stored anycompatible) RETURNS anycompatible
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT CASE WHEN new_value IS DISTINCT FROM old_value THEN new_value ELSE stored END
$$;

COMMENT ON FUNCTION hubspot.changed(old_value anycompatible, new_value anycompatible, stored anycompatible) IS 'What an UPDATE through a view writes: only what its statement set. The view''s old row may be older than the stored one.';

CREATE FUNCTION hubspot.chosen_organization() RETURNS uuid
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $_$
DECLARE
    chosen text := nullif(current_setting('app.current_tenant', true), '');
BEGIN
    IF chosen !~* '^(\{([0-9a-f]{4}-?){7}[0-9a-f]{4}\}|([0-9a-f]{4}-?){7}[0-9a-f]{4})$' THEN
        RAISE EXCEPTION 'app.current_tenant must be the id of an organization, which is a UUID'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'organizations.id, not its slug.';
    END IF;
    RETURN chosen::uuid;
END $_$;

COMMENT ON FUNCTION hubspot.chosen_organization() IS 'The organization in the setting app.current_tenant, or NULL. Whoever may call this may choose: readers that are bound to none.';

CREATE FUNCTION hubspot.clear_statistics(relations regclass[]) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    IF current_setting('server_version_num')::integer >= 180000 THEN
        PERFORM pg_clear_attribute_stats(nspname::text, relname::text, attname::text, inherited)
        FROM pg_class
        JOIN pg_namespace ON pg_namespace.oid = relnamespace
        JOIN pg_attribute ON attrelid = pg_class.oid
        CROSS JOIN (VALUES (false), (true)) AS kind (inherited)
        WHERE pg_class.oid = ANY (relations) AND attnum > 0 AND NOT attisdropped;
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT format('DELETE FROM pg_statistic WHERE starelid = ''%s.%I''::regclass', relnamespace::regnamespace, relname)
        FROM pg_class WHERE oid = ANY (relations) ORDER BY relname
    );
END $$;

COMMENT ON FUNCTION hubspot.clear_statistics(relations regclass[]) IS 'Empty the planner''s statistics of these tables. Before PostgreSQL 18 only a superuser can: returns the statements for one.';

CREATE FUNCTION hubspot.count_in(document jsonb, name text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT CASE WHEN jsonb_typeof(document -> name) = 'number' THEN (document ->> name)::numeric::integer END
$$;

COMMENT ON FUNCTION hubspot.count_in(document jsonb, name text) IS 'A number of a JSON object, or NULL: whatever else people put there must not break a view.';

CREATE FUNCTION hubspot.deal_type_of(job_type text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT CASE job_type WHEN 'hubspot_deals' THEN 'standard' ELSE regexp_replace(job_type, '^hubspot_deals_', '') END
$$;

COMMENT ON FUNCTION hubspot.deal_type_of(job_type text) IS 'The portal''s label in jobs.type: hubspot_deals_sandbox → sandbox, hubspot_deals → standard. Other work than deals keeps its name.';

CREATE FUNCTION hubspot.deals_leaf(organization uuid, deal_type text) RETURNS regclass
    LANGUAGE sql STABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
    SELECT oid::regclass FROM pg_class
    WHERE relname = deals_partition(organization, deal_type) AND relnamespace = current_schema()::regnamespace
$$;

COMMENT ON FUNCTION hubspot.deals_leaf(organization uuid, deal_type text) IS 'The leaf of one organization and type; NULL when there is none. A temporary table of that name is not it.';

CREATE FUNCTION hubspot.deals_partition(organization uuid, deal_type text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT 'hubspot_deals_' || deal_type || '_' || replace(organization::text, '-', '')
$$;

COMMENT ON FUNCTION hubspot.deals_partition(organization uuid, deal_type text) IS 'Name of the leaf table that holds the deals of one organization and type.';

CREATE FUNCTION hubspot.delete_scan_job() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM jobs WHERE id = OLD.id AND status = OLD.status;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN OLD;
END $$;

COMMENT ON FUNCTION hubspot.delete_scan_job() IS 'Trigger: a DELETE from scan_jobs removes the job, never deals.';

CREATE FUNCTION hubspot.drop_deals_of(organization uuid) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $$
DECLARE
    leaves regclass[] := ARRAY(
        SELECT oid::regclass FROM pg_class
        WHERE relkind = 'r' AND CASE WHEN relispartition
            -- By what it is attached for, not by its name: that is whose rows it holds.
            THEN pg_get_expr(relpartbound, oid) = format('FOR VALUES IN (%L)', organization)
                 AND pg_partition_root(oid) = 'hubspot_deals'::regclass
            ELSE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'hubspot_deals'::regclass)
                 AND starts_with(relname, 'hubspot_deals_') AND right(relname, 33) = '_' || replace(organization::text, '-', '')
        END
        ORDER BY relname
    );
    deals bigint := 0;
    found bigint;
    leaf regclass;
BEGIN
    FOREACH leaf IN ARRAY leaves LOOP
        EXECUTE format('SELECT count(*) FROM %s', leaf) INTO found;
        deals := deals + found;
    END LOOP;
    FOREACH leaf IN ARRAY leaves LOOP
        EXECUTE format('DROP TABLE %s', leaf);
    END LOOP;
    RETURN deals;
END $$;

COMMENT ON FUNCTION hubspot.drop_deals_of(organization uuid) IS 'Drop the leaf tables of an organization, attached or not, and return how many deals they held. Part of erase_organization().';

CREATE FUNCTION hubspot.drop_job_events_before(moment timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $_$
DECLARE
    old text[] := (
        SELECT coalesce(array_agg(relname ORDER BY relname), '{}')
        FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'job_events'::regclass AND relname ~ '^job_events_[0-9]{4}_[0-9]{2}$'
          AND relname < job_events_partition(least(moment, now())) COLLATE "C"
    );
    name text;
BEGIN
    IF moment IS NULL THEN
        RAISE EXCEPTION 'drop_job_events_before needs a moment' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'For example now() - interval ''13 months''.';
    END IF;
    FOREACH name IN ARRAY old LOOP
        EXECUTE format('DROP TABLE %I', name);
    END LOOP;
    IF old <> '{}' THEN
        PERFORM tell(NULL, 'event_months_dropped', jsonb_build_object('partitions', old));
    END IF;
    RETURN cardinality(old);
EXCEPTION WHEN lock_not_available THEN
    RAISE EXCEPTION 'job_events is in use: no month of it could be dropped' USING ERRCODE = 'lock_not_available',
        HINT = 'Dropping needs the table to itself for a moment and waits 2 s for it. End long transactions on it, or call again.';
END $_$;

COMMENT ON FUNCTION hubspot.drop_job_events_before(moment timestamp with time zone) IS 'Drop the partitions of job_events for whole months (UTC) before a moment, never the current one. Returns how many.';

CREATE FUNCTION hubspot.ensure_deals_partition(organization uuid, deal_type text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION hubspot.ensure_deals_partition(organization uuid, deal_type text) IS 'Make and protect the leaf table of one organization and type if it is not there, and return its name. For loaders; works as the owner.';

CREATE FUNCTION hubspot.ensure_job_events_partition(moment timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    IF NOT make_job_events_partition(moment) THEN
        RETURN false;
    END IF;
    PERFORM protect_table(job_events_partition(moment)::regclass);
    RETURN true;
END $$;

COMMENT ON FUNCTION hubspot.ensure_job_events_partition(moment timestamp with time zone) IS 'Make and protect the partition for the month of a moment; true if it was not there. For loaders; works as the owner.';

CREATE FUNCTION hubspot.ensure_job_events_partitions(months_ahead integer DEFAULT 3) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    made text[] := (
        SELECT coalesce(array_agg(job_events_partition(moment) ORDER BY moment), '{}')
        FROM generate_series(0, months_ahead) AS month,
             LATERAL (SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => month)) AT TIME ZONE 'UTC')
                 AS first (moment)
        WHERE ensure_job_events_partition(moment)
    );
BEGIN
    IF made <> '{}' THEN
        PERFORM tell(NULL, 'event_months_created', jsonb_build_object('partitions', made));
    END IF;
    RETURN cardinality(made);
END $$;

COMMENT ON FUNCTION hubspot.ensure_job_events_partitions(months_ahead integer) IS 'Make the partitions of job_events for this month and so many to come. Returns how many were not there.';

CREATE FUNCTION hubspot.erase_organization(organization uuid) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    SET lock_timeout TO '10s'
    AS $_$
DECLARE
    tenant_table regclass;
    tenant_column name;
    counted bigint;
    counts jsonb := '{}';
    remaining text[] := '{}';
BEGIN
    -- The loader's order, so that neither waits for the other: the fence, then the organization, whose row nothing that
    -- belongs to it can be written without.
    PERFORM FROM sync_state WHERE organization_id = organization ORDER BY type FOR UPDATE;
    PERFORM FROM organizations WHERE id = organization FOR UPDATE;
    PERFORM set_config('hubspot_deals.erasing', organization::text, true);
    FOR tenant_table, tenant_column IN
        SELECT pg_class.oid::regclass, attname
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'organizations'::regclass)
          AND relkind IN ('r', 'p') AND NOT relispartition AND NOT starts_with(relname, 'hubspot_deals')
          AND attname IN ('organization_id', '_organization_id') AND atttypid = 'uuid'::regtype AND NOT attisdropped
        -- What others refer to goes after them, else their rows vanish uncounted.
        ORDER BY (SELECT count(*) FROM pg_constraint WHERE confrelid = pg_class.oid), relname
    LOOP
        EXECUTE format('DELETE FROM %s WHERE %I = $1', tenant_table, tenant_column) USING organization;
        GET DIAGNOSTICS counted = ROW_COUNT;
        IF counted > 0 THEN
            counts := counts || jsonb_build_object((SELECT relname FROM pg_class WHERE oid = tenant_table), counted);
        END IF;
        remaining := remaining || forget_statistics(tenant_table);
    END LOOP;
    PERFORM set_config('hubspot_deals.erasing', '', true);
    DELETE FROM organizations WHERE id = organization;
    GET DIAGNOSTICS counted = ROW_COUNT;
    remaining := remaining || forget_statistics('organizations');
    remaining := remaining || clear_statistics(ARRAY(  -- autovacuum never analyzes these two levels; a person may have
        SELECT oid::regclass FROM pg_class LEFT JOIN pg_inherits ON inhrelid = oid
        WHERE 'hubspot_deals'::regclass IN (oid, inhparent) AND reltuples >= 0));
    -- Last, since it shuts every reader of the parent out until this transaction ends.
    counts := counts || jsonb_build_object('organizations', counted, 'deals', drop_deals_of(organization));
    remaining := remaining || forget_names();
    IF counts <> '{"organizations": 0, "deals": 0}' THEN
        PERFORM tell(NULL, 'organization_erased', jsonb_build_object(
            'organization_sha256', encode(sha256(convert_to(organization::text, 'UTF8')), 'hex'), 'rows', counts));
    END IF;
    RETURN jsonb_build_object('rows', counts, 'run_now', remaining, 'note',
        'An organization that is still in the organizations file is registered again by its next run: take it out first.');
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RAISE EXCEPTION 'organization % is in use: nothing of it was erased', organization USING ERRCODE = 'lock_not_available',
        HINT = 'A batch of its run was not over within 10 s, or a reader of hubspot_deals within 2 s. Call again.';
END $_$;

COMMENT ON FUNCTION hubspot.erase_organization(organization uuid) IS 'Remove everything of an organization: its leaf tables, its rows in every table that has a tenant column, its events, and its values in the planner''s statistics. A run under way ends at its next batch and writes nothing more. Returns rows by table, and run_now: statements left to a superuser (before PostgreSQL 18) or the owner of the database. Can be repeated.';

CREATE FUNCTION hubspot.expire_archive(rows_max integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    tenant uuid;
    removed integer;
    total integer := 0;
BEGIN
    FOR tenant, removed IN
        WITH due AS (
            SELECT job.id
            FROM organizations AS owner
            JOIN jobs_archive AS job ON job.organization_id = owner.id
                                    AND job.archived_at < now() - make_interval(days => owner.archive_days)
            LIMIT rows_max
            FOR UPDATE OF job SKIP LOCKED FOR KEY SHARE OF owner SKIP LOCKED
        ),
        gone AS (DELETE FROM jobs_archive AS job USING due WHERE job.id = due.id RETURNING job.organization_id)
        SELECT organization_id, count(*) FROM gone GROUP BY organization_id
    LOOP
        PERFORM tell(tenant, 'archive_expired', jsonb_build_object('jobs', removed));
        total := total + removed;
    END LOOP;
    RETURN total;
END $$;

COMMENT ON FUNCTION hubspot.expire_archive(rows_max integer) IS 'Delete jobs that have been in jobs_archive for archive_days, at most rows_max. Returns how many.';

CREATE FUNCTION hubspot.expire_notifications(rows_max integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    tenant uuid;
    removed integer;
    total integer := 0;
BEGIN
    FOR tenant, removed IN
        WITH due AS (
            SELECT record.organization_id, record.event_id, record.webhook_conn_id, record.attempt
            FROM organizations AS owner
            JOIN notification_deliveries AS record ON record.organization_id = owner.id
                                                  AND record.started_at < now() - make_interval(days => owner.retention_days)
            LIMIT rows_max
            FOR UPDATE OF record SKIP LOCKED FOR KEY SHARE OF owner SKIP LOCKED
        ),
        gone AS (
            DELETE FROM notification_deliveries AS record USING due
            WHERE (record.organization_id, record.event_id, record.webhook_conn_id, record.attempt)
                = (due.organization_id, due.event_id, due.webhook_conn_id, due.attempt)
            RETURNING record.organization_id
        )
        SELECT organization_id, count(*) FROM gone GROUP BY organization_id
    LOOP
        PERFORM tell(tenant, 'notifications_expired', jsonb_build_object('attempts', removed));
        total := total + removed;
    END LOOP;
    RETURN total;
END $$;

COMMENT ON FUNCTION hubspot.expire_notifications(rows_max integer) IS 'Delete attempts in notification_deliveries that began more than retention_days ago, at most rows_max. Returns how many.';

CREATE FUNCTION hubspot.expire_quarantine(rows_max integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    tenant uuid;
    deleted integer;
    emptied integer;
    total integer := 0;
BEGIN
    FOR tenant, deleted, emptied IN
        WITH due AS (
            SELECT record.id, record.organization_id, record.resolved_at IS NOT NULL AS is_resolved
            FROM organizations AS owner
            JOIN deals_quarantine AS record ON record.organization_id = owner.id
                                           AND record.last_seen < now() - make_interval(days => owner.quarantine_days)
                                           AND (record.raw IS NOT NULL OR record.resolved_at IS NOT NULL)
            LIMIT rows_max
            FOR UPDATE OF record SKIP LOCKED FOR KEY SHARE OF owner SKIP LOCKED
        ),
        gone AS (DELETE FROM deals_quarantine AS record USING due WHERE record.id = due.id AND due.is_resolved),
        kept AS (
            UPDATE deals_quarantine AS record SET raw = NULL, raw_expired_at = now()
            FROM due WHERE record.id = due.id AND NOT due.is_resolved
        )
        SELECT organization_id, count(*) FILTER (WHERE is_resolved), count(*) FILTER (WHERE NOT is_resolved)
        FROM due GROUP BY organization_id
    LOOP
        PERFORM tell(tenant, 'quarantine_expired', jsonb_build_object('deleted', deleted, 'emptied', emptied));
        total := total + deleted + emptied;
    END LOOP;
    RETURN total;
END $$;

COMMENT ON FUNCTION hubspot.expire_quarantine(rows_max integer) IS 'Of records that HubSpot has not sent for quarantine_days, delete the resolved ones and empty raw of the open ones, whose ids can still be requeued; at most rows_max. Returns how many.';

CREATE FUNCTION hubspot.expire_usage(rows_max integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    tenant uuid;
    removed integer;
    total integer := 0;
BEGIN
    FOR tenant, removed IN
        WITH due AS (
            SELECT record.organization_id, record.type, record.day
            FROM organizations AS owner
            JOIN usage_records AS record ON record.organization_id = owner.id
                                        AND record.day < (now() AT TIME ZONE 'UTC')::date - owner.archive_days
            LIMIT rows_max
            FOR UPDATE OF record SKIP LOCKED FOR KEY SHARE OF owner SKIP LOCKED
        ),
        gone AS (
            DELETE FROM usage_records AS record USING due
            WHERE (record.organization_id, record.type, record.day) = (due.organization_id, due.type, due.day)
            RETURNING record.organization_id
        )
        SELECT organization_id, count(*) FROM gone GROUP BY organization_id
    LOOP
        PERFORM tell(tenant, 'usage_expired', jsonb_build_object('days', removed));
        total := total + removed;
    END LOOP;
    RETURN total;
END $$;

COMMENT ON FUNCTION hubspot.expire_usage(rows_max integer) IS 'Delete usage_records of days more than archive_days ago, at most rows_max. Returns how many.';

CREATE FUNCTION hubspot.forget_names() RETURNS text[]
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    refresh CONSTANT text := 'ANALYZE pg_catalog.pg_class, pg_catalog.pg_type, pg_catalog.pg_constraint';
BEGIN
    IF (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
        EXECUTE refresh;
        RETURN '{}';
    END IF;
    RETURN ARRAY[refresh];
END $$;

COMMENT ON FUNCTION hubspot.forget_names() IS 'Replace the planner''s statistics of the catalog, which list names of tables that are gone: a leaf''s has its organization''s id in it. Only the owner of the database can: returns the statement for it otherwise.';

CREATE FUNCTION hubspot.forget_statistics(relation regclass) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    -- reltuples is -1 until a table is first analyzed or vacuumed.
    analyzed regclass[] := ARRAY(
        SELECT oid::regclass FROM pg_class
        WHERE oid IN (SELECT relation UNION SELECT relid FROM pg_partition_tree(relation)) AND reltuples >= 0
    );
    emptied regclass[] := '{}';
    member regclass;
    is_empty boolean;
BEGIN
    EXECUTE 'ANALYZE ' || relation;
    FOREACH member IN ARRAY analyzed LOOP
        EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s)', member) INTO is_empty;
        IF is_empty THEN
            emptied := emptied || member;  -- ANALYZE of an empty table leaves the old statistics in place
        END IF;
    END LOOP;
    RETURN clear_statistics(emptied);
END $$;

COMMENT ON FUNCTION hubspot.forget_statistics(relation regclass) IS 'Replace the planner''s statistics of a table, whose most common values may be a tenant''s, by those of the rows that are left. Returns what clear_statistics() leaves to a superuser.';

CREATE FUNCTION hubspot.give_loader(relation regclass, role regrole) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    needed text[] := loader_privileges(relation);
BEGIN
    IF needed <> '{}' THEN
        EXECUTE format('GRANT %s ON %s TO %s', array_to_string(needed, ', '), relation, role);
    END IF;
END $$;

COMMENT ON FUNCTION hubspot.give_loader(relation regclass, role regrole) IS 'Grant on one table what loading needs.';

CREATE FUNCTION hubspot.give_reader(relation regclass, reader regrole) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION hubspot.give_reader(relation regclass, reader regrole) IS 'Grant on one table or view what a reader may see; of partitions, the leaves of the organizations that it is bound to.';

CREATE FUNCTION hubspot.grant_loader(role regrole) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION hubspot.grant_loader(role regrole) IS 'Let a role load: read and write every organization''s rows, and make their leaves. It need not own anything.';

CREATE FUNCTION hubspot.grant_reader(role regrole) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION hubspot.grant_reader(role regrole) IS 'Let a role read the organization that it names in the setting app.current_tenant. It can name any: bind a role that is not to be trusted with that.';

CREATE FUNCTION hubspot.guard_job_facts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.event_count <> 0 THEN
            RAISE EXCEPTION 'event_count of job % is counted by the database (rule jobs_events_are_counted)', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_events_are_counted', TABLE = 'jobs',
                      HINT = 'Leave event_count out.';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.event_count <> OLD.event_count AND (NEW.event_count <> OLD.event_count + 1 OR pg_trigger_depth() < 2) THEN
        RAISE EXCEPTION 'event_count of job % is counted by the database (rule jobs_events_are_counted)', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_events_are_counted', TABLE = 'jobs',
                  HINT = 'INSERT INTO job_events counts.';
    END IF;
    IF (NEW.id, NEW.organization_id, NEW.type) <> (OLD.id, OLD.organization_id, OLD.type) THEN
        RAISE EXCEPTION 'job % keeps its id, its organization and its type (rule jobs_keep_their_identity)', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_keep_their_identity', TABLE = 'jobs',
                  HINT = 'Cancel it and insert another.';
    END IF;
    IF least(
        NEW.records_extracted - OLD.records_extracted, NEW.records_inserted - OLD.records_inserted,
        NEW.records_updated - OLD.records_updated, NEW.records_unchanged - OLD.records_unchanged,
        NEW.records_duplicate - OLD.records_duplicate, NEW.records_stale - OLD.records_stale,
        NEW.records_quarantined - OLD.records_quarantined, NEW.records_deleted - OLD.records_deleted,
        NEW.value_issues - OLD.value_issues, NEW.batches - OLD.batches, NEW.pages_read - OLD.pages_read,
        NEW.api_calls - OLD.api_calls, NEW.rate_limit_hits - OLD.rate_limit_hits, NEW.bytes_received - OLD.bytes_received
    ) < 0 THEN
        RAISE EXCEPTION 'the counts of job % never go back (rule jobs_counts_only_grow)', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_counts_only_grow', TABLE = 'jobs',
                  HINT = 'They are what was done, and usage_records adds them up.';
    END IF;
    -- What it asked of HubSpot may still be counted: an attempt sees only afterwards that its job was cancelled.
    IF OLD.end_time IS NOT NULL
       AND (NEW.attempt, NEW.epoch, NEW.phase, NEW.batches, NEW.pages_read, NEW.records_extracted, NEW.records_deleted,
            NEW.value_issues)
           IS DISTINCT FROM
           (OLD.attempt, OLD.epoch, OLD.phase, OLD.batches, OLD.pages_read, OLD.records_extracted, OLD.records_deleted,
            OLD.value_issues) THEN
        RAISE EXCEPTION 'job % has ended: it has no more attempts, phases, pages or records (rule jobs_end_is_final)', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_end_is_final', TABLE = 'jobs',
                  HINT = 'Insert another job.';
    END IF;
    RETURN NEW;
END $$;

COMMENT ON FUNCTION hubspot.guard_job_facts() IS 'Trigger: what a job is and what it has done cannot be rewritten.';

CREATE FUNCTION hubspot.guard_job_transition() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    IF OLD.status IN ('completed', 'failed', 'cancelled') OR (OLD.status, NEW.status) = ('pending', 'completed') THEN
        RAISE EXCEPTION 'job % cannot go from % to % (rule jobs_legal_transitions)', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_legal_transitions', TABLE = 'jobs',
                  HINT = 'pending → running → completed; pending or running → failed, cancelled; running → pending. What has ended stays as it ended.';
    END IF;
    -- A bare UPDATE … SET status = 'cancelled' is the documented way to cancel: fill in what it leaves out.
    IF NEW.status = 'running' THEN
        NEW.start_time := coalesce(NEW.start_time, now());
    ELSIF NEW.status IN ('completed', 'failed', 'cancelled') THEN
        NEW.end_time := coalesce(NEW.end_time, now());
    END IF;
    RETURN NEW;
END $$;

COMMENT ON FUNCTION hubspot.guard_job_transition() IS 'Trigger: the legal transitions of a job, and the times that belong to them.';

CREATE FUNCTION hubspot.insert_deal() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    organization uuid := one_of(NEW._organization_id, NEW._tenant_id, NEW.organization_id, NEW.tenant_id);
BEGIN
    IF NOT EXISTS (SELECT FROM organizations WHERE id = organization) THEN
        RAISE EXCEPTION 'organization % is not registered', organization USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF to_regclass(deals_partition(organization, NEW._type)) IS NULL THEN
        PERFORM ensure_deals_partition(organization, NEW._type);
        PERFORM allow_negative_amounts(organization, NEW._type, false);
    END IF;
    NEW.hubspot_deal_id := one_of(NEW.hubspot_deal_id, NEW.deal_id);
    NEW._dlt_id := coalesce(one_of(NEW._dlt_id, NEW.id), gen_random_uuid());
    -- Without _content_hash: the loader replaces such a row with HubSpot's when it next reads the deal.
    INSERT INTO hubspot_deals (
        hubspot_deal_id, hs_object_id, dealname, amount, dealstage, pipeline,
        closedate, createdate, hs_lastmodifieddate,
        hubspot_owner_id, dealtype, description, hs_deal_stage_probability,
        hs_analytics_source, hs_analytics_source_data_1, hs_analytics_source_data_2,
        num_associated_contacts, hs_priority, hs_next_step, hs_forecast_amount, hs_forecast_probability, deal_currency_code,
        raw_properties, custom_properties, associations,
        _extracted_at, _scan_id, _organization_id, _tenant_id, _page_number, _source_service, _dlt_load_id, _dlt_id, _type,
        _value_issues, archived, _deleted_at, _deleted_reason, _merged_into
    ) VALUES (
        NEW.hubspot_deal_id, coalesce(NEW.hs_object_id, NEW.hubspot_deal_id),
        one_of(NEW.dealname, NEW.deal_name), NEW.amount, one_of(NEW.dealstage, NEW.deal_stage), NEW.pipeline,
        one_of(NEW.closedate, NEW.close_date), one_of(NEW.createdate, NEW.hubspot_created_at),
        one_of(NEW.hs_lastmodifieddate, NEW.hubspot_updated_at),
        NEW.hubspot_owner_id, one_of(NEW.dealtype, NEW.deal_type), NEW.description,
        one_of(NEW.hs_deal_stage_probability, NEW.deal_stage_probability),
        one_of(NEW.hs_analytics_source, NEW.analytics_source), NEW.hs_analytics_source_data_1, NEW.hs_analytics_source_data_2,
        NEW.num_associated_contacts, one_of(NEW.hs_priority, NEW.priority), one_of(NEW.hs_next_step, NEW.next_step),
        one_of(NEW.hs_forecast_amount, NEW.forecast_amount), one_of(NEW.hs_forecast_probability, NEW.forecast_probability),
        NEW.deal_currency_code, NEW.raw_properties, NEW.custom_properties, NEW.associations,
        coalesce(NEW._extracted_at, now()), one_of(NEW._scan_id, NEW.scan_job_id), organization, organization,
        NEW._page_number, NEW._source_service, NEW._dlt_load_id, NEW._dlt_id, NEW._type,
        NEW._value_issues, NEW.archived,
        CASE WHEN NEW.archived THEN coalesce(NEW._deleted_at, now()) END,
        CASE WHEN NEW.archived THEN coalesce(NEW._deleted_reason, 'archived') END, NEW._merged_into
    );
    RETURN NEW;
END $$;

COMMENT ON FUNCTION hubspot.insert_deal() IS 'Trigger: an INSERT into the reporting view goes to the organization''s own leaf, made if need be.';

CREATE FUNCTION hubspot.insert_scan_job() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    total     integer := coalesce(NEW.total_items, NEW.total_deals);
    processed integer := coalesce(NEW.processed_items, NEW.processed_deals);
    failed    integer := coalesce(NEW.failed_items, NEW.failed_deals);
BEGIN
    NEW.id := coalesce(NEW.id, gen_random_uuid());
    IF least(total, processed, failed) < 0 THEN
        RAISE EXCEPTION 'counts of job % cannot be negative', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.tenant_id <> NEW.organization_id THEN
        RAISE EXCEPTION 'tenant_id % is not organization_id %: they are the same thing', NEW.tenant_id, NEW.organization_id
            USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO jobs (
        id, scan_id, organization_id, type, status, config, error_message, start_time, end_time, api_calls, job_metadata
    ) VALUES (
        NEW.id, coalesce(NEW.scan_id, NEW.id::text), coalesce(NEW.organization_id, NEW.tenant_id), NEW.scan_type, NEW.status,
        without_secrets(NEW.config), NEW.error_message, NEW.started_at, NEW.completed_at, coalesce(NEW.api_calls_made, 0),
        with_reports(
            NULL,
            jsonb_build_object('total', total, 'processed', processed, 'failed', failed),
            jsonb_build_object('batch_size', NEW.batch_size, 'success_rate', NEW.success_rate)
        )
    );
    SELECT * INTO NEW FROM scan_jobs WHERE id = NEW.id;
    RETURN NEW;
END $$;

COMMENT ON FUNCTION hubspot.insert_scan_job() IS 'Trigger: an INSERT into scan_jobs becomes one into jobs, without secrets in config.';

CREATE TABLE hubspot.jobs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organization_id uuid NOT NULL,
    type text DEFAULT 'hubspot_deals'::text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    start_time timestamp with time zone,
    end_time timestamp with time zone,
    last_heartbeat timestamp with time zone,
    records_extracted integer DEFAULT 0 NOT NULL,
    error_message text,
    config jsonb,
    job_metadata jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    scan_id text NOT NULL,
    error_code text,
    mode text,
    phase text,
    checkpoint jsonb,
    resume_at timestamp with time zone,
    window_start timestamp with time zone,
    window_end timestamp with time zone,
    attempt integer DEFAULT 0 NOT NULL,
    epoch bigint,
    load_id uuid,
    records_expected integer,
    records_inserted integer DEFAULT 0 NOT NULL,
    records_updated integer DEFAULT 0 NOT NULL,
    records_unchanged integer DEFAULT 0 NOT NULL,
    records_duplicate integer DEFAULT 0 NOT NULL,
    records_stale integer DEFAULT 0 NOT NULL,
    records_quarantined integer DEFAULT 0 NOT NULL,
    records_deleted integer DEFAULT 0 NOT NULL,
    value_issues integer DEFAULT 0 NOT NULL,
    batches integer DEFAULT 0 NOT NULL,
    pages_read integer DEFAULT 0 NOT NULL,
    api_calls integer DEFAULT 0 NOT NULL,
    rate_limit_hits integer DEFAULT 0 NOT NULL,
    bytes_received bigint DEFAULT 0 NOT NULL,
    dag_id text,
    run_id text,
    task_id text,
    map_index integer,
    try_number integer,
    clear_number integer,
    trigger text,
    event_count integer DEFAULT 0 NOT NULL,
    continues uuid,
    api_calls_by_endpoint jsonb DEFAULT '{}'::jsonb NOT NULL,
    daily_limit bigint,
    daily_remaining bigint,
    CONSTRAINT jobs_api_calls_by_endpoint_is_an_object CHECK ((jsonb_typeof(api_calls_by_endpoint) = 'object'::text)),
    CONSTRAINT jobs_api_calls_check CHECK ((api_calls >= 0)),
    CONSTRAINT jobs_attempt_check CHECK ((attempt >= 0)),
    CONSTRAINT jobs_batches_check CHECK ((batches >= 0)),
    CONSTRAINT jobs_bytes_received_check CHECK ((bytes_received >= 0)),
    CONSTRAINT jobs_counts_balance CHECK ((records_extracted = (((((records_inserted + records_updated) + records_unchanged) + records_duplicate) + records_stale) + records_quarantined))),
    CONSTRAINT jobs_daily_limit_check CHECK (((daily_limit >= 0) AND (daily_remaining >= 0))),
    CONSTRAINT jobs_end_time_says_terminal CHECK (((end_time IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])))),
    CONSTRAINT jobs_event_count_check CHECK ((event_count >= 0)),
    CONSTRAINT jobs_mode_check CHECK ((mode = ANY (ARRAY['full'::text, 'incremental'::text, 'window'::text]))),
    CONSTRAINT jobs_pages_read_check CHECK ((pages_read >= 0)),
    CONSTRAINT jobs_rate_limit_hits_check CHECK ((rate_limit_hits >= 0)),
    CONSTRAINT jobs_records_deleted_check CHECK ((records_deleted >= 0)),
    CONSTRAINT jobs_records_duplicate_check CHECK ((records_duplicate >= 0)),
    CONSTRAINT jobs_records_expected_check CHECK ((records_expected >= 0)),
    CONSTRAINT jobs_records_extracted_check CHECK ((records_extracted >= 0)),
    CONSTRAINT jobs_records_inserted_check CHECK ((records_inserted >= 0)),
    CONSTRAINT jobs_records_quarantined_check CHECK ((records_quarantined >= 0)),
    CONSTRAINT jobs_records_stale_check CHECK ((records_stale >= 0)),
    CONSTRAINT jobs_records_unchanged_check CHECK ((records_unchanged >= 0)),
    CONSTRAINT jobs_records_updated_check CHECK ((records_updated >= 0)),
    CONSTRAINT jobs_started_when_running_or_completed CHECK (((start_time IS NOT NULL) OR (status <> ALL (ARRAY['running'::text, 'completed'::text])))),
    CONSTRAINT jobs_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT jobs_type_is_a_label CHECK (((type ~ '^[a-z][a-z0-9_]{0,30}$'::text) AND ((type !~ '^hubspot_deals_'::text) OR (type ~ '^hubspot_deals_[a-z][a-z0-9_]{0,14}$'::text)) AND (type <> 'hubspot_deals_standard'::text))),
    CONSTRAINT jobs_value_issues_check CHECK ((value_issues >= 0))
);

ALTER TABLE ONLY hubspot.jobs FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.jobs IS 'One row per extraction run of one organization and type, next to the Airflow run that it belongs to.';

COMMENT ON COLUMN hubspot.jobs.id IS 'Identifies the job; deals carry it as _scan_id.';

COMMENT ON COLUMN hubspot.jobs.organization_id IS 'The tenant: organizations.id.';

COMMENT ON COLUMN hubspot.jobs.type IS 'hubspot_deals, or hubspot_deals_<label> for a portal of another label than standard.';

COMMENT ON COLUMN hubspot.jobs.status IS 'pending (waits for its first or next attempt), running, completed, failed, cancelled. The last three are final. UPDATE … SET status = ''cancelled'' stops a run at its next batch.';

COMMENT ON COLUMN hubspot.jobs.start_time IS 'When the first attempt began (UTC).';

COMMENT ON COLUMN hubspot.jobs.end_time IS 'When the job was completed, failed or cancelled (UTC); NULL until then.';

COMMENT ON COLUMN hubspot.jobs.last_heartbeat IS 'When the running attempt was last heard of (UTC). A running job that has been silent for 120 s is taken for dead.';

COMMENT ON COLUMN hubspot.jobs.records_extracted IS 'Records received from HubSpot in committed batches, over all attempts: the sum of inserted, updated, unchanged, duplicate, stale and quarantined.';

COMMENT ON COLUMN hubspot.jobs.error_message IS 'What went wrong and what to do, in a sentence without secrets and without values of deals. On a pending job: why the last attempt ended.';

COMMENT ON COLUMN hubspot.jobs.config IS 'Snapshot of the arguments, without secrets.';

COMMENT ON COLUMN hubspot.jobs.job_metadata IS 'What others noted about the job. Key reported: counts given through the view scan_jobs.';

COMMENT ON COLUMN hubspot.jobs.created_at IS 'When the row was made (UTC).';

COMMENT ON COLUMN hubspot.jobs.updated_at IS 'When the row was last changed (UTC); set by a trigger.';

COMMENT ON COLUMN hubspot.jobs.scan_id IS 'The caller''s name for the job, unique; the id as text unless one was given.';

COMMENT ON COLUMN hubspot.jobs.error_code IS 'Stable code of error_message, such as AUTH_INVALID or RATE_LIMITED.';

COMMENT ON COLUMN hubspot.jobs.mode IS 'full (reads everything), incremental (what changed since the watermark) or window (what changed in the given time). NULL until claimed.';

COMMENT ON COLUMN hubspot.jobs.phase IS 'What the last committed batch belonged to: archived, live, changed, fresh, archived_again or absent. NULL before the first batch and once completed.';

COMMENT ON COLUMN hubspot.jobs.checkpoint IS 'Where the next attempt goes on: {"started_at", "phase", "cursor", "windows"}.';

COMMENT ON COLUMN hubspot.jobs.resume_at IS 'Not to be resumed before this time (UTC), because HubSpot said so.';

COMMENT ON COLUMN hubspot.jobs.window_start IS 'Begin of the window of hs_lastmodifieddate that the job reads (UTC, included).';

COMMENT ON COLUMN hubspot.jobs.window_end IS 'End of that window (UTC, included); becomes the watermark when an incremental or full run has read it.';

COMMENT ON COLUMN hubspot.jobs.attempt IS 'Attempts begun; 0 while nobody has claimed the job.';

COMMENT ON COLUMN hubspot.jobs.epoch IS 'Fencing token of the newest attempt; see sync_state.epoch.';

COMMENT ON COLUMN hubspot.jobs.load_id IS 'Identifies the newest attempt; the deals it writes carry it as _dlt_load_id.';

COMMENT ON COLUMN hubspot.jobs.records_expected IS 'Records that HubSpot announced for the lists read so far: a forecast for progress, not a promise.';

COMMENT ON COLUMN hubspot.jobs.records_inserted IS 'Rows that were new.';

COMMENT ON COLUMN hubspot.jobs.records_updated IS 'Rows rewritten because the deal had changed.';

COMMENT ON COLUMN hubspot.jobs.records_unchanged IS 'Records equal to the stored row, which was not rewritten.';

COMMENT ON COLUMN hubspot.jobs.records_duplicate IS 'Records that came again within one batch.';

COMMENT ON COLUMN hubspot.jobs.records_stale IS 'Records older than the stored row, which was kept.';

COMMENT ON COLUMN hubspot.jobs.records_quarantined IS 'Records that could not be stored; see deals_quarantine.';

COMMENT ON COLUMN hubspot.jobs.records_deleted IS 'Rows newly marked as archived, merged or missing. Not part of the sum: most of these are counted as updated, or were never received.';

COMMENT ON COLUMN hubspot.jobs.value_issues IS 'Values that their columns could not hold; see hubspot_deals._value_issues.';

COMMENT ON COLUMN hubspot.jobs.batches IS 'Batches committed; each has a row in job_batches.';

COMMENT ON COLUMN hubspot.jobs.pages_read IS 'Pages of HubSpot''s answers in committed batches.';

COMMENT ON COLUMN hubspot.jobs.api_calls IS 'HTTP requests sent to HubSpot, retries included.';

COMMENT ON COLUMN hubspot.jobs.rate_limit_hits IS 'Answers with status 429.';

COMMENT ON COLUMN hubspot.jobs.bytes_received IS 'Bytes of HubSpot''s answers on the wire, before decompression.';

COMMENT ON COLUMN hubspot.jobs.dag_id IS 'Airflow DAG. This and the next columns are NULL for jobs that Airflow did not start.';

COMMENT ON COLUMN hubspot.jobs.run_id IS 'Airflow DAG run.';

COMMENT ON COLUMN hubspot.jobs.task_id IS 'Airflow task.';

COMMENT ON COLUMN hubspot.jobs.map_index IS 'Index of the mapped task, -1 for one that is not mapped.';

COMMENT ON COLUMN hubspot.jobs.try_number IS 'Airflow''s number of the newest attempt, from 1; clearing a task goes on counting.';

COMMENT ON COLUMN hubspot.jobs.clear_number IS 'How often the DAG run had been cleared: a retry continues its job, a cleared task begins another one.';

COMMENT ON COLUMN hubspot.jobs.trigger IS 'How the DAG run came about: scheduled, manual, backfill, …';

COMMENT ON COLUMN hubspot.jobs.event_count IS 'Number of the job''s events in job_events, which are numbered 1, 2, 3, … without gaps. Counted by the database. 0 for jobs that ended before there were events.';

COMMENT ON COLUMN hubspot.jobs.continues IS 'The lost job of the same run whose checkpoint this one went on from.';

COMMENT ON COLUMN hubspot.jobs.api_calls_by_endpoint IS 'Requests sent, by class: list, search, batch_read, associations, metadata, oauth, other. api_calls is their sum, unless somebody reported calls by hand.';

COMMENT ON COLUMN hubspot.jobs.daily_limit IS 'API calls that the account''s private apps may make in a day of its time zone, as HubSpot last told this job. NULL: it did not, as with OAuth apps.';

COMMENT ON COLUMN hubspot.jobs.daily_remaining IS 'How many of them were left then, whichever app used the others.';

COMMENT ON CONSTRAINT jobs_counts_balance ON hubspot.jobs IS 'Every record received is accounted for.';

COMMENT ON CONSTRAINT jobs_end_time_says_terminal ON hubspot.jobs IS 'An ended job has an end, and no other has one.';

COMMENT ON CONSTRAINT jobs_started_when_running_or_completed ON hubspot.jobs IS 'What runs or is completed has begun.';

COMMENT ON CONSTRAINT jobs_type_is_a_label ON hubspot.jobs IS 'Lower case, at most 31 characters; hubspot_deals for the standard portal, hubspot_deals_<label of at most 15> for another.';

CREATE FUNCTION hubspot.job_event_details(kind text, before hubspot.jobs, after hubspot.jobs) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
    SELECT jsonb_strip_nulls(CASE
        WHEN kind = 'created' THEN jsonb_build_object(
            'type', after.type, 'scan_id', after.scan_id, 'mode', after.mode, 'trigger', after.trigger,
            'dag_id', after.dag_id, 'run_id', after.run_id, 'continues', after.continues)
        WHEN kind = 'superseded' THEN jsonb_build_object(
            'attempt', before.attempt, 'epoch', before.epoch, 'try_number', before.try_number,
            'last_heartbeat', before.last_heartbeat, 'by_attempt', after.attempt, 'by_try_number', after.try_number)
        WHEN kind IN ('started', 'resumed') THEN jsonb_build_object(
            'attempt', after.attempt, 'epoch', after.epoch, 'mode', after.mode, 'dag_id', after.dag_id,
            'run_id', after.run_id, 'try_number', after.try_number, 'continues', after.continues,
            'phase', after.checkpoint ->> 'phase', 'pages_read', nullif(after.pages_read, 0))
        WHEN kind = 'rate_limited' THEN jsonb_build_object('hits', after.rate_limit_hits - before.rate_limit_hits)
        WHEN kind IN ('phase', 'progress') THEN jsonb_build_object(
            'phase', after.phase, 'batches', after.batches, 'pages_read', after.pages_read,
            'records_extracted', after.records_extracted, 'records_expected', after.records_expected)
        WHEN kind IN ('deferred', 'interrupted') THEN jsonb_build_object(
            'error_code', after.error_code, 'error_message', after.error_message, 'attempt', after.attempt,
            'resume_at', CASE kind WHEN 'deferred' THEN after.resume_at END,
            'phase', after.phase, 'pages_read', after.pages_read)
        ELSE jsonb_build_object(
            'error_code', after.error_code, 'error_message', after.error_message, 'attempt', after.attempt,
            'application', CASE kind WHEN 'cancelled' THEN nullif(current_setting('application_name'), '') END,
            'client_address', CASE kind WHEN 'cancelled' THEN host(inet_client_addr()) END,
            'pages_read', after.pages_read, 'api_calls', after.api_calls, 'records_extracted', after.records_extracted,
            'records_inserted', after.records_inserted, 'records_updated', after.records_updated,
            'records_unchanged', after.records_unchanged, 'records_deleted', after.records_deleted,
            'records_quarantined', after.records_quarantined, 'value_issues', after.value_issues)
    END)
$$;

COMMENT ON FUNCTION hubspot.job_event_details(kind text, before hubspot.jobs, after hubspot.jobs) IS 'The details of an event of the given kind.';

CREATE FUNCTION hubspot.job_event_kinds(before hubspot.jobs, after hubspot.jobs) RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
    SELECT array_remove(ARRAY[
        CASE WHEN before.id IS NULL THEN 'created' END,
        CASE WHEN before.status = 'running' AND after.status = 'running' AND after.epoch > before.epoch THEN 'superseded' END,
        CASE WHEN after.status = 'running' AND (before.status IS DISTINCT FROM 'running' OR after.attempt > before.attempt)
             THEN CASE WHEN before.start_time IS NULL THEN 'started' ELSE 'resumed' END END,
        CASE WHEN after.rate_limit_hits > before.rate_limit_hits THEN 'rate_limited' END,
        CASE WHEN after.phase <> coalesce(before.phase, '') THEN 'phase'
             WHEN after.pages_read / 100 > before.pages_read / 100 THEN 'progress' END,
        CASE WHEN before.status = 'running' AND after.status = 'pending'
             THEN CASE WHEN after.resume_at > now() THEN 'deferred' ELSE 'interrupted' END END,
        CASE WHEN after.status <> coalesce(before.status, '') AND after.status IN ('completed', 'failed', 'cancelled')
             THEN after.status END
    ], NULL)
$$;

COMMENT ON FUNCTION hubspot.job_event_kinds(before hubspot.jobs, after hubspot.jobs) IS 'What a change of a job''s row means, in the order in which it is told. before is NULL for a new row.';

CREATE FUNCTION hubspot.job_events_partition(moment timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT 'job_events_' || to_char(moment AT TIME ZONE 'UTC', 'YYYY_MM')
$$;

COMMENT ON FUNCTION hubspot.job_events_partition(moment timestamp with time zone) IS 'Name of the partition that holds the events of a moment.';

CREATE FUNCTION hubspot.keep_bound() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION hubspot.keep_bound() IS 'A role that loses its last organization loses its rights with it.';

CREATE FUNCTION hubspot.known_time_zone(zone text) RETURNS text
    LANGUAGE plpgsql STABLE STRICT
    AS $$
BEGIN
    PERFORM now() AT TIME ZONE zone;
    RETURN zone;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN NULL;
END $$;

COMMENT ON FUNCTION hubspot.known_time_zone(zone text) IS 'The name of a time zone if this server knows it, else NULL: one unknown name would break every query that converts to it.';

CREATE FUNCTION hubspot.lay_out_leaf(leaf regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    name text := (SELECT overlay(relname PLACING 'deleted' FROM 1 FOR length('hubspot')) FROM pg_class WHERE oid = leaf);
BEGIN
    -- A usual deal is just over the 2 kB beyond which PostgreSQL compresses a row's longest values and, since short jsonb
    -- hardly shrinks, moves them out of line: a second table and index to write. Beyond half a page it is still worth it.
    EXECUTE format('ALTER TABLE %s SET (toast_tuple_target = 4064)', leaf);
    -- Live deals are not in it, so that loading them costs nothing. The parent has none: nobody asks it for deleted deals.
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s (_deleted_at) WHERE _deleted_reason IS NOT NULL', name, leaf);
END $$;

COMMENT ON FUNCTION hubspot.lay_out_leaf(leaf regclass) IS 'Keep the rows of a leaf of hubspot_deals whole up to 4,064 bytes, half a page, and index its deleted deals. Holds up no readers, and writers of that leaf while it is read once.';

CREATE FUNCTION hubspot.leaf_organization(relation regclass) RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    RETURN (
        SELECT substring(pg_get_expr(leaf.relpartbound, leaf.oid) FROM '[0-9a-f]{8}-[0-9a-f-]{27}')
        FROM pg_class AS leaf
        JOIN pg_inherits AS in_branch ON in_branch.inhrelid = leaf.oid
        JOIN pg_inherits AS in_deals ON in_deals.inhrelid = in_branch.inhparent
        WHERE leaf.oid = relation AND in_deals.inhparent = 'hubspot_deals'::regclass
    );
END $$;

COMMENT ON FUNCTION hubspot.leaf_organization(relation regclass) IS 'The organization of a leaf of hubspot_deals; NULL for every other table.';

CREATE FUNCTION hubspot.loader_functions() RETURNS SETOF regprocedure
    LANGUAGE sql STABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace AND proname IN (
        'ensure_deals_partition', 'allow_negative_amounts', 'ensure_job_events_partition', 'ensure_job_events_partitions', 'tell',
        'reap_silent_jobs', 'archive_jobs', 'expire_archive', 'expire_usage', 'expire_quarantine', 'expire_notifications', 'drop_job_events_before',
        'analyze_deals', 'requeue_quarantine', 'chosen_organization')
$$;

COMMENT ON FUNCTION hubspot.loader_functions() IS 'The functions that loading and maintenance call and that not everybody may. Purging, erasing and granting are left to the owner.';

CREATE FUNCTION hubspot.loader_privileges(relation regclass) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    kind pg_class := (SELECT pg_class FROM pg_class WHERE oid = relation);
BEGIN
    RETURN CASE
        WHEN kind.relkind NOT IN ('r', 'p') OR kind.relispartition AND leaf_organization(relation) IS NULL THEN '{}'
        WHEN kind.relname IN ('usage_records') THEN '{}'
        WHEN kind.relname IN ('schema_version', 'reader_organizations', 'jobs_archive') THEN '{SELECT}'
        WHEN kind.relname = 'job_batches' THEN '{SELECT,INSERT}'
        WHEN kind.relname IN ('hubspot_deals', 'job_events') THEN '{SELECT,INSERT}'
        WHEN kind.relname = 'absent_deals' THEN '{SELECT,INSERT,DELETE}'
        WHEN kind.relname = 'deal_associations' THEN '{SELECT,INSERT,UPDATE,DELETE}'
        ELSE '{SELECT,INSERT,UPDATE}'
    END;
END $$;

COMMENT ON FUNCTION hubspot.loader_privileges(relation regclass) IS 'The privileges that loading needs on a table or leaf.';

CREATE FUNCTION hubspot.loaders() RETURNS regrole[]
    LANGUAGE sql STABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
    SELECT coalesce(
        (SELECT polroles::regrole[] FROM pg_policy WHERE polrelid = 'organizations'::regclass AND polname = 'loader'),
        (SELECT ARRAY[relowner::regrole] FROM pg_class WHERE oid = 'organizations'::regclass)
    )
$$;

COMMENT ON FUNCTION hubspot.loaders() IS 'The roles that read and write the rows of all organizations: the owner, and those of grant_loader().';

CREATE FUNCTION hubspot.make_deals_partition(organization uuid, deal_type text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    leaf text := make_plain_deals_partition(organization, deal_type);
BEGIN
    PERFORM lay_out_leaf(deals_leaf(organization, deal_type));
    RETURN leaf;
END $$;

COMMENT ON FUNCTION hubspot.make_deals_partition(organization uuid, deal_type text) IS 'Make the leaf table of one organization and type if it is not there, and return its name.';

CREATE FUNCTION hubspot.make_job_events_partition(moment timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    month date := date_trunc('month', moment AT TIME ZONE 'UTC');
    name  text := job_events_partition(moment);
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || '.job_events', 0));
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    -- CREATE … PARTITION OF would wait for every open writer; CREATE and ATTACH does not.
    EXECUTE format('CREATE TABLE %I (LIKE job_events INCLUDING ALL)', name);
    EXECUTE format('CREATE TRIGGER job_events_no_truncate BEFORE TRUNCATE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events()', name);
    EXECUTE format('ALTER TABLE job_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
                   month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    RETURN true;
END $$;

COMMENT ON FUNCTION hubspot.make_job_events_partition(moment timestamp with time zone) IS 'Make the partition for the month of a moment; true if it was not there.';

CREATE FUNCTION hubspot.make_plain_deals_partition(organization uuid, deal_type text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $_$
DECLARE
    branch text := 'hubspot_deals_' || deal_type;
    leaf text := deals_partition(organization, deal_type);
BEGIN
    IF deal_type !~ '^[a-z][a-z0-9_]{0,14}$' THEN
        RAISE EXCEPTION 'deal type % must be up to 15 lower-case letters, digits and underscores', quote_literal(deal_type)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass(leaf) IS NOT NULL THEN
        RETURN leaf;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || '.' || branch, 0));
    -- CREATE … PARTITION OF would wait for every open writer; CREATE and ATTACH does not.
    IF to_regclass(branch) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE hubspot_deals INCLUDING ALL) PARTITION BY LIST (_organization_id)', branch);
        EXECUTE format('ALTER TABLE hubspot_deals ATTACH PARTITION %I FOR VALUES IN (%L)', branch, deal_type);
    END IF;
    IF to_regclass(leaf) IS NULL THEN
        -- A leaf is one organization and type, so the deal id alone is its key: a third of a composite key's size.
        EXECUTE format('CREATE TABLE %I (LIKE hubspot_deals INCLUDING ALL, PRIMARY KEY (hubspot_deal_id))', leaf);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (%L)', branch, leaf, organization);
    END IF;
    RETURN leaf;
END $_$;

COMMENT ON FUNCTION hubspot.make_plain_deals_partition(organization uuid, deal_type text) IS 'The first step of make_deals_partition(): the table, as PostgreSQL lays it out.';

CREATE FUNCTION hubspot.missing_privileges(role regrole) RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION hubspot.missing_privileges(role regrole) IS 'What a role lacks for loading, one line each; nothing when grant_loader() has been called for it.';

CREATE FUNCTION hubspot.number_job_event() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    NEW.actor := session_user;
    IF NEW.occurred_at NOT BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp() + interval '1 minute' THEN
        RAISE EXCEPTION 'an event is told when it happens, not as of % (rule job_events_are_of_now)', NEW.occurred_at
            USING ERRCODE = 'check_violation', CONSTRAINT = 'job_events_are_of_now', TABLE = 'job_events',
                  HINT = 'Leave occurred_at out; another time belongs into details.';
    END IF;
    IF NEW.job_id IS NULL AND NEW.organization_id IS NOT NULL THEN
        -- There is no foreign key, whose lock would let erase_organization() wait for this, or this for it.
        PERFORM FROM organizations WHERE id = NEW.organization_id FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no organization % to tell of (rule job_events_name_an_organization)', NEW.organization_id
                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'job_events_name_an_organization', TABLE = 'job_events',
                      HINT = 'An event that concerns no organization has organization_id NULL.';
        END IF;
    END IF;
    IF NEW.job_id IS NULL OR pg_trigger_depth() > 1 AND NEW.sequence IS NOT NULL THEN
        RETURN NEW;
    END IF;
    IF pg_trigger_depth() < 2 AND NEW.kind IN (
        'created', 'started', 'resumed', 'superseded', 'deferred', 'interrupted', 'completed', 'failed', 'cancelled', 'deleted'
    ) THEN
        RAISE EXCEPTION 'an event % of job % comes from a change of the job itself (rule job_events_tell_what_happened)',
                        quote_literal(NEW.kind), NEW.job_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'job_events_tell_what_happened', TABLE = 'job_events',
                  HINT = 'Update jobs; the database writes the event.';
    END IF;
    -- The lock on the job's row makes the numbers gapless: an event that is rolled back gives its number back.
    UPDATE jobs SET event_count = event_count + 1 WHERE id = NEW.job_id
    RETURNING event_count, organization_id INTO NEW.sequence, NEW.organization_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no job % to tell of (rule job_events_name_a_job)', NEW.job_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'job_events_name_a_job', TABLE = 'job_events',
                  HINT = 'An event without a job has job_id NULL.';
    END IF;
    RETURN NEW;
END $$;

COMMENT ON FUNCTION hubspot.number_job_event() IS 'Trigger: gives an event its actor, and an event of a job its number and organization.';

CREATE FUNCTION hubspot.one_of(VARIADIC spellings anycompatiblearray) RETURNS anycompatible
    LANGUAGE plpgsql IMMUTABLE
    AS $$
DECLARE
    given spellings%TYPE := array_remove(spellings, NULL);
BEGIN
    IF given[1] <> ANY (given) THEN
        RAISE EXCEPTION 'columns that mean the same have different values' USING ERRCODE = 'check_violation';
    END IF;
    RETURN given[1];
END $$;

COMMENT ON FUNCTION hubspot.one_of(VARIADIC spellings anycompatiblearray) IS 'The value of a column that has several names, whichever of them an INSERT used.';

CREATE FUNCTION hubspot.our_relations() RETURNS SETOF regclass
    LANGUAGE sql STABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
    SELECT oid::regclass FROM pg_class
    WHERE relkind IN ('r', 'p', 'v')
      AND relnamespace IN (current_schema()::regnamespace, to_regnamespace(quote_ident(reporting_schema())))
$$;

COMMENT ON FUNCTION hubspot.our_relations() IS 'Tables, partitions and views of this schema and its reporting schema.';

CREATE FUNCTION hubspot.protect_table(relation regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION hubspot.protect_table(relation regclass) IS 'Give a table, partition or leaf its policies, and loaders and readers their rights on it. To be called for each new one: neither is inherited.';

CREATE FUNCTION hubspot.purge_deals(organization uuid, deal_type text, job uuid) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $_$
DECLARE
    purged bigint[];
BEGIN
    EXECUTE format('WITH purged AS (DELETE FROM %I WHERE _scan_id = $1 RETURNING hubspot_deal_id)'
                   ' SELECT array_agg(hubspot_deal_id) FROM purged', deals_partition(organization, deal_type))
    INTO purged USING job;
    DELETE FROM deal_associations
    WHERE organization_id = organization AND type = deal_type AND hubspot_deal_id = ANY (purged);
    DELETE FROM deal_property_history
    WHERE organization_id = organization AND type = deal_type AND hubspot_deal_id = ANY (purged);
    RETURN coalesce(cardinality(purged), 0);
END $_$;

COMMENT ON FUNCTION hubspot.purge_deals(organization uuid, deal_type text, job uuid) IS 'Delete the deals that a job wrote last, with their associations and the history of their properties, and return how many deals. Part of purge_job().';

CREATE FUNCTION hubspot.purge_job(job uuid) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    SET lock_timeout TO '10s'
    AS $$
DECLARE
    doomed jobs_archive;
    leaf text;
    deals integer := 0;
    quarantined integer;
    purged jsonb;
BEGIN
    SELECT organization_id, type INTO doomed.organization_id, doomed.type FROM jobs WHERE id = job
    UNION ALL SELECT organization_id, type FROM jobs_archive WHERE id = job;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no job %', job USING ERRCODE = 'no_data_found',
            HINT = 'Give the id of a row of jobs or jobs_archive, not its scan_id.';
    END IF;
    -- The loader's order: first the fence, then the job.
    PERFORM FROM sync_state
    WHERE organization_id = doomed.organization_id AND type = deal_type_of(doomed.type) FOR UPDATE;
    SELECT status INTO doomed.status FROM jobs WHERE id = job FOR UPDATE;
    IF doomed.status IN ('pending', 'running') THEN
        RAISE EXCEPTION 'job % is %: cancel it before it is purged', job, doomed.status USING ERRCODE = 'object_in_use',
            HINT = format('UPDATE jobs SET status = ''cancelled'' WHERE id = ''%s'';', job);
    END IF;
    leaf := deals_partition(doomed.organization_id, deal_type_of(doomed.type));
    IF to_regclass(quote_ident(leaf)) IS NOT NULL THEN
        deals := purge_deals(doomed.organization_id, deal_type_of(doomed.type), job);
    END IF;
    DELETE FROM deals_quarantine WHERE organization_id = doomed.organization_id AND job_id = job;
    GET DIAGNOSTICS quarantined = ROW_COUNT;
    DELETE FROM jobs WHERE id = job;
    DELETE FROM jobs_archive WHERE id = job;
    purged := jsonb_build_object('job_id', job, 'type', doomed.type, 'deals', deals, 'quarantined', quarantined);
    IF deals + quarantined > 0 THEN
        -- Only a full run finds them again; one that has begun may have read them before they went.
        UPDATE sync_state SET epoch = epoch + 1, last_full_sync_at = NULL, selection = NULL
        WHERE organization_id = doomed.organization_id AND type = deal_type_of(doomed.type);
        UPDATE jobs SET status = 'failed', error_code = 'SUPERSEDED',
                        error_message = format('Job %s was purged meanwhile; the next run reads everything again.', job)
        WHERE organization_id = doomed.organization_id AND jobs.type = doomed.type AND status IN ('pending', 'running');
        -- A retry goes on from a lost job's checkpoint; now it begins at the beginning.
        UPDATE jobs SET checkpoint = NULL
        WHERE organization_id = doomed.organization_id AND jobs.type = doomed.type AND checkpoint IS NOT NULL
          AND status = 'failed' AND error_code = 'HEARTBEAT_LOST';
    END IF;
    PERFORM tell(doomed.organization_id, 'job_purged', purged);
    RETURN purged;
END $$;

COMMENT ON FUNCTION hubspot.purge_job(job uuid) IS 'Delete an ended job, archived or not, with the quarantined records and the deals that it wrote last, and the associations and property history of these deals. HubSpot still has the deals: the next automatic run is a full one and brings them again. A run under way is failed. Returns the counts.';

CREATE FUNCTION hubspot.readable_deal_id(deal_id_text text) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$
    SELECT CASE WHEN deal_id_text ~ '^[1-9][0-9]{0,18}$' AND deal_id_text::numeric < 9223372036854775808
                THEN deal_id_text::bigint END
$_$;

COMMENT ON FUNCTION hubspot.readable_deal_id(deal_id_text text) IS 'The deal id that a text is in HubSpot''s own spelling, or NULL.';

CREATE FUNCTION hubspot.reader_condition(relation regclass) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION hubspot.reader_condition(relation regclass) IS 'Which rows of a table readers see, as the SQL text of its policy; NULL for a table without an organization, and for views.';

CREATE FUNCTION hubspot.readers() RETURNS regrole[]
    LANGUAGE sql STABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
    SELECT coalesce(array_agg(grantee::regrole), '{}')
    FROM pg_class, aclexplode(relacl)
    WHERE oid = 'organizations'::regclass AND privilege_type = 'SELECT' AND grantee <> 0 AND grantee <> ALL (loaders())
$$;

COMMENT ON FUNCTION hubspot.readers() IS 'The roles of grant_reader() and bind_reader().';

CREATE FUNCTION hubspot.reap_silent_jobs(silence interval DEFAULT '00:02:00'::interval, patience interval DEFAULT '1 day'::interval) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    reaped integer;
BEGIN
    -- A row that somebody has locked is being worked on. Without SKIP LOCKED two reapers would wait for each other.
    WITH silent AS (
        SELECT id, status FROM jobs
        WHERE status = 'running' AND coalesce(last_heartbeat, updated_at) < clock_timestamp() - silence
           OR status = 'pending' AND greatest(resume_at, last_heartbeat, created_at) < clock_timestamp() - patience
              AND NOT (attempt = 0 AND run_id IS NULL)  -- inserted by hand: whatever run comes first adopts it
        FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs SET
        status = 'failed',
        error_code = CASE silent.status WHEN 'running' THEN 'HEARTBEAT_LOST' ELSE 'ABANDONED' END,
        error_message = CASE silent.status
            WHEN 'running' THEN format('No sign of life for %s.', silence)
            ELSE format('It waited for another attempt, and none came within %s after it was due.', patience) END
    FROM silent WHERE jobs.id = silent.id;
    GET DIAGNOSTICS reaped = ROW_COUNT;
    RETURN reaped;
END $$;

COMMENT ON FUNCTION hubspot.reap_silent_jobs(silence interval, patience interval) IS 'Fail running jobs without a heartbeat for the time of silence, and pending ones whose next attempt is overdue by the time of patience: Airflow''s retries come within half an hour, a scheduler may be down for a night. A job that was inserted by hand waits for the next run, however late. Returns how many; each job''s own event tells.';

CREATE FUNCTION hubspot.refuse_change_of_events() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- erase_organization() says for one transaction whose events must go.
        IF current_setting('hubspot_deals.erasing', true) = OLD.organization_id::text THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% of job_events is refused: it is append-only (rule job_events_are_append_only)', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'job_events_are_append_only', TABLE = 'job_events',
              HINT = 'Old months are dropped whole, a tenant''s events go when it is erased.';
END $$;

COMMENT ON FUNCTION hubspot.refuse_change_of_events() IS 'Trigger: nobody rewrites the audit trail.';

CREATE FUNCTION hubspot.reporting_schema() RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
    SELECT left(current_schema(), 53) || '_reporting'
$$;

COMMENT ON FUNCTION hubspot.reporting_schema() IS 'Name of the schema of the reporting views.';

CREATE FUNCTION hubspot.requeue_quarantine(organization uuid, deal_type text DEFAULT 'standard'::text, reason text DEFAULT NULL::text, OUT requeued integer, OUT unreadable integer) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO absent_deals (organization_id, type, hubspot_deal_id, job_id)
    SELECT DISTINCT ON (hubspot_deal_id) organization, deal_type, hubspot_deal_id, job_id
    FROM deals_quarantine, LATERAL readable_deal_id(deal_id_text) AS hubspot_deal_id
    WHERE organization_id = organization AND type = deal_type AND resolved_at IS NULL
      AND (reason IS NULL OR reason_code = reason) AND hubspot_deal_id IS NOT NULL
    ORDER BY hubspot_deal_id, last_seen DESC
    ON CONFLICT (organization_id, type, hubspot_deal_id) DO NOTHING;
    GET DIAGNOSTICS requeued = ROW_COUNT;
    unreadable := (
        SELECT count(*) FROM deals_quarantine
        WHERE organization_id = organization AND type = deal_type AND resolved_at IS NULL
          AND (reason IS NULL OR reason_code = reason) AND readable_deal_id(deal_id_text) IS NULL
    );
    IF requeued > 0 THEN
        PERFORM tell(organization, 'quarantine_requeued', jsonb_strip_nulls(jsonb_build_object(
            'type', deal_type, 'reason', reason, 'requeued', requeued, 'unreadable', unreadable)));
    END IF;
END $$;

COMMENT ON FUNCTION hubspot.requeue_quarantine(organization uuid, deal_type text, reason text, OUT requeued integer, OUT unreadable integer) IS 'Have the next full or incremental run ask HubSpot anew for the deals in quarantine, of one reason or of all (NULL); stored bytes are never replayed. A good version resolves its record, a bad one is counted again. Returns the ids that were not waiting already, and the records without an id that HubSpot could be asked for.';

CREATE FUNCTION hubspot.revoke_reader(role regrole) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    IF role = ANY (loaders()) THEN
        RAISE EXCEPTION 'role % is a loader, not a reader', role
            USING ERRCODE = 'invalid_grant_operation', HINT = 'DROP OWNED BY takes every right of a role back.';
    END IF;
    PERFORM revoke_rights(role);
    DELETE FROM reader_organizations AS bound WHERE bound.role = revoke_reader.role;
END $$;

COMMENT ON FUNCTION hubspot.revoke_reader(role regrole) IS 'Take back everything that grant_reader() and bind_reader() gave.';

CREATE FUNCTION hubspot.revoke_rights(role regrole) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION hubspot.revoke_rights(role regrole) IS 'Take back every privilege of a role in this schema and its reporting schema.';

CREATE FUNCTION hubspot.set_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;

COMMENT ON FUNCTION hubspot.set_updated_at() IS 'Trigger: sets updated_at.';

CREATE FUNCTION hubspot.sum_of_counts(first jsonb, second jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT coalesce(jsonb_object_agg(key, total), '{}') FROM (
        SELECT key, sum(value::numeric) AS total
        FROM (SELECT * FROM jsonb_each_text(first) UNION ALL SELECT * FROM jsonb_each_text(second)) AS counts (key, value)
        GROUP BY key
    ) AS totals
$$;

COMMENT ON FUNCTION hubspot.sum_of_counts(first jsonb, second jsonb) IS 'Two objects of numbers added up, key by key.';

CREATE FUNCTION hubspot.switch_amount_check(organization uuid, deal_type text, allowed boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    leaf regclass := to_regclass(deals_partition(organization, deal_type));
    refused boolean := EXISTS (SELECT FROM pg_constraint WHERE conrelid = leaf AND conname = 'chk_amount_not_negative');
BEGIN
    IF allowed AND refused THEN
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT chk_amount_not_negative', leaf);
    ELSIF NOT allowed AND NOT refused THEN
        -- A negative amount left standing would refuse every later update of its row, a deletion mark too.
        -- raw_properties keeps the exact text; without its hash the row is written anew when its deal is next read.
        EXECUTE format(
            'UPDATE %s SET amount = NULL, _content_hash = NULL, _value_issues = coalesce(_value_issues, ''[]'') || %L'
            ' WHERE amount < 0', leaf, '[{"field": "amount", "code": "AMOUNT_NEGATIVE"}]');
        EXECUTE format(
            'ALTER TABLE %s ADD CONSTRAINT chk_amount_not_negative CHECK (amount IS NULL OR amount >= 0) NOT VALID', leaf);
    END IF;
END $$;

COMMENT ON FUNCTION hubspot.switch_amount_check(organization uuid, deal_type text, allowed boolean) IS 'Switch the amount check of one leaf; HubSpot itself allows negative amounts.';

CREATE FUNCTION hubspot.tell(organization uuid, kind text, details jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    PERFORM ensure_job_events_partition(now());
    INSERT INTO job_events (organization_id, kind, details) VALUES (organization, tell.kind, tell.details);
END $$;

COMMENT ON FUNCTION hubspot.tell(organization uuid, kind text, details jsonb) IS 'Write an event that belongs to no job; organization is NULL for what concerns none.';

CREATE FUNCTION hubspot.tell_deletion() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    PERFORM ensure_job_events_partition(now());
    INSERT INTO job_events (organization_id, job_id, sequence, kind, details)
    VALUES (OLD.organization_id, OLD.id, OLD.event_count + 1, 'deleted',
            jsonb_build_object('status', OLD.status, 'scan_id', OLD.scan_id));
    RETURN NULL;
END $$;

COMMENT ON FUNCTION hubspot.tell_deletion() IS 'Trigger: a job that is deleted ends its story with that. Whoever moves a job elsewhere or erases it says so: SET LOCAL hubspot_deals.moving_jobs = ''on'', or hubspot_deals.erasing.';

CREATE FUNCTION hubspot.tell_job_events() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    before jobs;
    kinds  text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := OLD;
    END IF;
    kinds := job_event_kinds(before, NEW);
    IF kinds = '{}' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' AND EXISTS (SELECT FROM job_events WHERE job_id = NEW.id) THEN
        RAISE EXCEPTION 'there was a job % before, of which job_events tells (rule jobs_ids_are_used_once)', NEW.id
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'jobs_ids_are_used_once', TABLE = 'jobs',
                  HINT = 'Leave id out.';
    END IF;
    -- A week ahead too: an INSERT into job_events itself comes too late to make the partition that it needs.
    PERFORM ensure_job_events_partition(now()), ensure_job_events_partition(now() + interval '7 days');
    INSERT INTO job_events (organization_id, job_id, kind, details)
    SELECT NEW.organization_id, NEW.id, kind, job_event_details(kind, before, NEW)
    FROM unnest(kinds) WITH ORDINALITY AS told (kind, position)
    ORDER BY position;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION hubspot.tell_job_events() IS 'Trigger: tells in job_events what a change of a job''s row means.';

CREATE FUNCTION hubspot.tell_watermark() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    PERFORM ensure_job_events_partition(now());
    INSERT INTO job_events (organization_id, job_id, kind, details)
    SELECT NEW.organization_id, holder.id, 'watermark_moved', jsonb_strip_nulls(jsonb_build_object(
        'type', NEW.type, 'from', OLD.watermark, 'to', NEW.watermark,
        'application', nullif(current_setting('application_name'), '')))
    FROM (SELECT) AS once
    LEFT JOIN jobs AS holder ON holder.organization_id = NEW.organization_id AND holder.status = 'running'
        AND deal_type_of(holder.type) = NEW.type AND holder.epoch = NEW.epoch;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION hubspot.tell_watermark() IS 'Trigger: tells, as an event of the job that holds the fence if one is running, that the watermark of a portal moved.';

CREATE TABLE hubspot.hubspot_deals (
    hubspot_deal_id bigint NOT NULL,
    hs_object_id bigint,
    dealname text,
    amount numeric(18,2),
    dealstage text,
    pipeline text,
    closedate timestamp with time zone,
    createdate timestamp with time zone,
    hs_lastmodifieddate timestamp with time zone,
    archived boolean DEFAULT false NOT NULL,
    hubspot_owner_id text,
    dealtype text,
    description text,
    hs_deal_stage_probability numeric,
    hs_analytics_source text,
    hs_analytics_source_data_1 text,
    hs_analytics_source_data_2 text,
    num_associated_contacts integer,
    hs_priority text,
    hs_next_step text,
    hs_forecast_amount numeric,
    hs_forecast_probability numeric,
    deal_currency_code text,
    raw_properties jsonb,
    custom_properties jsonb,
    associations jsonb,
    _extracted_at timestamp with time zone DEFAULT now() NOT NULL,
    _scan_id uuid,
    _organization_id uuid NOT NULL,
    _tenant_id uuid NOT NULL,
    _page_number integer,
    _source_service text,
    _dlt_load_id uuid,
    _dlt_id uuid DEFAULT gen_random_uuid() NOT NULL,
    _type text DEFAULT 'standard'::text NOT NULL,
    _value_issues jsonb,
    _deleted_at timestamp with time zone,
    _deleted_reason text,
    _merged_into bigint,
    _content_hash uuid,
    CONSTRAINT chk_deleted_says_why CHECK ((archived = (_deleted_reason IS NOT NULL))),
    CONSTRAINT chk_numbers_are_finite CHECK (((amount <> 'NaN'::numeric) AND (hs_deal_stage_probability <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])) AND (hs_forecast_amount <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])) AND (hs_forecast_probability <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])))),
    CONSTRAINT chk_tenant_eq_org CHECK ((_tenant_id = _organization_id)),
    CONSTRAINT hubspot_deals__deleted_reason_check CHECK ((_deleted_reason = ANY (ARRAY['archived'::text, 'merged'::text, 'missing'::text])))
)
PARTITION BY LIST (_type);

ALTER TABLE ONLY hubspot.hubspot_deals FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.hubspot_deals IS 'Deals of all organizations. Each organization and type has its own leaf: hubspot_deals_<type>_<organization id, 32 hex digits>.';

COMMENT ON COLUMN hubspot.hubspot_deals.hubspot_deal_id IS 'HubSpot''s id of the deal (record id, hs_object_id): positive, unique in its portal, the key of the leaf.';

COMMENT ON COLUMN hubspot.hubspot_deals.hs_object_id IS 'The same number as hubspot_deal_id; both schema documents name it.';

COMMENT ON COLUMN hubspot.hubspot_deals.dealname IS 'Name of the deal. Not unique, and often longer than 500 characters allow.';

COMMENT ON COLUMN hubspot.hubspot_deals.amount IS 'Amount in the currency of deal_currency_code, else in the portal''s own. NULL when HubSpot has none or when it would not fit: see _value_issues. Negative only where the organization allows it.';

COMMENT ON COLUMN hubspot.hubspot_deals.dealstage IS 'Id of the pipeline stage, not its label: a name such as closedwon in HubSpot''s default pipeline, digits elsewhere. NULL on deals made through the API without one.';

COMMENT ON COLUMN hubspot.hubspot_deals.pipeline IS 'Id of the pipeline, not its label: default, or digits.';

COMMENT ON COLUMN hubspot.hubspot_deals.closedate IS 'When the deal was or is expected to be closed (UTC). People pick a day, in the portal''s time zone.';

COMMENT ON COLUMN hubspot.hubspot_deals.createdate IS 'When the deal was created in HubSpot (UTC, milliseconds). Imports may set it back.';

COMMENT ON COLUMN hubspot.hubspot_deals.hs_lastmodifieddate IS 'When HubSpot last changed the deal (UTC, milliseconds): the version of the row, which never goes back. Associations, archiving and calculated properties need not move it.';

COMMENT ON COLUMN hubspot.hubspot_deals.archived IS 'Whether HubSpot no longer has the deal among the live ones. True exactly when _deleted_reason says why.';

COMMENT ON COLUMN hubspot.hubspot_deals.hubspot_owner_id IS 'Id of the owner (a user of the portal), as text; owners may be archived.';

COMMENT ON COLUMN hubspot.hubspot_deals.dealtype IS 'Deal type: newbusiness, existingbusiness, or what the portal defined.';

COMMENT ON COLUMN hubspot.hubspot_deals.description IS 'Description; free text of any length.';

COMMENT ON COLUMN hubspot.hubspot_deals.hs_deal_stage_probability IS 'Probability that the deal is won, 0 to 1, from its stage unless somebody set it. HubSpot sends doubles with up to 50 decimals; nothing is rounded.';

COMMENT ON COLUMN hubspot.hubspot_deals.hs_analytics_source IS 'Where the deal''s first contact came from, such as ORGANIC_SEARCH or OFFLINE.';

COMMENT ON COLUMN hubspot.hubspot_deals.hs_analytics_source_data_1 IS 'First detail of hs_analytics_source, such as the campaign or the import.';

COMMENT ON COLUMN hubspot.hubspot_deals.hs_analytics_source_data_2 IS 'Second detail of hs_analytics_source.';

COMMENT ON COLUMN hubspot.hubspot_deals.num_associated_contacts IS 'Number of contacts associated with the deal, as HubSpot counts them.';

COMMENT ON COLUMN hubspot.hubspot_deals.hs_priority IS 'Priority: low, medium, high, or what the portal defined.';

COMMENT ON COLUMN hubspot.hubspot_deals.hs_next_step IS 'Next step; free text.';

COMMENT ON COLUMN hubspot.hubspot_deals.hs_forecast_amount IS 'Amount times forecast probability, as HubSpot calculates it, in the deal''s currency; nothing is rounded.';

COMMENT ON COLUMN hubspot.hubspot_deals.hs_forecast_probability IS 'Probability that somebody set for the forecast, as HubSpot sends it.';

COMMENT ON COLUMN hubspot.hubspot_deals.deal_currency_code IS 'ISO 4217 code of the amount''s currency. NULL in portals with one currency.';

COMMENT ON COLUMN hubspot.hubspot_deals.raw_properties IS 'Every property that HubSpot sent with a value: name → exact text. Properties without a value are left out. What a typed column could not hold is here.';

COMMENT ON COLUMN hubspot.hubspot_deals.custom_properties IS 'The part of raw_properties that the portal defined itself; NULL when there is none.';

COMMENT ON COLUMN hubspot.hubspot_deals.associations IS 'Associated records as HubSpot lists them with the deal, by object type; NULL when they were not asked for or there are none.';

COMMENT ON COLUMN hubspot.hubspot_deals._extracted_at IS 'When this version of the row was written (UTC): the start of the batch''s transaction.';

COMMENT ON COLUMN hubspot.hubspot_deals._scan_id IS 'Job that wrote this version: jobs.id, also after that job was archived or purged.';

COMMENT ON COLUMN hubspot.hubspot_deals._organization_id IS 'The tenant: organizations.id. Decides the leaf.';

COMMENT ON COLUMN hubspot.hubspot_deals._tenant_id IS 'The same as _organization_id; a constraint keeps them equal.';

COMMENT ON COLUMN hubspot.hubspot_deals._page_number IS 'Page of the job on which the deal came, counted from 1. NULL for rows written by hand.';

COMMENT ON COLUMN hubspot.hubspot_deals._source_service IS 'Where the row came from: hubspot_api. Whoever inserts rows by hand says what they like.';

COMMENT ON COLUMN hubspot.hubspot_deals._dlt_load_id IS 'The attempt of the job that wrote this version: jobs.load_id. Named as in dlt.';

COMMENT ON COLUMN hubspot.hubspot_deals._dlt_id IS 'Identifies the row; kept when the deal changes. Named as in dlt.';

COMMENT ON COLUMN hubspot.hubspot_deals._type IS 'Label of the portal, as in sync_state.type. Decides the branch.';

COMMENT ON COLUMN hubspot.hubspot_deals._value_issues IS 'Values that their columns could not hold: [{"field", "code"}, …], at most 20; the column is NULL and the exact text is in raw_properties. NULL when all fit.';

COMMENT ON COLUMN hubspot.hubspot_deals._deleted_at IS 'When the deal was archived by HubSpot''s word, else when we noticed that it was gone (UTC).';

COMMENT ON COLUMN hubspot.hubspot_deals._deleted_reason IS 'archived: HubSpot lists it as archived. merged: into another deal, see _merged_into. missing: HubSpot knows it no more. NULL: it lives.';

COMMENT ON COLUMN hubspot.hubspot_deals._merged_into IS 'hubspot_deal_id of the deal that HubSpot merged this one into.';

COMMENT ON COLUMN hubspot.hubspot_deals._content_hash IS '128 bits over everything that the row is made from: an equal one spares the write. NULL after the row was marked or written by hand, so that the next read writes it anew.';

COMMENT ON CONSTRAINT chk_deleted_says_why ON hubspot.hubspot_deals IS 'Archived deals say why, and no others do.';

COMMENT ON CONSTRAINT chk_numbers_are_finite ON hubspot.hubspot_deals IS 'NaN and Infinity are refused: PostgreSQL sorts them above every number, so amount >= 0 lets them pass.';

COMMENT ON CONSTRAINT chk_tenant_eq_org ON hubspot.hubspot_deals IS 'Tenant and organization are the same thing.';

CREATE FUNCTION hubspot.tenant_deals(deal_type text DEFAULT 'standard'::text) RETURNS SETOF hubspot.hubspot_deals
    LANGUAGE plpgsql STABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    organization uuid;
BEGIN
    FOREACH organization IN ARRAY visible_organizations() LOOP
        RETURN QUERY EXECUTE format(
            'SELECT * FROM hubspot_deals WHERE _organization_id = %L AND _type = %L', organization, deal_type);
    END LOOP;
END $$;

COMMENT ON FUNCTION hubspot.tenant_deals(deal_type text) IS 'The deals of the organizations that the caller sees, of one type. It names them to the planner, which a policy cannot: one leaf is read and locked, not every organization''s.';

CREATE FUNCTION hubspot.update_scan_job() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
DECLARE
    total     integer := changed(OLD.total_items, NEW.total_items, NEW.total_deals);
    processed integer := changed(OLD.processed_items, NEW.processed_items, NEW.processed_deals);
    failed    integer := changed(OLD.failed_items, NEW.failed_items, NEW.failed_deals);
BEGIN
    IF (NEW.id, NEW.organization_id, NEW.tenant_id) IS DISTINCT FROM (OLD.id, OLD.organization_id, OLD.tenant_id) THEN
        RAISE EXCEPTION 'job % keeps its id and its organization', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF least(total, processed, failed) < 0 THEN
        RAISE EXCEPTION 'counts of job % cannot be negative', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    UPDATE jobs SET
        scan_id = changed(OLD.scan_id, NEW.scan_id, scan_id),
        status = changed(OLD.status, NEW.status, status),
        type = changed(OLD.scan_type, NEW.scan_type, type),
        config = without_secrets(changed(OLD.config, NEW.config, config)),
        error_message = changed(OLD.error_message, NEW.error_message, error_message),
        start_time = changed(OLD.started_at, NEW.started_at, start_time),
        end_time = changed(OLD.completed_at, NEW.completed_at, end_time),
        api_calls = api_calls + NEW.api_calls_made - OLD.api_calls_made,
        job_metadata = with_reports(
            job_metadata,
            jsonb_build_object(
                'total', total - OLD.total_items, 'processed', processed - OLD.processed_items, 'failed', failed - OLD.failed_items
            ),
            jsonb_build_object(
                'batch_size', nullif(NEW.batch_size, OLD.batch_size), 'success_rate', nullif(NEW.success_rate, OLD.success_rate)
            )
        )
    -- As in a table: a job whose status somebody else changed meanwhile is no longer what the statement looked for.
    WHERE id = OLD.id AND (NEW.status = OLD.status OR status = OLD.status);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO NEW FROM scan_jobs WHERE id = OLD.id;
    RETURN NEW;
END $$;

COMMENT ON FUNCTION hubspot.update_scan_job() IS 'Trigger: an UPDATE of scan_jobs writes into jobs what its statement set, and keeps reported counts in job_metadata.';

CREATE FUNCTION hubspot.use_schema(role regrole, name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    -- Not asked for twice: whoever migrates need not own the schema, and its owner may have granted this.
    IF NOT has_schema_privilege(role, name, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', name, role);
    END IF;
END $$;

COMMENT ON FUNCTION hubspot.use_schema(role regrole, name text) IS 'Let a role use a schema.';

CREATE FUNCTION hubspot.visible_organizations() RETURNS uuid[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION hubspot.visible_organizations() IS 'The organizations whose rows a reader sees: those that its role is bound to, else the one in the setting app.current_tenant if it may choose, else none.';

CREATE FUNCTION hubspot.with_reports(job_metadata jsonb, counts jsonb, facts jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
    SELECT CASE WHEN added = '{}' THEN job_metadata
                ELSE coalesce(job_metadata, '{}')
                     || jsonb_build_object('reported', coalesce(job_metadata -> 'reported', '{}') || added) END
    FROM (
        SELECT jsonb_strip_nulls(facts) || coalesce(
            jsonb_object_agg(key, coalesce(count_in(job_metadata -> 'reported', key), 0) + count_in(counts, key))
                FILTER (WHERE count_in(counts, key) <> 0),
            '{}') AS added
        FROM jsonb_object_keys(counts) AS key
    ) AS reports
$$;

COMMENT ON FUNCTION hubspot.with_reports(job_metadata jsonb, counts jsonb, facts jsonb) IS 'job_metadata with counts added to those reported before, and facts replaced. The counters of jobs balance by constraint and belong to the loader.';

CREATE FUNCTION hubspot.without_secrets(document jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'hubspot', 'pg_temp'
    AS $$
BEGIN
    CASE jsonb_typeof(document)
        WHEN 'object' THEN
            RETURN (SELECT coalesce(jsonb_object_agg(key, without_secrets(value)), '{}') FROM jsonb_each(document)
                    WHERE key !~* '(token|secret|password|passwd|api_?key|authorization)');
        WHEN 'array' THEN
            RETURN (SELECT coalesce(jsonb_agg(without_secrets(item)), '[]') FROM jsonb_array_elements(document) AS item);
        ELSE
            RETURN document;
    END CASE;
END $$;

COMMENT ON FUNCTION hubspot.without_secrets(document jsonb) IS 'The document without every key that names a secret, at any depth: the documents'' examples put tokens into config, which everybody who sees jobs can read.';

CREATE AGGREGATE hubspot.avg(text) (
    SFUNC = hubspot.add_percentage,
    STYPE = numeric[],
    INITCOND = '{0,0}',
    FINALFUNC = hubspot.average_percentage,
    PARALLEL = safe
);

COMMENT ON AGGREGATE hubspot.avg(text) IS 'Mean of percentages such as 97.50%.';

CREATE TABLE hubspot.absent_deals (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    hubspot_deal_id bigint NOT NULL,
    job_id uuid NOT NULL,
    noticed_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY hubspot.absent_deals FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.absent_deals IS 'Deals that a list of HubSpot no longer held; each is asked for by id before its row is marked.';

COMMENT ON COLUMN hubspot.absent_deals.organization_id IS 'The tenant: organizations.id.';

COMMENT ON COLUMN hubspot.absent_deals.type IS 'Label of the portal: standard, sandbox or another, lower case, up to 15 characters. An organization may have several portals.';

COMMENT ON COLUMN hubspot.absent_deals.hubspot_deal_id IS 'The deal to ask for.';

COMMENT ON COLUMN hubspot.absent_deals.job_id IS 'Job that noted it.';

COMMENT ON COLUMN hubspot.absent_deals.noticed_at IS 'When it was noted (UTC).';

CREATE TABLE hubspot.deal_associations (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    hubspot_deal_id bigint NOT NULL,
    to_object_type text NOT NULL,
    to_object_id bigint NOT NULL,
    category text NOT NULL,
    association_type_id integer NOT NULL,
    label text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
)
PARTITION BY HASH (organization_id);

ALTER TABLE ONLY hubspot.deal_associations FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.deal_associations IS 'What each deal is associated with, one row per record and label: a record with two labels has two rows. Only for the object types asked for; as of when the deal was last read live, so a full run brings all up to date. Deals that are archived, merged or missing keep their rows.';

COMMENT ON COLUMN hubspot.deal_associations.organization_id IS 'The tenant.';

COMMENT ON COLUMN hubspot.deal_associations.type IS 'Which of the organization''s portals: standard, sandbox, …';

COMMENT ON COLUMN hubspot.deal_associations.hubspot_deal_id IS 'The deal, as in hubspot_deals.';

COMMENT ON COLUMN hubspot.deal_associations.to_object_type IS 'Kind of the other record: contacts, companies, line_items, deals, …';

COMMENT ON COLUMN hubspot.deal_associations.to_object_id IS 'HubSpot''s id of the other record, unique in its kind.';

COMMENT ON COLUMN hubspot.deal_associations.category IS 'HUBSPOT_DEFINED, USER_DEFINED or INTEGRATOR_DEFINED; a type id is unique in its category.';

COMMENT ON COLUMN hubspot.deal_associations.association_type_id IS 'Which kind of association: 3 is a contact, 5 the primary company, 341 any company, …';

COMMENT ON COLUMN hubspot.deal_associations.label IS 'What people call it, such as Decision maker; NULL for the unlabelled kind.';

COMMENT ON COLUMN hubspot.deal_associations.created_at IS 'When this row was first stored.';

COMMENT ON COLUMN hubspot.deal_associations.updated_at IS 'When this row last changed; reading the same again is no change.';

CREATE TABLE hubspot.deal_properties (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    name text NOT NULL,
    label text,
    description text,
    group_name text,
    data_type text,
    field_type text,
    is_custom boolean NOT NULL,
    is_calculated boolean NOT NULL,
    is_hidden boolean NOT NULL,
    sensitivity text,
    options jsonb,
    hubspot_created_at timestamp with time zone,
    hubspot_updated_at timestamp with time zone,
    _deleted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY hubspot.deal_properties FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.deal_properties IS 'Definitions of the portal''s deal properties: what the keys of hubspot_deals.raw_properties mean. Compared by every run.';

COMMENT ON COLUMN hubspot.deal_properties.organization_id IS 'The tenant.';

COMMENT ON COLUMN hubspot.deal_properties.type IS 'Which of the organization''s portals: standard, sandbox, …';

COMMENT ON COLUMN hubspot.deal_properties.name IS 'Internal name: the key in raw_properties.';

COMMENT ON COLUMN hubspot.deal_properties.label IS 'What people see.';

COMMENT ON COLUMN hubspot.deal_properties.description IS 'Help text, often empty.';

COMMENT ON COLUMN hubspot.deal_properties.group_name IS 'Internal name of the group it is shown in.';

COMMENT ON COLUMN hubspot.deal_properties.data_type IS 'string, number, bool, enumeration, date, datetime, phone_number, json or object_coordinates.';

COMMENT ON COLUMN hubspot.deal_properties.field_type IS 'How it is entered: text, select, checkbox, calculation_equation, …';

COMMENT ON COLUMN hubspot.deal_properties.is_custom IS 'Defined by the portal, not by HubSpot: such values are also in hubspot_deals.custom_properties.';

COMMENT ON COLUMN hubspot.deal_properties.is_calculated IS 'HubSpot derives its value. Such a change leaves hs_lastmodifieddate alone, so only full runs see it.';

COMMENT ON COLUMN hubspot.deal_properties.is_hidden IS 'Not shown in HubSpot.';

COMMENT ON COLUMN hubspot.deal_properties.sensitivity IS 'non_sensitive, sensitive or highly_sensitive.';

COMMENT ON COLUMN hubspot.deal_properties.options IS 'Of an enumeration: list of {value, label, displayOrder, hidden}; else NULL. Deals may hold values that are no option any more.';

COMMENT ON COLUMN hubspot.deal_properties.hubspot_created_at IS 'When it was made in HubSpot; NULL when HubSpot does not know, which it writes as 1970.';

COMMENT ON COLUMN hubspot.deal_properties.hubspot_updated_at IS 'When it was last changed in HubSpot; NULL when HubSpot does not know.';

COMMENT ON COLUMN hubspot.deal_properties._deleted_at IS 'When a run first found that HubSpot no longer lists it; NULL while it does.';

COMMENT ON COLUMN hubspot.deal_properties.created_at IS 'When this row was first stored.';

COMMENT ON COLUMN hubspot.deal_properties.updated_at IS 'When this row last changed; reading the same again is no change.';

CREATE TABLE hubspot.deal_property_history (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    hubspot_deal_id bigint NOT NULL,
    property text NOT NULL,
    changed_at timestamp(3) with time zone NOT NULL,
    ordinal smallint DEFAULT 0 NOT NULL,
    value text,
    source_type text,
    source_id text,
    source_label text,
    updated_by_user_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT deal_property_history_ordinal_check CHECK ((ordinal >= 0))
)
PARTITION BY HASH (organization_id);

ALTER TABLE ONLY hubspot.deal_property_history FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.deal_property_history IS 'Values that properties of deals had, as far back as HubSpot keeps them. Only for the properties asked for.';

COMMENT ON COLUMN hubspot.deal_property_history.organization_id IS 'The tenant.';

COMMENT ON COLUMN hubspot.deal_property_history.type IS 'Which of the organization''s portals: standard, sandbox, …';

COMMENT ON COLUMN hubspot.deal_property_history.hubspot_deal_id IS 'The deal, as in hubspot_deals.';

COMMENT ON COLUMN hubspot.deal_property_history.property IS 'Internal name of the property.';

COMMENT ON COLUMN hubspot.deal_property_history.changed_at IS 'When the property got this value, to the millisecond.';

COMMENT ON COLUMN hubspot.deal_property_history.ordinal IS '0; 1, 2, … for further changes of the property within the same millisecond, oldest first.';

COMMENT ON COLUMN hubspot.deal_property_history.value IS 'The value exactly as HubSpot sent it; empty when it was cleared. What PostgreSQL cannot hold (NUL, half a surrogate pair) is written as JSON.';

COMMENT ON COLUMN hubspot.deal_property_history.source_type IS 'What changed it: CRM_UI, IMPORT, INTEGRATION, AUTOMATION_PLATFORM, CALCULATED, …';

COMMENT ON COLUMN hubspot.deal_property_history.source_id IS 'Which one of that kind: a user, an app, a workflow.';

COMMENT ON COLUMN hubspot.deal_property_history.source_label IS 'What people call the source.';

COMMENT ON COLUMN hubspot.deal_property_history.updated_by_user_id IS 'HubSpot''s id of the user who changed it, if it was one (owners.user_id_including_inactive).';

COMMENT ON COLUMN hubspot.deal_property_history.created_at IS 'When this row was first stored.';

CREATE TABLE hubspot.deals_quarantine (
    id bigint NOT NULL,
    organization_id uuid NOT NULL,
    type text NOT NULL,
    deal_id_text text,
    reason_code text NOT NULL,
    field_name text,
    raw bytea,
    raw_is_cut boolean NOT NULL,
    raw_sha256 bytea NOT NULL,
    job_id uuid NOT NULL,
    page_number integer,
    first_seen timestamp with time zone DEFAULT now() NOT NULL,
    last_seen timestamp with time zone DEFAULT now() NOT NULL,
    times_seen integer DEFAULT 1 NOT NULL,
    resolved_at timestamp with time zone,
    resolved_by_job uuid,
    raw_expired_at timestamp with time zone,
    modified_at timestamp with time zone,
    CONSTRAINT deals_quarantine_keeps_raw_until_it_expires CHECK (((raw IS NULL) = (raw_expired_at IS NOT NULL)))
);

ALTER TABLE ONLY hubspot.deals_quarantine FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.deals_quarantine IS 'Records that could not be keyed or stored, as HubSpot sent them (zlib). One row per record and reason, however often it comes.';

COMMENT ON COLUMN hubspot.deals_quarantine.id IS 'Identifies the row.';

COMMENT ON COLUMN hubspot.deals_quarantine.organization_id IS 'The tenant: organizations.id.';

COMMENT ON COLUMN hubspot.deals_quarantine.type IS 'Label of the portal: standard, sandbox or another, lower case, up to 15 characters. An organization may have several portals.';

COMMENT ON COLUMN hubspot.deals_quarantine.deal_id_text IS 'What stood where the deal''s id belongs, if it was printable and had at most 64 characters.';

COMMENT ON COLUMN hubspot.deals_quarantine.reason_code IS 'Why: BAD_ID, BAD_VERSION (no usable hs_lastmodifieddate), BAD_RECORD (not a record), TOO_LARGE (over 8 MiB) or TOO_DEEP.';

COMMENT ON COLUMN hubspot.deals_quarantine.field_name IS 'The field that the reason is about; NULL when it is the whole record.';

COMMENT ON COLUMN hubspot.deals_quarantine.raw IS 'The record as JSON, zlib-compressed: what HubSpot sent, personal data included. NULL once expire_quarantine() removed it.';

COMMENT ON COLUMN hubspot.deals_quarantine.raw_is_cut IS 'Whether raw was cut at 1 MiB, compressed.';

COMMENT ON COLUMN hubspot.deals_quarantine.raw_sha256 IS 'SHA-256 of the whole JSON, by which the same record is known again.';

COMMENT ON COLUMN hubspot.deals_quarantine.job_id IS 'Job that saw the record last; it may have been archived or purged since.';

COMMENT ON COLUMN hubspot.deals_quarantine.page_number IS 'Page of the job that first saw the record, counted from 1.';

COMMENT ON COLUMN hubspot.deals_quarantine.first_seen IS 'When the record came first (UTC).';

COMMENT ON COLUMN hubspot.deals_quarantine.last_seen IS 'When it came last (UTC).';

COMMENT ON COLUMN hubspot.deals_quarantine.times_seen IS 'How often it came.';

COMMENT ON COLUMN hubspot.deals_quarantine.resolved_at IS 'When a version of the deal arrived that could be stored and is not older, or HubSpot no longer had the deal (UTC). NULL: still open.';

COMMENT ON COLUMN hubspot.deals_quarantine.resolved_by_job IS 'The job that found that out.';

COMMENT ON COLUMN hubspot.deals_quarantine.raw_expired_at IS 'When expire_quarantine() removed raw; NULL while it is kept.';

COMMENT ON COLUMN hubspot.deals_quarantine.modified_at IS 'When HubSpot says that the record was modified (UTC): its hs_lastmodifieddate, or its updatedAt where that is unusable. NULL: it does not say.';

ALTER TABLE hubspot.deals_quarantine ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME hubspot.deals_quarantine_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE hubspot.exchange_rates (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    exchange_rate_id text NOT NULL,
    from_currency text NOT NULL,
    to_currency text NOT NULL,
    conversion_rate numeric NOT NULL,
    effective_at timestamp with time zone NOT NULL,
    is_visible boolean DEFAULT true NOT NULL,
    hubspot_created_at timestamp with time zone,
    hubspot_updated_at timestamp with time zone,
    _deleted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT exchange_rates_conversion_rate_check CHECK (((conversion_rate > (0)::numeric) AND (conversion_rate < 'Infinity'::numeric)))
);

ALTER TABLE ONLY hubspot.exchange_rates FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.exchange_rates IS 'Exchange rates that the people of a multi-currency portal keep in HubSpot. Needs the scope settings.currencies.read; empty without it.';

COMMENT ON COLUMN hubspot.exchange_rates.organization_id IS 'The tenant.';

COMMENT ON COLUMN hubspot.exchange_rates.type IS 'Which of the organization''s portals: standard, sandbox, …';

COMMENT ON COLUMN hubspot.exchange_rates.exchange_rate_id IS 'HubSpot''s id of the rate.';

COMMENT ON COLUMN hubspot.exchange_rates.from_currency IS 'ISO 4217 code of the currency that is converted.';

COMMENT ON COLUMN hubspot.exchange_rates.to_currency IS 'ISO 4217 code of the company currency.';

COMMENT ON COLUMN hubspot.exchange_rates.conversion_rate IS 'Units of to_currency for one unit of from_currency; HubSpot keeps up to 6 decimals.';

COMMENT ON COLUMN hubspot.exchange_rates.effective_at IS 'From when on it applies, until the next one of the same pair.';

COMMENT ON COLUMN hubspot.exchange_rates.is_visible IS 'Whether people can choose the currency in HubSpot.';

COMMENT ON COLUMN hubspot.exchange_rates.hubspot_created_at IS 'When it was made in HubSpot; NULL when HubSpot does not know, which it writes as 1970.';

COMMENT ON COLUMN hubspot.exchange_rates.hubspot_updated_at IS 'When it was last changed in HubSpot; NULL when HubSpot does not know.';

COMMENT ON COLUMN hubspot.exchange_rates._deleted_at IS 'When a run first found that HubSpot no longer lists it; NULL while it does.';

COMMENT ON COLUMN hubspot.exchange_rates.created_at IS 'When this row was first stored.';

COMMENT ON COLUMN hubspot.exchange_rates.updated_at IS 'When this row last changed; reading the same again is no change.';

CREATE TABLE hubspot.job_batches (
    job_id uuid NOT NULL,
    batch_number integer NOT NULL,
    epoch bigint NOT NULL,
    phase text NOT NULL,
    pages integer NOT NULL,
    received integer NOT NULL,
    inserted integer NOT NULL,
    updated integer NOT NULL,
    unchanged integer NOT NULL,
    duplicate integer NOT NULL,
    stale integer NOT NULL,
    quarantined integer NOT NULL,
    deleted integer NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    written_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT job_batches_balance CHECK ((received = (((((inserted + updated) + unchanged) + duplicate) + stale) + quarantined)))
);

ALTER TABLE ONLY hubspot.job_batches FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.job_batches IS 'Ledger of committed batches. A row exists exactly when its rows and checkpoint were committed; xid tells the outcome of a COMMIT whose reply was lost.';

COMMENT ON COLUMN hubspot.job_batches.job_id IS 'The job.';

COMMENT ON COLUMN hubspot.job_batches.batch_number IS 'Number of the batch in its job: 1, 2, 3, … without gaps.';

COMMENT ON COLUMN hubspot.job_batches.epoch IS 'Fencing token of the attempt that wrote it.';

COMMENT ON COLUMN hubspot.job_batches.phase IS 'Phase that the batch belongs to; see jobs.phase.';

COMMENT ON COLUMN hubspot.job_batches.pages IS 'Pages of HubSpot''s answers in it.';

COMMENT ON COLUMN hubspot.job_batches.received IS 'Records received: the sum of the next six.';

COMMENT ON COLUMN hubspot.job_batches.inserted IS 'Rows that were new.';

COMMENT ON COLUMN hubspot.job_batches.updated IS 'Rows rewritten because the deal had changed.';

COMMENT ON COLUMN hubspot.job_batches.unchanged IS 'Records equal to the stored row.';

COMMENT ON COLUMN hubspot.job_batches.duplicate IS 'Records that came again within the batch.';

COMMENT ON COLUMN hubspot.job_batches.stale IS 'Records older than the stored row.';

COMMENT ON COLUMN hubspot.job_batches.quarantined IS 'Records that could not be stored.';

COMMENT ON COLUMN hubspot.job_batches.deleted IS 'Rows newly marked as archived, merged or missing.';

COMMENT ON COLUMN hubspot.job_batches.xid IS 'Transaction that wrote the batch; pg_xact_status(xid) tells whether it was committed.';

COMMENT ON COLUMN hubspot.job_batches.written_at IS 'When the batch was written (UTC).';

COMMENT ON CONSTRAINT job_batches_balance ON hubspot.job_batches IS 'Every record received is accounted for.';

CREATE TABLE hubspot.job_events (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    organization_id uuid,
    job_id uuid,
    sequence integer,
    kind text NOT NULL,
    actor text DEFAULT SESSION_USER NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT job_events_details_are_an_object CHECK ((jsonb_typeof(details) = 'object'::text)),
    CONSTRAINT job_events_kind_is_a_word CHECK ((kind ~ '^[a-z][a-z_]{0,39}$'::text)),
    CONSTRAINT job_events_of_a_job_are_numbered CHECK (((job_id IS NULL) = (sequence IS NULL))),
    CONSTRAINT job_events_of_a_job_name_its_organization CHECK (((job_id IS NULL) OR (organization_id IS NOT NULL)))
)
PARTITION BY RANGE (occurred_at);

ALTER TABLE ONLY hubspot.job_events FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.job_events IS 'Append-only audit trail, one partition a month. Each event is written in the transaction that it tells of. No foreign keys: it outlives jobs.';

COMMENT ON COLUMN hubspot.job_events.id IS 'Identifies the event.';

COMMENT ON COLUMN hubspot.job_events.occurred_at IS 'PostgreSQL''s clock when the event was written; its month (UTC) is the partition.';

COMMENT ON COLUMN hubspot.job_events.organization_id IS 'The tenant. NULL for what concerns none, such as the erasure of one.';

COMMENT ON COLUMN hubspot.job_events.job_id IS 'The job, which may have been archived or purged since. NULL for what no job did, such as maintenance.';

COMMENT ON COLUMN hubspot.job_events.sequence IS 'Number of the event in its job: 1, 2, 3, … without gaps, given by the database.';

COMMENT ON COLUMN hubspot.job_events.kind IS 'created, started, resumed, superseded, rate_limited, phase, progress, quarantined, watermark_moved, deferred, interrupted, completed, failed, cancelled, deleted: told by the copy itself. Others: by whoever did it.';

COMMENT ON COLUMN hubspot.job_events.actor IS 'Login role of the session that did it; set by the database.';

COMMENT ON COLUMN hubspot.job_events.details IS 'What belongs to the kind: counts, phase, error code and message, times. Never a deal''s values.';

CREATE TABLE hubspot.jobs_archive (
    id uuid DEFAULT gen_random_uuid() CONSTRAINT jobs_id_not_null NOT NULL,
    organization_id uuid CONSTRAINT jobs_organization_id_not_null NOT NULL,
    type text DEFAULT 'hubspot_deals'::text CONSTRAINT jobs_type_not_null NOT NULL,
    status text DEFAULT 'pending'::text CONSTRAINT jobs_status_not_null NOT NULL,
    start_time timestamp with time zone,
    end_time timestamp with time zone,
    last_heartbeat timestamp with time zone,
    records_extracted integer DEFAULT 0 CONSTRAINT jobs_records_extracted_not_null NOT NULL,
    error_message text,
    config jsonb,
    job_metadata jsonb,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT jobs_created_at_not_null NOT NULL,
    updated_at timestamp with time zone DEFAULT now() CONSTRAINT jobs_updated_at_not_null NOT NULL,
    scan_id text CONSTRAINT jobs_scan_id_not_null NOT NULL,
    error_code text,
    mode text,
    phase text,
    checkpoint jsonb,
    resume_at timestamp with time zone,
    window_start timestamp with time zone,
    window_end timestamp with time zone,
    attempt integer DEFAULT 0 CONSTRAINT jobs_attempt_not_null NOT NULL,
    epoch bigint,
    load_id uuid,
    records_expected integer,
    records_inserted integer DEFAULT 0 CONSTRAINT jobs_records_inserted_not_null NOT NULL,
    records_updated integer DEFAULT 0 CONSTRAINT jobs_records_updated_not_null NOT NULL,
    records_unchanged integer DEFAULT 0 CONSTRAINT jobs_records_unchanged_not_null NOT NULL,
    records_duplicate integer DEFAULT 0 CONSTRAINT jobs_records_duplicate_not_null NOT NULL,
    records_stale integer DEFAULT 0 CONSTRAINT jobs_records_stale_not_null NOT NULL,
    records_quarantined integer DEFAULT 0 CONSTRAINT jobs_records_quarantined_not_null NOT NULL,
    records_deleted integer DEFAULT 0 CONSTRAINT jobs_records_deleted_not_null NOT NULL,
    value_issues integer DEFAULT 0 CONSTRAINT jobs_value_issues_not_null NOT NULL,
    batches integer DEFAULT 0 CONSTRAINT jobs_batches_not_null NOT NULL,
    pages_read integer DEFAULT 0 CONSTRAINT jobs_pages_read_not_null NOT NULL,
    api_calls integer DEFAULT 0 CONSTRAINT jobs_api_calls_not_null NOT NULL,
    rate_limit_hits integer DEFAULT 0 CONSTRAINT jobs_rate_limit_hits_not_null NOT NULL,
    bytes_received bigint DEFAULT 0 CONSTRAINT jobs_bytes_received_not_null NOT NULL,
    dag_id text,
    run_id text,
    task_id text,
    map_index integer,
    try_number integer,
    clear_number integer,
    trigger text,
    event_count integer DEFAULT 0 CONSTRAINT jobs_event_count_not_null NOT NULL,
    continues uuid,
    api_calls_by_endpoint jsonb DEFAULT '{}'::jsonb CONSTRAINT jobs_api_calls_by_endpoint_not_null NOT NULL,
    archived_at timestamp with time zone DEFAULT now() NOT NULL,
    daily_limit bigint,
    daily_remaining bigint,
    CONSTRAINT jobs_archive_holds_ended_jobs CHECK (((end_time IS NOT NULL) AND (status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text]))))
);

ALTER TABLE ONLY hubspot.jobs_archive FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.jobs_archive IS 'Jobs that ended longer ago than their organization''s retention_days, with every column of jobs. Their ledger is gone; their events and usage stay.';

COMMENT ON COLUMN hubspot.jobs_archive.id IS 'As in jobs.id.';

COMMENT ON COLUMN hubspot.jobs_archive.organization_id IS 'As in jobs.organization_id.';

COMMENT ON COLUMN hubspot.jobs_archive.type IS 'As in jobs.type.';

COMMENT ON COLUMN hubspot.jobs_archive.status IS 'As in jobs.status.';

COMMENT ON COLUMN hubspot.jobs_archive.start_time IS 'As in jobs.start_time.';

COMMENT ON COLUMN hubspot.jobs_archive.end_time IS 'As in jobs.end_time.';

COMMENT ON COLUMN hubspot.jobs_archive.last_heartbeat IS 'As in jobs.last_heartbeat.';

COMMENT ON COLUMN hubspot.jobs_archive.records_extracted IS 'As in jobs.records_extracted.';

COMMENT ON COLUMN hubspot.jobs_archive.error_message IS 'As in jobs.error_message.';

COMMENT ON COLUMN hubspot.jobs_archive.config IS 'As in jobs.config.';

COMMENT ON COLUMN hubspot.jobs_archive.job_metadata IS 'As in jobs.job_metadata.';

COMMENT ON COLUMN hubspot.jobs_archive.created_at IS 'As in jobs.created_at.';

COMMENT ON COLUMN hubspot.jobs_archive.updated_at IS 'As in jobs.updated_at.';

COMMENT ON COLUMN hubspot.jobs_archive.scan_id IS 'As in jobs.scan_id.';

COMMENT ON COLUMN hubspot.jobs_archive.error_code IS 'As in jobs.error_code.';

COMMENT ON COLUMN hubspot.jobs_archive.mode IS 'As in jobs.mode.';

COMMENT ON COLUMN hubspot.jobs_archive.phase IS 'As in jobs.phase.';

COMMENT ON COLUMN hubspot.jobs_archive.checkpoint IS 'As in jobs.checkpoint.';

COMMENT ON COLUMN hubspot.jobs_archive.resume_at IS 'As in jobs.resume_at.';

COMMENT ON COLUMN hubspot.jobs_archive.window_start IS 'As in jobs.window_start.';

COMMENT ON COLUMN hubspot.jobs_archive.window_end IS 'As in jobs.window_end.';

COMMENT ON COLUMN hubspot.jobs_archive.attempt IS 'As in jobs.attempt.';

COMMENT ON COLUMN hubspot.jobs_archive.epoch IS 'As in jobs.epoch.';

COMMENT ON COLUMN hubspot.jobs_archive.load_id IS 'As in jobs.load_id.';

COMMENT ON COLUMN hubspot.jobs_archive.records_expected IS 'As in jobs.records_expected.';

COMMENT ON COLUMN hubspot.jobs_archive.records_inserted IS 'As in jobs.records_inserted.';

COMMENT ON COLUMN hubspot.jobs_archive.records_updated IS 'As in jobs.records_updated.';

COMMENT ON COLUMN hubspot.jobs_archive.records_unchanged IS 'As in jobs.records_unchanged.';

COMMENT ON COLUMN hubspot.jobs_archive.records_duplicate IS 'As in jobs.records_duplicate.';

COMMENT ON COLUMN hubspot.jobs_archive.records_stale IS 'As in jobs.records_stale.';

COMMENT ON COLUMN hubspot.jobs_archive.records_quarantined IS 'As in jobs.records_quarantined.';

COMMENT ON COLUMN hubspot.jobs_archive.records_deleted IS 'As in jobs.records_deleted.';

COMMENT ON COLUMN hubspot.jobs_archive.value_issues IS 'As in jobs.value_issues.';

COMMENT ON COLUMN hubspot.jobs_archive.batches IS 'As in jobs.batches.';

COMMENT ON COLUMN hubspot.jobs_archive.pages_read IS 'As in jobs.pages_read.';

COMMENT ON COLUMN hubspot.jobs_archive.api_calls IS 'As in jobs.api_calls.';

COMMENT ON COLUMN hubspot.jobs_archive.rate_limit_hits IS 'As in jobs.rate_limit_hits.';

COMMENT ON COLUMN hubspot.jobs_archive.bytes_received IS 'As in jobs.bytes_received.';

COMMENT ON COLUMN hubspot.jobs_archive.dag_id IS 'As in jobs.dag_id.';

COMMENT ON COLUMN hubspot.jobs_archive.run_id IS 'As in jobs.run_id.';

COMMENT ON COLUMN hubspot.jobs_archive.task_id IS 'As in jobs.task_id.';

COMMENT ON COLUMN hubspot.jobs_archive.map_index IS 'As in jobs.map_index.';

COMMENT ON COLUMN hubspot.jobs_archive.try_number IS 'As in jobs.try_number.';

COMMENT ON COLUMN hubspot.jobs_archive.clear_number IS 'As in jobs.clear_number.';

COMMENT ON COLUMN hubspot.jobs_archive.trigger IS 'As in jobs.trigger.';

COMMENT ON COLUMN hubspot.jobs_archive.event_count IS 'As in jobs.event_count.';

COMMENT ON COLUMN hubspot.jobs_archive.continues IS 'As in jobs.continues.';

COMMENT ON COLUMN hubspot.jobs_archive.api_calls_by_endpoint IS 'As in jobs.api_calls_by_endpoint.';

COMMENT ON COLUMN hubspot.jobs_archive.archived_at IS 'When the job moved here.';

COMMENT ON COLUMN hubspot.jobs_archive.daily_limit IS 'As in jobs.daily_limit.';

COMMENT ON COLUMN hubspot.jobs_archive.daily_remaining IS 'As in jobs.daily_remaining.';

CREATE TABLE hubspot.notification_deliveries (
    organization_id uuid NOT NULL,
    event_id text NOT NULL,
    webhook_conn_id text NOT NULL,
    attempt integer NOT NULL,
    event_type text NOT NULL,
    job_id uuid,
    host text NOT NULL,
    outcome text DEFAULT 'sending'::text NOT NULL,
    http_status integer,
    problem text,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    payload text,
    next_attempt_at timestamp with time zone,
    CONSTRAINT notification_deliveries_are_over_or_under_way CHECK (((outcome = 'sending'::text) = (ended_at IS NULL))),
    CONSTRAINT notification_deliveries_attempts_count_from_one CHECK ((attempt >= 1)),
    CONSTRAINT notification_deliveries_forget_what_is_settled CHECK (((payload IS NULL) OR (outcome = ANY (ARRAY['sending'::text, 'failed'::text])))),
    CONSTRAINT notification_deliveries_keep_what_is_due CHECK (((payload IS NULL) = (next_attempt_at IS NULL))),
    CONSTRAINT notification_deliveries_outcome_is_known CHECK ((outcome = ANY (ARRAY['sending'::text, 'delivered'::text, 'failed'::text, 'gone'::text])))
);

ALTER TABLE ONLY hubspot.notification_deliveries FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.notification_deliveries IS 'Delivery log of webhooks: one row per attempt, written before it is made. An attempt that failed keeps what it would have said until a later one succeeds, or three days are over.';

COMMENT ON COLUMN hubspot.notification_deliveries.organization_id IS 'The tenant whose event it is.';

COMMENT ON COLUMN hubspot.notification_deliveries.event_id IS 'The header webhook-id: the same for all attempts, whoever makes them.';

COMMENT ON COLUMN hubspot.notification_deliveries.webhook_conn_id IS 'Airflow connection with the address and the signing secret, neither of which is here.';

COMMENT ON COLUMN hubspot.notification_deliveries.attempt IS 'Number of the attempt, from 1 on for each event and connection.';

COMMENT ON COLUMN hubspot.notification_deliveries.event_type IS 'Such as hubspot_deals.job.completed.';

COMMENT ON COLUMN hubspot.notification_deliveries.job_id IS 'The job that it tells of, which may have been archived or purged since; NULL when there is none.';

COMMENT ON COLUMN hubspot.notification_deliveries.host IS 'Host of the address. Its path may be a secret and is not kept.';

COMMENT ON COLUMN hubspot.notification_deliveries.outcome IS 'sending: under way, or its process died; delivered: 2xx; failed: anything else, tried again at next_attempt_at; gone: 410, never tried again.';

COMMENT ON COLUMN hubspot.notification_deliveries.http_status IS 'Status of the answer; NULL when none came.';

COMMENT ON COLUMN hubspot.notification_deliveries.problem IS 'What was wrong, in our words.';

COMMENT ON COLUMN hubspot.notification_deliveries.started_at IS 'When the attempt began.';

COMMENT ON COLUMN hubspot.notification_deliveries.ended_at IS 'When its answer came, or was given up.';

COMMENT ON COLUMN hubspot.notification_deliveries.payload IS 'The JSON that is still to be delivered: ids, counts, times, error code and sentence; never a deal''s values. NULL once it was delivered, given up, or taken over by the next attempt.';

COMMENT ON COLUMN hubspot.notification_deliveries.next_attempt_at IS 'When maintenance tries again; NULL when it does not.';

CREATE TABLE hubspot.organizations (
    id uuid NOT NULL,
    slug text NOT NULL,
    name text,
    retention_days integer DEFAULT 90 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    archive_days integer DEFAULT 365 NOT NULL,
    quarantine_days integer DEFAULT 30 NOT NULL,
    CONSTRAINT organizations_archive_days_check CHECK ((archive_days > 0)),
    CONSTRAINT organizations_periods_end CHECK ((GREATEST(retention_days, archive_days, quarantine_days) <= 36500)),
    CONSTRAINT organizations_quarantine_days_check CHECK ((quarantine_days > 0)),
    CONSTRAINT organizations_retention_days_check CHECK ((retention_days > 0)),
    CONSTRAINT organizations_slug_check CHECK ((slug ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text))
);

ALTER TABLE ONLY hubspot.organizations FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.organizations IS 'One row per tenant. Its id is the tenant id everywhere.';

COMMENT ON COLUMN hubspot.organizations.id IS 'The tenant id everywhere: as given in the organizations file, else the version 5 UUID of the slug.';

COMMENT ON COLUMN hubspot.organizations.slug IS 'Name of the organization in the organizations file and in DAG ids: lower-case letters, digits, _ and -.';

COMMENT ON COLUMN hubspot.organizations.name IS 'Name for people, of the type standard. From the organizations file. NULL: the slug is shown.';

COMMENT ON COLUMN hubspot.organizations.retention_days IS 'Days that an ended job stays in jobs; then it moves to jobs_archive. From the organizations file, set at each run.';

COMMENT ON COLUMN hubspot.organizations.created_at IS 'When the organization was first claimed for (UTC).';

COMMENT ON COLUMN hubspot.organizations.updated_at IS 'When the row was last changed (UTC); set by a trigger.';

COMMENT ON COLUMN hubspot.organizations.archive_days IS 'Days that a job stays in jobs_archive after it moved there, and that a day stays in usage_records. From the organizations file.';

COMMENT ON COLUMN hubspot.organizations.quarantine_days IS 'Days that the raw bytes of a quarantined record are kept after HubSpot last sent it. From the organizations file.';

COMMENT ON CONSTRAINT organizations_periods_end ON hubspot.organizations IS 'At most 36500 days: now() minus more leaves the calendar, for which retention would fail everybody.';

CREATE TABLE hubspot.owners (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    owner_id text NOT NULL,
    email text,
    first_name text,
    last_name text,
    owner_type text,
    user_id bigint,
    user_id_including_inactive bigint,
    teams jsonb,
    archived boolean NOT NULL,
    hubspot_created_at timestamp with time zone,
    hubspot_updated_at timestamp with time zone,
    raw jsonb NOT NULL,
    _deleted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY hubspot.owners FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.owners IS 'People and queues that deals are assigned to. Deals keep naming those who have left, so archived ones are here too.';

COMMENT ON COLUMN hubspot.owners.organization_id IS 'The tenant.';

COMMENT ON COLUMN hubspot.owners.type IS 'Which of the organization''s portals: standard, sandbox, …';

COMMENT ON COLUMN hubspot.owners.owner_id IS 'HubSpot''s id, as in hubspot_deals.hubspot_owner_id.';

COMMENT ON COLUMN hubspot.owners.email IS 'E-mail address of the user.';

COMMENT ON COLUMN hubspot.owners.first_name IS 'First name of the user.';

COMMENT ON COLUMN hubspot.owners.last_name IS 'Last name of the user, or the queue''s name.';

COMMENT ON COLUMN hubspot.owners.owner_type IS 'PERSON or QUEUE.';

COMMENT ON COLUMN hubspot.owners.user_id IS 'HubSpot''s id of the user behind it; NULL when archived.';

COMMENT ON COLUMN hubspot.owners.user_id_including_inactive IS 'The same, kept when the user is deactivated.';

COMMENT ON COLUMN hubspot.owners.teams IS 'List of {id, name, primary}; NULL without teams.';

COMMENT ON COLUMN hubspot.owners.archived IS 'Whether HubSpot lists the owner among the archived ones: deactivated or removed.';

COMMENT ON COLUMN hubspot.owners.hubspot_created_at IS 'When it was made in HubSpot; NULL when HubSpot does not know, which it writes as 1970.';

COMMENT ON COLUMN hubspot.owners.hubspot_updated_at IS 'When it was last changed in HubSpot; NULL when HubSpot does not know.';

COMMENT ON COLUMN hubspot.owners.raw IS 'As HubSpot sent it; a pipeline without its stages.';

COMMENT ON COLUMN hubspot.owners._deleted_at IS 'When a run first found that HubSpot no longer lists it; NULL while it does.';

COMMENT ON COLUMN hubspot.owners.created_at IS 'When this row was first stored.';

COMMENT ON COLUMN hubspot.owners.updated_at IS 'When this row last changed; reading the same again is no change.';

CREATE TABLE hubspot.pipeline_stages (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    pipeline_id text NOT NULL,
    stage_id text NOT NULL,
    label text,
    display_order integer,
    probability numeric,
    is_closed boolean,
    is_won boolean GENERATED ALWAYS AS ((is_closed AND (probability = (1)::numeric))) STORED,
    hubspot_created_at timestamp with time zone,
    hubspot_updated_at timestamp with time zone,
    raw jsonb NOT NULL,
    _deleted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY hubspot.pipeline_stages FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.pipeline_stages IS 'Stages of the deal pipelines, those of archived pipelines included.';

COMMENT ON COLUMN hubspot.pipeline_stages.organization_id IS 'The tenant.';

COMMENT ON COLUMN hubspot.pipeline_stages.type IS 'Which of the organization''s portals: standard, sandbox, …';

COMMENT ON COLUMN hubspot.pipeline_stages.pipeline_id IS 'The pipeline that the stage belongs to.';

COMMENT ON COLUMN hubspot.pipeline_stages.stage_id IS 'HubSpot''s id, as in hubspot_deals.dealstage: digits, or a word such as closedwon.';

COMMENT ON COLUMN hubspot.pipeline_stages.label IS 'What people call it.';

COMMENT ON COLUMN hubspot.pipeline_stages.display_order IS 'Place in the pipeline, ascending.';

COMMENT ON COLUMN hubspot.pipeline_stages.probability IS 'Share of deals in this stage that are expected to be won, 0 to 1. A deal may have its own: hs_deal_stage_probability.';

COMMENT ON COLUMN hubspot.pipeline_stages.is_closed IS 'Whether a deal in this stage is decided. NULL when HubSpot does not say.';

COMMENT ON COLUMN hubspot.pipeline_stages.is_won IS 'Whether it is decided in our favour: closed, with probability 1.';

COMMENT ON COLUMN hubspot.pipeline_stages.hubspot_created_at IS 'When it was made in HubSpot; NULL when HubSpot does not know, which it writes as 1970.';

COMMENT ON COLUMN hubspot.pipeline_stages.hubspot_updated_at IS 'When it was last changed in HubSpot; NULL when HubSpot does not know.';

COMMENT ON COLUMN hubspot.pipeline_stages.raw IS 'As HubSpot sent it; a pipeline without its stages.';

COMMENT ON COLUMN hubspot.pipeline_stages._deleted_at IS 'When a run first found that HubSpot no longer lists it; NULL while it does.';

COMMENT ON COLUMN hubspot.pipeline_stages.created_at IS 'When this row was first stored.';

COMMENT ON COLUMN hubspot.pipeline_stages.updated_at IS 'When this row last changed; reading the same again is no change.';

CREATE TABLE hubspot.pipelines (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    pipeline_id text NOT NULL,
    label text,
    display_order integer,
    hubspot_created_at timestamp with time zone,
    hubspot_updated_at timestamp with time zone,
    raw jsonb NOT NULL,
    _deleted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY hubspot.pipelines FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.pipelines IS 'Deal pipelines. HubSpot stops listing archived ones while deals still name them, so rows stay and deals have no foreign key to them.';

COMMENT ON COLUMN hubspot.pipelines.organization_id IS 'The tenant.';

COMMENT ON COLUMN hubspot.pipelines.type IS 'Which of the organization''s portals: standard, sandbox, …';

COMMENT ON COLUMN hubspot.pipelines.pipeline_id IS 'HubSpot''s id, as in hubspot_deals.pipeline: digits, or default.';

COMMENT ON COLUMN hubspot.pipelines.label IS 'What people call it.';

COMMENT ON COLUMN hubspot.pipelines.display_order IS 'Place among the pipelines, ascending; equal ones by label.';

COMMENT ON COLUMN hubspot.pipelines.hubspot_created_at IS 'When it was made in HubSpot; NULL when HubSpot does not know, which it writes as 1970.';

COMMENT ON COLUMN hubspot.pipelines.hubspot_updated_at IS 'When it was last changed in HubSpot; NULL when HubSpot does not know.';

COMMENT ON COLUMN hubspot.pipelines.raw IS 'As HubSpot sent it; a pipeline without its stages.';

COMMENT ON COLUMN hubspot.pipelines._deleted_at IS 'When a run first found that HubSpot no longer lists it; NULL while it does.';

COMMENT ON COLUMN hubspot.pipelines.created_at IS 'When this row was first stored.';

COMMENT ON COLUMN hubspot.pipelines.updated_at IS 'When this row last changed; reading the same again is no change.';

CREATE TABLE hubspot.portals (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    portal_id bigint NOT NULL,
    account_type text,
    time_zone text,
    utc_offset interval,
    company_currency text,
    additional_currencies text[] DEFAULT '{}'::text[] NOT NULL,
    ui_domain text,
    data_hosting_location text,
    raw jsonb,
    pipelines_read_at timestamp with time zone,
    owners_read_at timestamp with time zone,
    dimensions_read_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY hubspot.portals FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.portals IS 'What HubSpot says of each portal (account). Read by every run, written when it changes.';

COMMENT ON COLUMN hubspot.portals.organization_id IS 'The tenant.';

COMMENT ON COLUMN hubspot.portals.type IS 'Which of the organization''s portals: standard, sandbox, …';

COMMENT ON COLUMN hubspot.portals.portal_id IS 'HubSpot''s id of the account.';

COMMENT ON COLUMN hubspot.portals.account_type IS 'STANDARD, SANDBOX, DEVELOPER_TEST or APP_DEVELOPER.';

COMMENT ON COLUMN hubspot.portals.time_zone IS 'IANA name of the portal''s time zone, in which its people read dates. NULL when this PostgreSQL does not know HubSpot''s name for it, which is in raw.';

COMMENT ON COLUMN hubspot.portals.utc_offset IS 'The zone''s distance from UTC when it was read; daylight saving time changes it.';

COMMENT ON COLUMN hubspot.portals.company_currency IS 'ISO 4217 code of the home currency: that of amounts whose deal names none.';

COMMENT ON COLUMN hubspot.portals.additional_currencies IS 'ISO 4217 codes of the other currencies that deals may have.';

COMMENT ON COLUMN hubspot.portals.ui_domain IS 'Host of the portal''s own pages; the region stands in it.';

COMMENT ON COLUMN hubspot.portals.data_hosting_location IS 'Where HubSpot keeps the data: na1, eu1, …';

COMMENT ON COLUMN hubspot.portals.raw IS 'HubSpot''s whole answer.';

COMMENT ON COLUMN hubspot.portals.pipelines_read_at IS 'When pipelines and stages were last read. NULL: never yet, or the token may not.';

COMMENT ON COLUMN hubspot.portals.owners_read_at IS 'When owners were last read, archived ones too. NULL: never yet, or the token may not.';

COMMENT ON COLUMN hubspot.portals.dimensions_read_at IS 'When these lists were last asked for and HubSpot answered, if only with a refusal. They are asked for again when it is older than dimensions_every.';

COMMENT ON COLUMN hubspot.portals.created_at IS 'When this row was first stored.';

COMMENT ON COLUMN hubspot.portals.updated_at IS 'When this row last changed; reading the same again is no change.';

CREATE TABLE hubspot.reader_organizations (
    role regrole NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY hubspot.reader_organizations FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.reader_organizations IS 'Roles that see these organizations and no others, whatever they set. Written by bind_reader() and revoke_reader().';

COMMENT ON COLUMN hubspot.reader_organizations.role IS 'The bound role, by its oid: renaming it changes nothing. Whoever has its rights is bound as well.';

COMMENT ON COLUMN hubspot.reader_organizations.organization_id IS 'An organization that the role sees.';

COMMENT ON COLUMN hubspot.reader_organizations.created_at IS 'When the role was bound to the organization.';

CREATE VIEW hubspot.scan_jobs WITH (security_invoker='true') AS
 SELECT job.id,
    job.scan_id,
    job.organization_id,
    job.organization_id AS tenant_id,
    job.status,
    job.type AS scan_type,
    job.config,
    job.error_message,
    job.start_time AS started_at,
    job.end_time AS completed_at,
    job.last_heartbeat,
    done.total AS total_items,
    done.processed AS processed_items,
    done.failed AS failed_items,
    done.total AS total_deals,
    done.processed AS processed_deals,
    done.failed AS failed_deals,
    COALESCE((job.job_metadata #>> '{reported,success_rate}'::text[]),
        CASE
            WHEN ((done.processed + done.failed) > 0) THEN ((round((((done.processed)::numeric * 100.0) / ((done.processed + done.failed))::numeric), 2))::text || '%'::text)
            WHEN (job.status = 'completed'::text) THEN '100%'::text
            ELSE NULL::text
        END) AS success_rate,
    COALESCE(hubspot.count_in((job.job_metadata -> 'reported'::text), 'batch_size'::text), hubspot.count_in(job.config, 'batch_rows'::text)) AS batch_size,
    job.api_calls AS api_calls_made,
    job.created_at,
    job.updated_at
   FROM (hubspot.jobs job
     CROSS JOIN LATERAL ( SELECT (GREATEST(job.records_expected, job.records_extracted) + COALESCE(hubspot.count_in((job.job_metadata -> 'reported'::text), 'total'::text), 0)) AS total,
            ((job.records_extracted - job.records_quarantined) + COALESCE(hubspot.count_in((job.job_metadata -> 'reported'::text), 'processed'::text), 0)) AS processed,
            (job.records_quarantined + COALESCE(hubspot.count_in((job.job_metadata -> 'reported'::text), 'failed'::text), 0)) AS failed) done);

COMMENT ON VIEW hubspot.scan_jobs IS 'jobs in the words of the schema documents. Rows can be inserted, updated and deleted; progress reported through it is kept in job_metadata, beside the loader''s own counters.';

COMMENT ON COLUMN hubspot.scan_jobs.id IS 'jobs.id.';

COMMENT ON COLUMN hubspot.scan_jobs.scan_id IS 'jobs.scan_id: the caller''s name for the job, unique.';

COMMENT ON COLUMN hubspot.scan_jobs.organization_id IS 'The tenant: organizations.id.';

COMMENT ON COLUMN hubspot.scan_jobs.tenant_id IS 'The same as organization_id.';

COMMENT ON COLUMN hubspot.scan_jobs.status IS 'jobs.status: pending, running, completed, failed, cancelled. An UPDATE obeys the same transitions.';

COMMENT ON COLUMN hubspot.scan_jobs.scan_type IS 'jobs.type.';

COMMENT ON COLUMN hubspot.scan_jobs.config IS 'jobs.config. Keys that name a secret are left out when a row is inserted or updated.';

COMMENT ON COLUMN hubspot.scan_jobs.error_message IS 'jobs.error_message.';

COMMENT ON COLUMN hubspot.scan_jobs.started_at IS 'jobs.start_time (UTC).';

COMMENT ON COLUMN hubspot.scan_jobs.completed_at IS 'jobs.end_time (UTC): also of failed and cancelled jobs.';

COMMENT ON COLUMN hubspot.scan_jobs.last_heartbeat IS 'jobs.last_heartbeat (UTC).';

COMMENT ON COLUMN hubspot.scan_jobs.total_items IS 'Records announced by HubSpot or received, whichever is more, plus what was reported by hand. total_deals is the same.';

COMMENT ON COLUMN hubspot.scan_jobs.processed_items IS 'Records received and not quarantined, plus what was reported by hand. processed_deals is the same.';

COMMENT ON COLUMN hubspot.scan_jobs.failed_items IS 'Records quarantined, plus what was reported by hand. failed_deals is the same.';

COMMENT ON COLUMN hubspot.scan_jobs.total_deals IS 'The same as total_items.';

COMMENT ON COLUMN hubspot.scan_jobs.processed_deals IS 'The same as processed_items.';

COMMENT ON COLUMN hubspot.scan_jobs.failed_deals IS 'The same as failed_items.';

COMMENT ON COLUMN hubspot.scan_jobs.success_rate IS 'Share of the records handled so far that could be stored, as text with a percent sign; NULL before the first one. avg(success_rate) is a number.';

COMMENT ON COLUMN hubspot.scan_jobs.batch_size IS 'As reported when the job was inserted, else batch_rows of its config.';

COMMENT ON COLUMN hubspot.scan_jobs.api_calls_made IS 'jobs.api_calls.';

COMMENT ON COLUMN hubspot.scan_jobs.created_at IS 'When the row was made (UTC).';

COMMENT ON COLUMN hubspot.scan_jobs.updated_at IS 'When the row was last changed (UTC); set by a trigger.';

CREATE TABLE hubspot.schema_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE hubspot.sync_state (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    portal_id bigint,
    epoch bigint DEFAULT 0 NOT NULL,
    watermark timestamp with time zone,
    last_full_sync_at timestamp with time zone,
    last_sync_at timestamp with time zone,
    selection text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    history text[] DEFAULT '{}'::text[] NOT NULL,
    stale_after_minutes integer DEFAULT 1440 NOT NULL,
    CONSTRAINT sync_state_stale_after_minutes_check CHECK ((stale_after_minutes > 0)),
    CONSTRAINT sync_state_type_check CHECK ((type ~ '^[a-z][a-z0-9_]{0,14}$'::text))
);

ALTER TABLE ONLY hubspot.sync_state FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.sync_state IS 'How far each portal has been read. epoch is the fencing token: only its holder may write.';

COMMENT ON COLUMN hubspot.sync_state.organization_id IS 'The tenant: organizations.id.';

COMMENT ON COLUMN hubspot.sync_state.type IS 'Label of the portal: standard, sandbox or another, lower case, up to 15 characters. An organization may have several portals.';

COMMENT ON COLUMN hubspot.sync_state.portal_id IS 'HubSpot''s id of the portal (account) that the token opened first. A token of another portal is refused from then on. NULL before the first run.';

COMMENT ON COLUMN hubspot.sync_state.epoch IS 'Fencing token: each attempt that claims raises it by one, and only the attempt that holds the newest may write.';

COMMENT ON COLUMN hubspot.sync_state.watermark IS 'Every change up to this hs_lastmodifieddate is stored. Never goes back.';

COMMENT ON COLUMN hubspot.sync_state.last_full_sync_at IS 'HubSpot''s clock when the last completed full run began (UTC).';

COMMENT ON COLUMN hubspot.sync_state.last_sync_at IS 'When the last run that brought everything up to date was completed (UTC); windows read by hand do not count.';

COMMENT ON COLUMN hubspot.sync_state.selection IS 'Fingerprint of the properties read by the last full sync; another one asks for a full sync.';

COMMENT ON COLUMN hubspot.sync_state.created_at IS 'When the row was made (UTC).';

COMMENT ON COLUMN hubspot.sync_state.updated_at IS 'When the row was last changed (UTC); set by a trigger.';

COMMENT ON COLUMN hubspot.sync_state.history IS 'Properties of which deal_property_history holds every deal''s changes, as far as HubSpot keeps them. Another one that is asked for needs a full run first.';

COMMENT ON COLUMN hubspot.sync_state.stale_after_minutes IS 'The copy is stale when no run has completed for so long. From the organizations file.';

CREATE TABLE hubspot.usage_records (
    organization_id uuid NOT NULL,
    type text NOT NULL,
    day date NOT NULL,
    api_calls_list bigint DEFAULT 0 NOT NULL,
    api_calls_search bigint DEFAULT 0 NOT NULL,
    api_calls_batch_read bigint DEFAULT 0 NOT NULL,
    api_calls_associations bigint DEFAULT 0 NOT NULL,
    api_calls_metadata bigint DEFAULT 0 NOT NULL,
    api_calls_other bigint DEFAULT 0 NOT NULL,
    api_calls bigint DEFAULT 0 NOT NULL,
    rate_limit_hits bigint DEFAULT 0 NOT NULL,
    bytes_received bigint DEFAULT 0 NOT NULL,
    deals_read bigint DEFAULT 0 NOT NULL,
    deals_inserted bigint DEFAULT 0 NOT NULL,
    deals_updated bigint DEFAULT 0 NOT NULL,
    deals_unchanged bigint DEFAULT 0 NOT NULL,
    deals_deleted bigint DEFAULT 0 NOT NULL,
    deals_quarantined bigint DEFAULT 0 NOT NULL,
    runs_completed integer DEFAULT 0 NOT NULL,
    runs_failed integer DEFAULT 0 NOT NULL,
    runs_cancelled integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT usage_records_calls_add_up CHECK ((api_calls = (((((api_calls_list + api_calls_search) + api_calls_batch_read) + api_calls_associations) + api_calls_metadata) + api_calls_other))),
    CONSTRAINT usage_records_counts_only_grow CHECK ((LEAST(api_calls_list, api_calls_search, api_calls_batch_read, api_calls_associations, api_calls_metadata, api_calls_other, api_calls, rate_limit_hits, bytes_received, deals_read, deals_inserted, deals_updated, deals_unchanged, deals_deleted, deals_quarantined, (runs_completed)::bigint, (runs_failed)::bigint, (runs_cancelled)::bigint) >= 0))
);

ALTER TABLE ONLY hubspot.usage_records FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE hubspot.usage_records IS 'One row per organization, type and day (UTC): API calls, deals and ended runs, added up from what jobs count, in the same transactions.';

COMMENT ON COLUMN hubspot.usage_records.organization_id IS 'The tenant.';

COMMENT ON COLUMN hubspot.usage_records.type IS 'Label of the portal, as in sync_state.';

COMMENT ON COLUMN hubspot.usage_records.day IS 'Day (UTC) on which the database was told.';

COMMENT ON COLUMN hubspot.usage_records.api_calls_list IS 'Requests for pages of all deals.';

COMMENT ON COLUMN hubspot.usage_records.api_calls_search IS 'Requests to HubSpot''s search, which has a limit of its own.';

COMMENT ON COLUMN hubspot.usage_records.api_calls_batch_read IS 'Requests for deals by id, up to 100 each.';

COMMENT ON COLUMN hubspot.usage_records.api_calls_associations IS 'Requests for associations.';

COMMENT ON COLUMN hubspot.usage_records.api_calls_metadata IS 'Requests about the account, properties, pipelines and owners.';

COMMENT ON COLUMN hubspot.usage_records.api_calls_other IS 'All other requests: tokens, and what was reported by hand.';

COMMENT ON COLUMN hubspot.usage_records.api_calls IS 'All requests sent, retries included.';

COMMENT ON COLUMN hubspot.usage_records.rate_limit_hits IS 'Answers with status 429.';

COMMENT ON COLUMN hubspot.usage_records.bytes_received IS 'Bytes of answers on the wire, before decompression.';

COMMENT ON COLUMN hubspot.usage_records.deals_read IS 'Records received.';

COMMENT ON COLUMN hubspot.usage_records.deals_inserted IS 'Rows that were new.';

COMMENT ON COLUMN hubspot.usage_records.deals_updated IS 'Rows rewritten because the deal had changed.';

COMMENT ON COLUMN hubspot.usage_records.deals_unchanged IS 'Records equal to the stored row, which was not rewritten.';

COMMENT ON COLUMN hubspot.usage_records.deals_deleted IS 'Rows marked as archived, merged or missing.';

COMMENT ON COLUMN hubspot.usage_records.deals_quarantined IS 'Records that could not be stored; see deals_quarantine.';

COMMENT ON COLUMN hubspot.usage_records.runs_completed IS 'Jobs completed that day.';

COMMENT ON COLUMN hubspot.usage_records.runs_failed IS 'Jobs failed that day.';

COMMENT ON COLUMN hubspot.usage_records.runs_cancelled IS 'Jobs cancelled that day.';

COMMENT ON COLUMN hubspot.usage_records.created_at IS 'When the row was made.';

COMMENT ON COLUMN hubspot.usage_records.updated_at IS 'When it was last added to.';

CREATE VIEW hubspot_reporting.deal_stage_history WITH (security_invoker='true') AS
 SELECT change.organization_id,
    change.organization_id AS tenant_id,
    change.type,
    change.hubspot_deal_id,
    change.value AS dealstage,
    stage.label AS stage_label,
    change.changed_at AS entered_at,
    change.left_at,
    (COALESCE(change.left_at, now()) - change.changed_at) AS time_in_stage,
    (change.left_at IS NULL) AS is_current,
    ((change.changed_at AT TIME ZONE portal.time_zone))::date AS entered_day,
    ((change.left_at AT TIME ZONE portal.time_zone))::date AS left_day,
    change.source_type,
    change.updated_by_user_id
   FROM ((( SELECT deal_property_history.organization_id,
            deal_property_history.type,
            deal_property_history.hubspot_deal_id,
            deal_property_history.property,
            deal_property_history.changed_at,
            deal_property_history.ordinal,
            deal_property_history.value,
            deal_property_history.source_type,
            deal_property_history.source_id,
            deal_property_history.source_label,
            deal_property_history.updated_by_user_id,
            deal_property_history.created_at,
            lead(deal_property_history.changed_at) OVER (PARTITION BY deal_property_history.organization_id, deal_property_history.type, deal_property_history.hubspot_deal_id ORDER BY deal_property_history.changed_at, deal_property_history.ordinal) AS left_at
           FROM hubspot.deal_property_history
          WHERE (deal_property_history.property = 'dealstage'::text)) change
     LEFT JOIN hubspot.portals portal ON (((portal.organization_id = change.organization_id) AND (portal.type = change.type))))
     LEFT JOIN LATERAL ( SELECT pipeline_stages.label
           FROM hubspot.pipeline_stages
          WHERE ((pipeline_stages.organization_id = change.organization_id) AND (pipeline_stages.type = change.type) AND (pipeline_stages.stage_id = change.value))
          ORDER BY (pipeline_stages._deleted_at IS NOT NULL), (pipeline_stages.pipeline_id <> 'default'::text)
         LIMIT 1) stage ON (true));

COMMENT ON VIEW hubspot_reporting.deal_stage_history IS 'When each deal entered and left each stage. Needs dealstage among the properties whose history is kept. A stage that was cleared is an empty dealstage.';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.organization_id IS 'The tenant. Name it in every query.';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.tenant_id IS 'The same as organization_id.';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.type IS 'Which of the organization''s portals: standard, sandbox, …';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.hubspot_deal_id IS 'The deal, as in hubspot_deals.';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.dealstage IS 'Id of the stage.';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.stage_label IS 'Current or last label of the stage; NULL when it has not been read.';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.entered_at IS 'When the deal entered the stage (UTC).';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.left_at IS 'When it left it (UTC); NULL while it is there.';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.time_in_stage IS 'How long it was there, until now for the stage it is in.';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.is_current IS 'Whether it is the stage that the deal was in when it was last read.';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.entered_day IS 'The calendar day of entered_at in the portal''s time zone.';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.left_day IS 'The calendar day of left_at in the portal''s time zone.';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.source_type IS 'What moved it there: CRM_UI, IMPORT, INTEGRATION, AUTOMATION_PLATFORM, …';

COMMENT ON COLUMN hubspot_reporting.deal_stage_history.updated_by_user_id IS 'HubSpot''s id of the user who moved it, if it was one (owners.user_id_including_inactive).';

CREATE VIEW hubspot_reporting.deals_with_names WITH (security_invoker='true') AS
 SELECT deal._organization_id AS organization_id,
    deal._organization_id AS tenant_id,
    deal._type AS type,
    deal.hubspot_deal_id,
    deal.dealname,
    deal.pipeline,
    pipeline.label AS pipeline_label,
    deal.dealstage,
    stage.label AS stage_label,
    stage.display_order AS stage_order,
    stage.probability AS stage_probability,
    stage.is_closed,
    stage.is_won,
    deal.hubspot_owner_id,
    NULLIF(concat_ws(' '::text, owner.first_name, owner.last_name), ''::text) AS owner_name,
    owner.email AS owner_email,
    owner.archived AS owner_archived,
    deal.amount,
    COALESCE(deal.deal_currency_code, portal.company_currency) AS currency,
        CASE
            WHEN ((deal.raw_properties ->> 'amount_in_home_currency'::text) ~ '^-?[0-9]{1,30}([.][0-9]{0,255})?([eE][+-]?[0-9]{1,2})?$'::text) THEN ((deal.raw_properties ->> 'amount_in_home_currency'::text))::numeric
            WHEN (COALESCE(deal.deal_currency_code, portal.company_currency) = portal.company_currency) THEN deal.amount
            ELSE NULL::numeric
        END AS amount_in_home_currency,
    portal.company_currency AS home_currency,
    deal.closedate,
    ((deal.closedate AT TIME ZONE portal.time_zone))::date AS close_day,
    portal.time_zone,
    deal.createdate,
    deal.hs_lastmodifieddate,
    deal.archived,
    deal._deleted_reason
   FROM ((((hubspot.hubspot_deals deal
     LEFT JOIN hubspot.portals portal ON (((portal.organization_id = deal._organization_id) AND (portal.type = deal._type))))
     LEFT JOIN hubspot.pipelines pipeline ON (((pipeline.organization_id = deal._organization_id) AND (pipeline.type = deal._type) AND (pipeline.pipeline_id = deal.pipeline))))
     LEFT JOIN hubspot.pipeline_stages stage ON (((stage.organization_id = deal._organization_id) AND (stage.type = deal._type) AND (stage.pipeline_id = deal.pipeline) AND (stage.stage_id = deal.dealstage))))
     LEFT JOIN hubspot.owners owner ON (((owner.organization_id = deal._organization_id) AND (owner.type = deal._type) AND (owner.owner_id = deal.hubspot_owner_id))));

COMMENT ON VIEW hubspot_reporting.deals_with_names IS 'Deals as people know them: labels of pipeline and stage, name of the owner, day and currency of the portal. One row per deal, whatever is missing.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.organization_id IS 'The tenant. Name it in every query: it decides which one table is read.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.tenant_id IS 'The same as organization_id.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.type IS 'Which of the organization''s portals: standard, sandbox, …';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.hubspot_deal_id IS 'HubSpot''s id of the deal.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.dealname IS 'Name of the deal.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.pipeline IS 'Id of the pipeline.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.pipeline_label IS 'Current or last label of the pipeline; NULL when it has not been read.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.dealstage IS 'Id of the stage.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.stage_label IS 'Current or last label of the stage; NULL when it has not been read.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.stage_order IS 'Place of the stage in its pipeline, ascending.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.stage_probability IS 'The stage''s own probability, 0 to 1.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.is_closed IS 'Whether the stage means that the deal is decided.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.is_won IS 'Whether the stage means that it is won.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.hubspot_owner_id IS 'Id of the owner.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.owner_name IS 'First and last name of the owner.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.owner_email IS 'E-mail address of the owner.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.owner_archived IS 'Whether the owner has left.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.amount IS 'Amount in currency.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.currency IS 'ISO 4217 code of amount: the deal''s, else the portal''s.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.amount_in_home_currency IS 'Amount in home_currency: HubSpot''s own conversion, else amount if it is in that currency.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.home_currency IS 'ISO 4217 code of the portal''s company currency.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.closedate IS 'When the deal was, or is expected to be, closed.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.close_day IS 'The calendar day of closedate in the portal''s time zone, as its people see it.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.time_zone IS 'IANA name of the portal''s time zone.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.createdate IS 'When the deal was created in HubSpot.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.hs_lastmodifieddate IS 'When the deal was last changed in HubSpot.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names.archived IS 'Whether HubSpot no longer lists the deal as live.';

COMMENT ON COLUMN hubspot_reporting.deals_with_names._deleted_reason IS 'Why not: archived, merged or missing.';

CREATE VIEW hubspot_reporting.hubspot_deals WITH (security_invoker='true') AS
 SELECT _dlt_id AS id,
    _scan_id AS scan_job_id,
    _organization_id AS organization_id,
    _organization_id AS tenant_id,
    hubspot_deal_id,
    hubspot_deal_id AS deal_id,
    hs_object_id,
    dealname,
    dealname AS deal_name,
    amount,
    dealstage,
    dealstage AS deal_stage,
    pipeline,
    closedate,
    closedate AS close_date,
    createdate,
    createdate AS hubspot_created_at,
    hs_lastmodifieddate,
    hs_lastmodifieddate AS hubspot_updated_at,
    archived,
    hubspot_owner_id,
    dealtype,
    dealtype AS deal_type,
    description,
    hs_deal_stage_probability,
    hs_deal_stage_probability AS deal_stage_probability,
    hs_analytics_source,
    hs_analytics_source AS analytics_source,
    hs_analytics_source_data_1,
    hs_analytics_source_data_2,
    num_associated_contacts,
    hs_priority,
    hs_priority AS priority,
    hs_next_step,
    hs_next_step AS next_step,
    hs_forecast_amount,
    hs_forecast_amount AS forecast_amount,
    hs_forecast_probability,
    hs_forecast_probability AS forecast_probability,
    deal_currency_code,
    raw_properties,
    custom_properties,
    associations,
    _extracted_at,
    _extracted_at AS created_at,
    _extracted_at AS updated_at,
    _scan_id,
    _organization_id,
    _organization_id AS _tenant_id,
    _page_number,
    _source_service,
    _dlt_load_id,
    _dlt_id,
    _type,
    _value_issues,
    _deleted_at,
    _deleted_reason,
    _merged_into
   FROM hubspot.hubspot_deals;

COMMENT ON VIEW hubspot_reporting.hubspot_deals IS 'Deals of all organizations with every column under the names of both schema documents. Rows can be inserted; each goes to its organization''s own table.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.id IS 'The same as _dlt_id: one per deal, kept when the deal changes.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.scan_job_id IS 'The same as _scan_id: the job that wrote this row last.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.organization_id IS 'The same as _organization_id.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.tenant_id IS 'The same as _organization_id.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hubspot_deal_id IS 'HubSpot''s id of the deal (record id, hs_object_id): positive, unique in its portal, the key of the leaf.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.deal_id IS 'The same as hubspot_deal_id.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hs_object_id IS 'The same number as hubspot_deal_id; both schema documents name it.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.dealname IS 'Name of the deal. Not unique, and often longer than 500 characters allow.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.deal_name IS 'The same as dealname.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.amount IS 'Amount in the currency of deal_currency_code, else in the portal''s own. NULL when HubSpot has none or when it would not fit: see _value_issues. Negative only where the organization allows it.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.dealstage IS 'Id of the pipeline stage, not its label: a name such as closedwon in HubSpot''s default pipeline, digits elsewhere. NULL on deals made through the API without one.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.deal_stage IS 'The same as dealstage.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.pipeline IS 'Id of the pipeline, not its label: default, or digits.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.closedate IS 'When the deal was or is expected to be closed (UTC). People pick a day, in the portal''s time zone.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.close_date IS 'The same as closedate.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.createdate IS 'When the deal was created in HubSpot (UTC, milliseconds). Imports may set it back.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hubspot_created_at IS 'The same as createdate.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hs_lastmodifieddate IS 'When HubSpot last changed the deal (UTC, milliseconds): the version of the row, which never goes back. Associations, archiving and calculated properties need not move it.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hubspot_updated_at IS 'The same as hs_lastmodifieddate.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.archived IS 'Whether HubSpot no longer has the deal among the live ones. True exactly when _deleted_reason says why.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hubspot_owner_id IS 'Id of the owner (a user of the portal), as text; owners may be archived.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.dealtype IS 'Deal type: newbusiness, existingbusiness, or what the portal defined.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.deal_type IS 'The same as dealtype.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.description IS 'Description; free text of any length.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hs_deal_stage_probability IS 'Probability that the deal is won, 0 to 1, from its stage unless somebody set it. HubSpot sends doubles with up to 50 decimals; nothing is rounded.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.deal_stage_probability IS 'The same as hs_deal_stage_probability.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hs_analytics_source IS 'Where the deal''s first contact came from, such as ORGANIC_SEARCH or OFFLINE.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.analytics_source IS 'The same as hs_analytics_source.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hs_analytics_source_data_1 IS 'First detail of hs_analytics_source, such as the campaign or the import.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hs_analytics_source_data_2 IS 'Second detail of hs_analytics_source.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.num_associated_contacts IS 'Number of contacts associated with the deal, as HubSpot counts them.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hs_priority IS 'Priority: low, medium, high, or what the portal defined.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.priority IS 'The same as hs_priority.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hs_next_step IS 'Next step; free text.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.next_step IS 'The same as hs_next_step.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hs_forecast_amount IS 'Amount times forecast probability, as HubSpot calculates it, in the deal''s currency; nothing is rounded.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.forecast_amount IS 'The same as hs_forecast_amount.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.hs_forecast_probability IS 'Probability that somebody set for the forecast, as HubSpot sends it.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.forecast_probability IS 'The same as hs_forecast_probability.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.deal_currency_code IS 'ISO 4217 code of the amount''s currency. NULL in portals with one currency.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.raw_properties IS 'Every property that HubSpot sent with a value: name → exact text. Properties without a value are left out. What a typed column could not hold is here.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.custom_properties IS 'The part of raw_properties that the portal defined itself; NULL when there is none.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.associations IS 'Associated records as HubSpot lists them with the deal, by object type; NULL when they were not asked for or there are none.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._extracted_at IS 'When this version of the row was written (UTC): the start of the batch''s transaction.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.created_at IS 'The same as _extracted_at: when this version of the row was written. createdate says when the deal was created in HubSpot.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals.updated_at IS 'The same as _extracted_at: when this version of the row was written.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._scan_id IS 'Job that wrote this version: jobs.id, also after that job was archived or purged.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._organization_id IS 'The tenant: organizations.id. Decides the leaf.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._tenant_id IS 'The same as _organization_id; a constraint keeps them equal.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._page_number IS 'Page of the job on which the deal came, counted from 1. NULL for rows written by hand.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._source_service IS 'Where the row came from: hubspot_api. Whoever inserts rows by hand says what they like.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._dlt_load_id IS 'The attempt of the job that wrote this version: jobs.load_id. Named as in dlt.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._dlt_id IS 'Identifies the row; kept when the deal changes. Named as in dlt.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._type IS 'Label of the portal, as in sync_state.type. Decides the branch.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._value_issues IS 'Values that their columns could not hold: [{"field", "code"}, …], at most 20; the column is NULL and the exact text is in raw_properties. NULL when all fit.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._deleted_at IS 'When the deal was archived by HubSpot''s word, else when we noticed that it was gone (UTC).';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._deleted_reason IS 'archived: HubSpot lists it as archived. merged: into another deal, see _merged_into. missing: HubSpot knows it no more. NULL: it lives.';

COMMENT ON COLUMN hubspot_reporting.hubspot_deals._merged_into IS 'hubspot_deal_id of the deal that HubSpot merged this one into.';

ALTER TABLE ONLY hubspot.scan_jobs ALTER COLUMN status SET DEFAULT 'pending'::text;

ALTER TABLE ONLY hubspot.scan_jobs ALTER COLUMN scan_type SET DEFAULT 'hubspot_deals'::text;

ALTER TABLE ONLY hubspot.scan_jobs ALTER COLUMN batch_size SET DEFAULT 50;

ALTER TABLE ONLY hubspot_reporting.hubspot_deals ALTER COLUMN archived SET DEFAULT false;

ALTER TABLE ONLY hubspot_reporting.hubspot_deals ALTER COLUMN _type SET DEFAULT 'standard'::text;

ALTER TABLE ONLY hubspot.absent_deals
    ADD CONSTRAINT absent_deals_pkey PRIMARY KEY (organization_id, type, hubspot_deal_id);

ALTER TABLE ONLY hubspot.deal_associations
    ADD CONSTRAINT deal_associations_pkey PRIMARY KEY (organization_id, type, hubspot_deal_id, to_object_type, to_object_id, category, association_type_id);

ALTER TABLE ONLY hubspot.deal_properties
    ADD CONSTRAINT deal_properties_pkey PRIMARY KEY (organization_id, type, name);

ALTER TABLE ONLY hubspot.deal_property_history
    ADD CONSTRAINT deal_property_history_pkey PRIMARY KEY (organization_id, type, hubspot_deal_id, property, changed_at, ordinal);

ALTER TABLE ONLY hubspot.deals_quarantine
    ADD CONSTRAINT deals_quarantine_organization_id_type_raw_sha256_reason_cod_key UNIQUE (organization_id, type, raw_sha256, reason_code);

ALTER TABLE ONLY hubspot.deals_quarantine
    ADD CONSTRAINT deals_quarantine_pkey PRIMARY KEY (id);

ALTER TABLE ONLY hubspot.exchange_rates
    ADD CONSTRAINT exchange_rates_pkey PRIMARY KEY (organization_id, type, exchange_rate_id);

ALTER TABLE ONLY hubspot.job_batches
    ADD CONSTRAINT job_batches_pkey PRIMARY KEY (job_id, batch_number);

ALTER TABLE ONLY hubspot.job_events
    ADD CONSTRAINT job_events_job_id_sequence_occurred_at_key UNIQUE (job_id, sequence, occurred_at);

ALTER TABLE ONLY hubspot.job_events
    ADD CONSTRAINT job_events_pkey PRIMARY KEY (occurred_at, id);

ALTER TABLE ONLY hubspot.jobs_archive
    ADD CONSTRAINT jobs_archive_pkey PRIMARY KEY (id);

ALTER TABLE ONLY hubspot.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY hubspot.jobs
    ADD CONSTRAINT jobs_scan_id_key UNIQUE (scan_id);

ALTER TABLE ONLY hubspot.notification_deliveries
    ADD CONSTRAINT notification_deliveries_pkey PRIMARY KEY (organization_id, event_id, webhook_conn_id, attempt);

ALTER TABLE ONLY hubspot.organizations
    ADD CONSTRAINT organizations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY hubspot.organizations
    ADD CONSTRAINT organizations_slug_key UNIQUE (slug);

ALTER TABLE ONLY hubspot.owners
    ADD CONSTRAINT owners_pkey PRIMARY KEY (organization_id, type, owner_id);

ALTER TABLE ONLY hubspot.pipeline_stages
    ADD CONSTRAINT pipeline_stages_pkey PRIMARY KEY (organization_id, type, pipeline_id, stage_id);

ALTER TABLE ONLY hubspot.pipelines
    ADD CONSTRAINT pipelines_pkey PRIMARY KEY (organization_id, type, pipeline_id);

ALTER TABLE ONLY hubspot.portals
    ADD CONSTRAINT portals_pkey PRIMARY KEY (organization_id, type);

ALTER TABLE ONLY hubspot.reader_organizations
    ADD CONSTRAINT reader_organizations_pkey PRIMARY KEY (role, organization_id);

ALTER TABLE ONLY hubspot.schema_version
    ADD CONSTRAINT schema_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY hubspot.sync_state
    ADD CONSTRAINT sync_state_pkey PRIMARY KEY (organization_id, type);

ALTER TABLE ONLY hubspot.usage_records
    ADD CONSTRAINT usage_records_pkey PRIMARY KEY (organization_id, type, day);

CREATE INDEX idx_associations_to_object ON ONLY hubspot.deal_associations USING btree (to_object_id, organization_id, type, to_object_type);

COMMENT ON INDEX hubspot.idx_associations_to_object IS 'Deals of a contact, company or other record: the other direction.';

CREATE INDEX idx_deals_closedate ON ONLY hubspot.hubspot_deals USING btree (closedate);

COMMENT ON INDEX hubspot.idx_deals_closedate IS 'Deals that close in a time.';

CREATE INDEX idx_deals_createdate ON ONLY hubspot.hubspot_deals USING btree (createdate);

COMMENT ON INDEX hubspot.idx_deals_createdate IS 'Deals created in a time.';

CREATE INDEX idx_deals_lastmodified ON ONLY hubspot.hubspot_deals USING btree (hs_lastmodifieddate);

COMMENT ON INDEX hubspot.idx_deals_lastmodified IS 'Deals changed in a time.';

CREATE INDEX idx_deals_pipeline ON ONLY hubspot.hubspot_deals USING btree (pipeline);

COMMENT ON INDEX hubspot.idx_deals_pipeline IS 'Deals in a pipeline.';

CREATE INDEX idx_deals_scan ON ONLY hubspot.hubspot_deals USING btree (_scan_id);

COMMENT ON INDEX hubspot.idx_deals_scan IS 'Deals that a job wrote last.';

CREATE INDEX idx_deals_stage ON ONLY hubspot.hubspot_deals USING btree (dealstage);

COMMENT ON INDEX hubspot.idx_deals_stage IS 'Deals in a stage.';

CREATE INDEX idx_job_events_organization ON ONLY hubspot.job_events USING btree (organization_id, occurred_at);

COMMENT ON INDEX hubspot.idx_job_events_organization IS 'What happened to one organization, by time.';

CREATE INDEX idx_jobs_archive_organization ON hubspot.jobs_archive USING btree (organization_id, archived_at);

COMMENT ON INDEX hubspot.idx_jobs_archive_organization IS 'An organization''s archived jobs, and which of them are old enough to go.';

CREATE INDEX idx_jobs_ended ON hubspot.jobs USING btree (organization_id, end_time) WHERE (end_time IS NOT NULL);

COMMENT ON INDEX hubspot.idx_jobs_ended IS 'An organization''s ended jobs by age, for archive_jobs().';

CREATE INDEX idx_jobs_org ON hubspot.jobs USING btree (organization_id);

COMMENT ON INDEX hubspot.idx_jobs_org IS 'Jobs of one organization.';

CREATE INDEX idx_jobs_run ON hubspot.jobs USING btree (dag_id, run_id, task_id, map_index);

COMMENT ON INDEX hubspot.idx_jobs_run IS 'The job of an Airflow task instance, which a retry looks for.';

CREATE INDEX idx_jobs_start_time ON hubspot.jobs USING btree (start_time);

COMMENT ON INDEX hubspot.idx_jobs_start_time IS 'Jobs of a time.';

CREATE INDEX idx_jobs_status ON hubspot.jobs USING btree (status);

COMMENT ON INDEX hubspot.idx_jobs_status IS 'Jobs by status.';

CREATE INDEX idx_jobs_type ON hubspot.jobs USING btree (type);

COMMENT ON INDEX hubspot.idx_jobs_type IS 'Jobs by type; demanded by the schema document.';

CREATE INDEX idx_notification_deliveries_due ON hubspot.notification_deliveries USING btree (next_attempt_at) WHERE (next_attempt_at IS NOT NULL);

COMMENT ON INDEX hubspot.idx_notification_deliveries_due IS 'What is to be tried again: few rows of many.';

CREATE INDEX idx_notification_deliveries_started ON hubspot.notification_deliveries USING btree (organization_id, started_at);

COMMENT ON INDEX hubspot.idx_notification_deliveries_started IS 'What an organization was told lately, and which attempts are old enough to go.';

CREATE INDEX idx_quarantine_open ON hubspot.deals_quarantine USING btree (organization_id, type, deal_id_text) WHERE (resolved_at IS NULL);

COMMENT ON INDEX hubspot.idx_quarantine_open IS 'Open records of a deal, when a version of it arrives that can be stored.';

CREATE UNIQUE INDEX jobs_one_active_per_organization_and_type ON hubspot.jobs USING btree (organization_id, type) WHERE (status = ANY (ARRAY['pending'::text, 'running'::text]));

COMMENT ON INDEX hubspot.jobs_one_active_per_organization_and_type IS 'At most one pending or running job per organization and type; decides who wins when two claim at once.';

CREATE UNIQUE INDEX sync_state_one_tenant_per_portal ON hubspot.sync_state USING btree (portal_id);

COMMENT ON INDEX hubspot.sync_state_one_tenant_per_portal IS 'A portal belongs to one organization and type: its deals cannot be loaded under two tenants.';

CREATE TRIGGER deal_associations_set_updated_at BEFORE UPDATE ON hubspot.deal_associations FOR EACH ROW EXECUTE FUNCTION hubspot.set_updated_at();

CREATE TRIGGER deal_properties_set_updated_at BEFORE UPDATE ON hubspot.deal_properties FOR EACH ROW EXECUTE FUNCTION hubspot.set_updated_at();

CREATE TRIGGER exchange_rates_set_updated_at BEFORE UPDATE ON hubspot.exchange_rates FOR EACH ROW EXECUTE FUNCTION hubspot.set_updated_at();

CREATE TRIGGER job_events_append_only BEFORE DELETE OR UPDATE ON hubspot.job_events FOR EACH ROW EXECUTE FUNCTION hubspot.refuse_change_of_events();

CREATE TRIGGER job_events_no_truncate BEFORE TRUNCATE ON hubspot.job_events FOR EACH STATEMENT EXECUTE FUNCTION hubspot.refuse_change_of_events();

CREATE TRIGGER job_events_number BEFORE INSERT ON hubspot.job_events FOR EACH ROW EXECUTE FUNCTION hubspot.number_job_event();

CREATE TRIGGER jobs_add_usage AFTER UPDATE ON hubspot.jobs FOR EACH ROW WHEN ((((new.status <> old.status) AND (new.status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text]))) OR ((new.api_calls <> old.api_calls) OR (new.bytes_received <> old.bytes_received) OR (new.rate_limit_hits <> old.rate_limit_hits) OR (new.records_extracted <> old.records_extracted) OR (new.records_deleted <> old.records_deleted) OR (new.api_calls_by_endpoint <> old.api_calls_by_endpoint)))) EXECUTE FUNCTION hubspot.add_usage();

CREATE TRIGGER jobs_begin_usage AFTER INSERT ON hubspot.jobs FOR EACH ROW WHEN (((new.status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])) OR (GREATEST((new.api_calls)::bigint, new.bytes_received, (new.rate_limit_hits)::bigint, (new.records_extracted)::bigint, (new.records_deleted)::bigint) > 0))) EXECUTE FUNCTION hubspot.add_usage();

CREATE TRIGGER jobs_guard_facts BEFORE INSERT OR UPDATE ON hubspot.jobs FOR EACH ROW EXECUTE FUNCTION hubspot.guard_job_facts();

CREATE TRIGGER jobs_guard_transition BEFORE UPDATE ON hubspot.jobs FOR EACH ROW EXECUTE FUNCTION hubspot.guard_job_transition();

CREATE TRIGGER jobs_set_updated_at BEFORE UPDATE ON hubspot.jobs FOR EACH ROW EXECUTE FUNCTION hubspot.set_updated_at();

CREATE TRIGGER jobs_tell_change AFTER UPDATE ON hubspot.jobs FOR EACH ROW WHEN (((((((new.status IS DISTINCT FROM old.status) OR (new.attempt IS DISTINCT FROM old.attempt)) OR (new.epoch IS DISTINCT FROM old.epoch)) OR (new.phase IS DISTINCT FROM old.phase)) OR (new.pages_read IS DISTINCT FROM old.pages_read)) OR (new.rate_limit_hits IS DISTINCT FROM old.rate_limit_hits))) EXECUTE FUNCTION hubspot.tell_job_events();

CREATE TRIGGER jobs_tell_creation AFTER INSERT ON hubspot.jobs FOR EACH ROW EXECUTE FUNCTION hubspot.tell_job_events();

CREATE TRIGGER jobs_tell_deletion AFTER DELETE ON hubspot.jobs FOR EACH ROW WHEN (((current_setting('hubspot_deals.moving_jobs'::text, true) IS DISTINCT FROM 'on'::text) AND (current_setting('hubspot_deals.erasing'::text, true) IS DISTINCT FROM (old.organization_id)::text))) EXECUTE FUNCTION hubspot.tell_deletion();

CREATE TRIGGER organizations_set_updated_at BEFORE UPDATE ON hubspot.organizations FOR EACH ROW EXECUTE FUNCTION hubspot.set_updated_at();

CREATE TRIGGER owners_set_updated_at BEFORE UPDATE ON hubspot.owners FOR EACH ROW EXECUTE FUNCTION hubspot.set_updated_at();

CREATE TRIGGER pipeline_stages_set_updated_at BEFORE UPDATE ON hubspot.pipeline_stages FOR EACH ROW EXECUTE FUNCTION hubspot.set_updated_at();

CREATE TRIGGER pipelines_set_updated_at BEFORE UPDATE ON hubspot.pipelines FOR EACH ROW EXECUTE FUNCTION hubspot.set_updated_at();

CREATE TRIGGER portals_set_updated_at BEFORE UPDATE ON hubspot.portals FOR EACH ROW EXECUTE FUNCTION hubspot.set_updated_at();

CREATE TRIGGER reader_organizations_keep_bound AFTER DELETE OR UPDATE ON hubspot.reader_organizations FOR EACH ROW EXECUTE FUNCTION hubspot.keep_bound();

CREATE TRIGGER reader_organizations_refuse_truncate BEFORE TRUNCATE ON hubspot.reader_organizations FOR EACH STATEMENT EXECUTE FUNCTION hubspot.keep_bound();

CREATE TRIGGER scan_jobs_delete INSTEAD OF DELETE ON hubspot.scan_jobs FOR EACH ROW EXECUTE FUNCTION hubspot.delete_scan_job();

CREATE TRIGGER scan_jobs_insert INSTEAD OF INSERT ON hubspot.scan_jobs FOR EACH ROW EXECUTE FUNCTION hubspot.insert_scan_job();

CREATE TRIGGER scan_jobs_update INSTEAD OF UPDATE ON hubspot.scan_jobs FOR EACH ROW EXECUTE FUNCTION hubspot.update_scan_job();

CREATE TRIGGER sync_state_set_updated_at BEFORE UPDATE ON hubspot.sync_state FOR EACH ROW EXECUTE FUNCTION hubspot.set_updated_at();

CREATE TRIGGER sync_state_tell_watermark AFTER UPDATE ON hubspot.sync_state FOR EACH ROW WHEN ((new.watermark IS DISTINCT FROM old.watermark)) EXECUTE FUNCTION hubspot.tell_watermark();

CREATE TRIGGER usage_records_set_updated_at BEFORE UPDATE ON hubspot.usage_records FOR EACH ROW EXECUTE FUNCTION hubspot.set_updated_at();

CREATE TRIGGER deals_insert INSTEAD OF INSERT ON hubspot_reporting.hubspot_deals FOR EACH ROW EXECUTE FUNCTION hubspot.insert_deal();

ALTER TABLE ONLY hubspot.absent_deals
    ADD CONSTRAINT absent_deals_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE hubspot.deal_associations
    ADD CONSTRAINT deal_associations_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.deal_properties
    ADD CONSTRAINT deal_properties_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE hubspot.deal_property_history
    ADD CONSTRAINT deal_property_history_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.deals_quarantine
    ADD CONSTRAINT deals_quarantine_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.exchange_rates
    ADD CONSTRAINT exchange_rates_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.job_batches
    ADD CONSTRAINT job_batches_job_id_fkey FOREIGN KEY (job_id) REFERENCES hubspot.jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.jobs_archive
    ADD CONSTRAINT jobs_archive_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.jobs
    ADD CONSTRAINT jobs_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.notification_deliveries
    ADD CONSTRAINT notification_deliveries_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.owners
    ADD CONSTRAINT owners_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.pipeline_stages
    ADD CONSTRAINT pipeline_stages_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.pipelines
    ADD CONSTRAINT pipelines_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.portals
    ADD CONSTRAINT portals_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.reader_organizations
    ADD CONSTRAINT reader_organizations_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.sync_state
    ADD CONSTRAINT sync_state_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY hubspot.usage_records
    ADD CONSTRAINT usage_records_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES hubspot.organizations(id) ON DELETE CASCADE;

ALTER TABLE hubspot.absent_deals ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.deal_associations ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.deal_properties ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.deal_property_history ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.deals_quarantine ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.exchange_rates ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.hubspot_deals ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.job_batches ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.job_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.jobs ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.jobs_archive ENABLE ROW LEVEL SECURITY;

CREATE POLICY loader ON hubspot.absent_deals TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.deal_associations TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.deal_properties TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.deal_property_history TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.deals_quarantine TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.exchange_rates TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.hubspot_deals TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.job_batches TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.job_events TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.jobs TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.jobs_archive TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.notification_deliveries TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.organizations TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.owners TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.pipeline_stages TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.pipelines TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.portals TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.reader_organizations TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.sync_state TO hubspot_loader USING (true) WITH CHECK (true);

CREATE POLICY loader ON hubspot.usage_records TO hubspot_loader USING (true) WITH CHECK (true);

ALTER TABLE hubspot.notification_deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.organizations ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.owners ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.pipeline_stages ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.pipelines ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.portals ENABLE ROW LEVEL SECURITY;

CREATE POLICY reader ON hubspot.absent_deals FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.deal_associations FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.deal_properties FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.deal_property_history FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.deals_quarantine FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.exchange_rates FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.hubspot_deals FOR SELECT USING ((_organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.job_batches FOR SELECT USING ((EXISTS ( SELECT
   FROM hubspot.jobs job
  WHERE (job.id = job_batches.job_id))));

CREATE POLICY reader ON hubspot.job_events FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.jobs FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.jobs_archive FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.notification_deliveries FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.organizations FOR SELECT USING ((id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.owners FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.pipeline_stages FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.pipelines FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.portals FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.reader_organizations FOR SELECT USING ((pg_has_role(CURRENT_USER, (role)::oid, 'USAGE'::text) OR pg_has_role(SESSION_USER, (role)::oid, 'USAGE'::text)));

CREATE POLICY reader ON hubspot.sync_state FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

CREATE POLICY reader ON hubspot.usage_records FOR SELECT USING ((organization_id = ANY (( SELECT hubspot.visible_organizations() AS visible_organizations)::uuid[])));

ALTER TABLE hubspot.reader_organizations ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.sync_state ENABLE ROW LEVEL SECURITY;

ALTER TABLE hubspot.usage_records ENABLE ROW LEVEL SECURITY;

REVOKE ALL ON FUNCTION hubspot.add_usage() FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.allow_negative_amounts(organization uuid, deal_type text, allowed boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.analyze_deals(tables_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.archive_jobs(organization uuid, rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.bind_reader(role regrole, organization uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.chosen_organization() FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.clear_statistics(relations regclass[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.drop_deals_of(organization uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.drop_job_events_before(moment timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.ensure_deals_partition(organization uuid, deal_type text) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.ensure_job_events_partition(moment timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.ensure_job_events_partitions(months_ahead integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.erase_organization(organization uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.expire_archive(rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.expire_notifications(rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.expire_quarantine(rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.expire_usage(rows_max integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.forget_names() FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.forget_statistics(relation regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.give_loader(relation regclass, role regrole) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.give_reader(relation regclass, reader regrole) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.grant_loader(role regrole) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.grant_reader(role regrole) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.lay_out_leaf(leaf regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.make_deals_partition(organization uuid, deal_type text) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.make_job_events_partition(moment timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.make_plain_deals_partition(organization uuid, deal_type text) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.number_job_event() FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.protect_table(relation regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.purge_deals(organization uuid, deal_type text, job uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.purge_job(job uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.reap_silent_jobs(silence interval, patience interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.requeue_quarantine(organization uuid, deal_type text, reason text, OUT requeued integer, OUT unreadable integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.revoke_reader(role regrole) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.revoke_rights(role regrole) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.switch_amount_check(organization uuid, deal_type text, allowed boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.tell(organization uuid, kind text, details jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.tell_deletion() FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.tell_job_events() FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.tell_watermark() FROM PUBLIC;

REVOKE ALL ON FUNCTION hubspot.use_schema(role regrole, name text) FROM PUBLIC;
