"""As many organizations as a large installation has, with a month of runs each."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

RUNS_EACH = 40
FILL = """
ALTER TABLE hubspot.jobs DISABLE TRIGGER USER;
INSERT INTO hubspot.organizations (id, slug)
SELECT gen_random_uuid(), 'org-' || to_char(number, 'FM0000') FROM generate_series(1, %(organizations)s) AS number;
INSERT INTO hubspot.sync_state (organization_id, type, portal_id, watermark, last_sync_at)
SELECT id, 'standard', row_number() OVER (), done - interval '1 hour', done
FROM (SELECT id, now() - random() * interval '3 days' AS done FROM hubspot.organizations) AS state;
INSERT INTO hubspot.usage_records (organization_id, type, day, api_calls_list, api_calls, deals_read, deals_updated)
SELECT id, 'standard', (now() AT TIME ZONE 'UTC')::date, 100, 100, 1000, 10 FROM hubspot.organizations;
INSERT INTO hubspot.jobs (
    organization_id, status, start_time, end_time, created_at, scan_id, mode, records_extracted, records_inserted,
    records_expected, dag_id, run_id, task_id, map_index, config
)
SELECT id, CASE WHEN random() < 0.1 THEN 'failed' ELSE 'completed' END,
       now() - interval '1 hour' * run, now() - interval '1 hour' * run + interval '1 minute',
       now() - interval '1 hour' * run, gen_random_uuid()::text, 'incremental', run, run, run,
       'hubspot_deals_' || slug, 'scheduled__' || run, 'load_deals', -1, '{"mode": "auto"}'
FROM hubspot.organizations, generate_series(1, %(runs)s) AS run;
ALTER TABLE hubspot.jobs ENABLE TRIGGER USER;
"""


def fill_fleet(url: str, organizations: int) -> Sequence[str]:
    """Make them; gives their DAG ids."""
    with psycopg.connect(url, autocommit=True) as connection:
        with psycopg.ClientCursor(connection) as cursor:
            cursor.execute(FILL, {"organizations": organizations, "runs": RUNS_EACH})
        connection.execute("ANALYZE hubspot.jobs, hubspot.sync_state, hubspot.organizations, hubspot.usage_records")
        return [row[0] for row in connection.execute("SELECT 'hubspot_deals_' || slug FROM hubspot.organizations")]
