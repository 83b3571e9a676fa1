"""Purging a job takes what is kept beside its deals along: their associations and the history of their properties."""

from alembic import op

revision = "0013"
down_revision = "0012"
readers_wait = False

DEALS_ALONE = """EXECUTE format('DELETE FROM %I WHERE _scan_id = $1', leaf) USING job;
        GET DIAGNOSTICS deals = ROW_COUNT;"""
WITH_COMPANIONS = "deals := purge_deals(doomed.organization_id, deal_type_of(doomed.type), job);"


def upgrade() -> None:
    op.execute("""
CREATE FUNCTION purge_deals(organization uuid, deal_type text, job uuid) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    purged bigint[];
BEGIN
    EXECUTE format('WITH purged AS (DELETE FROM %I WHERE _scan_id = $1 RETURNING hubspot_deal_id)'
                   ' SELECT array_agg(hubspot_deal_id) FROM purged', deals_partition(organization, deal_type))
    INTO purged USING job;
    DELETE FROM deal_associations
    WHERE organization_id = organization AND type = deal_type AND hubspot_deal_id = ANY (purged);
    DELETE FROM deal_property_history
    WHERE organization_id = organization AND type = deal_type AND hubspot_deal_id = ANY (purged);
    RETURN coalesce(cardinality(purged), 0);
END $$;
COMMENT ON FUNCTION purge_deals IS 'Delete the deals that a job wrote last, with their associations and the history of their properties, and return how many deals. Part of purge_job().';
REVOKE EXECUTE ON FUNCTION purge_deals FROM PUBLIC;
COMMENT ON FUNCTION purge_job IS 'Delete an ended job, archived or not, with the quarantined records and the deals that it wrote last, and the associations and property history of these deals. HubSpot still has the deals: the next automatic run is a full one and brings them again. A run under way is failed. Returns the counts.';
    """)
    op.execute(_change_purging(DEALS_ALONE, WITH_COMPANIONS))


def downgrade() -> None:
    op.execute(_change_purging(WITH_COMPANIONS, DEALS_ALONE))
    op.execute("""
DROP FUNCTION purge_deals(uuid, text, uuid);
COMMENT ON FUNCTION purge_job IS 'Delete an ended job, archived or not, with the deals and quarantined records that it wrote last. HubSpot still has the deals: the next automatic run is a full one and brings them again. A run under way is failed. Returns the counts.';
    """)


def _change_purging(step: str, instead: str) -> str:
    """One step of ``purge_job()``; its other lines stay as revision 0008 wrote them."""
    before, after = (lines.replace("'", "''") for lines in (step, instead))
    return f"""
DO $$
DECLARE
    written text := pg_get_functiondef('purge_job(uuid)'::regprocedure);
BEGIN
    IF strpos(written, '{before}') = 0 THEN
        RAISE EXCEPTION 'purge_job() is not as revision 0008 left it';
    END IF;
    EXECUTE replace(written, '{before}', '{after}');
END $$;
    """
