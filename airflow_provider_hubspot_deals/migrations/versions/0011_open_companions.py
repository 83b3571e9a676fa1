"""Loaders may write exchange rates and property history; how long deals stood in each stage; days of the portal."""

from alembic import op

revision = "0011"
down_revision = "0010"
readers_wait = False

USAGE = "('usage_records')"
USAGE_AND_COMPANIONS = "('usage_records', 'exchange_rates', 'deal_property_history')"


def upgrade() -> None:
    op.execute("""
-- With the tenant first it looked, before the first ANALYZE, as good as the key for one deal's associations, and read
-- those of every deal of the organization. Nothing has written this table before.
DROP INDEX idx_associations_to_object;
CREATE INDEX idx_associations_to_object ON deal_associations (to_object_id, organization_id, type, to_object_type);
COMMENT ON INDEX idx_associations_to_object IS 'Deals of a contact, company or other record: the other direction.';
ALTER TABLE sync_state ADD COLUMN history text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN sync_state.history IS 'Properties of which deal_property_history holds every deal''s changes, as far as HubSpot keeps them. Another one that is asked for needs a full run first.';
COMMENT ON TABLE exchange_rates IS 'Exchange rates that the people of a multi-currency portal keep in HubSpot. Needs the scope settings.currencies.read; empty without it.';
COMMENT ON TABLE deal_associations IS 'What each deal is associated with, one row per record and label: a record with two labels has two rows. Only for the object types asked for; as of when the deal was last read live, so a full run brings all up to date. Deals that are archived, merged or missing keep their rows.';
COMMENT ON COLUMN deal_property_history.value IS 'The value exactly as HubSpot sent it; empty when it was cleared. What PostgreSQL cannot hold (NUL, half a surrogate pair) is written as JSON.';
    """)
    op.execute(_change_privileges(USAGE_AND_COMPANIONS, USAGE))
    op.execute("""
DO $$
BEGIN
    PERFORM give_loader(relation, role)
    FROM unnest(loaders()) AS role, unnest('{exchange_rates,deal_property_history}'::regclass[]) AS relation;
END $$;
    """)
    op.execute(r"""
CREATE VIEW deal_stage_history WITH (security_invoker = true) AS
SELECT change.organization_id,
       change.organization_id AS tenant_id,
       change.type,
       change.hubspot_deal_id,
       change.value AS dealstage,
       stage.label AS stage_label,
       change.changed_at AS entered_at,
       change.left_at,
       coalesce(change.left_at, now()) - change.changed_at AS time_in_stage,
       change.left_at IS NULL AS is_current,
       (change.changed_at AT TIME ZONE portal.time_zone)::date AS entered_day,
       (change.left_at AT TIME ZONE portal.time_zone)::date AS left_day,
       change.source_type,
       change.updated_by_user_id
FROM (
    SELECT *, lead(changed_at) OVER (
        PARTITION BY organization_id, type, hubspot_deal_id ORDER BY changed_at, ordinal
    ) AS left_at
    FROM deal_property_history
    WHERE property = 'dealstage'
) AS change
LEFT JOIN portals AS portal ON portal.organization_id = change.organization_id AND portal.type = change.type
LEFT JOIN LATERAL (
    -- A stage id names its pipeline as well, but for those of HubSpot's default pipeline, which people may repeat.
    SELECT label FROM pipeline_stages
    WHERE organization_id = change.organization_id AND type = change.type AND stage_id = change.value
    ORDER BY _deleted_at IS NOT NULL, pipeline_id <> 'default'
    LIMIT 1
) AS stage ON true;
COMMENT ON VIEW deal_stage_history IS 'When each deal entered and left each stage. Needs dealstage among the properties whose history is kept. A stage that was cleared is an empty dealstage.';
COMMENT ON COLUMN deal_stage_history.organization_id IS 'The tenant. Name it in every query.';
COMMENT ON COLUMN deal_stage_history.tenant_id IS 'The same as organization_id.';
COMMENT ON COLUMN deal_stage_history.type IS 'Which of the organization''s portals: standard, sandbox, …';
COMMENT ON COLUMN deal_stage_history.hubspot_deal_id IS 'The deal, as in hubspot_deals.';
COMMENT ON COLUMN deal_stage_history.dealstage IS 'Id of the stage.';
COMMENT ON COLUMN deal_stage_history.stage_label IS 'Current or last label of the stage; NULL when it has not been read.';
COMMENT ON COLUMN deal_stage_history.entered_at IS 'When the deal entered the stage (UTC).';
COMMENT ON COLUMN deal_stage_history.left_at IS 'When it left it (UTC); NULL while it is there.';
COMMENT ON COLUMN deal_stage_history.time_in_stage IS 'How long it was there, until now for the stage it is in.';
COMMENT ON COLUMN deal_stage_history.is_current IS 'Whether it is the stage that the deal was in when it was last read.';
COMMENT ON COLUMN deal_stage_history.entered_day IS 'The calendar day of entered_at in the portal''s time zone.';
COMMENT ON COLUMN deal_stage_history.left_day IS 'The calendar day of left_at in the portal''s time zone.';
COMMENT ON COLUMN deal_stage_history.source_type IS 'What moved it there: CRM_UI, IMPORT, INTEGRATION, AUTOMATION_PLATFORM, …';
COMMENT ON COLUMN deal_stage_history.updated_by_user_id IS 'HubSpot''s id of the user who moved it, if it was one (owners.user_id_including_inactive).';
DO $$
BEGIN
    EXECUTE format('ALTER VIEW deal_stage_history SET SCHEMA %I', reporting_schema());
    PERFORM give_reader(format('%I.deal_stage_history', reporting_schema())::regclass, role) FROM unnest(readers()) AS role;
END $$;
    """)


def downgrade() -> None:
    op.execute(_change_privileges(USAGE, USAGE_AND_COMPANIONS))
    op.execute("""
DO $$
DECLARE
    role regrole;
BEGIN
    FOR role IN SELECT unnest(loaders()) EXCEPT SELECT relowner::regrole FROM pg_class WHERE oid = 'exchange_rates'::regclass LOOP
        EXECUTE format('REVOKE SELECT, INSERT, UPDATE ON exchange_rates, deal_property_history FROM %s', role);
    END LOOP;
END $$;
    """)
    op.execute("""
DO $$
BEGIN
    EXECUTE format('DROP VIEW %I.deal_stage_history', reporting_schema());
END $$;
ALTER TABLE sync_state DROP COLUMN history;
DROP INDEX idx_associations_to_object;
CREATE INDEX idx_associations_to_object ON deal_associations (organization_id, type, to_object_type, to_object_id);
COMMENT ON INDEX idx_associations_to_object IS 'Deals of a contact, company or other record: the other direction.';
COMMENT ON TABLE exchange_rates IS 'Exchange rates that the portal''s people keep in HubSpot. Not read yet: needs the scope settings.currencies.read.';
COMMENT ON TABLE deal_associations IS 'What each deal is associated with, one row per record and label. A record with two labels has two rows.';
COMMENT ON COLUMN deal_property_history.value IS 'The value exactly as HubSpot sent it; empty when it was cleared.';
    """)


def _change_privileges(tables: str, instead: str) -> str:
    """The tables on which loaders get nothing. The function's other lines stay as the revisions before left them."""
    before, after = (names.replace("'", "''") for names in (tables, instead))
    return f"""
DO $$
DECLARE
    written text := pg_get_functiondef('loader_privileges(regclass)'::regprocedure);
BEGIN
    IF strpos(written, '{before}') = 0 THEN
        RAISE EXCEPTION 'loader_privileges() is not as revision 0010 left it';
    END IF;
    EXECUTE replace(written, '{before}', '{after}');
END $$;
    """
