"""Deals: one parent table, partitioned by type and then by organization, and the function that makes a leaf."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
CREATE TABLE hubspot_deals (
    -- HubSpot identifiers
    hubspot_deal_id           bigint        NOT NULL,
    hs_object_id              bigint        NULL,

    -- core business fields
    dealname                  text          NULL,
    amount                    numeric(18,2) NULL,
    dealstage                 text          NULL,
    pipeline                  text          NULL,
    closedate                 timestamptz   NULL,
    createdate                timestamptz   NULL,
    hs_lastmodifieddate       timestamptz   NULL,
    archived                  boolean       NOT NULL DEFAULT false,

    -- further mapped properties
    hubspot_owner_id          text          NULL,
    dealtype                  text          NULL,
    description               text          NULL,
    hs_deal_stage_probability numeric       NULL,
    hs_analytics_source       text          NULL,
    hs_analytics_source_data_1 text         NULL,
    hs_analytics_source_data_2 text         NULL,
    num_associated_contacts   integer       NULL,
    hs_priority               text          NULL,
    hs_next_step              text          NULL,
    hs_forecast_amount        numeric       NULL,
    hs_forecast_probability   numeric       NULL,
    deal_currency_code        text          NULL,

    -- everything HubSpot sent with a value
    raw_properties            jsonb         NULL,
    custom_properties         jsonb         NULL,
    associations              jsonb         NULL,

    -- ETL metadata
    _extracted_at             timestamptz   NOT NULL DEFAULT now(),
    _scan_id                  uuid          NULL,
    _organization_id          uuid          NOT NULL,
    _tenant_id                uuid          NOT NULL,
    _page_number              integer       NULL,
    _source_service           text          NULL,
    _dlt_load_id              uuid          NULL,
    _dlt_id                   uuid          NOT NULL DEFAULT gen_random_uuid(),
    _type                     text          NOT NULL DEFAULT 'standard',
    _value_issues             jsonb         NULL,
    _deleted_at               timestamptz   NULL,
    _deleted_reason           text          NULL CHECK (_deleted_reason IN ('archived', 'merged', 'missing')),
    _merged_into              bigint        NULL,
    _content_hash             uuid          NULL,

    CONSTRAINT chk_tenant_eq_org CHECK (_tenant_id = _organization_id),
    CONSTRAINT chk_deleted_says_why CHECK (archived = (_deleted_reason IS NOT NULL)),
    -- numeric(18,2) takes NaN, and NaN passes CHECK (amount >= 0); Infinity passes in a bare numeric
    CONSTRAINT chk_numbers_are_finite CHECK (
        amount <> 'NaN'
        AND hs_deal_stage_probability NOT IN ('NaN', 'Infinity', '-Infinity')
        AND hs_forecast_amount NOT IN ('NaN', 'Infinity', '-Infinity')
        AND hs_forecast_probability NOT IN ('NaN', 'Infinity', '-Infinity')
    )
) PARTITION BY LIST (_type);
COMMENT ON TABLE hubspot_deals IS 'Deals of all organizations. Each organization and type has its own leaf: hubspot_deals_<type>_<organization id, 32 hex digits>.';

DO $$
BEGIN
    -- lz4 costs PostgreSQL a fraction of pglz, where the server was built with it
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE hubspot_deals ALTER raw_properties SET COMPRESSION lz4, ALTER custom_properties SET COMPRESSION lz4;
    END IF;
END $$;

-- The partition itself is the index on _organization_id: a leaf holds one organization.
CREATE INDEX idx_deals_createdate   ON hubspot_deals (createdate);
CREATE INDEX idx_deals_closedate    ON hubspot_deals (closedate);
CREATE INDEX idx_deals_stage        ON hubspot_deals (dealstage);
CREATE INDEX idx_deals_pipeline     ON hubspot_deals (pipeline);
CREATE INDEX idx_deals_lastmodified ON hubspot_deals (hs_lastmodifieddate);
CREATE INDEX idx_deals_scan         ON hubspot_deals (_scan_id);

CREATE FUNCTION deals_partition(organization uuid, deal_type text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT 'hubspot_deals_' || deal_type || '_' || replace(organization::text, '-', '')
$$;
COMMENT ON FUNCTION deals_partition IS 'Name of the leaf table that holds the deals of one organization and type.';

CREATE FUNCTION ensure_deals_partition(organization uuid, deal_type text) RETURNS text
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    branch text := 'hubspot_deals_' || deal_type;
    leaf text := deals_partition(organization, deal_type);
BEGIN
    IF deal_type !~ '^[a-z][a-z0-9_]{0,14}$' THEN
        RAISE EXCEPTION 'deal type % must be up to 15 lower-case letters, digits and underscores', quote_literal(deal_type)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass(leaf) IS NOT NULL THEN
        RETURN leaf;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || '.' || branch, 0));
    -- CREATE … PARTITION OF would wait for every open writer; CREATE and ATTACH does not.
    IF to_regclass(branch) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE hubspot_deals INCLUDING ALL) PARTITION BY LIST (_organization_id)', branch);
        EXECUTE format('ALTER TABLE hubspot_deals ATTACH PARTITION %I FOR VALUES IN (%L)', branch, deal_type);
    END IF;
    IF to_regclass(leaf) IS NULL THEN
        -- A leaf is one organization and type, so the deal id alone is its key: a third of a composite key's size.
        EXECUTE format('CREATE TABLE %I (LIKE hubspot_deals INCLUDING ALL, PRIMARY KEY (hubspot_deal_id))', leaf);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (%L)', branch, leaf, organization);
    END IF;
    RETURN leaf;
END $$;
COMMENT ON FUNCTION ensure_deals_partition IS 'Make the leaf table of one organization and type if it is not there, and return its name.';

CREATE FUNCTION allow_negative_amounts(organization uuid, deal_type text, allowed boolean) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    leaf regclass := to_regclass(deals_partition(organization, deal_type));
    refused boolean := EXISTS (SELECT FROM pg_constraint WHERE conrelid = leaf AND conname = 'chk_amount_not_negative');
BEGIN
    IF allowed AND refused THEN
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT chk_amount_not_negative', leaf);
    ELSIF NOT allowed AND NOT refused THEN
        -- A negative amount left standing would refuse every later update of its row, a deletion mark too.
        -- raw_properties keeps the exact text; without its hash the row is written anew when its deal is next read.
        EXECUTE format(
            'UPDATE %s SET amount = NULL, _content_hash = NULL, _value_issues = coalesce(_value_issues, ''[]'') || %L'
            ' WHERE amount < 0', leaf, '[{"field": "amount", "code": "AMOUNT_NEGATIVE"}]');
        EXECUTE format(
            'ALTER TABLE %s ADD CONSTRAINT chk_amount_not_negative CHECK (amount IS NULL OR amount >= 0) NOT VALID', leaf);
    END IF;
END $$;
COMMENT ON FUNCTION allow_negative_amounts IS 'Switch the amount check of one leaf; HubSpot itself allows negative amounts.';
    """)


def downgrade() -> None:
    op.execute("""
DROP FUNCTION allow_negative_amounts(uuid, text, boolean);
DROP FUNCTION ensure_deals_partition(uuid, text);
DROP TABLE hubspot_deals;
DROP FUNCTION deals_partition(uuid, text);
    """)
