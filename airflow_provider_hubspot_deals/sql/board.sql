-- name: set_transaction
-- Somebody waits for a page, and many may: nothing here may take long or hold anybody up.
SELECT set_config('statement_timeout', '10s', true),
       set_config('lock_timeout', '2s', true),
       set_config('application_name', 'hubspot-deals page', true)

-- name: organizations
-- Each organization and type that belongs to one of these DAGs, with its newest job: the active one, else the last ended.
-- Deals are counted by PostgreSQL's statistics: counting them would read every leaf.
-- Of a job that went on after a pause, its latest attempt: what that has read since its first batch.
WITH known AS (
    SELECT state.organization_id, state.type, owner.slug, coalesce(owner.name, owner.slug) AS name, state.watermark,
           state.portal_id, state.last_sync_at, state.stale_after_minutes,
           'hubspot_deals_' || owner.slug || CASE state.type WHEN 'standard' THEN '' ELSE '_' || state.type END AS dag_id,
           'hubspot_deals' || CASE state.type WHEN 'standard' THEN '' ELSE '_' || state.type END AS job_type
    FROM {schema}.sync_state AS state
    JOIN {schema}.organizations AS owner ON owner.id = state.organization_id
)
SELECT seen.organization_id, seen.type, seen.slug, seen.name, seen.dag_id, seen.watermark, seen.portal_id,
       seen.last_sync_at, seen.stale_after_minutes, portal.ui_domain,
       CASE WHEN pg_stat_get_live_tuples(leaf.oid) > 0 THEN pg_stat_get_live_tuples(leaf.oid)
            ELSE greatest(leaf.reltuples, 0)::bigint END AS deals,
       coalesce(usage.deals_inserted + usage.deals_updated + usage.deals_deleted, 0) AS changed_today,
       coalesce(usage.api_calls, 0) AS api_calls_today,
       coalesce(usage.rate_limit_hits, 0) AS rate_limit_hits_today,
       (SELECT count(*) FROM {schema}.deals_quarantine AS record
        WHERE record.organization_id = seen.organization_id AND record.type = seen.type
          AND record.resolved_at IS NULL) AS quarantined,
       job.id AS job_id, coalesce(nullif(job.dag_id, 'command line'), seen.dag_id) AS job_dag_id, job.run_id, job.status,
       job.mode, job.phase,
       job.attempt, job.created_at, job.start_time, job.end_time, job.last_heartbeat, job.resume_at,
       job.records_extracted, job.records_expected, job.value_issues, job.records_quarantined, job.error_code,
       job.error_message, job.daily_limit, job.daily_limit - job.daily_remaining AS daily_used,
       (coalesce(job.end_time, job.last_heartbeat) AT TIME ZONE coalesce(portal.time_zone, 'UTC'))::date
           = (now() AT TIME ZONE coalesce(portal.time_zone, 'UTC'))::date AS daily_is_of_today,
       latest.going_on_since, latest.read_since,
       clock_timestamp() AS now
FROM (
    SELECT * FROM known
    UNION ALL
    -- Of one that has never run only its DAG is known.
    SELECT NULL, 'standard', NULL, substr(built.dag_id, length('hubspot_deals_') + 1), NULL, NULL, NULL, NULL,
           built.dag_id, NULL
    FROM unnest(%(built)s::text[]) AS built (dag_id)
    WHERE NOT EXISTS (SELECT FROM known WHERE known.dag_id = built.dag_id)
) AS seen
LEFT JOIN LATERAL (
    SELECT newest.* FROM (
        (SELECT * FROM {schema}.jobs
         WHERE jobs.organization_id = seen.organization_id AND jobs.type = seen.job_type
           AND status IN ('pending', 'running'))
        UNION ALL
        (SELECT * FROM {schema}.jobs
         WHERE jobs.organization_id = seen.organization_id AND jobs.type = seen.job_type AND end_time IS NOT NULL
         ORDER BY end_time DESC LIMIT 1)
    ) AS newest
    ORDER BY newest.end_time IS NULL DESC
    LIMIT 1
) AS job ON true
LEFT JOIN LATERAL (
    SELECT min(batch.written_at) AS going_on_since,
           sum(batch.received) - (array_agg(batch.received ORDER BY batch.batch_number))[1] AS read_since
    FROM {schema}.jobs AS active
    JOIN {schema}.job_batches AS batch ON batch.job_id = active.id AND batch.epoch = active.epoch
    WHERE active.id = job.id AND active.status = 'running' AND active.attempt > 1
) AS latest ON true
LEFT JOIN {schema}.usage_records AS usage
       ON usage.organization_id = seen.organization_id AND usage.type = seen.type
      AND usage.day = (now() AT TIME ZONE 'UTC')::date
LEFT JOIN {schema}.portals AS portal
       ON portal.organization_id = seen.organization_id AND portal.type = seen.type
LEFT JOIN pg_class AS leaf
       ON leaf.relname = {schema}.deals_partition(seen.organization_id, seen.type)::name
      AND leaf.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
WHERE seen.dag_id = ANY (%(dag_ids)s) OR job.dag_id = ANY (%(dag_ids)s)

-- name: known_dags
-- DAGs of the organizations that have run into this store.
SELECT 'hubspot_deals_' || owner.slug || CASE state.type WHEN 'standard' THEN '' ELSE '_' || state.type END
FROM {schema}.sync_state AS state
JOIN {schema}.organizations AS owner ON owner.id = state.organization_id

-- name: recent_runs
-- For those on the screen: the last ended runs, oldest first.
SELECT shown.organization_id, shown.type, run.runs
FROM unnest(%(organization_ids)s::uuid[], %(types)s::text[]) AS shown (organization_id, type)
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'status', status, 'records', records_extracted,
               'seconds', extract(epoch FROM end_time - coalesce(start_time, end_time))
           ) ORDER BY end_time), '[]') AS runs
    FROM (
        SELECT * FROM {schema}.jobs
        WHERE jobs.organization_id = shown.organization_id AND end_time IS NOT NULL
          AND jobs.type = 'hubspot_deals' || CASE shown.type WHEN 'standard' THEN '' ELSE '_' || shown.type END
        ORDER BY end_time DESC
        LIMIT %(runs_max)s
    ) AS ended
) AS run

-- name: jobs
-- The newest jobs of one organization and type that belong to this DAG, the active one first. Jobs that the command line
-- made, whose dag_id is no DAG's, belong to the DAG that the organizations file makes, as those without one.
SELECT job.id, job.status, job.mode, job.phase, job.trigger, job.attempt, job.created_at, job.start_time, job.end_time,
       job.last_heartbeat, job.resume_at, job.records_extracted, job.records_expected, job.records_inserted,
       job.records_updated, job.records_deleted, job.value_issues, job.records_quarantined, job.api_calls, job.error_code,
       owner.slug, coalesce(owner.name, owner.slug) AS name, clock_timestamp() AS now
FROM {schema}.jobs AS job
JOIN {schema}.organizations AS owner ON owner.id = job.organization_id
WHERE job.organization_id = %(organization_id)s
  AND job.type = 'hubspot_deals' || CASE %(type)s WHEN 'standard' THEN '' ELSE '_' || %(type)s END
  AND coalesce(nullif(job.dag_id, 'command line'), 'hubspot_deals_' || owner.slug
               || CASE %(type)s WHEN 'standard' THEN '' ELSE '_' || %(type)s END) = %(dag_id)s
ORDER BY job.end_time DESC NULLS FIRST
LIMIT %(jobs_max)s

-- name: job
-- A job of this DAG, archived ones too; none of another DAG, whose readers may be others.
SELECT job.*, owner.slug, coalesce(owner.name, owner.slug) AS name, state.watermark, state.portal_id, portal.ui_domain,
       {schema}.deal_type_of(job.type) AS deal_type, clock_timestamp() AS now,
       latest.going_on_since, latest.read_since,  -- as in organizations
       -- As asked; the columns are what the job has come to, and a config may be whatever somebody inserted.
       config ->> 'mode' AS asked_mode,
       config ->> 'window_start' AS asked_window_start, config ->> 'window_end' AS asked_window_end,
       coalesce(jsonb_path_query_array(config, '$.additional_properties[*] ? (@.type() == "string")'), '[]')
           AS additional_properties
FROM (
    SELECT id, organization_id, type, status, mode, phase, trigger, attempt, created_at, start_time, end_time,
           last_heartbeat, resume_at, window_start, window_end, config, error_code, error_message,
           records_extracted, records_expected, records_inserted, records_updated, records_unchanged, records_duplicate,
           records_stale, records_quarantined, records_deleted, value_issues, pages_read, batches, api_calls,
           api_calls_by_endpoint, rate_limit_hits, bytes_received, daily_limit, daily_remaining,
           nullif(dag_id, 'command line') AS dag_id, run_id, task_id, map_index, try_number,
           NULL::timestamptz AS archived_at
    FROM {schema}.jobs
    UNION ALL
    SELECT id, organization_id, type, status, mode, phase, trigger, attempt, created_at, start_time, end_time,
           last_heartbeat, resume_at, window_start, window_end, config, error_code, error_message,
           records_extracted, records_expected, records_inserted, records_updated, records_unchanged, records_duplicate,
           records_stale, records_quarantined, records_deleted, value_issues, pages_read, batches, api_calls,
           api_calls_by_endpoint, rate_limit_hits, bytes_received, daily_limit, daily_remaining,
           nullif(dag_id, 'command line') AS dag_id, run_id, task_id, map_index, try_number,
           archived_at
    FROM {schema}.jobs_archive
) AS job
JOIN {schema}.organizations AS owner ON owner.id = job.organization_id
LEFT JOIN LATERAL (
    SELECT min(batch.written_at) AS going_on_since,
           sum(batch.received) - (array_agg(batch.received ORDER BY batch.batch_number))[1] AS read_since
    FROM {schema}.jobs AS active
    JOIN {schema}.job_batches AS batch ON batch.job_id = active.id AND batch.epoch = active.epoch
    WHERE active.id = job.id AND active.status = 'running' AND active.attempt > 1
) AS latest ON true
LEFT JOIN {schema}.sync_state AS state
       ON state.organization_id = job.organization_id AND state.type = {schema}.deal_type_of(job.type)
LEFT JOIN {schema}.portals AS portal
       ON portal.organization_id = job.organization_id AND portal.type = {schema}.deal_type_of(job.type)
WHERE job.id = %(job_id)s
  AND coalesce(job.dag_id, 'hubspot_deals_' || owner.slug
               || CASE job.type WHEN 'hubspot_deals' THEN '' ELSE '_' || {schema}.deal_type_of(job.type) END) = %(dag_id)s

-- name: job_of_task
-- The newest job of an Airflow task instance, as the task's own button asks for it. Archived ones have no index for that.
SELECT id FROM {schema}.jobs
WHERE dag_id = %(dag_id)s AND run_id = %(run_id)s AND task_id = %(task_id)s AND map_index = %(map_index)s
ORDER BY created_at DESC
LIMIT 1

-- name: events
-- The newest ones, oldest first. By organization and time as well: each month is a partition.
SELECT * FROM (
    SELECT sequence, occurred_at, kind, actor, details FROM {schema}.job_events
    WHERE job_id = %(job_id)s AND organization_id = %(organization_id)s
      AND occurred_at >= %(created_at)s::timestamptz - interval '1 minute'
    ORDER BY sequence DESC
    LIMIT %(events_max)s
) AS newest
ORDER BY sequence

-- name: phases
-- What the job has done in each of its phases, in the order in which it came to them.
SELECT phase, count(*) AS batches, sum(pages) AS pages, sum(received) AS received, sum(inserted) AS inserted,
       sum(updated) AS updated, min(written_at) AS first_written_at, max(written_at) AS last_written_at
FROM {schema}.job_batches
WHERE job_id = %(job_id)s
GROUP BY phase
ORDER BY min(batch_number)

-- name: batches
-- The newest ones, oldest first.
SELECT * FROM (
    SELECT batch_number, received, written_at FROM {schema}.job_batches
    WHERE job_id = %(job_id)s
    ORDER BY batch_number DESC
    LIMIT %(batches_max)s
) AS newest
ORDER BY batch_number

-- name: tell_cancel
-- The job's own event names our login to PostgreSQL; this one, who pressed the button. Giving the event its number locks
-- the job. No row: it has ended, or is no job of this DAG.
INSERT INTO {schema}.job_events (organization_id, job_id, kind, details)
SELECT job.organization_id, job.id, 'cancel_requested', jsonb_build_object('by', %(by)s::text, 'through', 'Airflow UI')
FROM {schema}.jobs AS job
JOIN {schema}.organizations AS owner ON owner.id = job.organization_id
WHERE job.id = %(job_id)s AND job.status IN ('pending', 'running')
  AND coalesce(nullif(job.dag_id, 'command line'), 'hubspot_deals_' || owner.slug
               || CASE job.type WHEN 'hubspot_deals' THEN '' ELSE '_' || {schema}.deal_type_of(job.type) END) = %(dag_id)s

-- name: cancel
-- Takes effect at the job's next batch. No row: it has ended meanwhile.
UPDATE {schema}.jobs SET status = 'cancelled' WHERE id = %(job_id)s AND status IN ('pending', 'running')
