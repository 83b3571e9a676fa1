"""What the organizations file says for people: an organization's name, and from when on a copy is stale."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("""
ALTER TABLE sync_state ADD COLUMN stale_after_minutes integer NOT NULL DEFAULT 1440;
ALTER TABLE sync_state ADD CONSTRAINT sync_state_stale_after_minutes_check CHECK (stale_after_minutes > 0);
COMMENT ON COLUMN sync_state.stale_after_minutes IS 'The copy is stale when no run has completed for so long. From the organizations file.';
COMMENT ON COLUMN organizations.name IS 'Name for people, of the type standard. From the organizations file. NULL: the slug is shown.';
    """)


def downgrade() -> None:
    op.execute("""
ALTER TABLE sync_state DROP COLUMN stale_after_minutes;
COMMENT ON COLUMN organizations.name IS 'Name for people. Nothing of ours fills it.';
    """)
