"""The audit trail of jobs, written by the database itself in the transaction that it tells of; and rules by name."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(JOBS)
    op.execute(EVENTS)
    op.execute(TELLING)
    op.execute(RULES)


def downgrade() -> None:
    op.execute("""
DROP TRIGGER jobs_guard_facts ON jobs;
DROP FUNCTION guard_job_facts();
DROP TRIGGER sync_state_tell_watermark ON sync_state;
DROP FUNCTION tell_watermark();
DROP TRIGGER jobs_tell_deletion ON jobs;
DROP FUNCTION tell_deletion();
DROP TRIGGER jobs_tell_change ON jobs;
DROP TRIGGER jobs_tell_creation ON jobs;
DROP FUNCTION tell_job_events();
DROP FUNCTION job_event_details(text, jobs, jobs);
DROP FUNCTION job_event_kinds(jobs, jobs);
DROP TABLE job_events;
DROP FUNCTION refuse_change_of_events();
DROP FUNCTION number_job_event();
DROP FUNCTION ensure_job_events_partition(timestamptz);
DROP FUNCTION job_events_partition(timestamptz);
DROP FUNCTION deal_type_of(text);
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
ALTER TABLE jobs DROP CONSTRAINT jobs_type_is_a_label, DROP COLUMN continues, DROP COLUMN event_count;
    """)


JOBS = """
ALTER TABLE jobs
    ADD COLUMN event_count integer NOT NULL DEFAULT 0 CHECK (event_count >= 0),
    ADD COLUMN continues uuid NULL,
    ADD CONSTRAINT jobs_type_is_a_label CHECK (
        type ~ '^[a-z][a-z0-9_]{0,30}$'
        AND (type !~ '^hubspot_deals_' OR type ~ '^hubspot_deals_[a-z][a-z0-9_]{0,14}$')
        -- The standard portal has no label in its type: a second spelling would get past one_active.
        AND type <> 'hubspot_deals_standard'
    );
COMMENT ON COLUMN jobs.event_count IS 'Number of the job''s events in job_events, which are numbered 1, 2, 3, … without gaps. Counted by the database. 0 for jobs that ended before there were events.';
COMMENT ON COLUMN jobs.continues IS 'The lost job of the same run whose checkpoint this one went on from.';
COMMENT ON CONSTRAINT jobs_type_is_a_label ON jobs IS 'Lower case, at most 31 characters; hubspot_deals for the standard portal, hubspot_deals_<label of at most 15> for another.';

CREATE FUNCTION deal_type_of(job_type text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE job_type WHEN 'hubspot_deals' THEN 'standard' ELSE regexp_replace(job_type, '^hubspot_deals_', '') END
$$;
COMMENT ON FUNCTION deal_type_of IS 'The portal''s label in jobs.type: hubspot_deals_sandbox → sandbox, hubspot_deals → standard. Other work than deals keeps its name.';
"""

EVENTS = """
CREATE TABLE job_events (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    occurred_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    organization_id uuid        NULL,
    job_id          uuid        NULL,
    sequence        integer     NULL,
    kind            text        NOT NULL CONSTRAINT job_events_kind_is_a_word CHECK (kind ~ '^[a-z][a-z_]{0,39}$'),
    actor           text        NOT NULL DEFAULT session_user,
    details         jsonb       NOT NULL DEFAULT '{}'
                    CONSTRAINT job_events_details_are_an_object CHECK (jsonb_typeof(details) = 'object'),
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
COMMENT ON COLUMN job_events.job_id IS 'The job, which may have been archived or purged since. NULL for what no job did, such as maintenance.';
COMMENT ON COLUMN job_events.sequence IS 'Number of the event in its job: 1, 2, 3, … without gaps, given by the database.';
COMMENT ON COLUMN job_events.kind IS 'created, started, resumed, superseded, rate_limited, phase, progress, quarantined, watermark_moved, deferred, interrupted, completed, failed, cancelled, deleted: told by the copy itself. Others: by whoever did it.';
COMMENT ON COLUMN job_events.actor IS 'Login role of the session that did it; set by the database.';
COMMENT ON COLUMN job_events.details IS 'What belongs to the kind: counts, phase, error code and message, times. Never a deal''s values.';

CREATE FUNCTION job_events_partition(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT 'job_events_' || to_char(moment AT TIME ZONE 'UTC', 'YYYY_MM')
$$;
COMMENT ON FUNCTION job_events_partition IS 'Name of the partition that holds the events of a moment.';

CREATE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION refuse_change_of_events IS 'Trigger: nobody rewrites the audit trail.';

-- The owner's rights: a loader that is not the owner may well be the first to write in a month.
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
    EXECUTE format('CREATE TRIGGER job_events_no_truncate BEFORE TRUNCATE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events()', name);
    EXECUTE format('ALTER TABLE job_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
                   month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    RETURN true;
END $$;
COMMENT ON FUNCTION ensure_job_events_partition IS 'Make the partition for the month of a moment; true if it was not there.';
SELECT ensure_job_events_partition(now()), ensure_job_events_partition(now() + interval '1 month');

-- The owner's rights: whoever may tell of a job need not be able to change it.
CREATE FUNCTION number_job_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION number_job_event IS 'Trigger: gives an event its actor, and an event of a job its number and organization.';
CREATE TRIGGER job_events_number BEFORE INSERT ON job_events FOR EACH ROW EXECUTE FUNCTION number_job_event();

CREATE TRIGGER job_events_append_only BEFORE UPDATE OR DELETE ON job_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_events();
CREATE TRIGGER job_events_no_truncate BEFORE TRUNCATE ON job_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events();
"""

TELLING = """
CREATE FUNCTION job_event_kinds(before jobs, after jobs) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION job_event_kinds IS 'What a change of a job''s row means, in the order in which it is told. before is NULL for a new row.';

CREATE FUNCTION job_event_details(kind text, before jobs, after jobs) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION job_event_details IS 'The details of an event of the given kind.';

-- The owner's rights: whoever may change a job cannot do it untold, and need not be able to tell anything else.
CREATE FUNCTION tell_job_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION tell_job_events IS 'Trigger: tells in job_events what a change of a job''s row means.';
CREATE TRIGGER jobs_tell_creation AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION tell_job_events();
-- A heartbeat, the most frequent change, tells nothing; nor does the number of an event.
CREATE TRIGGER jobs_tell_change AFTER UPDATE ON jobs FOR EACH ROW
    WHEN ((NEW.status, NEW.attempt, NEW.epoch, NEW.phase, NEW.pages_read, NEW.rate_limit_hits)
          IS DISTINCT FROM (OLD.status, OLD.attempt, OLD.epoch, OLD.phase, OLD.pages_read, OLD.rate_limit_hits))
    EXECUTE FUNCTION tell_job_events();

CREATE FUNCTION tell_deletion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM ensure_job_events_partition(now());
    INSERT INTO job_events (organization_id, job_id, sequence, kind, details)
    VALUES (OLD.organization_id, OLD.id, OLD.event_count + 1, 'deleted',
            jsonb_build_object('status', OLD.status, 'scan_id', OLD.scan_id));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tell_deletion IS 'Trigger: a job that is deleted ends its story with that. Whoever moves a job elsewhere or erases it says so: SET LOCAL hubspot_deals.moving_jobs = ''on'', or hubspot_deals.erasing.';
CREATE TRIGGER jobs_tell_deletion AFTER DELETE ON jobs FOR EACH ROW
    WHEN (current_setting('hubspot_deals.moving_jobs', true) IS DISTINCT FROM 'on'
          AND current_setting('hubspot_deals.erasing', true) IS DISTINCT FROM OLD.organization_id::text)
    EXECUTE FUNCTION tell_deletion();

CREATE FUNCTION tell_watermark() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION tell_watermark IS 'Trigger: tells, as an event of the job that holds the fence if one is running, that the watermark of a portal moved.';
CREATE TRIGGER sync_state_tell_watermark AFTER UPDATE ON sync_state FOR EACH ROW
    WHEN (NEW.watermark IS DISTINCT FROM OLD.watermark) EXECUTE FUNCTION tell_watermark();
"""

RULES = """
CREATE OR REPLACE FUNCTION guard_job_transition() RETURNS trigger LANGUAGE plpgsql AS $$
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
COMMENT ON FUNCTION guard_job_transition IS 'Trigger: the legal transitions of a job, and the times that belong to them.';

CREATE FUNCTION guard_job_facts() RETURNS trigger LANGUAGE plpgsql AS $$
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
COMMENT ON FUNCTION guard_job_facts IS 'Trigger: what a job is and what it has done cannot be rewritten.';
CREATE TRIGGER jobs_guard_facts BEFORE INSERT OR UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION guard_job_facts();
"""
