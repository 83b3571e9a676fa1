-- Ended jobs of all organizations, spread over a year.
INSERT INTO hubspot.jobs (
    organization_id, status, start_time, end_time, created_at, scan_id, mode, records_extracted, records_inserted,
    records_expected, config
)
SELECT everybody[1 + number % cardinality(everybody)],
       (ARRAY['completed', 'completed', 'completed', 'completed', 'completed', 'completed', 'completed', 'completed',
              'failed', 'cancelled'])[1 + floor(random() * 10)::integer],
       moment, moment + interval '1 minute', moment, gen_random_uuid()::text, 'incremental', 200, 200, 200,
       '{{"mode": "auto", "batch_rows": 2000}}'
FROM (
    SELECT number, now() - interval '365 days' * (number / {jobs}::float8) AS moment
    FROM generate_series(1, {jobs}) AS number
) AS ended
CROSS JOIN (SELECT array_agg(id) AS everybody FROM hubspot.organizations) AS registered
