-- name: store_portal
INSERT INTO {schema}.portals AS stored (
    organization_id, type, portal_id, account_type, time_zone, utc_offset,
    company_currency, additional_currencies, ui_domain, data_hosting_location, raw
)
VALUES (
    %(organization_id)s, %(type)s, %(portal_id)s, %(account_type)s, {schema}.known_time_zone(%(time_zone)s),
    %(utc_offset)s, %(company_currency)s, %(additional_currencies)s, %(ui_domain)s, %(data_hosting_location)s,
    %(raw)s::jsonb
)
ON CONFLICT (organization_id, type) DO UPDATE
SET portal_id = excluded.portal_id,
    account_type = excluded.account_type,
    time_zone = excluded.time_zone,
    utc_offset = excluded.utc_offset,
    company_currency = excluded.company_currency,
    additional_currencies = excluded.additional_currencies,
    ui_domain = excluded.ui_domain,
    data_hosting_location = excluded.data_hosting_location,
    raw = excluded.raw
-- All other facts are in raw.
WHERE (stored.raw, stored.time_zone) IS DISTINCT FROM (excluded.raw, excluded.time_zone)

-- name: store_deal_properties
-- One statement sees one snapshot: stored is what was there before.
-- made_anew: deleted and made again under its name since, with none of the values that deals had.
WITH listed AS (
    SELECT name, label, description, group_name, data_type, field_type, is_custom, is_calculated, is_hidden,
           sensitivity, options::jsonb AS options, hubspot_created_at, hubspot_updated_at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS row (
        name text, label text, description text, group_name text, data_type text, field_type text,
        is_custom boolean, is_calculated boolean, is_hidden boolean, sensitivity text, options text,
        hubspot_created_at timestamptz, hubspot_updated_at timestamptz
    )
), stored AS (
    SELECT * FROM {schema}.deal_properties WHERE organization_id = %(organization_id)s AND type = %(type)s
), changed AS (
    SELECT * FROM listed
    EXCEPT
    SELECT name, label, description, group_name, data_type, field_type, is_custom, is_calculated, is_hidden,
           sensitivity, options, hubspot_created_at, hubspot_updated_at
    FROM stored WHERE _deleted_at IS NULL
), made_anew AS (
    SELECT changed.name FROM changed JOIN stored USING (name)
    WHERE changed.is_custom AND changed.hubspot_created_at > stored.hubspot_created_at
), written AS (
    INSERT INTO {schema}.deal_properties (
        organization_id, type, name, label, description, group_name, data_type, field_type, is_custom, is_calculated,
        is_hidden, sensitivity, options, hubspot_created_at, hubspot_updated_at
    )
    SELECT %(organization_id)s, %(type)s, changed.* FROM changed
    ON CONFLICT (organization_id, type, name) DO UPDATE
    SET label = excluded.label,
        description = excluded.description,
        group_name = excluded.group_name,
        data_type = excluded.data_type,
        field_type = excluded.field_type,
        is_custom = excluded.is_custom,
        is_calculated = excluded.is_calculated,
        is_hidden = excluded.is_hidden,
        sensitivity = excluded.sensitivity,
        options = excluded.options,
        hubspot_created_at = excluded.hubspot_created_at,
        hubspot_updated_at = excluded.hubspot_updated_at,
        _deleted_at = NULL
), vanished AS (
    UPDATE {schema}.deal_properties AS gone SET _deleted_at = now()
    WHERE gone.organization_id = %(organization_id)s AND gone.type = %(type)s AND gone._deleted_at IS NULL
      AND %(is_complete)s AND coalesce(gone.sensitivity, 'non_sensitive') = ANY (%(levels)s)
      AND NOT EXISTS (SELECT FROM listed WHERE listed.name = gone.name)
    RETURNING gone.name
)
SELECT array(
           SELECT changed.name FROM changed LEFT JOIN stored USING (name)
           WHERE EXISTS (SELECT FROM stored)
             AND (stored.name IS NULL OR stored._deleted_at IS NOT NULL OR name IN (TABLE made_anew))
           ORDER BY 1
       ) AS appeared,
       array(SELECT name FROM vanished ORDER BY 1) AS vanished,
       array(
           SELECT jsonb_build_object('name', name, 'before', stored.data_type, 'after', changed.data_type)
           FROM changed JOIN stored USING (name)
           WHERE changed.data_type IS DISTINCT FROM stored.data_type AND stored._deleted_at IS NULL
           ORDER BY name
       ) AS retyped,
       -- Restored, made anew, or there while deals were read without it, by an earlier run or an earlier attempt of this
       -- one: of one without a date that cannot be ruled out, nor within the minutes by which HubSpot's clock may be ahead
       -- of ours.
       EXISTS (TABLE made_anew) OR EXISTS (
           SELECT FROM changed LEFT JOIN stored USING (name)
           WHERE EXISTS (SELECT FROM stored)
             AND (stored._deleted_at IS NOT NULL
                  OR stored.name IS NULL AND coalesce(changed.hubspot_created_at, '-infinity') < (
                      SELECT interval '5 minutes' + greatest(state.last_sync_at, (
                          SELECT max(batch.written_at)
                          FROM {schema}.jobs AS job JOIN {schema}.job_batches AS batch ON batch.job_id = job.id
                          WHERE job.organization_id = %(organization_id)s AND {schema}.deal_type_of(job.type) = %(type)s
                      ))
                      FROM {schema}.sync_state AS state
                      WHERE state.organization_id = %(organization_id)s AND state.type = %(type)s
                  ))
       ) AS known_before

-- name: ask_for_full_run
-- A full read that has begun is no answer: that of the running job, or of a lost one with whose checkpoint a retry would
-- go on, begins again.
WITH begun AS (
    UPDATE {schema}.jobs
    SET checkpoint = NULL,
        records_expected = CASE status WHEN 'running' THEN records_extracted ELSE records_expected END
    WHERE organization_id = %(organization_id)s AND {schema}.deal_type_of(type) = %(type)s
      AND mode = 'full' AND checkpoint IS NOT NULL
      AND (status = 'running' OR status = 'failed' AND error_code = 'HEARTBEAT_LOST')
    RETURNING 1
)
UPDATE {schema}.sync_state SET selection = NULL
WHERE organization_id = %(organization_id)s AND type = %(type)s
  AND (selection IS NOT NULL OR EXISTS (SELECT FROM begun))

-- name: stored_properties
SELECT name, NOT is_custom AS "hubspotDefined", sensitivity AS "dataSensitivity"
FROM {schema}.deal_properties
WHERE organization_id = %(organization_id)s AND type = %(type)s AND sensitivity = ANY (%(levels)s)
  AND _deleted_at IS NULL

-- name: store_pipelines
WITH listed AS (
    SELECT pipeline_id, label, display_order, hubspot_created_at, hubspot_updated_at, raw::jsonb AS raw
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS row (
        pipeline_id text, label text, display_order integer,
        hubspot_created_at timestamptz, hubspot_updated_at timestamptz, raw text
    )
), stored AS (
    SELECT * FROM {schema}.pipelines WHERE organization_id = %(organization_id)s AND type = %(type)s
), changed AS (
    SELECT * FROM listed
    EXCEPT
    SELECT pipeline_id, label, display_order, hubspot_created_at, hubspot_updated_at, raw
    FROM stored WHERE _deleted_at IS NULL
), written AS (
    INSERT INTO {schema}.pipelines (
        organization_id, type, pipeline_id, label, display_order, hubspot_created_at, hubspot_updated_at, raw
    )
    SELECT %(organization_id)s, %(type)s, changed.* FROM changed
    ON CONFLICT (organization_id, type, pipeline_id) DO UPDATE
    SET label = excluded.label,
        display_order = excluded.display_order,
        hubspot_created_at = excluded.hubspot_created_at,
        hubspot_updated_at = excluded.hubspot_updated_at,
        raw = excluded.raw,
        _deleted_at = NULL
), vanished AS (
    UPDATE {schema}.pipelines AS gone SET _deleted_at = now()
    WHERE gone.organization_id = %(organization_id)s AND gone.type = %(type)s AND gone._deleted_at IS NULL
      AND %(is_complete)s AND NOT EXISTS (SELECT FROM listed WHERE listed.pipeline_id = gone.pipeline_id)
    RETURNING 1
)
SELECT count(*) FILTER (WHERE stored.pipeline_id IS NULL) AS inserted,
       count(*) FILTER (WHERE stored.pipeline_id IS NOT NULL) AS updated,
       (SELECT count(*) FROM vanished) AS deleted
FROM changed LEFT JOIN stored USING (pipeline_id)

-- name: store_pipeline_stages
WITH listed AS (
    SELECT pipeline_id, stage_id, label, display_order, probability, is_closed,
           hubspot_created_at, hubspot_updated_at, raw::jsonb AS raw
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS row (
        pipeline_id text, stage_id text, label text, display_order integer, probability numeric, is_closed boolean,
        hubspot_created_at timestamptz, hubspot_updated_at timestamptz, raw text
    )
), stored AS (
    SELECT * FROM {schema}.pipeline_stages WHERE organization_id = %(organization_id)s AND type = %(type)s
), changed AS (
    SELECT * FROM listed
    EXCEPT
    SELECT pipeline_id, stage_id, label, display_order, probability, is_closed,
           hubspot_created_at, hubspot_updated_at, raw
    FROM stored WHERE _deleted_at IS NULL
), written AS (
    INSERT INTO {schema}.pipeline_stages (
        organization_id, type, pipeline_id, stage_id, label, display_order, probability, is_closed,
        hubspot_created_at, hubspot_updated_at, raw
    )
    SELECT %(organization_id)s, %(type)s, changed.* FROM changed
    ON CONFLICT (organization_id, type, pipeline_id, stage_id) DO UPDATE
    SET label = excluded.label,
        display_order = excluded.display_order,
        probability = excluded.probability,
        is_closed = excluded.is_closed,
        hubspot_created_at = excluded.hubspot_created_at,
        hubspot_updated_at = excluded.hubspot_updated_at,
        raw = excluded.raw,
        _deleted_at = NULL
), vanished AS (
    UPDATE {schema}.pipeline_stages AS gone SET _deleted_at = now()
    WHERE gone.organization_id = %(organization_id)s AND gone.type = %(type)s AND gone._deleted_at IS NULL
      AND %(is_complete)s
      AND NOT EXISTS (
          SELECT FROM listed WHERE (listed.pipeline_id, listed.stage_id) = (gone.pipeline_id, gone.stage_id)
      )
    RETURNING 1
)
SELECT count(*) FILTER (WHERE stored.stage_id IS NULL) AS inserted,
       count(*) FILTER (WHERE stored.stage_id IS NOT NULL) AS updated,
       (SELECT count(*) FROM vanished) AS deleted
FROM changed LEFT JOIN stored USING (pipeline_id, stage_id)

-- name: store_owners
WITH listed AS (
    SELECT owner_id, email, first_name, last_name, owner_type, user_id, user_id_including_inactive,
           teams::jsonb AS teams, archived, hubspot_created_at, hubspot_updated_at, raw::jsonb AS raw
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS row (
        owner_id text, email text, first_name text, last_name text, owner_type text,
        user_id bigint, user_id_including_inactive bigint, teams text, archived boolean,
        hubspot_created_at timestamptz, hubspot_updated_at timestamptz, raw text
    )
), stored AS (
    SELECT * FROM {schema}.owners WHERE organization_id = %(organization_id)s AND type = %(type)s
), changed AS (
    SELECT * FROM listed
    EXCEPT
    SELECT owner_id, email, first_name, last_name, owner_type, user_id, user_id_including_inactive,
           teams, archived, hubspot_created_at, hubspot_updated_at, raw
    FROM stored WHERE _deleted_at IS NULL
), written AS (
    INSERT INTO {schema}.owners (
        organization_id, type, owner_id, email, first_name, last_name, owner_type, user_id, user_id_including_inactive,
        teams, archived, hubspot_created_at, hubspot_updated_at, raw
    )
    SELECT %(organization_id)s, %(type)s, changed.* FROM changed
    ON CONFLICT (organization_id, type, owner_id) DO UPDATE
    SET email = excluded.email,
        first_name = excluded.first_name,
        last_name = excluded.last_name,
        owner_type = excluded.owner_type,
        user_id = excluded.user_id,
        user_id_including_inactive = excluded.user_id_including_inactive,
        teams = excluded.teams,
        archived = excluded.archived,
        hubspot_created_at = excluded.hubspot_created_at,
        hubspot_updated_at = excluded.hubspot_updated_at,
        raw = excluded.raw,
        _deleted_at = NULL
), vanished AS (
    UPDATE {schema}.owners AS gone SET _deleted_at = now()
    WHERE gone.organization_id = %(organization_id)s AND gone.type = %(type)s AND gone._deleted_at IS NULL
      AND %(is_complete)s AND NOT EXISTS (SELECT FROM listed WHERE listed.owner_id = gone.owner_id)
    RETURNING 1
)
SELECT count(*) FILTER (WHERE stored.owner_id IS NULL) AS inserted,
       count(*) FILTER (WHERE stored.owner_id IS NOT NULL) AS updated,
       (SELECT count(*) FROM vanished) AS deleted
FROM changed LEFT JOIN stored USING (owner_id)

-- name: store_exchange_rates
WITH listed AS (
    SELECT exchange_rate_id, from_currency, to_currency, conversion_rate, effective_at, is_visible,
           hubspot_created_at, hubspot_updated_at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS row (
        exchange_rate_id text, from_currency text, to_currency text, conversion_rate numeric,
        effective_at timestamptz, is_visible boolean, hubspot_created_at timestamptz, hubspot_updated_at timestamptz
    )
), stored AS (
    SELECT * FROM {schema}.exchange_rates WHERE organization_id = %(organization_id)s AND type = %(type)s
), changed AS (
    SELECT * FROM listed
    EXCEPT
    SELECT exchange_rate_id, from_currency, to_currency, conversion_rate, effective_at, is_visible,
           hubspot_created_at, hubspot_updated_at
    FROM stored WHERE _deleted_at IS NULL
), written AS (
    INSERT INTO {schema}.exchange_rates (
        organization_id, type, exchange_rate_id, from_currency, to_currency, conversion_rate, effective_at, is_visible,
        hubspot_created_at, hubspot_updated_at
    )
    SELECT %(organization_id)s, %(type)s, changed.* FROM changed
    ON CONFLICT (organization_id, type, exchange_rate_id) DO UPDATE
    SET from_currency = excluded.from_currency,
        to_currency = excluded.to_currency,
        conversion_rate = excluded.conversion_rate,
        effective_at = excluded.effective_at,
        is_visible = excluded.is_visible,
        hubspot_created_at = excluded.hubspot_created_at,
        hubspot_updated_at = excluded.hubspot_updated_at,
        _deleted_at = NULL
), vanished AS (
    UPDATE {schema}.exchange_rates AS gone SET _deleted_at = now()
    WHERE gone.organization_id = %(organization_id)s AND gone.type = %(type)s AND gone._deleted_at IS NULL
      AND %(is_complete)s AND NOT EXISTS (SELECT FROM listed WHERE listed.exchange_rate_id = gone.exchange_rate_id)
    RETURNING 1
)
SELECT count(*) FILTER (WHERE stored.exchange_rate_id IS NULL) AS inserted,
       count(*) FILTER (WHERE stored.exchange_rate_id IS NOT NULL) AS updated,
       (SELECT count(*) FROM vanished) AS deleted
FROM changed LEFT JOIN stored USING (exchange_rate_id)

-- name: are_due
SELECT NOT EXISTS (
    SELECT FROM {schema}.portals
    WHERE organization_id = %(organization_id)s AND type = %(type)s AND dimensions_read_at > now() - %(every)s
)

-- name: record_reading
UPDATE {schema}.portals
SET pipelines_read_at = CASE WHEN %(pipelines_read)s THEN now() ELSE pipelines_read_at END,
    owners_read_at = CASE WHEN %(owners_read)s THEN now() ELSE owners_read_at END,
    dimensions_read_at = CASE WHEN %(is_settled)s THEN now() ELSE dimensions_read_at END
WHERE organization_id = %(organization_id)s AND type = %(type)s
