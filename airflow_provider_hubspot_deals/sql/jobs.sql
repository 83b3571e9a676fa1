-- name: set_transaction
-- Ours whatever the role or database sets: no implicit clock, no unbounded wait, no leak through a pooler.
-- Every name of ours stands with its schema. Another schema in the path could hold a function whose arguments fit a call
-- of PostgreSQL's own better than that one's, and whoever may create there would run it as the loader.
SELECT set_config('search_path', 'pg_catalog', true),
       -- What COPY is handed is UTF-8: taken for another encoding, it would be stored as other characters.
       set_config('client_encoding', 'UTF8', true),
       set_config('row_security', 'on', true),  -- off, every statement on a table with policies is refused
       set_config('TimeZone', 'UTC', true),
       set_config('DateStyle', 'ISO', true),
       set_config('lock_timeout', '10s', true),
       set_config('statement_timeout', '60s', true),
       set_config('idle_in_transaction_session_timeout', '30s', true),
       -- From PostgreSQL 17 on. A batch ends by our own deadline.
       CASE WHEN current_setting('transaction_timeout', true) <> '0' THEN set_config('transaction_timeout', '0', true) END,
       -- A client that died within a statement is noticed while it runs, where the server's system can tell.
       set_config('client_connection_check_interval', CASE WHEN version() ~ '(linux|darwin|freebsd)' THEN '1s' ELSE '0' END, true)

-- name: register_organization
-- On conflict with any index: the first two claims of an organization may come at once.
INSERT INTO {schema}.organizations (id, slug) VALUES (%(organization_id)s, %(slug)s)
ON CONFLICT DO NOTHING

-- name: update_organization
-- What the organizations file says; what it does not name stays as it is.
UPDATE {schema}.organizations
SET slug = %(slug)s,
    name = coalesce(%(name)s, name),
    retention_days = coalesce(%(retention_days)s, retention_days),
    archive_days = coalesce(%(archive_days)s, archive_days),
    quarantine_days = coalesce(%(quarantine_days)s, quarantine_days)
WHERE id = %(organization_id)s
  AND (slug, name, retention_days, archive_days, quarantine_days) IS DISTINCT FROM (
      %(slug)s, coalesce(%(name)s, name), coalesce(%(retention_days)s, retention_days), coalesce(%(archive_days)s, archive_days),
      coalesce(%(quarantine_days)s, quarantine_days))

-- name: register_sync_state
INSERT INTO {schema}.sync_state (organization_id, type) VALUES (%(organization_id)s, %(type)s)
ON CONFLICT (organization_id, type) DO NOTHING

-- name: update_sync_state
-- With the fence.
UPDATE {schema}.sync_state SET stale_after_minutes = %(stale_after_minutes)s
WHERE organization_id = %(organization_id)s AND type = %(type)s AND stale_after_minutes <> %(stale_after_minutes)s

-- name: ensure_leaf
SELECT {schema}.ensure_deals_partition(%(organization_id)s, %(type)s)

-- name: allow_negative_amounts
SELECT {schema}.allow_negative_amounts(%(organization_id)s, %(type)s, %(allow_negative_amounts)s)

-- name: lock_sync_state
SELECT epoch, portal_id, watermark, selection,
       last_full_sync_at IS NULL OR watermark IS NULL AS never_full,
       last_full_sync_at IS NULL OR last_full_sync_at < now() - %(full_refresh_every)s AS full_is_due
FROM {schema}.sync_state
WHERE organization_id = %(organization_id)s AND type = %(type)s
FOR UPDATE

-- name: end_stuck_session
-- A worker that froze or vanished in the middle of a COPY leaves a session that waits for the rest and holds the fence
-- for ever: PostgreSQL ends no wait for a client by statement_timeout. The row's xmax is the transaction that has locked
-- it. Its client has given up on a transaction as old as this long ago, if it lives. Whoever works is left alone: a
-- person's purge takes its time. So is a role's session that ours may not end: the fence is waited for, and then named.
-- load_ids: of an attempt that goes on, and leaves alone whoever has replaced it; NULL for a claim.
SELECT pg_terminate_backend(activity.pid)
FROM {schema}.sync_state AS state JOIN pg_stat_activity AS activity ON activity.backend_xid = state.xmax
WHERE state.organization_id = %(organization_id)s AND state.type = %(type)s
  AND activity.wait_event_type = 'Client'
  AND activity.xact_start < clock_timestamp() - %(patience)s::interval
  AND (pg_has_role(activity.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'))
  AND (%(load_ids)s::uuid[] IS NULL OR EXISTS (
      SELECT FROM {schema}.jobs WHERE load_id = ANY (%(load_ids)s) AND epoch = state.epoch
  ))

-- name: end_session_of_transaction
-- By the transaction, not by a session's id: a pooler tells its clients invented ones.
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND backend_xid = %(transaction_id)s::xid8::xid

-- name: is_in_progress
-- A transaction that this server has not come to yet was begun on another one, before a failover. (A snapshot's xmax
-- would not tell: it may be a transaction in progress.)
SELECT CASE WHEN %(transaction_id)s::xid8 < pg_current_xact_id()
            THEN coalesce(pg_xact_status(%(transaction_id)s::xid8) = 'in progress', false) ELSE false END

-- name: is_in_ledger
-- Not pg_xact_status: it forgets, and after a failover the same number may be somebody else's transaction.
SELECT EXISTS (SELECT FROM {schema}.job_batches WHERE job_id = %(job_id)s AND xid = %(transaction_id)s::xid8)

-- name: job_of_run
-- The newest job of this very Airflow task instance: a retry continues it, a cleared task starts another. Airflow counts
-- the clears of the run, whichever task was meant; which try was the first one since its last clear tells a retry from it.
-- A completed job is taken for this attempt's own only where both say so: better a run too many than a clear without one.
-- is_lost: taken for dead and failed by somebody else, while its rows and checkpoint are as good as those of a job that
-- waits for its retry. Not where a later job read with another selection: what it rewrote must be read again.
-- is_of_later_try: an attempt stood still before its claim, while the one after it began. Silent jobs are anybody's: a run
-- that was deleted and made again counts its tries from 1.
-- Locked: who cancels it, or takes it for dead, does so before the claim or after it, and never in the middle.
SELECT own.*,
       own.status = 'failed' AND own.error_code = 'HEARTBEAT_LOST' AND own.config ->> 'selection' = %(run_selection)s
           AND NOT EXISTS (
               SELECT FROM {schema}.jobs AS later
               WHERE later.organization_id = own.organization_id AND later.type = own.type
                 AND later.created_at > own.created_at AND later.attempt > 0
                 AND later.config ->> 'selection' IS DISTINCT FROM %(run_selection)s
           ) AS is_lost,
       own.status = 'running' AND own.try_number > %(try_number)s AND own.last_heartbeat >= now() - %(silence)s
           AS is_of_later_try
FROM {schema}.jobs AS own
WHERE own.id = (
      SELECT id FROM {schema}.jobs
      WHERE organization_id = %(organization_id)s AND type = %(job_type)s
        AND dag_id = %(dag_id)s AND run_id = %(run_id)s AND task_id = %(task_id)s AND map_index = %(map_index)s
      ORDER BY created_at DESC
      LIMIT 1
  )
  AND CASE WHEN own.status = 'completed'
           THEN own.clear_number = %(clear_number)s AND own.try_number >= coalesce(%(first_try)s, own.try_number)
           ELSE own.clear_number = %(clear_number)s OR own.try_number BETWEEN %(first_try)s AND %(try_number)s END
FOR UPDATE OF own

-- name: active_job
-- silent: neither heard of nor due to resume; abandoned: waits for a retry in a run that its DAG has left behind, or
-- belongs to this very task instance as it was before somebody cleared it.
-- A job that HubSpot told to wait is not abandoned before its time has come.
-- unclaimed: inserted by hand, waiting for whatever run comes first.
-- is_own: of this very task instance, cleared or not.
SELECT id, status, dag_id, run_id,
       coalesce(dag_id = %(dag_id)s AND run_id = %(run_id)s AND task_id = %(task_id)s AND map_index = %(map_index)s,
                false) AS is_own,
       status = 'pending' AND attempt = 0 AND run_id IS NULL AND coalesce(resume_at, '-infinity') <= now() AS unclaimed,
       greatest(last_heartbeat, resume_at, created_at) < now() - %(silence)s AS silent,
       dag_id = %(dag_id)s
           AND (status = 'pending' AND run_id <> %(run_id)s AND coalesce(resume_at, '-infinity') <= now()
                OR run_id = %(run_id)s AND task_id = %(task_id)s AND map_index = %(map_index)s
                   AND clear_number < %(clear_number)s) AS abandoned
FROM {schema}.jobs
WHERE organization_id = %(organization_id)s AND type = %(job_type)s AND status IN ('pending', 'running')

-- name: insert_job
-- No row: somebody has inserted one for whatever run comes first since active_job looked.
INSERT INTO {schema}.jobs (
    id, scan_id, organization_id, type, mode, config, checkpoint, window_start, window_end, continues,
    dag_id, run_id, task_id, map_index, clear_number, trigger
)
VALUES (
    %(id)s, %(id)s::text, %(organization_id)s, %(job_type)s, %(mode)s, %(config)s,
    %(checkpoint)s, %(window_start)s, %(window_end)s, %(continues)s,
    %(dag_id)s, %(run_id)s, %(task_id)s, %(map_index)s, %(clear_number)s, %(trigger)s
)
ON CONFLICT (organization_id, type) WHERE status IN ('pending', 'running') DO NOTHING

-- name: adopt_job
-- What its author put into config stays, under what the run itself says. No row: somebody has ended it meanwhile.
UPDATE {schema}.jobs
SET mode = %(mode)s, checkpoint = %(checkpoint)s, window_start = %(window_start)s, window_end = %(window_end)s,
    continues = %(continues)s,
    config = CASE WHEN jsonb_typeof(config) = 'object' THEN {schema}.without_secrets(config) ELSE '{{}}' END || %(config)s,
    dag_id = %(dag_id)s, run_id = %(run_id)s, task_id = %(task_id)s, map_index = %(map_index)s,
    clear_number = %(clear_number)s, trigger = %(trigger)s
WHERE id = %(id)s AND status = 'pending'
RETURNING id

-- name: is_empty
SELECT NOT EXISTS (SELECT FROM {schema}.{leaf}) AS is_empty

-- name: forget_full_sync
-- Where somebody dropped or emptied the leaf: what was read before is gone, until a full run has completed again. One that
-- ends before leaves rows in the leaf, which say nothing of those that are missing.
UPDATE {schema}.sync_state SET last_full_sync_at = NULL
WHERE organization_id = %(organization_id)s AND type = %(type)s AND last_full_sync_at IS NOT NULL

-- name: forget_lost_checkpoints
-- With it: by the time of their retry, another run may have put a part of the deals into the leaf, which is not empty then.
UPDATE {schema}.jobs SET checkpoint = NULL
WHERE organization_id = %(organization_id)s AND type = %(job_type)s
  AND status = 'failed' AND error_code = 'HEARTBEAT_LOST' AND checkpoint IS NOT NULL

-- name: begin_anew
-- Where the leaf is empty: what a checkpoint has left behind is no longer there, and an incremental run would never ask
-- for it. If nothing had been stored yet, this costs the pages that brought nothing.
UPDATE {schema}.jobs
SET checkpoint = NULL, window_start = NULL, window_end = NULL, records_expected = records_extracted,
    mode = CASE mode WHEN 'incremental' THEN 'full' ELSE mode END
WHERE id = %(id)s AND (checkpoint IS NOT NULL OR mode = 'incremental')

-- name: next_epoch
-- Another selection than the stored rows were read with leaves some of them thinner: the next auto run is a full one.
UPDATE {schema}.sync_state
SET epoch = epoch + 1, selection = CASE WHEN selection = %(selection)s THEN selection END
WHERE organization_id = %(organization_id)s AND type = %(type)s
RETURNING epoch

-- name: start_attempt
-- A checkpoint is good for the selection that it was read with, what that run alone read besides included.
UPDATE {schema}.jobs
SET status = 'running', attempt = attempt + 1, epoch = %(epoch)s, load_id = %(load_id)s, try_number = %(try_number)s,
    clear_number = %(clear_number)s,
    start_time = coalesce(start_time, now()), last_heartbeat = clock_timestamp(), resume_at = NULL,
    error_code = NULL, error_message = NULL,
    checkpoint = CASE WHEN config ->> 'selection' = %(run_selection)s THEN checkpoint END,
    config = coalesce(config, '{{}}') || jsonb_build_object('selection', %(run_selection)s::text)
WHERE id = %(id)s AND status IN ('pending', 'running')
RETURNING *, pg_current_xact_id()::text AS transaction_id

-- name: passes_by_policies
SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user

-- name: bind_portal
UPDATE {schema}.sync_state SET portal_id = %(portal_id)s
WHERE organization_id = %(organization_id)s AND type = %(type)s AND epoch = %(epoch)s AND portal_id IS NULL

-- name: heartbeat
UPDATE {schema}.jobs SET last_heartbeat = clock_timestamp()
WHERE id = %(id)s AND epoch = %(epoch)s AND status = 'running'
RETURNING id

-- name: job_of_attempts
SELECT * FROM {schema}.jobs WHERE id = %(id)s AND load_id = ANY (%(load_ids)s) FOR UPDATE

-- name: status
-- is_lost: failed for its silence alone; no attempt of any job has begun since.
SELECT job.status, job.epoch,
       job.status = 'failed' AND job.error_code = 'HEARTBEAT_LOST' AND job.epoch = state.epoch AS is_lost
FROM {schema}.jobs AS job
LEFT JOIN {schema}.sync_state AS state
       ON state.organization_id = job.organization_id AND state.type = {schema}.deal_type_of(job.type)
WHERE job.id = %(id)s

-- name: lock_fence
SELECT epoch, pg_current_xact_id()::text AS transaction_id FROM {schema}.sync_state
WHERE organization_id = %(organization_id)s AND type = %(type)s AND epoch = %(epoch)s
FOR UPDATE

-- name: record_batch
UPDATE {schema}.jobs
SET batches = batches + 1,
    records_extracted = records_extracted + %(received)s,
    records_inserted = records_inserted + %(inserted)s,
    records_updated = records_updated + %(updated)s,
    records_unchanged = records_unchanged + %(unchanged)s,
    records_duplicate = records_duplicate + %(duplicate)s,
    records_stale = records_stale + %(stale)s,
    records_quarantined = records_quarantined + %(quarantined)s,
    records_deleted = records_deleted + %(deleted)s,
    value_issues = value_issues + %(value_issues)s,
    records_expected = coalesce(records_expected, 0) + %(expected)s,
    pages_read = pages_read + %(pages)s,
    api_calls = api_calls + %(api_calls)s,
    api_calls_by_endpoint = {schema}.sum_of_counts(api_calls_by_endpoint, %(api_calls_by_endpoint)s),
    rate_limit_hits = rate_limit_hits + %(rate_limit_hits)s,
    bytes_received = bytes_received + %(bytes_received)s,
    daily_limit = coalesce(%(daily_limit)s, daily_limit),
    daily_remaining = coalesce(%(daily_remaining)s, daily_remaining),
    phase = %(phase)s,
    checkpoint = %(checkpoint)s,
    window_start = coalesce(%(window_start)s, window_start),
    window_end = coalesce(%(window_end)s, window_end),
    last_heartbeat = clock_timestamp()
WHERE id = %(id)s AND epoch = %(epoch)s AND status = 'running'
RETURNING batches

-- name: insert_ledger
INSERT INTO {schema}.job_batches (
    job_id, batch_number, epoch, phase, pages,
    received, inserted, updated, unchanged, duplicate, stale, quarantined, deleted
)
VALUES (
    %(id)s, %(batch_number)s, %(epoch)s, %(phase)s, %(pages)s,
    %(received)s, %(inserted)s, %(updated)s, %(unchanged)s, %(duplicate)s, %(stale)s, %(quarantined)s, %(deleted)s
)

-- name: advance_watermark
UPDATE {schema}.sync_state SET watermark = greatest(watermark, %(watermark)s)
WHERE organization_id = %(organization_id)s AND type = %(type)s AND epoch = %(epoch)s

-- name: record_sync
UPDATE {schema}.sync_state
SET last_sync_at = CASE WHEN %(mode)s = 'window' THEN last_sync_at ELSE now() END,
    last_full_sync_at = CASE WHEN %(mode)s = 'full' THEN greatest(last_full_sync_at, %(started_at)s) ELSE last_full_sync_at END,
    selection = CASE WHEN %(mode)s = 'full' THEN %(selection)s ELSE selection END
WHERE organization_id = %(organization_id)s AND type = %(type)s AND epoch = %(epoch)s
RETURNING watermark

-- name: complete
UPDATE {schema}.jobs
SET status = 'completed', phase = NULL, last_heartbeat = clock_timestamp(),
    api_calls = api_calls + %(api_calls)s,
    api_calls_by_endpoint = {schema}.sum_of_counts(api_calls_by_endpoint, %(api_calls_by_endpoint)s),
    rate_limit_hits = rate_limit_hits + %(rate_limit_hits)s, bytes_received = bytes_received + %(bytes_received)s,
    daily_limit = coalesce(%(daily_limit)s, daily_limit), daily_remaining = coalesce(%(daily_remaining)s, daily_remaining)
WHERE id = %(id)s AND epoch = %(epoch)s AND status = 'running'
RETURNING *

-- name: release
-- Back to pending: the next attempt of the same run continues from the checkpoint. By load_ids, here and in what else
-- ends an attempt (fail, count_usage), and not by the epoch: that of a claim which was rolled back is somebody else's by
-- now, and that of a taking up whose answer was lost is not known.
UPDATE {schema}.jobs
SET status = 'pending', error_code = %(error_code)s, error_message = %(error_message)s,
    resume_at = now() + %(resume_after)s,
    api_calls = api_calls + %(api_calls)s,
    api_calls_by_endpoint = {schema}.sum_of_counts(api_calls_by_endpoint, %(api_calls_by_endpoint)s),
    rate_limit_hits = rate_limit_hits + %(rate_limit_hits)s, bytes_received = bytes_received + %(bytes_received)s,
    daily_limit = coalesce(%(daily_limit)s, daily_limit), daily_remaining = coalesce(%(daily_remaining)s, daily_remaining)
WHERE id = %(id)s AND load_id = ANY (%(load_ids)s) AND status = 'running'
RETURNING resume_at

-- name: fail
UPDATE {schema}.jobs
SET status = 'failed', error_code = %(error_code)s, error_message = %(error_message)s,
    api_calls = api_calls + %(api_calls)s,
    api_calls_by_endpoint = {schema}.sum_of_counts(api_calls_by_endpoint, %(api_calls_by_endpoint)s),
    rate_limit_hits = rate_limit_hits + %(rate_limit_hits)s, bytes_received = bytes_received + %(bytes_received)s,
    daily_limit = coalesce(%(daily_limit)s, daily_limit), daily_remaining = coalesce(%(daily_remaining)s, daily_remaining)
WHERE id = %(id)s AND load_id = ANY (%(load_ids)s) AND status IN ('pending', 'running')

-- name: count_usage
UPDATE {schema}.jobs
SET api_calls = api_calls + %(api_calls)s,
    api_calls_by_endpoint = {schema}.sum_of_counts(api_calls_by_endpoint, %(api_calls_by_endpoint)s),
    rate_limit_hits = rate_limit_hits + %(rate_limit_hits)s, bytes_received = bytes_received + %(bytes_received)s,
    daily_limit = coalesce(%(daily_limit)s, daily_limit), daily_remaining = coalesce(%(daily_remaining)s, daily_remaining)
WHERE id = %(id)s AND load_id = ANY (%(load_ids)s)

-- name: fail_other
UPDATE {schema}.jobs
SET status = 'failed', error_code = %(error_code)s, error_message = %(error_message)s
WHERE id = %(id)s AND status IN ('pending', 'running')

-- name: insert_event
INSERT INTO {schema}.job_events (organization_id, job_id, kind, details)
VALUES (%(organization_id)s, %(id)s, %(kind)s, %(details)s)

-- name: database_time
SELECT clock_timestamp()
