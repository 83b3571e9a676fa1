"""What was told to webhooks, attempt by attempt, and what is still to be told."""

from alembic import op

revision = "0016"
down_revision = "0015"
readers_wait = False

FUNCTIONS = "'expire_quarantine', "
FUNCTIONS_AND_OURS = "'expire_quarantine', 'expire_notifications', "


def upgrade() -> None:
    op.execute("""
CREATE TABLE notification_deliveries (
    organization_id uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    event_id        text        NOT NULL,
    webhook_conn_id text        NOT NULL,
    attempt         integer     NOT NULL CONSTRAINT notification_deliveries_attempts_count_from_one CHECK (attempt >= 1),
    event_type      text        NOT NULL,
    job_id          uuid        NULL,
    host            text        NOT NULL,
    outcome         text        NOT NULL DEFAULT 'sending'
                    CONSTRAINT notification_deliveries_outcome_is_known CHECK (outcome IN ('sending', 'delivered', 'failed', 'gone')),
    http_status     integer     NULL,
    problem         text        NULL,
    started_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at        timestamptz NULL,
    payload         text        NULL,
    next_attempt_at timestamptz NULL,
    PRIMARY KEY (organization_id, event_id, webhook_conn_id, attempt),
    CONSTRAINT notification_deliveries_are_over_or_under_way CHECK ((outcome = 'sending') = (ended_at IS NULL)),
    CONSTRAINT notification_deliveries_keep_what_is_due CHECK ((payload IS NULL) = (next_attempt_at IS NULL)),
    CONSTRAINT notification_deliveries_forget_what_is_settled
        CHECK (payload IS NULL OR outcome IN ('sending', 'failed'))
);
CREATE INDEX idx_notification_deliveries_started ON notification_deliveries (organization_id, started_at);
CREATE INDEX idx_notification_deliveries_due ON notification_deliveries (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
COMMENT ON INDEX idx_notification_deliveries_started IS 'What an organization was told lately, and which attempts are old enough to go.';
COMMENT ON INDEX idx_notification_deliveries_due IS 'What is to be tried again: few rows of many.';
COMMENT ON TABLE notification_deliveries IS 'Delivery log of webhooks: one row per attempt, written before it is made. An attempt that failed keeps what it would have said until a later one succeeds, or three days are over.';
COMMENT ON COLUMN notification_deliveries.organization_id IS 'The tenant whose event it is.';
COMMENT ON COLUMN notification_deliveries.event_id IS 'The header webhook-id: the same for all attempts, whoever makes them.';
COMMENT ON COLUMN notification_deliveries.webhook_conn_id IS 'Airflow connection with the address and the signing secret, neither of which is here.';
COMMENT ON COLUMN notification_deliveries.attempt IS 'Number of the attempt, from 1 on for each event and connection.';
COMMENT ON COLUMN notification_deliveries.event_type IS 'Such as hubspot_deals.job.completed.';
COMMENT ON COLUMN notification_deliveries.job_id IS 'The job that it tells of, which may have been archived or purged since; NULL when there is none.';
COMMENT ON COLUMN notification_deliveries.host IS 'Host of the address. Its path may be a secret and is not kept.';
COMMENT ON COLUMN notification_deliveries.outcome IS 'sending: under way, or its process died; delivered: 2xx; failed: anything else, tried again at next_attempt_at; gone: 410, never tried again.';
COMMENT ON COLUMN notification_deliveries.http_status IS 'Status of the answer; NULL when none came.';
COMMENT ON COLUMN notification_deliveries.problem IS 'What was wrong, in our words.';
COMMENT ON COLUMN notification_deliveries.started_at IS 'When the attempt began.';
COMMENT ON COLUMN notification_deliveries.ended_at IS 'When its answer came, or was given up.';
COMMENT ON COLUMN notification_deliveries.payload IS 'The JSON that is still to be delivered: ids, counts, times, error code and sentence; never a deal''s values. NULL once it was delivered, given up, or taken over by the next attempt.';
COMMENT ON COLUMN notification_deliveries.next_attempt_at IS 'When maintenance tries again; NULL when it does not.';

CREATE FUNCTION expire_notifications(rows_max integer DEFAULT 10000) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    tenant uuid;
    removed integer;
    total integer := 0;
BEGIN
    FOR tenant, removed IN
        WITH due AS (
            SELECT record.organization_id, record.event_id, record.webhook_conn_id, record.attempt
            FROM organizations AS owner
            JOIN notification_deliveries AS record ON record.organization_id = owner.id
                                                  AND record.started_at < now() - make_interval(days => owner.retention_days)
            LIMIT rows_max
            FOR UPDATE OF record SKIP LOCKED FOR KEY SHARE OF owner SKIP LOCKED
        ),
        gone AS (
            DELETE FROM notification_deliveries AS record USING due
            WHERE (record.organization_id, record.event_id, record.webhook_conn_id, record.attempt)
                = (due.organization_id, due.event_id, due.webhook_conn_id, due.attempt)
            RETURNING record.organization_id
        )
        SELECT organization_id, count(*) FROM gone GROUP BY organization_id
    LOOP
        PERFORM tell(tenant, 'notifications_expired', jsonb_build_object('attempts', removed));
        total := total + removed;
    END LOOP;
    RETURN total;
END $$;
COMMENT ON FUNCTION expire_notifications IS 'Delete attempts in notification_deliveries that began more than retention_days ago, at most rows_max. Returns how many.';
REVOKE EXECUTE ON FUNCTION expire_notifications FROM PUBLIC;
    """)
    op.execute(_change_functions(FUNCTIONS, FUNCTIONS_AND_OURS))
    op.execute("""
DO $$
DECLARE
    role regrole;
BEGIN
    PERFORM protect_table('notification_deliveries'::regclass);
    FOREACH role IN ARRAY loaders() LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION expire_notifications TO %s', role);
    END LOOP;
END $$;
    """)


def downgrade() -> None:
    op.execute(_change_functions(FUNCTIONS_AND_OURS, FUNCTIONS))
    op.execute("""
DROP FUNCTION expire_notifications(integer);
DROP TABLE notification_deliveries;
    """)


def _change_functions(functions: str, instead: str) -> str:
    """Those that loaders may call. The list's other lines stay as the revisions before left them."""
    before, after = (names.replace("'", "''") for names in (functions, instead))
    return f"""
DO $$
DECLARE
    written text := pg_get_functiondef('loader_functions()'::regprocedure);
BEGIN
    IF strpos(written, '{before}') = 0 THEN
        RAISE EXCEPTION 'loader_functions() is not as revision 0009 left it';
    END IF;
    EXECUTE replace(written, '{before}', '{after}');
END $$;
    """
