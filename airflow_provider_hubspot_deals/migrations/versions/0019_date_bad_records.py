"""A bad record says when it was modified, so that an old one that is sent again is not taken for a new one."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("""
ALTER TABLE deals_quarantine ADD COLUMN modified_at timestamptz NULL;
COMMENT ON COLUMN deals_quarantine.modified_at IS 'When HubSpot says that the record was modified (UTC): its hs_lastmodifieddate, or its updatedAt where that is unusable. NULL: it does not say.';
COMMENT ON COLUMN deals_quarantine.resolved_at IS 'When a version of the deal arrived that could be stored and is not older, or HubSpot no longer had the deal (UTC). NULL: still open.';
COMMENT ON COLUMN deals_quarantine.resolved_by_job IS 'The job that found that out.';
    """)


def downgrade() -> None:
    op.execute("""
COMMENT ON COLUMN deals_quarantine.resolved_by_job IS 'The job that brought that version.';
COMMENT ON COLUMN deals_quarantine.resolved_at IS 'When a version of the deal that could be stored arrived (UTC). NULL: still open.';
ALTER TABLE deals_quarantine DROP COLUMN modified_at;
    """)
