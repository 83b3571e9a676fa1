"""What deals point at: portals, pipelines, stages, owners, properties, rates, associations, property history."""

from alembic import op

revision = "0007"
down_revision = "0006"
readers_wait = False

HASH_PARTITIONS = 16  # by organization: thousands of tenants share few tables, and an organization's rows one of them
HASHED = ("deal_associations", "deal_property_history")
UPDATED = (
    "portals",
    "pipelines",
    "pipeline_stages",
    "owners",
    "deal_properties",
    "exchange_rates",
    "deal_associations",
)
LISTED = ("pipelines", "pipeline_stages", "owners", "deal_properties", "exchange_rates")


def upgrade() -> None:
    op.execute("""
CREATE TABLE portals (
    organization_id       uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type                  text        NOT NULL,
    portal_id             bigint      NOT NULL,
    account_type          text        NULL,
    time_zone             text        NULL,
    utc_offset            interval    NULL,
    company_currency      text        NULL,
    additional_currencies text[]      NOT NULL DEFAULT '{}',
    ui_domain             text        NULL,
    data_hosting_location text        NULL,
    raw                   jsonb       NULL,
    pipelines_read_at     timestamptz NULL,
    owners_read_at        timestamptz NULL,
    dimensions_read_at    timestamptz NULL,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, type)
);
COMMENT ON TABLE portals IS 'What HubSpot says of each portal (account). Read by every run, written when it changes.';
COMMENT ON COLUMN portals.portal_id IS 'HubSpot''s id of the account.';
COMMENT ON COLUMN portals.account_type IS 'STANDARD, SANDBOX, DEVELOPER_TEST or APP_DEVELOPER.';
COMMENT ON COLUMN portals.time_zone IS 'IANA name of the portal''s time zone, in which its people read dates. NULL when this PostgreSQL does not know HubSpot''s name for it, which is in raw.';
COMMENT ON COLUMN portals.utc_offset IS 'The zone''s distance from UTC when it was read; daylight saving time changes it.';
COMMENT ON COLUMN portals.company_currency IS 'ISO 4217 code of the home currency: that of amounts whose deal names none.';
COMMENT ON COLUMN portals.additional_currencies IS 'ISO 4217 codes of the other currencies that deals may have.';
COMMENT ON COLUMN portals.ui_domain IS 'Host of the portal''s own pages; the region stands in it.';
COMMENT ON COLUMN portals.data_hosting_location IS 'Where HubSpot keeps the data: na1, eu1, …';
COMMENT ON COLUMN portals.raw IS 'HubSpot''s whole answer.';
COMMENT ON COLUMN portals.pipelines_read_at IS 'When pipelines and stages were last read. NULL: never yet, or the token may not.';
COMMENT ON COLUMN portals.owners_read_at IS 'When owners were last read, archived ones too. NULL: never yet, or the token may not.';
COMMENT ON COLUMN portals.dimensions_read_at IS 'When these lists were last asked for and HubSpot answered, if only with a refusal. They are asked for again when it is older than dimensions_every.';

CREATE TABLE pipelines (
    organization_id    uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type               text        NOT NULL,
    pipeline_id        text        NOT NULL,
    label              text        NULL,
    display_order      integer     NULL,
    hubspot_created_at timestamptz NULL,
    hubspot_updated_at timestamptz NULL,
    raw                jsonb       NOT NULL,
    _deleted_at        timestamptz NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, type, pipeline_id)
);
COMMENT ON TABLE pipelines IS 'Deal pipelines. HubSpot stops listing archived ones while deals still name them, so rows stay and deals have no foreign key to them.';
COMMENT ON COLUMN pipelines.pipeline_id IS 'HubSpot''s id, as in hubspot_deals.pipeline: digits, or default.';
COMMENT ON COLUMN pipelines.label IS 'What people call it.';
COMMENT ON COLUMN pipelines.display_order IS 'Place among the pipelines, ascending; equal ones by label.';

CREATE TABLE pipeline_stages (
    organization_id    uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type               text        NOT NULL,
    pipeline_id        text        NOT NULL,
    stage_id           text        NOT NULL,
    label              text        NULL,
    display_order      integer     NULL,
    probability        numeric     NULL,
    is_closed          boolean     NULL,
    is_won             boolean     NULL GENERATED ALWAYS AS (is_closed AND probability = 1) STORED,
    hubspot_created_at timestamptz NULL,
    hubspot_updated_at timestamptz NULL,
    raw                jsonb       NOT NULL,
    _deleted_at        timestamptz NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, type, pipeline_id, stage_id)
);
COMMENT ON TABLE pipeline_stages IS 'Stages of the deal pipelines, those of archived pipelines included.';
COMMENT ON COLUMN pipeline_stages.pipeline_id IS 'The pipeline that the stage belongs to.';
COMMENT ON COLUMN pipeline_stages.stage_id IS 'HubSpot''s id, as in hubspot_deals.dealstage: digits, or a word such as closedwon.';
COMMENT ON COLUMN pipeline_stages.label IS 'What people call it.';
COMMENT ON COLUMN pipeline_stages.display_order IS 'Place in the pipeline, ascending.';
COMMENT ON COLUMN pipeline_stages.probability IS 'Share of deals in this stage that are expected to be won, 0 to 1. A deal may have its own: hs_deal_stage_probability.';
COMMENT ON COLUMN pipeline_stages.is_closed IS 'Whether a deal in this stage is decided. NULL when HubSpot does not say.';
COMMENT ON COLUMN pipeline_stages.is_won IS 'Whether it is decided in our favour: closed, with probability 1.';

CREATE TABLE owners (
    organization_id            uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type                       text        NOT NULL,
    owner_id                   text        NOT NULL,
    email                      text        NULL,
    first_name                 text        NULL,
    last_name                  text        NULL,
    owner_type                 text        NULL,
    user_id                    bigint      NULL,
    user_id_including_inactive bigint      NULL,
    teams                      jsonb       NULL,
    archived                   boolean     NOT NULL,
    hubspot_created_at         timestamptz NULL,
    hubspot_updated_at         timestamptz NULL,
    raw                        jsonb       NOT NULL,
    _deleted_at                timestamptz NULL,
    created_at                 timestamptz NOT NULL DEFAULT now(),
    updated_at                 timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, type, owner_id)
);
COMMENT ON TABLE owners IS 'People and queues that deals are assigned to. Deals keep naming those who have left, so archived ones are here too.';
COMMENT ON COLUMN owners.owner_id IS 'HubSpot''s id, as in hubspot_deals.hubspot_owner_id.';
COMMENT ON COLUMN owners.email IS 'E-mail address of the user.';
COMMENT ON COLUMN owners.first_name IS 'First name of the user.';
COMMENT ON COLUMN owners.last_name IS 'Last name of the user, or the queue''s name.';
COMMENT ON COLUMN owners.owner_type IS 'PERSON or QUEUE.';
COMMENT ON COLUMN owners.user_id IS 'HubSpot''s id of the user behind it; NULL when archived.';
COMMENT ON COLUMN owners.user_id_including_inactive IS 'The same, kept when the user is deactivated.';
COMMENT ON COLUMN owners.teams IS 'List of {id, name, primary}; NULL without teams.';
COMMENT ON COLUMN owners.archived IS 'Whether HubSpot lists the owner among the archived ones: deactivated or removed.';

CREATE TABLE deal_properties (
    organization_id    uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type               text        NOT NULL,
    name               text        NOT NULL,
    label              text        NULL,
    description        text        NULL,
    group_name         text        NULL,
    data_type          text        NULL,
    field_type         text        NULL,
    is_custom          boolean     NOT NULL,
    is_calculated      boolean     NOT NULL,
    is_hidden          boolean     NOT NULL,
    sensitivity        text        NULL,
    options            jsonb       NULL,
    hubspot_created_at timestamptz NULL,
    hubspot_updated_at timestamptz NULL,
    _deleted_at        timestamptz NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, type, name)
);
COMMENT ON TABLE deal_properties IS 'Definitions of the portal''s deal properties: what the keys of hubspot_deals.raw_properties mean. Compared by every run.';
COMMENT ON COLUMN deal_properties.name IS 'Internal name: the key in raw_properties.';
COMMENT ON COLUMN deal_properties.label IS 'What people see.';
COMMENT ON COLUMN deal_properties.description IS 'Help text, often empty.';
COMMENT ON COLUMN deal_properties.group_name IS 'Internal name of the group it is shown in.';
COMMENT ON COLUMN deal_properties.data_type IS 'string, number, bool, enumeration, date, datetime, phone_number, json or object_coordinates.';
COMMENT ON COLUMN deal_properties.field_type IS 'How it is entered: text, select, checkbox, calculation_equation, …';
COMMENT ON COLUMN deal_properties.is_custom IS 'Defined by the portal, not by HubSpot: such values are also in hubspot_deals.custom_properties.';
COMMENT ON COLUMN deal_properties.is_calculated IS 'HubSpot derives its value. Such a change leaves hs_lastmodifieddate alone, so only full runs see it.';
COMMENT ON COLUMN deal_properties.is_hidden IS 'Not shown in HubSpot.';
COMMENT ON COLUMN deal_properties.sensitivity IS 'non_sensitive, sensitive or highly_sensitive.';
COMMENT ON COLUMN deal_properties.options IS 'Of an enumeration: list of {value, label, displayOrder, hidden}; else NULL. Deals may hold values that are no option any more.';

CREATE TABLE exchange_rates (
    organization_id    uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type               text        NOT NULL,
    exchange_rate_id   text        NOT NULL,
    from_currency      text        NOT NULL,
    to_currency        text        NOT NULL,
    conversion_rate    numeric     NOT NULL CHECK (conversion_rate > 0 AND conversion_rate < 'Infinity'),
    effective_at       timestamptz NOT NULL,
    is_visible         boolean     NOT NULL DEFAULT true,
    hubspot_created_at timestamptz NULL,
    hubspot_updated_at timestamptz NULL,
    _deleted_at        timestamptz NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, type, exchange_rate_id)
);
COMMENT ON TABLE exchange_rates IS 'Exchange rates that the portal''s people keep in HubSpot. Not read yet: needs the scope settings.currencies.read.';
COMMENT ON COLUMN exchange_rates.exchange_rate_id IS 'HubSpot''s id of the rate.';
COMMENT ON COLUMN exchange_rates.from_currency IS 'ISO 4217 code of the currency that is converted.';
COMMENT ON COLUMN exchange_rates.to_currency IS 'ISO 4217 code of the company currency.';
COMMENT ON COLUMN exchange_rates.conversion_rate IS 'Units of to_currency for one unit of from_currency; HubSpot keeps up to 6 decimals.';
COMMENT ON COLUMN exchange_rates.effective_at IS 'From when on it applies, until the next one of the same pair.';
COMMENT ON COLUMN exchange_rates.is_visible IS 'Whether people can choose the currency in HubSpot.';
    """)
    op.execute("""
CREATE TABLE deal_associations (
    organization_id     uuid        NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type                text        NOT NULL,
    hubspot_deal_id     bigint      NOT NULL,
    to_object_type      text        NOT NULL,
    to_object_id        bigint      NOT NULL,
    category            text        NOT NULL,
    association_type_id integer     NOT NULL,
    label               text        NULL,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, type, hubspot_deal_id, to_object_type, to_object_id, category, association_type_id)
) PARTITION BY HASH (organization_id);
COMMENT ON TABLE deal_associations IS 'What each deal is associated with, one row per record and label. A record with two labels has two rows.';
COMMENT ON COLUMN deal_associations.hubspot_deal_id IS 'The deal, as in hubspot_deals.';
COMMENT ON COLUMN deal_associations.to_object_type IS 'Kind of the other record: contacts, companies, line_items, deals, …';
COMMENT ON COLUMN deal_associations.to_object_id IS 'HubSpot''s id of the other record, unique in its kind.';
COMMENT ON COLUMN deal_associations.category IS 'HUBSPOT_DEFINED, USER_DEFINED or INTEGRATOR_DEFINED; a type id is unique in its category.';
COMMENT ON COLUMN deal_associations.association_type_id IS 'Which kind of association: 3 is a contact, 5 the primary company, 341 any company, …';
COMMENT ON COLUMN deal_associations.label IS 'What people call it, such as Decision maker; NULL for the unlabelled kind.';
-- For "which deals does this company have?"; the key answers "what does this deal have?".
CREATE INDEX idx_associations_to_object ON deal_associations (organization_id, type, to_object_type, to_object_id);

CREATE TABLE deal_property_history (
    organization_id    uuid           NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    type               text           NOT NULL,
    hubspot_deal_id    bigint         NOT NULL,
    property           text           NOT NULL,
    changed_at         timestamptz(3) NOT NULL,
    ordinal            smallint       NOT NULL DEFAULT 0 CHECK (ordinal >= 0),
    value              text           NULL,
    source_type        text           NULL,
    source_id          text           NULL,
    source_label       text           NULL,
    updated_by_user_id bigint         NULL,
    created_at         timestamptz    NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, type, hubspot_deal_id, property, changed_at, ordinal)
) PARTITION BY HASH (organization_id);
COMMENT ON TABLE deal_property_history IS 'Values that properties of deals had, as far back as HubSpot keeps them. Only for the properties asked for.';
COMMENT ON COLUMN deal_property_history.hubspot_deal_id IS 'The deal, as in hubspot_deals.';
COMMENT ON COLUMN deal_property_history.property IS 'Internal name of the property.';
COMMENT ON COLUMN deal_property_history.changed_at IS 'When the property got this value, to the millisecond.';
COMMENT ON COLUMN deal_property_history.ordinal IS '0; 1, 2, … for further changes of the property within the same millisecond, oldest first.';
COMMENT ON COLUMN deal_property_history.value IS 'The value exactly as HubSpot sent it; empty when it was cleared.';
COMMENT ON COLUMN deal_property_history.source_type IS 'What changed it: CRM_UI, IMPORT, INTEGRATION, AUTOMATION_PLATFORM, CALCULATED, …';
COMMENT ON COLUMN deal_property_history.source_id IS 'Which one of that kind: a user, an app, a workflow.';
COMMENT ON COLUMN deal_property_history.source_label IS 'What people call the source.';
COMMENT ON COLUMN deal_property_history.updated_by_user_id IS 'HubSpot''s id of the user who changed it, if it was one (owners.user_id_including_inactive).';
COMMENT ON COLUMN deal_property_history.created_at IS 'When this row was first stored.';

CREATE FUNCTION known_time_zone(zone text) RETURNS text LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    PERFORM now() AT TIME ZONE zone;
    RETURN zone;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION known_time_zone IS 'The name of a time zone if this server knows it, else NULL: one unknown name would break every query that converts to it.';
    """)
    for table in (*UPDATED, "deal_property_history"):
        op.execute(f"""
COMMENT ON COLUMN {table}.organization_id IS 'The tenant.';
COMMENT ON COLUMN {table}.type IS 'Which of the organization''s portals: standard, sandbox, …';
        """)
    for table in UPDATED:
        op.execute(f"""
COMMENT ON COLUMN {table}.created_at IS 'When this row was first stored.';
COMMENT ON COLUMN {table}.updated_at IS 'When this row last changed; reading the same again is no change.';
CREATE TRIGGER {table}_set_updated_at BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION set_updated_at();
        """)
    for table in LISTED:
        op.execute(f"""
COMMENT ON COLUMN {table}.hubspot_created_at IS 'When it was made in HubSpot; NULL when HubSpot does not know, which it writes as 1970.';
COMMENT ON COLUMN {table}.hubspot_updated_at IS 'When it was last changed in HubSpot; NULL when HubSpot does not know.';
COMMENT ON COLUMN {table}._deleted_at IS 'When a run first found that HubSpot no longer lists it; NULL while it does.';
        """)
    for table in ("pipelines", "pipeline_stages", "owners"):
        op.execute(f"COMMENT ON COLUMN {table}.raw IS 'As HubSpot sent it; a pipeline without its stages.'")
    for table in HASHED:
        for number in range(HASH_PARTITIONS):
            op.execute(f"""
CREATE TABLE {table}_{number:02} PARTITION OF {table} FOR VALUES WITH (MODULUS {HASH_PARTITIONS}, REMAINDER {number});
COMMENT ON TABLE {table}_{number:02} IS 'Part of {table}: one sixteenth of the organizations.';
            """)
    _create_reporting_view()


def _create_reporting_view() -> None:
    op.execute(r"""
-- Every join names the organization and the type, so that a filter on the tenant reads one leaf and one tenant's rows.
CREATE VIEW deals_with_names WITH (security_invoker = true) AS
SELECT deal._organization_id AS organization_id,
       deal._organization_id AS tenant_id,
       deal._type AS type,
       deal.hubspot_deal_id,
       deal.dealname,
       deal.pipeline,
       pipeline.label AS pipeline_label,
       deal.dealstage,
       stage.label AS stage_label,
       stage.display_order AS stage_order,
       stage.probability AS stage_probability,
       stage.is_closed,
       stage.is_won,
       deal.hubspot_owner_id,
       nullif(concat_ws(' ', owner.first_name, owner.last_name), '') AS owner_name,
       owner.email AS owner_email,
       owner.archived AS owner_archived,
       deal.amount,
       coalesce(deal.deal_currency_code, portal.company_currency) AS currency,
       CASE WHEN deal.raw_properties ->> 'amount_in_home_currency' ~ '^-?[0-9]{1,30}([.][0-9]{0,255})?([eE][+-]?[0-9]{1,2})?$'
            THEN (deal.raw_properties ->> 'amount_in_home_currency')::numeric
            WHEN coalesce(deal.deal_currency_code, portal.company_currency) = portal.company_currency THEN deal.amount
       END AS amount_in_home_currency,
       portal.company_currency AS home_currency,
       deal.closedate,
       (deal.closedate AT TIME ZONE portal.time_zone)::date AS close_day,
       portal.time_zone,
       deal.createdate,
       deal.hs_lastmodifieddate,
       deal.archived,
       deal._deleted_reason
FROM hubspot_deals AS deal
LEFT JOIN portals AS portal
       ON portal.organization_id = deal._organization_id AND portal.type = deal._type
LEFT JOIN pipelines AS pipeline
       ON pipeline.organization_id = deal._organization_id AND pipeline.type = deal._type
      AND pipeline.pipeline_id = deal.pipeline
LEFT JOIN pipeline_stages AS stage
       ON stage.organization_id = deal._organization_id AND stage.type = deal._type
      AND stage.pipeline_id = deal.pipeline AND stage.stage_id = deal.dealstage
LEFT JOIN owners AS owner
       ON owner.organization_id = deal._organization_id AND owner.type = deal._type
      AND owner.owner_id = deal.hubspot_owner_id;
COMMENT ON VIEW deals_with_names IS 'Deals as people know them: labels of pipeline and stage, name of the owner, day and currency of the portal. One row per deal, whatever is missing.';
COMMENT ON COLUMN deals_with_names.organization_id IS 'The tenant. Name it in every query: it decides which one table is read.';
COMMENT ON COLUMN deals_with_names.tenant_id IS 'The same as organization_id.';
COMMENT ON COLUMN deals_with_names.type IS 'Which of the organization''s portals: standard, sandbox, …';
COMMENT ON COLUMN deals_with_names.hubspot_deal_id IS 'HubSpot''s id of the deal.';
COMMENT ON COLUMN deals_with_names.dealname IS 'Name of the deal.';
COMMENT ON COLUMN deals_with_names.pipeline IS 'Id of the pipeline.';
COMMENT ON COLUMN deals_with_names.pipeline_label IS 'Current or last label of the pipeline; NULL when it has not been read.';
COMMENT ON COLUMN deals_with_names.dealstage IS 'Id of the stage.';
COMMENT ON COLUMN deals_with_names.stage_label IS 'Current or last label of the stage; NULL when it has not been read.';
COMMENT ON COLUMN deals_with_names.stage_order IS 'Place of the stage in its pipeline, ascending.';
COMMENT ON COLUMN deals_with_names.stage_probability IS 'The stage''s own probability, 0 to 1.';
COMMENT ON COLUMN deals_with_names.is_closed IS 'Whether the stage means that the deal is decided.';
COMMENT ON COLUMN deals_with_names.is_won IS 'Whether the stage means that it is won.';
COMMENT ON COLUMN deals_with_names.hubspot_owner_id IS 'Id of the owner.';
COMMENT ON COLUMN deals_with_names.owner_name IS 'First and last name of the owner.';
COMMENT ON COLUMN deals_with_names.owner_email IS 'E-mail address of the owner.';
COMMENT ON COLUMN deals_with_names.owner_archived IS 'Whether the owner has left.';
COMMENT ON COLUMN deals_with_names.amount IS 'Amount in currency.';
COMMENT ON COLUMN deals_with_names.currency IS 'ISO 4217 code of amount: the deal''s, else the portal''s.';
COMMENT ON COLUMN deals_with_names.amount_in_home_currency IS 'Amount in home_currency: HubSpot''s own conversion, else amount if it is in that currency.';
COMMENT ON COLUMN deals_with_names.home_currency IS 'ISO 4217 code of the portal''s company currency.';
COMMENT ON COLUMN deals_with_names.closedate IS 'When the deal was, or is expected to be, closed.';
COMMENT ON COLUMN deals_with_names.close_day IS 'The calendar day of closedate in the portal''s time zone, as its people see it.';
COMMENT ON COLUMN deals_with_names.time_zone IS 'IANA name of the portal''s time zone.';
COMMENT ON COLUMN deals_with_names.createdate IS 'When the deal was created in HubSpot.';
COMMENT ON COLUMN deals_with_names.hs_lastmodifieddate IS 'When the deal was last changed in HubSpot.';
COMMENT ON COLUMN deals_with_names.archived IS 'Whether HubSpot no longer lists the deal as live.';
COMMENT ON COLUMN deals_with_names._deleted_reason IS 'Why not: archived, merged or missing.';
DO $$
BEGIN
    EXECUTE format('ALTER VIEW deals_with_names SET SCHEMA %I', left(current_schema(), 53) || '_reporting');
END $$;
    """)


def downgrade() -> None:
    op.execute("""
DO $$
BEGIN
    EXECUTE format('DROP VIEW %I.deals_with_names', left(current_schema(), 53) || '_reporting');
END $$;
DROP FUNCTION known_time_zone(text);
DROP TABLE deal_property_history;
DROP TABLE deal_associations;
DROP TABLE exchange_rates;
DROP TABLE deal_properties;
DROP TABLE owners;
DROP TABLE pipeline_stages;
DROP TABLE pipelines;
DROP TABLE portals;
    """)
