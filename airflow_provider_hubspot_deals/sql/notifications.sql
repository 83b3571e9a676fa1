-- name: is_settled
SELECT EXISTS (
    SELECT FROM {schema}.notification_deliveries
    WHERE organization_id = %(organization_id)s AND event_id = %(event_id)s AND webhook_conn_id = %(webhook_conn_id)s
      AND outcome IN ('delivered', 'gone'))

-- name: forget_what_is_settled
-- Of two processes that told the same event at the same time, one may have failed: it waits for nothing any more.
UPDATE {schema}.notification_deliveries SET payload = NULL, next_attempt_at = NULL
WHERE organization_id = %(organization_id)s AND event_id = %(event_id)s AND webhook_conn_id = %(webhook_conn_id)s
  AND payload IS NOT NULL

-- name: begin_attempt
-- What an earlier attempt keeps passes to this one. No row when nobody knows the organization: its first run failed
-- before it was registered.
WITH earlier AS (
    SELECT coalesce(max(attempt), 0) AS attempts FROM {schema}.notification_deliveries
    WHERE organization_id = %(organization_id)s AND event_id = %(event_id)s AND webhook_conn_id = %(webhook_conn_id)s
), relieved AS (
    UPDATE {schema}.notification_deliveries SET payload = NULL, next_attempt_at = NULL
    WHERE organization_id = %(organization_id)s AND event_id = %(event_id)s AND webhook_conn_id = %(webhook_conn_id)s
      AND payload IS NOT NULL
), this AS (
    SELECT attempts + 1 AS attempt, (%(pauses)s::interval[])[attempts + 1] AS pause FROM earlier
)
INSERT INTO {schema}.notification_deliveries (
    organization_id, event_id, webhook_conn_id, attempt, event_type, job_id, host, payload, next_attempt_at
)
SELECT owner.id, %(event_id)s, %(webhook_conn_id)s, this.attempt, %(event_type)s, %(job_id)s, %(host)s,
       CASE WHEN this.pause IS NOT NULL THEN %(payload)s END, clock_timestamp() + this.pause
FROM {schema}.organizations AS owner, this
WHERE owner.id = %(organization_id)s
ON CONFLICT DO NOTHING  -- another process tells of the same event at this moment
RETURNING attempt

-- name: end_attempt
UPDATE {schema}.notification_deliveries
SET outcome = %(outcome)s, http_status = %(http_status)s, problem = %(problem)s, ended_at = clock_timestamp(),
    payload = CASE WHEN %(outcome)s = 'failed' THEN payload END,
    next_attempt_at = CASE WHEN %(outcome)s = 'failed' AND payload IS NOT NULL
                           THEN greatest(next_attempt_at, clock_timestamp() + %(asked_pause)s) END
WHERE organization_id = %(organization_id)s AND event_id = %(event_id)s AND webhook_conn_id = %(webhook_conn_id)s
  AND attempt = %(attempt)s AND outcome = 'sending'

-- name: due
SELECT organization_id, event_id, event_type, job_id, webhook_conn_id, payload
FROM {schema}.notification_deliveries
WHERE next_attempt_at <= now()
ORDER BY next_attempt_at
LIMIT %(limit)s

-- name: job_of_run
-- The newest job of this very Airflow task instance.
SELECT job.*, state.watermark
FROM {schema}.jobs AS job
LEFT JOIN {schema}.sync_state AS state
       ON state.organization_id = job.organization_id AND state.type = %(type)s
WHERE job.organization_id = %(organization_id)s AND job.type = %(job_type)s
  AND job.dag_id = %(dag_id)s AND job.run_id = %(run_id)s AND job.task_id = %(task_id)s AND job.map_index = %(map_index)s
ORDER BY job.created_at DESC
LIMIT 1

-- name: freshness
-- was_told: an earlier run of the DAG has had a job since the last one completed; its own deadline came before ours. Of
-- one that completed (a window, which makes nothing fresher) Airflow has forgotten the deadline.
SELECT state.last_sync_at AS last_completed_at, state.watermark,
       round(extract(epoch FROM now() - state.last_sync_at) / 60)::integer AS age_minutes,
       coalesce(state.last_sync_at < now() - %(goal)s, true) AS is_stale,
       EXISTS (
           SELECT FROM {schema}.jobs AS earlier
           WHERE earlier.organization_id = this.organization_id AND earlier.type = %(job_type)s
             AND earlier.dag_id = %(dag_id)s AND earlier.run_id <> %(run_id)s AND earlier.status <> 'completed'
             AND earlier.created_at > coalesce(state.last_sync_at, '-infinity') AND earlier.created_at < %(queued_at)s
       ) AS was_told,
       newest.id AS job_id, newest.status, newest.error_code, newest.error_message AS error
FROM (SELECT %(organization_id)s::uuid AS organization_id) AS this
LEFT JOIN {schema}.sync_state AS state ON state.organization_id = this.organization_id AND state.type = %(type)s
LEFT JOIN LATERAL (
    SELECT id, status, error_code, error_message FROM {schema}.jobs
    WHERE organization_id = this.organization_id AND type = %(job_type)s
    ORDER BY created_at DESC
    LIMIT 1
) AS newest ON true
