-- name: plan_for_batch
-- A batch is small and its statistics unknown; reading the whole leaf to join it would cost more with every deal.
SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('jit', 'off', true)

-- name: compare
-- Which rows of a batch are to be written, as positions counted from 1; of a deal that is in it twice, the newest version,
-- and of equal ones what came last.
-- The hash decides: unchanged rows are neither sent nor written; a version never goes back. Of a deal whose version is
-- not known, what comes last is taken.
WITH latest AS (
    SELECT DISTINCT ON (deal_id) deal_id, version, is_archived, content_hash, position
    FROM unnest(
        %(ids)s::bigint[], %(versions)s::timestamptz[], %(archived)s::boolean[], %(pages)s::integer[], %(hashes)s::uuid[]
    ) WITH ORDINALITY AS received (deal_id, version, is_archived, page_number, content_hash, position)
    ORDER BY deal_id, version DESC NULLS LAST, page_number DESC, position DESC
),
compared AS (
    SELECT position,
           stored.hubspot_deal_id IS NULL AS is_new,
           coalesce(stored.hs_lastmodifieddate > latest.version, false) AS is_stale,
           stored._content_hash IS NOT DISTINCT FROM latest.content_hash AS is_unchanged,
           latest.is_archived AND stored.archived IS FALSE AS is_newly_deleted
    FROM latest
    LEFT JOIN {schema}.{leaf} AS stored ON stored.hubspot_deal_id = latest.deal_id
)
SELECT coalesce(array_agg(position) FILTER (WHERE is_new), '{{}}') AS new,
       coalesce(array_agg(position) FILTER (WHERE NOT (is_new OR is_stale OR is_unchanged)), '{{}}') AS changed,
       count(*) FILTER (WHERE is_stale) AS stale,
       count(*) FILTER (WHERE NOT (is_new OR is_stale) AND is_unchanged) AS unchanged,
       count(*) FILTER (WHERE is_newly_deleted AND NOT (is_stale OR is_unchanged)) AS deleted
FROM compared

-- name: create_stage
-- Rows of 2 to 8 kB stay whole: compressing what is read back at once costs more than it saves.
CREATE TEMPORARY TABLE IF NOT EXISTS hubspot_deals_stage (
    hubspot_deal_id bigint, hs_object_id bigint,
    dealname text, amount numeric(18,2), dealstage text, pipeline text,
    closedate timestamptz, createdate timestamptz, hs_lastmodifieddate timestamptz,
    hubspot_owner_id text, dealtype text, description text, hs_deal_stage_probability numeric,
    hs_analytics_source text, hs_analytics_source_data_1 text, hs_analytics_source_data_2 text,
    num_associated_contacts integer, hs_priority text, hs_next_step text,
    hs_forecast_amount numeric, hs_forecast_probability numeric, deal_currency_code text,
    archived boolean, raw_properties jsonb, custom_properties jsonb, associations jsonb, _value_issues jsonb,
    _deleted_at timestamptz, _page_number integer, _content_hash uuid
) WITH (toast_tuple_target = 8160) ON COMMIT DROP

-- name: empty_stage
TRUNCATE pg_temp.hubspot_deals_stage

-- name: copy_stage
COPY pg_temp.hubspot_deals_stage FROM STDIN

-- name: note_absent
-- Live rows when the live list was read, archived rows when the archived one was.
INSERT INTO {schema}.absent_deals (organization_id, type, hubspot_deal_id, job_id)
SELECT %(organization_id)s, %(type)s, stored.hubspot_deal_id, %(job_id)s
FROM {schema}.{leaf} AS stored
WHERE stored.hubspot_deal_id > %(low)s AND stored.hubspot_deal_id <= %(high)s
  AND stored._deleted_reason IS NOT DISTINCT FROM %(deleted_reason)s
  AND stored.hubspot_deal_id <> ALL (%(listed)s::bigint[])
ON CONFLICT (organization_id, type, hubspot_deal_id) DO NOTHING

-- name: note_vanished
-- Those of which we hold no row, too: a replica may not have a new deal yet that search names already.
INSERT INTO {schema}.absent_deals (organization_id, type, hubspot_deal_id, job_id)
SELECT %(organization_id)s, %(type)s, vanished.deal_id, %(job_id)s
FROM unnest(%(vanished)s::bigint[]) AS vanished (deal_id)
LEFT JOIN {schema}.{leaf} AS stored ON stored.hubspot_deal_id = vanished.deal_id
WHERE stored._deleted_reason IS NULL
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
-- Ids of which we hold no row, an older one, or one marked as deleted; and deals that others were merged into. Pages read
-- side by side come in any order: one that still held such a deal may have brought it back after it was marked.
SELECT found.deal_id
FROM unnest(%(ids)s::bigint[], %(versions)s::timestamptz[]) WITH ORDINALITY AS found (deal_id, version, position)
LEFT JOIN {schema}.{leaf} AS stored ON stored.hubspot_deal_id = found.deal_id
WHERE stored.hubspot_deal_id IS NULL
   OR stored._deleted_reason IS NOT NULL
   OR stored.hs_lastmodifieddate IS NULL
   OR found.version IS NULL
   OR stored.hs_lastmodifieddate < found.version
   OR stored.raw_properties ->> 'hs_merged_object_ids' <> ''
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
-- Each of the three counts is answered by an index alone: the table may be gigabytes, and a run may have changed nothing.
SELECT stored.deals - deleted.deals AS live,
       (SELECT count(*) FROM {schema}.{leaf}
        WHERE _deleted_reason IS NULL AND hs_lastmodifieddate > %(horizon)s) AS maybe_unseen,
       deleted.lately AS maybe_still_seen,
       (SELECT count(DISTINCT deal_id_text) FROM {schema}.deals_quarantine
        WHERE organization_id = %(organization_id)s AND type = %(type)s AND resolved_at IS NULL) AS quarantined
FROM (SELECT count(*) AS deals FROM {schema}.{leaf}) AS stored,
     (SELECT count(*) AS deals, count(*) FILTER (WHERE _deleted_at > %(horizon)s) AS lately
      FROM {schema}.{leaf} WHERE _deleted_reason IS NOT NULL) AS deleted

-- name: insert_staged
-- _dlt_id is made of the leaf's own half and the deal's id: unique, the same after a reload, and ten times as cheap as
-- gen_random_uuid() on a server without OpenSSL.
INSERT INTO {schema}.{leaf} (
    hubspot_deal_id, hs_object_id,
    dealname, amount, dealstage, pipeline, closedate, createdate, hs_lastmodifieddate,
    hubspot_owner_id, dealtype, description, hs_deal_stage_probability,
    hs_analytics_source, hs_analytics_source_data_1, hs_analytics_source_data_2,
    num_associated_contacts, hs_priority, hs_next_step, hs_forecast_amount, hs_forecast_probability,
    deal_currency_code, archived, raw_properties, custom_properties, associations, _value_issues,
    _deleted_at, _deleted_reason, _page_number, _content_hash,
    _scan_id, _organization_id, _tenant_id, _type, _source_service, _dlt_load_id, _dlt_id
)
SELECT hubspot_deal_id, hs_object_id,
       dealname, amount, dealstage, pipeline, closedate, createdate, hs_lastmodifieddate,
       hubspot_owner_id, dealtype, description, hs_deal_stage_probability,
       hs_analytics_source, hs_analytics_source_data_1, hs_analytics_source_data_2,
       num_associated_contacts, hs_priority, hs_next_step, hs_forecast_amount, hs_forecast_probability,
       deal_currency_code, archived, raw_properties, custom_properties, associations, _value_issues,
       CASE WHEN archived THEN coalesce(_deleted_at, now()) END, CASE WHEN archived THEN 'archived' END,
       _page_number, _content_hash,
       %(job_id)s, %(organization_id)s, %(organization_id)s, %(type)s, 'hubspot_api', %(load_id)s,
       (%(leaf_half)s || lpad(to_hex(hubspot_deal_id), 16, '0'))::uuid
FROM pg_temp.hubspot_deals_stage

-- name: update_staged
UPDATE {schema}.{leaf} AS stored SET
    hs_object_id = staged.hs_object_id,
    dealname = staged.dealname,
    amount = staged.amount,
    dealstage = staged.dealstage,
    pipeline = staged.pipeline,
    closedate = staged.closedate,
    createdate = staged.createdate,
    hs_lastmodifieddate = staged.hs_lastmodifieddate,
    hubspot_owner_id = staged.hubspot_owner_id,
    dealtype = staged.dealtype,
    description = staged.description,
    hs_deal_stage_probability = staged.hs_deal_stage_probability,
    hs_analytics_source = staged.hs_analytics_source,
    hs_analytics_source_data_1 = staged.hs_analytics_source_data_1,
    hs_analytics_source_data_2 = staged.hs_analytics_source_data_2,
    num_associated_contacts = staged.num_associated_contacts,
    hs_priority = staged.hs_priority,
    hs_next_step = staged.hs_next_step,
    hs_forecast_amount = staged.hs_forecast_amount,
    hs_forecast_probability = staged.hs_forecast_probability,
    deal_currency_code = staged.deal_currency_code,
    archived = staged.archived,
    raw_properties = staged.raw_properties,
    custom_properties = staged.custom_properties,
    associations = staged.associations,
    _value_issues = staged._value_issues,
    _deleted_at = CASE WHEN staged.archived THEN coalesce(staged._deleted_at, stored._deleted_at, now()) END,
    _deleted_reason = CASE WHEN staged.archived THEN 'archived' END,
    _merged_into = NULL,
    _page_number = staged._page_number,
    _content_hash = staged._content_hash,
    _extracted_at = now(),
    _scan_id = %(job_id)s,
    _source_service = 'hubspot_api',
    _dlt_load_id = %(load_id)s
FROM pg_temp.hubspot_deals_stage AS staged
WHERE stored.hubspot_deal_id = staged.hubspot_deal_id
  AND (stored.hs_lastmodifieddate > staged.hs_lastmodifieddate) IS NOT TRUE

-- name: mark_merged
-- HubSpot lists a merged deal nowhere; only the deal that it was merged into still names it.
UPDATE {schema}.{leaf} AS stored
SET archived = true, _deleted_at = coalesce(stored._deleted_at, now()), _deleted_reason = 'merged',
    _merged_into = merge.survivor_id, _content_hash = NULL, _extracted_at = now(), _scan_id = %(job_id)s, _dlt_load_id = %(load_id)s
FROM unnest(%(loser_ids)s::bigint[], %(survivor_ids)s::bigint[]) AS merge (loser_id, survivor_id)
WHERE stored.hubspot_deal_id = merge.loser_id
  AND (stored._deleted_reason IS DISTINCT FROM 'merged' OR stored._merged_into IS DISTINCT FROM merge.survivor_id)

-- name: mark_missing
UPDATE {schema}.{leaf}
SET archived = true, _deleted_at = coalesce(_deleted_at, now()), _deleted_reason = 'missing',
    _content_hash = NULL, _extracted_at = now(), _scan_id = %(job_id)s, _dlt_load_id = %(load_id)s
WHERE hubspot_deal_id = ANY (%(ids)s) AND (_deleted_reason IS NULL OR _deleted_reason = 'archived')

-- name: quarantine
INSERT INTO {schema}.deals_quarantine (
    organization_id, type, deal_id_text, reason_code, field_name, raw, raw_is_cut, raw_sha256, job_id, page_number,
    modified_at, resolved_at, resolved_by_job
)
SELECT %(organization_id)s, %(type)s, %(deal_id_text)s, %(reason_code)s, %(field_name)s,
       %(raw)s, %(raw_is_cut)s, %(raw_sha256)s, %(job_id)s, %(page_number)s,
       said.modified_at, CASE WHEN newer.is_stored THEN now() END, CASE WHEN newer.is_stored THEN %(job_id)s END::uuid
FROM (SELECT %(modified_at)s::timestamptz AS modified_at) AS said
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM {schema}.{leaf}
        WHERE hubspot_deal_id = %(deal_id)s::bigint AND hs_lastmodifieddate > said.modified_at
    ) AS is_stored
) AS newer
ON CONFLICT (organization_id, type, raw_sha256, reason_code) DO UPDATE
SET last_seen = now(), times_seen = deals_quarantine.times_seen + 1, job_id = excluded.job_id,
    raw = coalesce(deals_quarantine.raw, excluded.raw), raw_expired_at = NULL, modified_at = excluded.modified_at,
    resolved_at = excluded.resolved_at, resolved_by_job = excluded.resolved_by_job

-- name: settle_quarantine
-- A good version settles what is not newer than itself. A moment that has not come yet says nothing.
UPDATE {schema}.deals_quarantine AS kept
SET resolved_at = now(), resolved_by_job = %(job_id)s
FROM unnest(%(ids)s::text[], %(versions)s::text[]) AS good (deal_id_text, version)
WHERE kept.organization_id = %(organization_id)s AND kept.type = %(type)s
  AND kept.resolved_at IS NULL AND kept.deal_id_text = good.deal_id_text
  AND (kept.modified_at > good.version::timestamptz AND kept.modified_at <= now()) IS NOT TRUE

-- name: settle_quarantine_of_missing
UPDATE {schema}.deals_quarantine
SET resolved_at = now(), resolved_by_job = %(job_id)s
WHERE organization_id = %(organization_id)s AND type = %(type)s
  AND resolved_at IS NULL AND deal_id_text = ANY (%(ids)s::bigint[]::text[])
