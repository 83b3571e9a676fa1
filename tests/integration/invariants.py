"""What holds of jobs, events and usage at every moment, as queries for what breaks it."""

from __future__ import annotations

import psycopg

INVARIANTS = {
    "i09: an organization and type has at most one active job": """
        SELECT organization_id, type, count(*) FROM hubspot.jobs
        WHERE status IN ('pending', 'running') GROUP BY 1, 2 HAVING count(*) > 1
    """,
    "i10: a job has ended exactly when it has an end, and nothing ran without a start": """
        SELECT id, status, start_time, end_time FROM hubspot.jobs
        WHERE (end_time IS NOT NULL) <> (status IN ('completed', 'failed', 'cancelled'))
           OR start_time IS NULL AND status IN ('running', 'completed')
    """,
    "i11: a job's records are those of its batches": """
        SELECT job.id, job.records_extracted, sum(batch.received) FROM hubspot.jobs AS job
        LEFT JOIN hubspot.job_batches AS batch ON batch.job_id = job.id
        GROUP BY job.id HAVING job.records_extracted <> coalesce(sum(batch.received), 0)
    """,
    "i17: the events of a job are numbered from 1 without gaps": """
        SELECT job_id, array_agg(sequence ORDER BY sequence) FROM hubspot.job_events WHERE job_id IS NOT NULL
        GROUP BY job_id
        HAVING (min(sequence), max(sequence), count(DISTINCT sequence)) <> (1, count(*), count(*))
    """,
    "i17: a job has as many events as it counts": """
        SELECT id, event_count FROM hubspot.jobs AS job
        WHERE event_count <> (SELECT count(*) FROM hubspot.job_events AS event WHERE event.job_id = job.id)
    """,
    "i17: exactly one terminal event, equal to the status, last among those of the job's own life": """
        SELECT job.id, job.status, array_agg(event.kind ORDER BY event.sequence)
        FROM hubspot.jobs AS job JOIN hubspot.job_events AS event ON event.job_id = job.id
        GROUP BY job.id
        HAVING coalesce(array_agg(event.kind) FILTER (WHERE event.kind IN ('completed', 'failed', 'cancelled')), '{}')
            <> CASE WHEN job.end_time IS NULL THEN '{}' ELSE ARRAY[job.status] END
            OR max(event.sequence) FILTER (WHERE event.kind IN ('started', 'resumed', 'phase', 'progress', 'deferred'))
             > max(event.sequence) FILTER (WHERE event.kind = job.status)
    """,
    "i17: a story begins with created, and is started before it goes on": """
        SELECT job_id, array_agg(kind ORDER BY sequence) FROM hubspot.job_events WHERE job_id IS NOT NULL
        GROUP BY job_id
        HAVING (array_agg(kind ORDER BY sequence))[1] <> 'created' OR count(*) FILTER (WHERE kind = 'created') <> 1
            OR min(sequence) FILTER (WHERE kind IN ('resumed', 'phase', 'progress'))
             < coalesce(min(sequence) FILTER (WHERE kind = 'started'), 0)
    """,
    "i17: events name their job's organization": """
        SELECT event.* FROM hubspot.job_events AS event JOIN hubspot.jobs AS job ON job.id = event.job_id
        WHERE event.organization_id <> job.organization_id
    """,
    "quarantined records are told": """
        SELECT job.id, job.records_quarantined, sum((event.details ->> 'records')::integer)
        FROM hubspot.jobs AS job
        LEFT JOIN hubspot.job_events AS event ON event.job_id = job.id AND event.kind = 'quarantined'
        GROUP BY job.id
        HAVING job.records_quarantined <> coalesce(sum((event.details ->> 'records')::integer), 0)
    """,
    "usage is the sum of what jobs count, unless some were archived or deleted": """
        WITH counts (organization_id, type, name, count) AS (
            SELECT organization_id, hubspot.deal_type_of(jobs.type), name, count
            FROM hubspot.jobs CROSS JOIN LATERAL (
                VALUES ('api_calls', api_calls::bigint), ('rate_limit_hits', rate_limit_hits),
                       ('bytes_received', bytes_received), ('deals_read', records_extracted),
                       ('deals_inserted', records_inserted), ('deals_updated', records_updated),
                       ('deals_unchanged', records_unchanged), ('deals_deleted', records_deleted),
                       ('deals_quarantined', records_quarantined), ('runs_' || status, (end_time IS NOT NULL)::integer),
                       ('api_calls_list', hubspot.count_in(api_calls_by_endpoint, 'list')),
                       ('api_calls_search', hubspot.count_in(api_calls_by_endpoint, 'search')),
                       ('api_calls_batch_read', hubspot.count_in(api_calls_by_endpoint, 'batch_read')),
                       ('api_calls_associations', hubspot.count_in(api_calls_by_endpoint, 'associations')),
                       ('api_calls_metadata', hubspot.count_in(api_calls_by_endpoint, 'metadata'))
            ) AS counter (name, count)
            UNION ALL
            SELECT organization_id, type, name, -count::bigint
            FROM hubspot.usage_records AS usage
            CROSS JOIN LATERAL jsonb_each_text(to_jsonb(usage)) AS counter (name, count)
            WHERE name ~ '^(api_calls|deals_|runs_|rate_|bytes_)' AND name <> 'api_calls_other'
        )
        SELECT organization_id, type, name, sum(count) FROM counts
        WHERE organization_id NOT IN (
            SELECT organization_id FROM hubspot.job_events WHERE kind IN ('jobs_archived', 'deleted')
        )
        GROUP BY 1, 2, 3 HAVING sum(count) <> 0
    """,
}


def violations(url: str) -> list[str]:
    """Every invariant that does not hold, with the rows that break it."""
    with psycopg.connect(url) as connection:
        broken = {name: connection.execute(query).fetchall() for name, query in INVARIANTS.items()}
    return [f"{name}: {rows}" for name, rows in broken.items() if rows]
