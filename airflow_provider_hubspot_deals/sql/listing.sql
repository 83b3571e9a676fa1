-- name: jobs
-- Newest first. Every filter that is NULL lets everything through.
SELECT organization.slug AS organization, job.id, {schema}.deal_type_of(job.type) AS type, job.status, job.mode, job.phase, job.attempt,
       job.records_extracted, job.records_expected, job.records_inserted, job.records_updated, job.records_deleted,
       job.records_quarantined, job.api_calls, job.trigger, job.dag_id, job.run_id, job.created_at, job.start_time,
       job.end_time,
       extract(epoch FROM coalesce(job.end_time, clock_timestamp()) - job.start_time)::float8 AS seconds,
       job.error_code, job.error_message
FROM {schema}.jobs AS job JOIN {schema}.organizations AS organization ON organization.id = job.organization_id
WHERE (%(organization)s::text IS NULL OR organization.slug = %(organization)s)
  AND (%(type)s::text IS NULL OR job.type = %(type)s)
  AND (%(status)s::text IS NULL OR job.status = %(status)s)
ORDER BY job.created_at DESC, job.id
LIMIT %(rows_max)s

-- name: job
-- The type in the words of the organizations file, in place of the job's own column: the last of one name counts.
SELECT organization.slug AS organization, job.*, {schema}.deal_type_of(job.type) AS type
FROM {schema}.jobs AS job JOIN {schema}.organizations AS organization ON organization.id = job.organization_id
WHERE job.id = %(id)s

-- name: job_events
SELECT sequence, occurred_at, kind, actor, details
FROM {schema}.job_events
WHERE job_id = %(id)s
ORDER BY sequence

-- name: cancel_job
-- Whoever works on it notices at its next batch; what was committed stays.
UPDATE {schema}.jobs SET status = 'cancelled'
WHERE id = %(id)s AND status IN ('pending', 'running')
RETURNING id

-- name: organizations
SELECT slug FROM {schema}.organizations

-- name: types
SELECT DISTINCT type FROM {schema}.sync_state

-- name: portals
-- How fresh each organization and type is, and how its newest job stands.
SELECT state.organization_id, state.type, state.portal_id, state.watermark, state.last_sync_at, state.last_full_sync_at,
       job.id AS job_id, job.status AS job_status
FROM {schema}.sync_state AS state
LEFT JOIN LATERAL (
    SELECT newest.id, newest.status FROM {schema}.jobs AS newest
    WHERE newest.organization_id = state.organization_id
      AND newest.type = 'hubspot_deals' || CASE WHEN state.type = 'standard' THEN '' ELSE '_' || state.type END
    ORDER BY newest.created_at DESC
    LIMIT 1
) AS job ON true

-- name: quarantine
-- Never the raw bytes: they are a customer's.
SELECT organization.slug AS organization, record.type, record.id, record.deal_id_text, record.reason_code,
       record.field_name, record.times_seen, record.first_seen, record.last_seen, record.job_id, record.resolved_at
FROM {schema}.deals_quarantine AS record
JOIN {schema}.organizations AS organization ON organization.id = record.organization_id
WHERE (%(organization)s::text IS NULL OR organization.slug = %(organization)s)
  AND (%(type)s::text IS NULL OR record.type = %(type)s)
  AND (%(reason)s::text IS NULL OR record.reason_code = %(reason)s)
  AND (%(resolved)s OR record.resolved_at IS NULL)
ORDER BY record.last_seen DESC, record.id
LIMIT %(rows_max)s

-- name: requeue_quarantine
SELECT requeued, unreadable FROM {schema}.requeue_quarantine(%(organization_id)s, %(type)s, %(reason)s)

-- name: progress
-- Of the job of one run: how far it has come.
SELECT id, status, mode, phase, records_extracted, records_expected, attempt
FROM {schema}.jobs
WHERE organization_id = %(organization_id)s AND type = %(job_type)s AND run_id = %(run_id)s
ORDER BY created_at DESC
LIMIT 1

-- name: waiting_run
-- What an earlier run of the same kind left behind, to be gone on with.
SELECT id, run_id, try_number, mode, config
FROM {schema}.jobs
WHERE organization_id = %(organization_id)s AND type = %(job_type)s AND dag_id = %(dag_id)s AND status = 'pending'

-- name: name_session
-- PostgreSQL tells it in pg_stat_activity, and we tell it in the event of a job that is cancelled.
SELECT set_config('application_name', %(application)s, true)
