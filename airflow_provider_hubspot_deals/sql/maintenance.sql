-- name: reap_silent_jobs
SELECT {schema}.reap_silent_jobs()

-- name: archive_jobs
SELECT {schema}.archive_jobs(rows_max => %(rows_max)s)

-- name: expire_archive
SELECT {schema}.expire_archive(%(rows_max)s)

-- name: expire_usage
SELECT {schema}.expire_usage(%(rows_max)s)

-- name: expire_quarantine
SELECT {schema}.expire_quarantine(%(rows_max)s)

-- name: expire_notifications
SELECT {schema}.expire_notifications(%(rows_max)s)

-- name: ensure_job_events_partitions
SELECT {schema}.ensure_job_events_partitions()

-- name: drop_job_events
SELECT {schema}.drop_job_events_before(now() - make_interval(months => %(events_months)s))

-- name: analyze_deals
SELECT {schema}.analyze_deals()
