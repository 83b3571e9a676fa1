"""Organizations, their synchronisation state, jobs and the ledger of committed batches."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;

CREATE TABLE organizations (
    id             uuid        PRIMARY KEY,
    slug           text        NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    name           text        NULL,
    retention_days integer     NOT NULL DEFAULT 90 CHECK (retention_days > 0),
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE organizations IS 'One row per tenant. Its id is the tenant id everywhere.';

CREATE TABLE sync_state (
    organization_id    uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type               text        NOT NULL CHECK (type ~ '^[a-z][a-z0-9_]{0,14}$'),
    portal_id          bigint      NULL,
    epoch              bigint      NOT NULL DEFAULT 0,
    watermark          timestamptz NULL,
    last_full_sync_at  timestamptz NULL,
    last_sync_at       timestamptz NULL,
    selection          text        NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, type)
);
CREATE UNIQUE INDEX sync_state_one_tenant_per_portal ON sync_state (portal_id);
COMMENT ON TABLE sync_state IS 'How far each portal has been read. epoch is the fencing token: only its holder may write.';
COMMENT ON COLUMN sync_state.watermark IS 'Every change up to this hs_lastmodifieddate is stored. Never goes back.';
COMMENT ON COLUMN sync_state.selection IS 'Fingerprint of the properties read by the last full sync; another one asks for a full sync.';

CREATE TABLE jobs (
    id                  uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id     uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type                text        NOT NULL DEFAULT 'hubspot_deals',
    status              text        NOT NULL DEFAULT 'pending'
                        CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    start_time          timestamptz NULL,
    end_time            timestamptz NULL,
    last_heartbeat      timestamptz NULL,
    records_extracted   integer     NOT NULL DEFAULT 0 CHECK (records_extracted >= 0),
    error_message       text        NULL,
    config              jsonb       NULL,
    job_metadata        jsonb       NULL,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),

    scan_id             text        NOT NULL UNIQUE,
    error_code          text        NULL,
    mode                text        NULL CHECK (mode IN ('full', 'incremental', 'window')),
    phase               text        NULL,
    checkpoint          jsonb       NULL,
    resume_at           timestamptz NULL,
    window_start        timestamptz NULL,
    window_end          timestamptz NULL,
    attempt             integer     NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    epoch               bigint      NULL,
    load_id             uuid        NULL,

    records_expected    integer     NULL CHECK (records_expected >= 0),
    records_inserted    integer     NOT NULL DEFAULT 0 CHECK (records_inserted >= 0),
    records_updated     integer     NOT NULL DEFAULT 0 CHECK (records_updated >= 0),
    records_unchanged   integer     NOT NULL DEFAULT 0 CHECK (records_unchanged >= 0),
    records_duplicate   integer     NOT NULL DEFAULT 0 CHECK (records_duplicate >= 0),
    records_stale       integer     NOT NULL DEFAULT 0 CHECK (records_stale >= 0),
    records_quarantined integer     NOT NULL DEFAULT 0 CHECK (records_quarantined >= 0),
    records_deleted     integer     NOT NULL DEFAULT 0 CHECK (records_deleted >= 0),
    value_issues        integer     NOT NULL DEFAULT 0 CHECK (value_issues >= 0),
    batches             integer     NOT NULL DEFAULT 0 CHECK (batches >= 0),
    pages_read          integer     NOT NULL DEFAULT 0 CHECK (pages_read >= 0),
    api_calls           integer     NOT NULL DEFAULT 0 CHECK (api_calls >= 0),
    rate_limit_hits     integer     NOT NULL DEFAULT 0 CHECK (rate_limit_hits >= 0),
    bytes_received      bigint      NOT NULL DEFAULT 0 CHECK (bytes_received >= 0),

    dag_id              text        NULL,
    run_id              text        NULL,
    task_id             text        NULL,
    map_index           integer     NULL,
    try_number          integer     NULL,
    clear_number        integer     NULL,
    trigger             text        NULL,

    CONSTRAINT jobs_end_time_says_terminal
        CHECK ((end_time IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled'))),
    CONSTRAINT jobs_started_when_running_or_completed
        CHECK (start_time IS NOT NULL OR status NOT IN ('running', 'completed')),
    CONSTRAINT jobs_counts_balance
        CHECK (records_extracted = records_inserted + records_updated + records_unchanged
                                 + records_duplicate + records_stale + records_quarantined)
);
COMMENT ON TABLE jobs IS 'One row per extraction run of one organization and type, next to the Airflow run that it belongs to.';
COMMENT ON COLUMN jobs.config IS 'Snapshot of the arguments, without secrets.';

CREATE INDEX idx_jobs_org        ON jobs (organization_id);
CREATE INDEX idx_jobs_status     ON jobs (status);
CREATE INDEX idx_jobs_type       ON jobs (type);
CREATE INDEX idx_jobs_start_time ON jobs (start_time);
CREATE INDEX idx_jobs_run        ON jobs (dag_id, run_id, task_id, map_index);
CREATE UNIQUE INDEX jobs_one_active_per_organization_and_type
    ON jobs (organization_id, type) WHERE status IN ('pending', 'running');

CREATE FUNCTION guard_job_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    IF OLD.status IN ('completed', 'failed', 'cancelled') OR (OLD.status, NEW.status) = ('pending', 'completed') THEN
        RAISE EXCEPTION 'job % cannot go from % to %', OLD.id, OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    -- A bare UPDATE … SET status = 'cancelled' is the documented way to cancel: fill in what it leaves out.
    IF NEW.status = 'running' THEN
        NEW.start_time := coalesce(NEW.start_time, now());
    ELSIF NEW.status <> 'pending' THEN
        NEW.end_time := coalesce(NEW.end_time, now());
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER jobs_guard_transition BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION guard_job_transition();
CREATE TRIGGER jobs_set_updated_at BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER organizations_set_updated_at BEFORE UPDATE ON organizations
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER sync_state_set_updated_at BEFORE UPDATE ON sync_state FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE job_batches (
    job_id       uuid        NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    batch_number integer     NOT NULL,
    epoch        bigint      NOT NULL,
    phase        text        NOT NULL,
    pages        integer     NOT NULL,
    received     integer     NOT NULL,
    inserted     integer     NOT NULL,
    updated      integer     NOT NULL,
    unchanged    integer     NOT NULL,
    duplicate    integer     NOT NULL,
    stale        integer     NOT NULL,
    quarantined  integer     NOT NULL,
    deleted      integer     NOT NULL,
    xid          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    written_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, batch_number),
    CONSTRAINT job_batches_balance
        CHECK (received = inserted + updated + unchanged + duplicate + stale + quarantined)
);
COMMENT ON TABLE job_batches IS 'Ledger of committed batches. A row exists exactly when its rows and checkpoint were committed; xid tells the outcome of a COMMIT whose reply was lost.';
    """)


def downgrade() -> None:
    op.execute("""
DROP TABLE job_batches;
DROP TABLE jobs;
DROP TABLE sync_state;
DROP TABLE organizations;
DROP FUNCTION guard_job_transition();
DROP FUNCTION set_updated_at();
    """)
