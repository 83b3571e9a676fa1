"""The description that schemas are compared by sees whatever a revision can change."""

from __future__ import annotations

import psycopg

from tests.integration.catalog import description, description_in

CHANGES = (
    "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE jobs NO FORCE ROW LEVEL SECURITY",
    "CREATE POLICY p ON jobs USING (true)",
    "GRANT SELECT ON jobs TO PUBLIC",
    "GRANT SELECT (id) ON jobs TO PUBLIC",
    "GRANT SELECT ON scan_jobs TO PUBLIC",
    "REVOKE EXECUTE ON FUNCTION deals_partition FROM PUBLIC",
    "ALTER FUNCTION deals_partition VOLATILE",
    "ALTER FUNCTION ensure_deals_partition SECURITY INVOKER",
    "ALTER TABLE jobs DISABLE TRIGGER jobs_set_updated_at",
    "ALTER TABLE jobs ALTER phase SET DEFAULT 'live'",
    "ALTER TABLE jobs ALTER phase SET NOT NULL",
    "ALTER TABLE jobs ALTER phase SET STORAGE EXTERNAL",
    "ALTER TABLE jobs SET (fillfactor = 50)",
    "ALTER TABLE jobs REPLICA IDENTITY FULL",
    "ALTER TABLE jobs ADD CHECK (attempt < 100)",
    "ALTER VIEW scan_jobs RESET (security_invoker)",
    "ALTER SEQUENCE deals_quarantine_id_seq INCREMENT 2",
    "CREATE INDEX i ON jobs (phase)",
    "CREATE SEQUENCE s",
    "CREATE STATISTICS s ON status, type FROM jobs",
    "CREATE TYPE t AS ENUM ('a')",
    "CREATE TYPE t AS (a integer)",
    "CREATE DOMAIN d AS integer CHECK (value > 0)",
    "CREATE RULE r AS ON DELETE TO jobs DO INSTEAD NOTHING",
    "CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer)",
    "COMMENT ON COLUMN jobs.id IS 'x'",
    "COMMENT ON COLUMN scan_jobs.id IS 'x'",
    "COMMENT ON CONSTRAINT jobs_pkey ON jobs IS 'x'",
    "COMMENT ON INDEX idx_jobs_org IS 'x'",
    "COMMENT ON TRIGGER jobs_set_updated_at ON jobs IS 'x'",
    "COMMENT ON FUNCTION deals_partition IS 'x'",
    "COMMENT ON AGGREGATE avg(text) IS 'x'",
    "COMMENT ON SEQUENCE deals_quarantine_id_seq IS 'x'",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA hubspot GRANT SELECT ON TABLES TO PUBLIC",
)


def test_the_description_sees_every_kind_of_change(database_url: str) -> None:
    before, unseen = description(database_url), []
    for change in CHANGES:
        with psycopg.connect(database_url, options="-c search_path=hubspot") as connection:
            connection.execute(change.encode())
            if description_in(connection) == before:
                unseen.append(change)
            connection.rollback()
    assert unseen == []


def test_a_right_taken_and_given_back_is_no_change(database_url: str) -> None:
    before = description(database_url)
    with psycopg.connect(database_url, options="-c search_path=hubspot") as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION deals_partition FROM PUBLIC")
        connection.execute("GRANT EXECUTE ON FUNCTION deals_partition TO PUBLIC")
        connection.execute("GRANT SELECT ON jobs, scan_jobs TO PUBLIC")
        connection.execute("REVOKE SELECT ON jobs, scan_jobs FROM PUBLIC")
    assert description(database_url) == before
