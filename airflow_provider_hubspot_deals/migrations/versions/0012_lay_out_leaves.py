"""How the leaves of ``hubspot_deals`` keep their rows on disk.

Leaves that stand already are left out, as in 0009: ``migrations.upgrade`` does them afterwards, one by one.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
readers_wait = False


def upgrade() -> None:
    op.execute("""
CREATE FUNCTION lay_out_leaf(leaf regclass) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- A usual deal is just over the 2 kB beyond which PostgreSQL compresses a row's longest values and, since short jsonb
    -- hardly shrinks, moves them out of line: a second table and index to write. Beyond half a page it is still worth it.
    EXECUTE format('ALTER TABLE %s SET (toast_tuple_target = 4064)', leaf);
END $$;
COMMENT ON FUNCTION lay_out_leaf IS 'Keep the rows of a leaf of hubspot_deals whole up to 4,064 bytes, half a page. Holds up neither readers nor writers.';
REVOKE EXECUTE ON FUNCTION lay_out_leaf FROM PUBLIC;

ALTER FUNCTION make_deals_partition(uuid, text) RENAME TO make_plain_deals_partition;
COMMENT ON FUNCTION make_plain_deals_partition IS 'The first step of make_deals_partition(): the table, as PostgreSQL lays it out.';
CREATE FUNCTION make_deals_partition(organization uuid, deal_type text) RETURNS text
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    leaf text := make_plain_deals_partition(organization, deal_type);
BEGIN
    PERFORM lay_out_leaf(deals_leaf(organization, deal_type));
    RETURN leaf;
END $$;
COMMENT ON FUNCTION make_deals_partition IS 'Make the leaf table of one organization and type if it is not there, and return its name.';
REVOKE EXECUTE ON FUNCTION make_deals_partition FROM PUBLIC;
    """)


def downgrade() -> None:
    op.execute("""
DROP FUNCTION make_deals_partition(uuid, text);
DROP FUNCTION lay_out_leaf(regclass);
ALTER FUNCTION make_plain_deals_partition(uuid, text) RENAME TO make_deals_partition;
COMMENT ON FUNCTION make_deals_partition IS 'Make the leaf table of one organization and type if it is not there, and return its name.';
    """)
