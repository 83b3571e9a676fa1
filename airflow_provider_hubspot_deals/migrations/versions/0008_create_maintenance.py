"""Retention, archive, purge, erasure and requeueing: functions for a person with psql and for the maintenance DAG."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("""
UPDATE organizations SET retention_days = 36500 WHERE retention_days > 36500;
ALTER TABLE organizations
    ADD COLUMN archive_days integer NOT NULL DEFAULT 365 CHECK (archive_days > 0),
    ADD COLUMN quarantine_days integer NOT NULL DEFAULT 30 CHECK (quarantine_days > 0),
    ADD CONSTRAINT organizations_periods_end CHECK (greatest(retention_days, archive_days, quarantine_days) <= 36500);
COMMENT ON CONSTRAINT organizations_periods_end ON organizations IS 'At most 36500 days: now() minus more leaves the calendar, for which retention would fail everybody.';
COMMENT ON COLUMN organizations.retention_days IS 'Days that an ended job stays in jobs; then it moves to jobs_archive. From the organizations file, set at each run.';
COMMENT ON COLUMN organizations.archive_days IS 'Days that a job stays in jobs_archive after it moved there, and that a day stays in usage_records. From the organizations file.';
COMMENT ON COLUMN organizations.quarantine_days IS 'Days that the raw bytes of a quarantined record are kept after HubSpot last sent it. From the organizations file.';

CREATE TABLE jobs_archive (
    LIKE jobs INCLUDING DEFAULTS,
    archived_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id),
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT jobs_archive_holds_ended_jobs
        CHECK (end_time IS NOT NULL AND status IN ('completed', 'failed', 'cancelled'))
);
CREATE INDEX idx_jobs_archive_organization ON jobs_archive (organization_id, archived_at);
COMMENT ON INDEX idx_jobs_archive_organization IS 'An organization''s archived jobs, and which of them are old enough to go.';
COMMENT ON TABLE jobs_archive IS 'Jobs that ended longer ago than their organization''s retention_days, with every column of jobs. Their ledger is gone; their events and usage stay.';
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = 'jobs'::regclass AND attnum > 0 AND NOT attisdropped LOOP
        EXECUTE format('COMMENT ON COLUMN jobs_archive.%I IS %L', name, format('As in jobs.%s.', name));
    END LOOP;
END $$;
COMMENT ON COLUMN jobs_archive.archived_at IS 'When the job moved here.';

-- Retention looks for each organization's oldest ended jobs.
CREATE INDEX idx_jobs_ended ON jobs (organization_id, end_time) WHERE end_time IS NOT NULL;
COMMENT ON INDEX idx_jobs_ended IS 'An organization''s ended jobs by age, for archive_jobs().';

ALTER TABLE deals_quarantine
    ALTER raw DROP NOT NULL,
    ADD COLUMN raw_expired_at timestamptz NULL,
    ADD CONSTRAINT deals_quarantine_keeps_raw_until_it_expires CHECK ((raw IS NULL) = (raw_expired_at IS NOT NULL));
COMMENT ON COLUMN deals_quarantine.raw IS 'The record as JSON, zlib-compressed: what HubSpot sent, personal data included. NULL once expire_quarantine() removed it.';
COMMENT ON COLUMN deals_quarantine.raw_expired_at IS 'When expire_quarantine() removed raw; NULL while it is kept.';

CREATE FUNCTION tell(organization uuid, kind text, details jsonb) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM ensure_job_events_partition(now());
    INSERT INTO job_events (organization_id, kind, details) VALUES (organization, tell.kind, tell.details);
END $$;
COMMENT ON FUNCTION tell IS 'Write an event that belongs to no job; organization is NULL for what concerns none.';
    """)
    op.execute("""
CREATE FUNCTION reap_silent_jobs(silence interval DEFAULT '120 s', patience interval DEFAULT '1 day') RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION reap_silent_jobs IS 'Fail running jobs without a heartbeat for the time of silence, and pending ones whose next attempt is overdue by the time of patience: Airflow''s retries come within half an hour, a scheduler may be down for a night. A job that was inserted by hand waits for the next run, however late. Returns how many; each job''s own event tells.';

-- SECURITY DEFINER, these four: who runs the maintenance may remove what is due and need not be able to delete anything else.
-- They lock the organization first and skip it while it is erased: their event would come too late to go with it.
CREATE FUNCTION archive_jobs(organization uuid DEFAULT NULL, rows_max integer DEFAULT 10000) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
END $$;
COMMENT ON FUNCTION archive_jobs IS 'Move jobs that ended longer ago than retention_days to jobs_archive, of one organization or of all (NULL), at most rows_max; never touches deals. Returns how many: call again while it is rows_max.';

CREATE FUNCTION expire_archive(rows_max integer DEFAULT 10000) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION expire_archive IS 'Delete jobs that have been in jobs_archive for archive_days, at most rows_max. Returns how many.';

CREATE FUNCTION expire_usage(rows_max integer DEFAULT 10000) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION expire_usage IS 'Delete usage_records of days more than archive_days ago, at most rows_max. Returns how many.';

CREATE FUNCTION expire_quarantine(rows_max integer DEFAULT 10000) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION expire_quarantine IS 'Of records that HubSpot has not sent for quarantine_days, delete the resolved ones and empty raw of the open ones, whose ids can still be requeued; at most rows_max. Returns how many.';

CREATE FUNCTION ensure_job_events_partitions(months_ahead integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION ensure_job_events_partitions IS 'Make the partitions of job_events for this month and so many to come. Returns how many were not there.';

-- SECURITY DEFINER: only the owner may drop a partition, and a loader that owns nothing runs the maintenance.
CREATE FUNCTION drop_job_events_before(moment timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
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
END $$;
COMMENT ON FUNCTION drop_job_events_before IS 'Drop the partitions of job_events for whole months (UTC) before a moment, never the current one. Returns how many.';
    """)
    op.execute("""
CREATE FUNCTION purge_job(job uuid) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
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
        EXECUTE format('DELETE FROM %I WHERE _scan_id = $1', leaf) USING job;
        GET DIAGNOSTICS deals = ROW_COUNT;
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
COMMENT ON FUNCTION purge_job IS 'Delete an ended job, archived or not, with the deals and quarantined records that it wrote last. HubSpot still has the deals: the next automatic run is a full one and brings them again. A run under way is failed. Returns the counts.';

CREATE FUNCTION readable_deal_id(deal_id_text text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN deal_id_text ~ '^[1-9][0-9]{0,18}$' AND deal_id_text::numeric < 9223372036854775808
                THEN deal_id_text::bigint END
$$;
COMMENT ON FUNCTION readable_deal_id IS 'The deal id that a text is in HubSpot''s own spelling, or NULL.';

CREATE FUNCTION requeue_quarantine(
    organization uuid, deal_type text DEFAULT 'standard', reason text DEFAULT NULL, OUT requeued integer, OUT unreadable integer
) LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION requeue_quarantine IS 'Have the next full or incremental run ask HubSpot anew for the deals in quarantine, of one reason or of all (NULL); stored bytes are never replayed. A good version resolves its record, a bad one is counted again. Returns the ids that were not waiting already, and the records without an id that HubSpot could be asked for.';

-- SECURITY DEFINER: before PostgreSQL 17 only the owner may ANALYZE, and a loader that owns nothing runs the maintenance.
CREATE FUNCTION analyze_deals(tables_max integer DEFAULT 50) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION analyze_deals IS 'ANALYZE the leaves of hubspot_deals with the most changes since autovacuum last did, at most tables_max, and once a day job_events with its months. Never hubspot_deals itself: that reads every leaf, and would mix values of all tenants in its statistics. Returns how many; no event.';
    """)
    op.execute("""
CREATE FUNCTION clear_statistics(relations regclass[]) RETURNS text[]
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION clear_statistics IS 'Empty the planner''s statistics of these tables. Before PostgreSQL 18 only a superuser can: returns the statements for one.';

CREATE FUNCTION forget_statistics(relation regclass) RETURNS text[]
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION forget_statistics IS 'Replace the planner''s statistics of a table, whose most common values may be a tenant''s, by those of the rows that are left. Returns what clear_statistics() leaves to a superuser.';

CREATE FUNCTION drop_deals_of(organization uuid) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
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
COMMENT ON FUNCTION drop_deals_of IS 'Drop the leaf tables of an organization, attached or not, and return how many deals they held. Part of erase_organization().';

CREATE FUNCTION forget_names() RETURNS text[] LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    refresh CONSTANT text := 'ANALYZE pg_catalog.pg_class, pg_catalog.pg_type, pg_catalog.pg_constraint';
BEGIN
    IF (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
        EXECUTE refresh;
        RETURN '{}';
    END IF;
    RETURN ARRAY[refresh];
END $$;
COMMENT ON FUNCTION forget_names IS 'Replace the planner''s statistics of the catalog, which list names of tables that are gone: a leaf''s has its organization''s id in it. Only the owner of the database can: returns the statement for it otherwise.';

CREATE FUNCTION erase_organization(organization uuid) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '10s' AS $$
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
END $$;
COMMENT ON FUNCTION erase_organization IS 'Remove everything of an organization: its leaf tables, its rows in every table that has a tenant column, its events, and its values in the planner''s statistics. A run under way ends at its next batch and writes nothing more. Returns rows by table, and run_now: statements left to a superuser (before PostgreSQL 18) or the owner of the database. Can be repeated.';

    """)


def downgrade() -> None:
    op.execute("""
DROP FUNCTION erase_organization(uuid);
DROP FUNCTION forget_names();
DROP FUNCTION drop_deals_of(uuid);
DROP FUNCTION forget_statistics(regclass);
DROP FUNCTION clear_statistics(regclass[]);
DROP FUNCTION analyze_deals(integer);
DROP FUNCTION requeue_quarantine(uuid, text, text);
DROP FUNCTION readable_deal_id(text);
DROP FUNCTION purge_job(uuid);
DROP FUNCTION drop_job_events_before(timestamptz);
DROP FUNCTION ensure_job_events_partitions(integer);
DROP FUNCTION expire_quarantine(integer);
DROP FUNCTION expire_usage(integer);
DROP FUNCTION expire_archive(integer);
DROP FUNCTION archive_jobs(uuid, integer);
DROP FUNCTION reap_silent_jobs(interval, interval);
DROP FUNCTION tell(uuid, text, jsonb);
ALTER TABLE deals_quarantine
    DROP CONSTRAINT deals_quarantine_keeps_raw_until_it_expires, DROP COLUMN raw_expired_at;
UPDATE deals_quarantine SET raw = '' WHERE raw IS NULL;
ALTER TABLE deals_quarantine ALTER raw SET NOT NULL;
COMMENT ON COLUMN deals_quarantine.raw IS NULL;
DROP INDEX idx_jobs_ended;
DO $$
DECLARE
    names text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                   WHERE attrelid = 'jobs'::regclass AND attnum > 0 AND NOT attisdropped);
BEGIN
    -- Back to where they were, untold and uncounted. A scan_id that a later job has taken since stays with that one.
    UPDATE jobs_archive AS archived SET scan_id = id::text
    WHERE EXISTS (SELECT FROM jobs WHERE scan_id = archived.scan_id)
       OR EXISTS (SELECT FROM jobs_archive AS other WHERE other.scan_id = archived.scan_id AND other.id <> archived.id);
    ALTER TABLE jobs DISABLE TRIGGER USER;
    EXECUTE format('INSERT INTO jobs (%1$s) SELECT %1$s FROM jobs_archive', names);
    ALTER TABLE jobs ENABLE TRIGGER USER;
END $$;
DROP TABLE jobs_archive;
ALTER TABLE organizations
    DROP CONSTRAINT organizations_periods_end, DROP COLUMN quarantine_days, DROP COLUMN archive_days;
COMMENT ON COLUMN organizations.retention_days IS NULL;
    """)
