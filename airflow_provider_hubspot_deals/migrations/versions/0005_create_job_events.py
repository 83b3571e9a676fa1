"""The audit trail of jobs, written by the database itself in the transaction that it tells of; and rules by name."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
ALTER TABLE jobs
    ADD COLUMN event_count integer NOT NULL DEFAULT 0 CHECK (event_count >= 0),
    ADD CONSTRAINT jobs_type_is_a_label CHECK (type ~ '^[a-z][a-z0-9_]{0,30}$');
COMMENT ON COLUMN jobs.event_count IS 'Events in job_events, which are numbered from 1 without gaps. Counted by the database. 0 for jobs that ended before there were events.';

CREATE TABLE job_events (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    occurred_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    organization_id uuid        NULL,
    job_id          uuid        NULL,
    sequence        integer     NULL,
    kind            text        NOT NULL CHECK (kind ~ '^[a-z][a-z_]{0,39}$'),
    actor           text        NOT NULL DEFAULT session_user,
    details         jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object'),
    PRIMARY KEY (occurred_at, id),
    UNIQUE (job_id, sequence, occurred_at),
    CONSTRAINT job_events_of_a_job_are_numbered CHECK ((job_id IS NULL) = (sequence IS NULL)),
    CONSTRAINT job_events_of_a_job_name_its_organization CHECK (job_id IS NULL OR organization_id IS NOT NULL)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX idx_job_events_organization ON job_events (organization_id, occurred_at);
COMMENT ON TABLE job_events IS 'Append-only audit trail, one partition a month. Each event is written in the transaction that it tells of. No foreign keys: it outlives jobs.';
COMMENT ON COLUMN job_events.id IS 'Identifies the event.';
COMMENT ON COLUMN job_events.occurred_at IS 'PostgreSQL''s clock when the event was written; its month (UTC) is the partition.';
COMMENT ON COLUMN job_events.organization_id IS 'The tenant. NULL for what concerns none, such as the erasure of one.';
COMMENT ON COLUMN job_events.job_id IS 'The job, which may have been archived or purged since. NULL for maintenance.';
COMMENT ON COLUMN job_events.sequence IS 'Number of the event in its job: 1, 2, 3, … without gaps, given by the database.';
COMMENT ON COLUMN job_events.kind IS 'created, started, resumed, superseded, phase, progress, rate_limited, deferred, interrupted, completed, failed, cancelled: written by the job''s own changes. Others: by whoever did it.';
COMMENT ON COLUMN job_events.actor IS 'Database role of the session.';
COMMENT ON COLUMN job_events.details IS 'What belongs to the kind: counts, phase, error code and message, times. Never a deal''s values.';

CREATE FUNCTION job_events_partition(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT 'job_events_' || to_char(moment AT TIME ZONE 'UTC', 'YYYY_MM')
$$;
COMMENT ON FUNCTION job_events_partition IS 'Name of the partition that holds the events of a moment.';

CREATE FUNCTION ensure_job_events_partition(moment timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
    EXECUTE format('ALTER TABLE job_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
                   month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    RETURN true;
END $$;
COMMENT ON FUNCTION ensure_job_events_partition IS 'Make the partition for the month of a moment; true if it was not there.';
SELECT ensure_job_events_partition(now()), ensure_job_events_partition(now() + interval '1 month');

CREATE FUNCTION number_job_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.job_id IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.kind IN ('created', 'started', 'resumed', 'superseded', 'completed', 'failed', 'cancelled')
       AND pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'an event % is written by the job''s own change; update jobs instead', quote_literal(NEW.kind)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'job_events_tell_what_happened', TABLE = 'job_events';
    END IF;
    -- The lock on the job's row makes the numbers gapless: an event that is rolled back takes its number with it.
    UPDATE jobs SET event_count = event_count + 1 WHERE id = NEW.job_id
    RETURNING event_count, organization_id INTO NEW.sequence, NEW.organization_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no job %', NEW.job_id USING ERRCODE = 'foreign_key_violation', TABLE = 'job_events';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION number_job_event IS 'Trigger: gives an event of a job its number and organization.';
CREATE TRIGGER job_events_number BEFORE INSERT ON job_events FOR EACH ROW EXECUTE FUNCTION number_job_event();

CREATE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- erase_organization() says for one transaction whose events must go.
    IF TG_OP = 'DELETE' AND current_setting('hubspot_deals.erasing', true) = OLD.organization_id::text THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'job_events is append-only: % is not possible', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'job_events_are_append_only', TABLE = 'job_events',
              HINT = 'Old months go by drop_job_events_before(), a tenant''s events by erase_organization().';
END $$;
COMMENT ON FUNCTION refuse_change_of_events IS 'Trigger: nobody rewrites the audit trail.';
CREATE TRIGGER job_events_append_only BEFORE UPDATE OR DELETE ON job_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_events();
CREATE TRIGGER job_events_no_truncate BEFORE TRUNCATE ON job_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events();
    """)
    op.execute("""
CREATE FUNCTION job_event_kinds(before jobs, after jobs) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT array_remove(ARRAY[
        CASE WHEN before.id IS NULL THEN 'created' END,
        CASE WHEN before.status = 'running' AND after.status = 'running' AND after.epoch > before.epoch THEN 'superseded' END,
        CASE WHEN after.status = 'running' AND after.attempt > coalesce(before.attempt, 0)
             THEN CASE WHEN after.attempt = 1 THEN 'started' ELSE 'resumed' END
             WHEN after.status = 'running' AND before.status IS DISTINCT FROM 'running' THEN 'started' END,
        CASE WHEN after.rate_limit_hits > before.rate_limit_hits THEN 'rate_limited' END,
        CASE WHEN after.phase <> coalesce(before.phase, '') THEN 'phase' END,
        CASE WHEN after.pages_read / 100 > before.pages_read / 100 THEN 'progress' END,
        CASE WHEN before.status = 'running' AND after.status = 'pending'
             THEN CASE WHEN after.resume_at > now() THEN 'deferred' ELSE 'interrupted' END END,
        CASE WHEN after.status <> coalesce(before.status, '') AND after.status IN ('completed', 'failed', 'cancelled')
             THEN after.status END
    ], NULL)
$$;
COMMENT ON FUNCTION job_event_kinds IS 'What a change of a job''s row means, in the order in which it is told. before is NULL for a new row.';

CREATE FUNCTION job_event_details(kind text, before jobs, after jobs) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT jsonb_strip_nulls(CASE
        WHEN kind = 'created' THEN jsonb_build_object(
            'type', after.type, 'mode', after.mode, 'trigger', after.trigger, 'dag_id', after.dag_id, 'run_id', after.run_id)
        WHEN kind = 'superseded' THEN jsonb_build_object('attempt', before.attempt, 'epoch', before.epoch,
            'last_heartbeat', before.last_heartbeat)
        WHEN kind IN ('started', 'resumed') THEN jsonb_build_object('attempt', after.attempt, 'epoch', after.epoch,
            'mode', after.mode, 'try_number', after.try_number, 'phase', after.checkpoint ->> 'phase')
        WHEN kind = 'rate_limited' THEN jsonb_build_object('hits', after.rate_limit_hits - before.rate_limit_hits)
        WHEN kind IN ('phase', 'progress') THEN jsonb_build_object('phase', after.phase, 'batches', after.batches,
            'pages_read', after.pages_read, 'records_extracted', after.records_extracted,
            'records_expected', after.records_expected)
        WHEN kind IN ('deferred', 'interrupted') THEN jsonb_build_object('error_code', after.error_code,
            'error_message', after.error_message, 'resume_at', after.resume_at, 'phase', after.phase)
        ELSE jsonb_build_object('error_code', after.error_code, 'error_message', after.error_message,
            'attempt', after.attempt, 'pages_read', after.pages_read, 'api_calls', after.api_calls,
            'records_extracted', after.records_extracted, 'records_inserted', after.records_inserted,
            'records_updated', after.records_updated, 'records_unchanged', after.records_unchanged,
            'records_deleted', after.records_deleted, 'records_quarantined', after.records_quarantined,
            'value_issues', after.value_issues)
    END)
$$;
COMMENT ON FUNCTION job_event_details IS 'The details of an event of the given kind.';

CREATE FUNCTION write_job_events() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
    PERFORM ensure_job_events_partition(now());
    INSERT INTO job_events (organization_id, job_id, kind, details)
    SELECT NEW.organization_id, NEW.id, kind, job_event_details(kind, before, NEW)
    FROM unnest(kinds) WITH ORDINALITY AS told (kind, position)
    ORDER BY position;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION write_job_events IS 'Trigger: tells in job_events what a change of a job''s row means.';
CREATE TRIGGER jobs_write_events AFTER INSERT OR UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION write_job_events();

CREATE OR REPLACE FUNCTION guard_job_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.event_count NOT IN (OLD.event_count, OLD.event_count + 1) THEN
        RAISE EXCEPTION 'event_count of job % is counted by the database', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_events_are_counted', TABLE = 'jobs';
    END IF;
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    IF OLD.status IN ('completed', 'failed', 'cancelled') OR (OLD.status, NEW.status) = ('pending', 'completed') THEN
        RAISE EXCEPTION 'job % cannot go from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_legal_transitions', TABLE = 'jobs',
                  HINT = 'pending → running → completed; pending or running → failed, cancelled; running → pending. What has ended stays as it ended.';
    END IF;
    -- A bare UPDATE … SET status = 'cancelled' is the documented way to cancel: fill in what it leaves out.
    IF NEW.status = 'running' THEN
        NEW.start_time := coalesce(NEW.start_time, now());
    ELSIF NEW.status <> 'pending' THEN
        NEW.end_time := coalesce(NEW.end_time, now());
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION guard_job_transition IS 'Trigger: the legal transitions of a job, and the times that belong to them.';
    """)


def downgrade() -> None:
    op.execute("""
DROP TRIGGER jobs_write_events ON jobs;
DROP FUNCTION write_job_events();
DROP FUNCTION job_event_details(text, jobs, jobs);
DROP FUNCTION job_event_kinds(jobs, jobs);
DROP TABLE job_events;
DROP FUNCTION refuse_change_of_events();
DROP FUNCTION number_job_event();
DROP FUNCTION ensure_job_events_partition(timestamptz);
DROP FUNCTION job_events_partition(timestamptz);
CREATE OR REPLACE FUNCTION guard_job_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    IF OLD.status IN ('completed', 'failed', 'cancelled') OR (OLD.status, NEW.status) = ('pending', 'completed') THEN
        RAISE EXCEPTION 'job % cannot go from % to %', OLD.id, OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    -- A bare UPDATE … SET status = 'cancelled' is the documented way to cancel: fill in what it leaves out.
    IF NEW.status = 'running' THEN
        NEW.start_time := coalesce(NEW.start_time, now());
    ELSIF NEW.status <> 'pending' THEN
        NEW.end_time := coalesce(NEW.end_time, now());
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION guard_job_transition IS NULL;
ALTER TABLE jobs DROP CONSTRAINT jobs_type_is_a_label, DROP COLUMN event_count;
    """)
