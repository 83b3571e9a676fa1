"""What each organization used and got, by day: kept when jobs are archived, and always the sum of what jobs counted."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
ALTER TABLE jobs ADD COLUMN api_calls_by_endpoint jsonb NOT NULL DEFAULT '{}'
    CONSTRAINT jobs_api_calls_by_endpoint_is_an_object CHECK (jsonb_typeof(api_calls_by_endpoint) = 'object');
COMMENT ON COLUMN jobs.api_calls_by_endpoint IS 'Requests sent, by class: list, search, batch_read, associations, metadata, oauth, other. api_calls is their sum, unless somebody reported calls by hand.';

CREATE TABLE usage_records (
    organization_id        uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type                   text        NOT NULL,
    day                    date        NOT NULL,
    api_calls_list         bigint      NOT NULL DEFAULT 0,
    api_calls_search       bigint      NOT NULL DEFAULT 0,
    api_calls_batch_read   bigint      NOT NULL DEFAULT 0,
    api_calls_associations bigint      NOT NULL DEFAULT 0,
    api_calls_metadata     bigint      NOT NULL DEFAULT 0,
    api_calls_other        bigint      NOT NULL DEFAULT 0,
    api_calls              bigint      NOT NULL DEFAULT 0,
    rate_limit_hits        bigint      NOT NULL DEFAULT 0,
    bytes_received         bigint      NOT NULL DEFAULT 0,
    deals_read             bigint      NOT NULL DEFAULT 0,
    deals_inserted         bigint      NOT NULL DEFAULT 0,
    deals_updated          bigint      NOT NULL DEFAULT 0,
    deals_unchanged        bigint      NOT NULL DEFAULT 0,
    deals_deleted          bigint      NOT NULL DEFAULT 0,
    deals_quarantined      bigint      NOT NULL DEFAULT 0,
    runs_completed         integer     NOT NULL DEFAULT 0,
    runs_failed            integer     NOT NULL DEFAULT 0,
    runs_cancelled         integer     NOT NULL DEFAULT 0,
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, type, day),
    CONSTRAINT usage_records_counts_only_grow CHECK (
        least(api_calls_list, api_calls_search, api_calls_batch_read, api_calls_associations, api_calls_metadata,
              api_calls_other, api_calls, rate_limit_hits, bytes_received, deals_read, deals_inserted, deals_updated,
              deals_unchanged, deals_deleted, deals_quarantined, runs_completed, runs_failed, runs_cancelled) >= 0
    ),
    CONSTRAINT usage_records_calls_add_up CHECK (
        api_calls = api_calls_list + api_calls_search + api_calls_batch_read + api_calls_associations
                  + api_calls_metadata + api_calls_other
    )
);
CREATE TRIGGER usage_records_set_updated_at BEFORE UPDATE ON usage_records
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
COMMENT ON TABLE usage_records IS 'One row per organization, type and day (UTC): API calls, deals and ended runs, added up from what jobs count, in the same transactions.';
COMMENT ON COLUMN usage_records.organization_id IS 'The tenant.';
COMMENT ON COLUMN usage_records.type IS 'Label of the portal, as in sync_state.';
COMMENT ON COLUMN usage_records.day IS 'Day (UTC) on which the database was told.';
COMMENT ON COLUMN usage_records.api_calls_list IS 'Requests for pages of all deals.';
COMMENT ON COLUMN usage_records.api_calls_search IS 'Requests to HubSpot''s search, which has a limit of its own.';
COMMENT ON COLUMN usage_records.api_calls_batch_read IS 'Requests for deals by id, up to 100 each.';
COMMENT ON COLUMN usage_records.api_calls_associations IS 'Requests for associations.';
COMMENT ON COLUMN usage_records.api_calls_metadata IS 'Requests about the account, properties, pipelines and owners.';
COMMENT ON COLUMN usage_records.api_calls_other IS 'All other requests: tokens, and what was reported by hand.';
COMMENT ON COLUMN usage_records.api_calls IS 'All requests sent, retries included.';
COMMENT ON COLUMN usage_records.rate_limit_hits IS 'Answers with status 429.';
COMMENT ON COLUMN usage_records.bytes_received IS 'Bytes of answers on the wire, before decompression.';
COMMENT ON COLUMN usage_records.deals_read IS 'Records received.';
COMMENT ON COLUMN usage_records.deals_inserted IS 'Rows that were new.';
COMMENT ON COLUMN usage_records.deals_updated IS 'Rows rewritten because the deal had changed.';
COMMENT ON COLUMN usage_records.deals_unchanged IS 'Records equal to the stored row, which was not rewritten.';
COMMENT ON COLUMN usage_records.deals_deleted IS 'Rows marked as archived, merged or missing.';
COMMENT ON COLUMN usage_records.deals_quarantined IS 'Records that could not be stored; see deals_quarantine.';
COMMENT ON COLUMN usage_records.runs_completed IS 'Jobs completed that day.';
COMMENT ON COLUMN usage_records.runs_failed IS 'Jobs failed that day.';
COMMENT ON COLUMN usage_records.runs_cancelled IS 'Jobs cancelled that day.';
COMMENT ON COLUMN usage_records.created_at IS 'When the row was made.';
COMMENT ON COLUMN usage_records.updated_at IS 'When it was last added to.';

CREATE FUNCTION sum_of_counts(first jsonb, second jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(key, total), '{}') FROM (
        SELECT key, sum(value::numeric) AS total
        FROM (SELECT * FROM jsonb_each_text(first) UNION ALL SELECT * FROM jsonb_each_text(second)) AS counts (key, value)
        GROUP BY key
    ) AS totals
$$;
COMMENT ON FUNCTION sum_of_counts IS 'Two objects of numbers added up, key by key.';

-- The owner's rights: nobody else writes here, so that it stays the sum of what jobs count.
CREATE FUNCTION add_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    endpoints CONSTANT text[] := '{list,search,batch_read,associations,metadata}';
    before    jobs;
    calls     bigint[];
    ended     text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := OLD;
    END IF;
    IF NEW.status IS DISTINCT FROM before.status THEN
        ended := NEW.status;
    END IF;
    calls := ARRAY(
        SELECT coalesce(count_in(NEW.api_calls_by_endpoint, endpoint), 0)
               - coalesce(count_in(before.api_calls_by_endpoint, endpoint), 0)
        FROM unnest(endpoints) WITH ORDINALITY AS class (endpoint, position) ORDER BY position);
    INSERT INTO usage_records AS total (
        organization_id, type, day,
        api_calls_list, api_calls_search, api_calls_batch_read, api_calls_associations, api_calls_metadata, api_calls_other,
        api_calls, rate_limit_hits, bytes_received,
        deals_read, deals_inserted, deals_updated, deals_unchanged, deals_deleted, deals_quarantined,
        runs_completed, runs_failed, runs_cancelled
    ) VALUES (
        NEW.organization_id, deal_type_of(NEW.type), (clock_timestamp() AT TIME ZONE 'UTC')::date,
        calls[1], calls[2], calls[3], calls[4], calls[5],
        NEW.api_calls - coalesce(before.api_calls, 0) - (SELECT sum(call) FROM unnest(calls) AS call),
        NEW.api_calls - coalesce(before.api_calls, 0),
        NEW.rate_limit_hits - coalesce(before.rate_limit_hits, 0),
        NEW.bytes_received - coalesce(before.bytes_received, 0),
        NEW.records_extracted - coalesce(before.records_extracted, 0),
        NEW.records_inserted - coalesce(before.records_inserted, 0),
        NEW.records_updated - coalesce(before.records_updated, 0),
        NEW.records_unchanged - coalesce(before.records_unchanged, 0),
        NEW.records_deleted - coalesce(before.records_deleted, 0),
        NEW.records_quarantined - coalesce(before.records_quarantined, 0),
        (ended IS NOT DISTINCT FROM 'completed')::integer, (ended IS NOT DISTINCT FROM 'failed')::integer,
        (ended IS NOT DISTINCT FROM 'cancelled')::integer
    )
    ON CONFLICT (organization_id, type, day) DO UPDATE SET
        api_calls_list = total.api_calls_list + excluded.api_calls_list,
        api_calls_search = total.api_calls_search + excluded.api_calls_search,
        api_calls_batch_read = total.api_calls_batch_read + excluded.api_calls_batch_read,
        api_calls_associations = total.api_calls_associations + excluded.api_calls_associations,
        api_calls_metadata = total.api_calls_metadata + excluded.api_calls_metadata,
        api_calls_other = total.api_calls_other + excluded.api_calls_other,
        api_calls = total.api_calls + excluded.api_calls,
        rate_limit_hits = total.rate_limit_hits + excluded.rate_limit_hits,
        bytes_received = total.bytes_received + excluded.bytes_received,
        deals_read = total.deals_read + excluded.deals_read,
        deals_inserted = total.deals_inserted + excluded.deals_inserted,
        deals_updated = total.deals_updated + excluded.deals_updated,
        deals_unchanged = total.deals_unchanged + excluded.deals_unchanged,
        deals_deleted = total.deals_deleted + excluded.deals_deleted,
        deals_quarantined = total.deals_quarantined + excluded.deals_quarantined,
        runs_completed = total.runs_completed + excluded.runs_completed,
        runs_failed = total.runs_failed + excluded.runs_failed,
        runs_cancelled = total.runs_cancelled + excluded.runs_cancelled;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION add_usage IS 'Trigger: adds to usage_records what a change of a job''s row counted.';
CREATE TRIGGER jobs_begin_usage AFTER INSERT ON jobs FOR EACH ROW
    WHEN (NEW.status IN ('completed', 'failed', 'cancelled')
          OR greatest(NEW.api_calls, NEW.bytes_received, NEW.rate_limit_hits, NEW.records_extracted, NEW.records_deleted) > 0)
    EXECUTE FUNCTION add_usage();
CREATE TRIGGER jobs_add_usage AFTER UPDATE ON jobs FOR EACH ROW
    WHEN (NEW.status <> OLD.status AND NEW.status IN ('completed', 'failed', 'cancelled')
          OR (NEW.api_calls, NEW.bytes_received, NEW.rate_limit_hits, NEW.records_extracted, NEW.records_deleted,
              NEW.api_calls_by_endpoint)
          <> (OLD.api_calls, OLD.bytes_received, OLD.rate_limit_hits, OLD.records_extracted, OLD.records_deleted,
              OLD.api_calls_by_endpoint))
    EXECUTE FUNCTION add_usage();

INSERT INTO usage_records (
    organization_id, type, day, api_calls_other, api_calls, rate_limit_hits, bytes_received,
    deals_read, deals_inserted, deals_updated, deals_unchanged, deals_deleted, deals_quarantined,
    runs_completed, runs_failed, runs_cancelled
)
SELECT organization_id, deal_type_of(type), (coalesce(end_time, start_time, created_at) AT TIME ZONE 'UTC')::date,
       sum(api_calls), sum(api_calls), sum(rate_limit_hits), sum(bytes_received),
       sum(records_extracted), sum(records_inserted), sum(records_updated), sum(records_unchanged), sum(records_deleted),
       sum(records_quarantined), count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed'),
       count(*) FILTER (WHERE status = 'cancelled')
FROM jobs
GROUP BY 1, 2, 3;
    """)


def downgrade() -> None:
    op.execute("""
DROP TRIGGER jobs_add_usage ON jobs;
DROP TRIGGER jobs_begin_usage ON jobs;
DROP FUNCTION add_usage();
DROP FUNCTION sum_of_counts(jsonb, jsonb);
DROP TABLE usage_records;
ALTER TABLE jobs DROP COLUMN api_calls_by_endpoint;
    """)
