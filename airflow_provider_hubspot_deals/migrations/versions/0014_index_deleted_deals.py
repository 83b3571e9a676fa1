"""The live deals of a leaf can be counted without reading it: all of them by any index, less those that are deleted.

Leaves that stand already are left out, as in 0012: ``migrations.upgrade`` does them afterwards, one by one.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
readers_wait = False


def upgrade() -> None:
    op.execute("""
CREATE OR REPLACE FUNCTION lay_out_leaf(leaf regclass) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    name text := (SELECT overlay(relname PLACING 'deleted' FROM 1 FOR length('hubspot')) FROM pg_class WHERE oid = leaf);
BEGIN
    -- A usual deal is just over the 2 kB beyond which PostgreSQL compresses a row's longest values and, since short jsonb
    -- hardly shrinks, moves them out of line: a second table and index to write. Beyond half a page it is still worth it.
    EXECUTE format('ALTER TABLE %s SET (toast_tuple_target = 4064)', leaf);
    -- Live deals are not in it, so that loading them costs nothing. The parent has none: nobody asks it for deleted deals.
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s (_deleted_at) WHERE _deleted_reason IS NOT NULL', name, leaf);
END $$;
COMMENT ON FUNCTION lay_out_leaf IS 'Keep the rows of a leaf of hubspot_deals whole up to 4,064 bytes, half a page, and index its deleted deals. Holds up no readers, and writers of that leaf while it is read once.';
    """)


def downgrade() -> None:
    op.execute("""
CREATE OR REPLACE FUNCTION lay_out_leaf(leaf regclass) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- A usual deal is just over the 2 kB beyond which PostgreSQL compresses a row's longest values and, since short jsonb
    -- hardly shrinks, moves them out of line: a second table and index to write. Beyond half a page it is still worth it.
    EXECUTE format('ALTER TABLE %s SET (toast_tuple_target = 4064)', leaf);
END $$;
COMMENT ON FUNCTION lay_out_leaf IS 'Keep the rows of a leaf of hubspot_deals whole up to 4,064 bytes, half a page. Holds up neither readers nor writers.';
    """)
