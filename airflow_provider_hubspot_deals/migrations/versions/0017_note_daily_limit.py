"""A job says how much of its HubSpot account's daily API calls is left, whichever app used the others."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    for table in ("jobs", "jobs_archive"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN daily_limit bigint NULL, ADD COLUMN daily_remaining bigint NULL")
    op.execute("""
ALTER TABLE jobs ADD CONSTRAINT jobs_daily_limit_check CHECK (daily_limit >= 0 AND daily_remaining >= 0);
COMMENT ON COLUMN jobs.daily_limit IS 'API calls that the account''s private apps may make in a day of its time zone, as HubSpot last told this job. NULL: it did not, as with OAuth apps.';
COMMENT ON COLUMN jobs.daily_remaining IS 'How many of them were left then, whichever app used the others.';
COMMENT ON COLUMN jobs_archive.daily_limit IS 'As in jobs.daily_limit.';
COMMENT ON COLUMN jobs_archive.daily_remaining IS 'As in jobs.daily_remaining.';
    """)


def downgrade() -> None:
    for table in ("jobs_archive", "jobs"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN daily_limit, DROP COLUMN daily_remaining")
