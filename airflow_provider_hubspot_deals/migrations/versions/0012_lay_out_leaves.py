"""How the leaves of ``hubspot_deals`` keep their rows on disk.

Leaves that stand already are left out, as in 0009: ``migrations.upgrade`` does them afterwards, one by one.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
readers_wait = False

ENSURE_DEALS_PARTITION = """
CREATE OR REPLACE FUNCTION ensure_deals_partition(organization uuid, deal_type text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    new_table regclass;
BEGIN
    IF organization IS NULL OR deal_type IS NULL THEN
        RAISE EXCEPTION 'a leaf needs an organization and a deal type' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF deals_leaf(organization, deal_type) IS NULL THEN
        -- erase_organization() waits for this lock, and this for it: what is erased must not get a leaf any more.
        IF EXISTS (SELECT FROM organizations WHERE id = organization) THEN
            PERFORM FROM organizations WHERE id = organization FOR KEY SHARE;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'organization % has been erased meanwhile', organization USING ERRCODE = 'foreign_key_violation';
            END IF;
        END IF;
        PERFORM make_deals_partition(organization, deal_type);
        -- lay out
        FOR new_table IN
            SELECT oid FROM pg_class
            WHERE relname IN ('hubspot_deals_' || deal_type, deals_partition(organization, deal_type))
              AND relnamespace = current_schema()::regnamespace AND NOT relforcerowsecurity
        LOOP
            PERFORM protect_table(new_table);
            IF new_table = deals_leaf(organization, deal_type) THEN
                PERFORM switch_amount_check(organization, deal_type, false);  -- until somebody allows negative amounts
            END IF;
        END LOOP;
    END IF;
    RETURN deals_partition(organization, deal_type);
END $$;
"""


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
    """)
    op.execute(
        ENSURE_DEALS_PARTITION.replace("-- lay out", "PERFORM lay_out_leaf(deals_leaf(organization, deal_type));")
    )


def downgrade() -> None:
    op.execute(ENSURE_DEALS_PARTITION.replace("        -- lay out\n", ""))
    op.execute("DROP FUNCTION lay_out_leaf(regclass);")
