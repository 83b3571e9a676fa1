"""Records that could not be stored, and deals that HubSpot no longer listed and that await confirmation."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
CREATE TABLE deals_quarantine (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id  uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type             text        NOT NULL,
    deal_id_text     text        NULL,
    reason_code      text        NOT NULL,
    field_name       text        NULL,
    raw              bytea       NOT NULL,
    raw_is_cut       boolean     NOT NULL,
    raw_sha256       bytea       NOT NULL,
    job_id           uuid        NOT NULL,
    page_number      integer     NULL,
    first_seen       timestamptz NOT NULL DEFAULT now(),
    last_seen        timestamptz NOT NULL DEFAULT now(),
    times_seen       integer     NOT NULL DEFAULT 1,
    resolved_at      timestamptz NULL,
    resolved_by_job  uuid        NULL,
    UNIQUE (organization_id, type, raw_sha256, reason_code)
);
COMMENT ON TABLE deals_quarantine IS 'Records that could not be keyed or stored, as HubSpot sent them (zlib). One row per record and reason, however often it comes.';
CREATE INDEX idx_quarantine_open ON deals_quarantine (organization_id, type, deal_id_text) WHERE resolved_at IS NULL;

CREATE TABLE absent_deals (
    organization_id  uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type             text        NOT NULL,
    hubspot_deal_id  bigint      NOT NULL,
    job_id           uuid        NOT NULL,
    noticed_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, type, hubspot_deal_id)
);
COMMENT ON TABLE absent_deals IS 'Deals that a list of HubSpot no longer held; each is asked for by id before its row is marked.';
    """)


def downgrade() -> None:
    op.execute("""
DROP TABLE absent_deals;
DROP TABLE deals_quarantine;
    """)
