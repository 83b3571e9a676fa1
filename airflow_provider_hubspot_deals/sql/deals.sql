-- name: create_stage
-- Typed like the deals themselves but for raw_properties: only rows that changed pay for jsonb.
CREATE TEMPORARY TABLE hubspot_deals_stage (
    hubspot_deal_id bigint, hs_object_id bigint,
    dealname text, amount numeric(18,2), dealstage text, pipeline text,
    closedate timestamptz, createdate timestamptz, hs_lastmodifieddate timestamptz,
    hubspot_owner_id text, dealtype text, description text, hs_deal_stage_probability numeric,
    hs_analytics_source text, hs_analytics_source_data_1 text, hs_analytics_source_data_2 text,
    num_associated_contacts integer, hs_priority text, hs_next_step text,
    hs_forecast_amount numeric, hs_forecast_probability numeric, deal_currency_code text,
    archived boolean, raw_properties text, custom_properties text, associations text, _value_issues text,
    _deleted_at timestamptz, _page_number integer, _content_hash uuid
) ON COMMIT DROP

-- name: copy_stage
COPY pg_temp.hubspot_deals_stage FROM STDIN

-- name: plan_for_stage
-- The stage is small and its statistics unknown; reading the whole leaf to join it would cost more with every deal.
SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('work_mem', '64MB', true)

-- name: note_absent
-- Live rows when the live list was read, archived rows when the archived one was.
INSERT INTO {schema}.absent_deals (organization_id, type, hubspot_deal_id, job_id)
SELECT %(organization_id)s, %(type)s, stored.hubspot_deal_id, %(job_id)s
FROM {schema}.{leaf} AS stored
WHERE stored.hubspot_deal_id > %(low)s AND stored.hubspot_deal_id <= %(high)s
  AND stored._deleted_reason IS NOT DISTINCT FROM %(deleted_reason)s
  AND stored.hubspot_deal_id <> ALL (%(listed)s)
ON CONFLICT (organization_id, type, hubspot_deal_id) DO NOTHING

-- name: note_vanished
INSERT INTO {schema}.absent_deals (organization_id, type, hubspot_deal_id, job_id)
SELECT %(organization_id)s, %(type)s, stored.hubspot_deal_id, %(job_id)s
FROM {schema}.{leaf} AS stored
WHERE stored.hubspot_deal_id = ANY (%(vanished)s) AND stored._deleted_reason IS NULL
ON CONFLICT (organization_id, type, hubspot_deal_id) DO NOTHING

-- name: absent_ids
SELECT hubspot_deal_id FROM {schema}.absent_deals
WHERE organization_id = %(organization_id)s AND type = %(type)s AND hubspot_deal_id > %(after_id)s
ORDER BY hubspot_deal_id
LIMIT %(limit)s

-- name: forget_absent
DELETE FROM {schema}.absent_deals
WHERE organization_id = %(organization_id)s AND type = %(type)s AND hubspot_deal_id = ANY (%(ids)s)

-- name: outdated
-- Ids of which we hold no row, an older one, or one marked as deleted.
SELECT found.deal_id
FROM unnest(%(ids)s::bigint[], %(versions)s::timestamptz[]) WITH ORDINALITY AS found (deal_id, version, position)
LEFT JOIN {schema}.{leaf} AS stored ON stored.hubspot_deal_id = found.deal_id
WHERE stored.hubspot_deal_id IS NULL
   OR stored._deleted_reason IS NOT NULL
   OR stored.hs_lastmodifieddate IS NULL
   OR found.version IS NULL
   OR stored.hs_lastmodifieddate < found.version
ORDER BY found.position

-- name: not_archived_so
-- Ids listed as archived of which we hold no row, an older one, or one that is not archived since then.
SELECT found.deal_id
FROM unnest(%(ids)s::bigint[], %(versions)s::timestamptz[], %(moments)s::timestamptz[])
     WITH ORDINALITY AS found (deal_id, version, archived_at, position)
LEFT JOIN {schema}.{leaf} AS stored ON stored.hubspot_deal_id = found.deal_id
WHERE stored._deleted_reason IS DISTINCT FROM 'archived'
   OR stored.hs_lastmodifieddate IS NULL
   OR found.version IS NULL
   OR stored.hs_lastmodifieddate < found.version
   OR stored._deleted_at <> found.archived_at
   OR stored._content_hash IS NULL
ORDER BY found.position

-- name: count_live
-- maybe_unseen: modified since the horizon, so perhaps not in HubSpot's search index yet. maybe_still_seen: deleted since.
SELECT count(*) FILTER (WHERE _deleted_reason IS NULL) AS live,
       count(*) FILTER (WHERE _deleted_reason IS NULL AND hs_lastmodifieddate > %(horizon)s) AS maybe_unseen,
       count(*) FILTER (WHERE _deleted_at > %(horizon)s) AS maybe_still_seen,
       (SELECT count(DISTINCT deal_id_text) FROM {schema}.deals_quarantine
        WHERE organization_id = %(organization_id)s AND type = %(type)s AND resolved_at IS NULL) AS quarantined
FROM {schema}.{leaf}

-- name: upsert
-- One row per deal, the newest; unchanged rows are compared, not written; a version never goes back.
WITH latest AS MATERIALIZED (
    SELECT DISTINCT ON (hubspot_deal_id) *
    FROM pg_temp.hubspot_deals_stage
    ORDER BY hubspot_deal_id, hs_lastmodifieddate DESC, _page_number DESC
),
compared AS MATERIALIZED (
    SELECT latest.*,
           stored.hubspot_deal_id IS NULL AS is_new,
           coalesce(stored.hs_lastmodifieddate > latest.hs_lastmodifieddate, false) AS is_stale,
           stored._content_hash IS NOT DISTINCT FROM latest._content_hash AS is_unchanged,
           latest.archived AND stored.archived IS FALSE AS is_newly_deleted
    FROM latest
    LEFT JOIN {schema}.{leaf} AS stored ON stored.hubspot_deal_id = latest.hubspot_deal_id
),
written AS (
    INSERT INTO {schema}.{leaf} AS stored (
        hubspot_deal_id, hs_object_id,
        dealname, amount, dealstage, pipeline, closedate, createdate, hs_lastmodifieddate,
        hubspot_owner_id, dealtype, description, hs_deal_stage_probability,
        hs_analytics_source, hs_analytics_source_data_1, hs_analytics_source_data_2,
        num_associated_contacts, hs_priority, hs_next_step, hs_forecast_amount, hs_forecast_probability,
        deal_currency_code, archived, raw_properties, custom_properties, associations, _value_issues,
        _deleted_at, _deleted_reason, _page_number, _content_hash,
        _scan_id, _organization_id, _tenant_id, _type, _source_service, _dlt_load_id
    )
    SELECT hubspot_deal_id, hs_object_id,
           dealname, amount, dealstage, pipeline, closedate, createdate, hs_lastmodifieddate,
           hubspot_owner_id, dealtype, description, hs_deal_stage_probability,
           hs_analytics_source, hs_analytics_source_data_1, hs_analytics_source_data_2,
           num_associated_contacts, hs_priority, hs_next_step, hs_forecast_amount, hs_forecast_probability,
           deal_currency_code, archived, raw_properties::jsonb, custom_properties::jsonb, associations::jsonb,
           _value_issues::jsonb,
           CASE WHEN archived THEN coalesce(_deleted_at, now()) END, CASE WHEN archived THEN 'archived' END,
           _page_number, _content_hash,
           %(job_id)s, %(organization_id)s, %(organization_id)s, %(type)s, 'hubspot_api', %(load_id)s
    FROM compared
    WHERE is_new OR NOT (is_unchanged OR is_stale)
    ORDER BY hubspot_deal_id
    ON CONFLICT (hubspot_deal_id) DO UPDATE SET
        hs_object_id = excluded.hs_object_id,
        dealname = excluded.dealname,
        amount = excluded.amount,
        dealstage = excluded.dealstage,
        pipeline = excluded.pipeline,
        closedate = excluded.closedate,
        createdate = excluded.createdate,
        hs_lastmodifieddate = excluded.hs_lastmodifieddate,
        hubspot_owner_id = excluded.hubspot_owner_id,
        dealtype = excluded.dealtype,
        description = excluded.description,
        hs_deal_stage_probability = excluded.hs_deal_stage_probability,
        hs_analytics_source = excluded.hs_analytics_source,
        hs_analytics_source_data_1 = excluded.hs_analytics_source_data_1,
        hs_analytics_source_data_2 = excluded.hs_analytics_source_data_2,
        num_associated_contacts = excluded.num_associated_contacts,
        hs_priority = excluded.hs_priority,
        hs_next_step = excluded.hs_next_step,
        hs_forecast_amount = excluded.hs_forecast_amount,
        hs_forecast_probability = excluded.hs_forecast_probability,
        deal_currency_code = excluded.deal_currency_code,
        archived = excluded.archived,
        raw_properties = excluded.raw_properties,
        custom_properties = excluded.custom_properties,
        associations = excluded.associations,
        _value_issues = excluded._value_issues,
        _deleted_at = excluded._deleted_at,
        _deleted_reason = excluded._deleted_reason,
        _merged_into = NULL,
        _page_number = excluded._page_number,
        _content_hash = excluded._content_hash,
        _extracted_at = now(),
        _scan_id = excluded._scan_id,
        _source_service = excluded._source_service,
        _dlt_load_id = excluded._dlt_load_id
    WHERE stored.hs_lastmodifieddate IS NULL OR stored.hs_lastmodifieddate <= excluded.hs_lastmodifieddate
    RETURNING 1
)
SELECT (SELECT count(*) FROM pg_temp.hubspot_deals_stage) AS staged,
       count(*) FILTER (WHERE is_new) AS inserted,
       count(*) FILTER (WHERE is_stale) AS stale,
       count(*) FILTER (WHERE NOT (is_new OR is_stale) AND is_unchanged) AS unchanged,
       count(*) FILTER (WHERE NOT (is_new OR is_stale OR is_unchanged)) AS updated,
       count(*) FILTER (WHERE is_newly_deleted AND NOT (is_new OR is_stale OR is_unchanged)) AS deleted,
       (SELECT count(*) FROM written) AS written,
       count(*) AS deals
FROM compared

-- name: mark_merged
-- HubSpot lists a merged deal nowhere; only the deal that it was merged into still names it.
UPDATE {schema}.{leaf} AS stored
SET archived = true, _deleted_at = now(), _deleted_reason = 'merged', _merged_into = merge.survivor_id,
    _content_hash = NULL, _extracted_at = now(), _scan_id = %(job_id)s, _dlt_load_id = %(load_id)s
FROM unnest(%(loser_ids)s::bigint[], %(survivor_ids)s::bigint[]) AS merge (loser_id, survivor_id)
WHERE stored.hubspot_deal_id = merge.loser_id
  AND (stored._deleted_reason IS DISTINCT FROM 'merged' OR stored._merged_into IS DISTINCT FROM merge.survivor_id)

-- name: mark_missing
UPDATE {schema}.{leaf}
SET archived = true, _deleted_at = now(), _deleted_reason = 'missing',
    _content_hash = NULL, _extracted_at = now(), _scan_id = %(job_id)s, _dlt_load_id = %(load_id)s
WHERE hubspot_deal_id = ANY (%(ids)s) AND (_deleted_reason IS NULL OR _deleted_reason = 'archived')

-- name: quarantine
INSERT INTO {schema}.deals_quarantine (
    organization_id, type, deal_id_text, reason_code, field_name, raw, raw_is_cut, raw_sha256, job_id, page_number
)
VALUES (
    %(organization_id)s, %(type)s, %(deal_id_text)s, %(reason_code)s, %(field_name)s,
    %(raw)s, %(raw_is_cut)s, %(raw_sha256)s, %(job_id)s, %(page_number)s
)
ON CONFLICT (organization_id, type, raw_sha256, reason_code) DO UPDATE
SET last_seen = now(), times_seen = deals_quarantine.times_seen + 1, job_id = excluded.job_id,
    raw = coalesce(deals_quarantine.raw, excluded.raw), raw_expired_at = NULL,
    resolved_at = NULL, resolved_by_job = NULL

-- name: resolve_quarantine
UPDATE {schema}.deals_quarantine AS quarantined
SET resolved_at = now(), resolved_by_job = %(job_id)s
FROM pg_temp.hubspot_deals_stage AS staged
WHERE quarantined.organization_id = %(organization_id)s AND quarantined.type = %(type)s
  AND quarantined.resolved_at IS NULL AND quarantined.deal_id_text = staged.hubspot_deal_id::text

-- name: settle_quarantine
UPDATE {schema}.deals_quarantine
SET resolved_at = now(), resolved_by_job = %(job_id)s
WHERE organization_id = %(organization_id)s AND type = %(type)s
  AND resolved_at IS NULL AND deal_id_text = ANY (%(ids)s::bigint[]::text[])
