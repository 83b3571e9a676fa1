-- Each statement gives the rows that break it. truth, known: the simulator's own state, in temporary tables.

-- name: always
SELECT invariant, details FROM audit.violations
UNION ALL
-- The heart: no live deal that was last modified before the watermark is missing or old.
SELECT 'i6: the watermark never passes a deal that is not stored',
       format('%%s: %%s of %%s, watermark %%s', truth.deal_id, deal.hs_lastmodifieddate, truth.modified, state.watermark)
FROM truth
JOIN hubspot.sync_state AS state USING (organization_id)
LEFT JOIN hubspot.hubspot_deals AS deal
    ON deal._organization_id = truth.organization_id AND deal.hubspot_deal_id = truth.deal_id
WHERE truth.state = 'live' AND truth.reason IS NULL AND truth.modified <= state.watermark
  AND (deal.hubspot_deal_id IS NULL OR deal.hs_lastmodifieddate < truth.modified)
UNION ALL
SELECT 'i6: the watermark never passes a bad record that is not in quarantine',
       format('%%s of %%s, watermark %%s', truth.deal_id, truth.modified, state.watermark)
FROM truth
JOIN hubspot.sync_state AS state USING (organization_id)
WHERE truth.state = 'live' AND truth.reason IS NOT NULL AND truth.modified <= state.watermark
  AND NOT EXISTS (SELECT FROM held WHERE held.organization_id = truth.organization_id AND held.deal_id = truth.deal_id
                  AND held.modified >= truth.modified)
UNION ALL
SELECT 'i9: one active job for each organization', organization_id::text
FROM hubspot.jobs WHERE status IN ('pending', 'running') GROUP BY organization_id, type HAVING count(*) > 1
UNION ALL
SELECT 'i10: ended exactly when it has an end', format('%%s %%s', id, status) FROM hubspot.jobs
WHERE (end_time IS NOT NULL) <> (status IN ('completed', 'failed', 'cancelled'))
UNION ALL
SELECT 'i11: a job counts what its batches count', format('%%s: %%s of %%s', job.id, job.records_extracted, sum(batch.received))
FROM hubspot.jobs AS job LEFT JOIN hubspot.job_batches AS batch ON batch.job_id = job.id
GROUP BY job.id
HAVING (job.records_extracted, job.records_inserted, job.records_updated, job.records_unchanged, job.records_duplicate,
        job.records_stale, job.records_quarantined, job.records_deleted, job.pages_read, job.batches)
    IS DISTINCT FROM (coalesce(sum(batch.received), 0), coalesce(sum(batch.inserted), 0), coalesce(sum(batch.updated), 0),
                      coalesce(sum(batch.unchanged), 0), coalesce(sum(batch.duplicate), 0), coalesce(sum(batch.stale), 0),
                      coalesce(sum(batch.quarantined), 0), coalesce(sum(batch.deleted), 0), coalesce(sum(batch.pages), 0),
                      count(batch.job_id))
UNION ALL
SELECT 'i12: a batch balances', format('%%s/%%s', job_id, batch_number) FROM hubspot.job_batches
WHERE received <> inserted + updated + unchanged + duplicate + stale + quarantined
UNION ALL
SELECT 'i13: a deal is of the organization whose portal has it', format('%%s in %%s', deal.hubspot_deal_id, deal._organization_id)
FROM hubspot.hubspot_deals AS deal
LEFT JOIN known ON known.organization_id = deal._organization_id AND known.deal_id = deal.hubspot_deal_id
WHERE known.deal_id IS NULL
UNION ALL
SELECT 'i13: the job that wrote a deal is of its organization', format('%%s by %%s', deal.hubspot_deal_id, job.id)
FROM hubspot.hubspot_deals AS deal JOIN hubspot.jobs AS job ON job.id = deal._scan_id
WHERE job.organization_id <> deal._organization_id
UNION ALL
SELECT 'i13: a bad record is of the organization whose portal has it', format('%%s in %%s', deal_id, held.organization_id)
FROM held
WHERE deal_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM known WHERE (known.organization_id, known.deal_id) = (held.organization_id, held.deal_id))
UNION ALL
SELECT 'i13: the job that wrote a bad record is of its organization', format('%%s by %%s', kept.id, job.id)
FROM hubspot.deals_quarantine AS kept JOIN hubspot.jobs AS job ON job.id IN (kept.job_id, kept.resolved_by_job)
WHERE job.organization_id <> kept.organization_id
UNION ALL
SELECT 'no deal twice', format('%%s in %%s', hubspot_deal_id, _organization_id)
FROM hubspot.hubspot_deals GROUP BY hubspot_deal_id, _organization_id, _type HAVING count(*) > 1
UNION ALL
SELECT 'i17: events without gaps', job_id::text FROM hubspot.job_events WHERE job_id IS NOT NULL
GROUP BY job_id
HAVING (min(sequence), max(sequence)) <> (1, count(*))
UNION ALL
SELECT 'i17: events tell the end once, and as it is', format('%%s is %%s, told: %%s', jobs.id, status, told.ends)
FROM hubspot.jobs LEFT JOIN (
    SELECT job_id, array_agg(kind) AS ends FROM hubspot.job_events
    WHERE kind IN ('completed', 'failed', 'cancelled') GROUP BY job_id
) AS told ON told.job_id = jobs.id
WHERE told.ends IS DISTINCT FROM CASE WHEN status IN ('completed', 'failed', 'cancelled') THEN ARRAY[status::text] END
UNION ALL
-- xmin: which transaction PostgreSQL itself says has written the row. Of very old ones it has forgotten how they ended.
SELECT 'i20: a batch names the transaction that committed it', format('%%s/%%s: %%s', job_id, batch_number, xid)
FROM hubspot.job_batches
WHERE xmin::text::bigint <> xid::text::bigint %% (2 ^ 32)::bigint
   OR CASE WHEN xid < pg_snapshot_xmax(pg_current_snapshot()) THEN pg_xact_status(xid) <> 'committed' ELSE true END
UNION ALL
SELECT 'i21: numbers are numbers, and amounts not negative', format('%%s: %%s', hubspot_deal_id, numbers)
FROM hubspot.hubspot_deals AS deal
CROSS JOIN LATERAL (SELECT ARRAY[amount, hs_deal_stage_probability, hs_forecast_amount, hs_forecast_probability] AS numbers) AS each
WHERE numbers && ARRAY['NaN', 'Infinity', '-Infinity']::numeric[] OR amount < 0 OR num_associated_contacts < 0
UNION ALL
SELECT 'i22: times are of our centuries', format('%%s: %%s', hubspot_deal_id, moments)
FROM hubspot.hubspot_deals AS deal
CROSS JOIN LATERAL (SELECT ARRAY[closedate, createdate, hs_lastmodifieddate, _deleted_at, _extracted_at] AS moments) AS each
WHERE EXISTS (SELECT FROM unnest(moments) AS moment WHERE moment NOT BETWEEN '1900-01-01Z' AND '2201-01-01Z')
UNION ALL
-- Of a day: HubSpot's clock is another one.
SELECT 'i22: nothing has happened in the future', format('%%s of %%s', what, organization_id)
FROM (
    SELECT _organization_id, 'deal ' || hubspot_deal_id,
           greatest(hs_lastmodifieddate, _extracted_at) FROM hubspot.hubspot_deals
    UNION ALL
    SELECT organization_id, 'job ' || id, greatest(created_at, start_time, last_heartbeat, end_time) FROM hubspot.jobs
    UNION ALL
    SELECT organization_id, 'sync_state', greatest(watermark, last_sync_at, last_full_sync_at) FROM hubspot.sync_state
    UNION ALL
    SELECT organization_id, 'deals_quarantine ' || id, greatest(first_seen, last_seen, resolved_at) FROM hubspot.deals_quarantine
    UNION ALL
    SELECT organization_id, 'deal_property_history ' || hubspot_deal_id, changed_at FROM hubspot.deal_property_history
) AS happened (organization_id, what, moment)
WHERE moment NOT BETWEEN '1900-01-01Z' AND now() + interval '1 day'
UNION ALL
SELECT 'i22: a job ends after it began', id::text FROM hubspot.jobs WHERE end_time < start_time OR start_time < created_at

-- name: rows_inserted_once
-- Before anybody deletes: a deal is inserted by one batch, whatever was repeated.
SELECT 'no deal inserted twice', format('%%s: %%s inserted, %%s stored', organization_id, counted.inserted, stored.number)
FROM (SELECT organization_id, sum(inserted) AS inserted FROM hubspot.jobs
      JOIN hubspot.job_batches ON job_id = jobs.id GROUP BY organization_id) AS counted
JOIN (SELECT _organization_id AS organization_id, count(*) AS number FROM hubspot.hubspot_deals GROUP BY 1) AS stored
    USING (organization_id)
WHERE counted.inserted <> stored.number

-- name: quiescent
-- When nobody changes anything any more and a run has completed. expected: what the copy should say of each deal that
-- HubSpot has, or that is stored. A survivor that was purged before anybody read it leaves no trace of the merge.
WITH survivors AS (
    SELECT truth.organization_id, truth.deal_id, truth.survivor,
           EXISTS (SELECT FROM hubspot.hubspot_deals AS deal
                   WHERE deal._organization_id = truth.organization_id AND deal.hubspot_deal_id = truth.survivor) AS is_told
    FROM truth WHERE truth.state = 'merged'
),
expected AS (
    SELECT organization_id, deal_id, truth.state, truth.properties, truth.reason AS bad,
           CASE truth.state WHEN 'live' THEN NULL WHEN 'archived' THEN 'archived' WHEN 'merged' THEN 'merged' END AS reason,
           survivors.survivor, coalesce(survivors.is_told, true) AS is_told
    FROM truth LEFT JOIN survivors USING (organization_id, deal_id)
),
compared AS (
    SELECT coalesce(expected.organization_id, deal._organization_id) AS organization_id,
           coalesce(expected.deal_id, deal.hubspot_deal_id) AS deal_id,
           expected.state, expected.reason, expected.bad, expected.survivor, expected.properties, coalesce(expected.is_told, true) AS is_told,
           deal.hubspot_deal_id IS NOT NULL AS is_stored, deal._deleted_reason, deal._merged_into, deal.archived,
           deal.raw_properties, deal._value_issues, deal.dealname,
           jsonb_build_object('amount', deal.amount, 'closedate', deal.closedate,
                              'hs_forecast_probability', deal.hs_forecast_probability,
                              'num_associated_contacts', deal.num_associated_contacts) AS columns,
           deal.dealstage, deal.hs_lastmodifieddate
    FROM expected
    FULL JOIN hubspot.hubspot_deals AS deal
        ON deal._organization_id = expected.organization_id AND deal.hubspot_deal_id = expected.deal_id
)
SELECT 'i1: no deal is lost' AS invariant, deal_id::text AS details FROM compared
WHERE NOT is_stored AND bad IS NULL AND state IN ('live', 'archived')
UNION ALL
SELECT 'i2: what is gone is marked, and as what it is',
       format('%%s is marked %%s, HubSpot has it %%s', deal_id, coalesce(_deleted_reason, 'live'), coalesce(state, 'nowhere'))
FROM compared
WHERE is_stored AND is_told AND bad IS NULL AND (%(with_purges)s OR state IS NOT NULL)
  AND (_deleted_reason IS DISTINCT FROM CASE WHEN state IS NULL THEN 'missing' ELSE reason END
       OR archived IS DISTINCT FROM (_deleted_reason IS NOT NULL))
UNION ALL
SELECT 'i2: a merged deal names its survivor', format('%%s -> %%s, not %%s', deal_id, _merged_into, survivor)
FROM compared WHERE is_stored AND is_told AND state = 'merged' AND _merged_into IS DISTINCT FROM survivor
UNION ALL
SELECT 'i3: no deal is stale', format('%%s of %%s', deal_id, hs_lastmodifieddate) FROM compared
WHERE is_stored AND bad IS NULL AND state IN ('live', 'archived') AND NOT (deal_id = ANY (%(recalculated)s))
  AND (raw_properties IS DISTINCT FROM properties
       OR coalesce(dealname, '') <> coalesce(properties ->> 'dealname', '')
       OR coalesce(dealstage, '') <> coalesce(properties ->> 'dealstage', '')
       OR hs_lastmodifieddate <> (properties ->> 'hs_lastmodifieddate')::timestamptz)
UNION ALL
-- A bad record changes no row, so that an older one of the deal stays as it was.
SELECT 'i4: a bad record is in quarantine, as HubSpot has it', format('%%s (%%s)', truth.deal_id, truth.reason) FROM truth
WHERE truth.reason IS NOT NULL AND NOT (deal_id = ANY (%(recalculated)s))
  AND NOT EXISTS (
      SELECT FROM held JOIN hubspot.deals_quarantine AS kept USING (id)
      WHERE held.organization_id = truth.organization_id AND held.deal_id = truth.deal_id
        AND kept.reason_code = truth.reason AND kept.resolved_at IS NULL AND held.properties = truth.properties)
UNION ALL
SELECT 'i4: a deal of which HubSpot has a bad record is not gone', format('%%s is marked %%s', deal_id, _deleted_reason)
FROM compared WHERE bad IS NOT NULL AND _deleted_reason IN ('missing', 'merged')
UNION ALL
SELECT 'i4: a good version resolves what was bad before it', format('%%s (%%s)', truth.deal_id, kept.reason_code)
FROM truth
JOIN held USING (organization_id, deal_id)
JOIN hubspot.deals_quarantine AS kept USING (id)
WHERE truth.state IN ('live', 'archived') AND truth.reason IS NULL AND kept.resolved_at IS NULL
UNION ALL
SELECT 'i4: a bad value is an issue, and in no column', format('%%s: %%s %%s', deal_id, field, value)
FROM compared JOIN bad_values ON properties ->> field = value
WHERE is_stored AND bad IS NULL AND NOT (deal_id = ANY (%(recalculated)s))
  AND (columns ->> field IS NOT NULL OR (_value_issues @> jsonb_build_array(jsonb_build_object('field', field))) IS NOT TRUE)
UNION ALL
SELECT 'i8: no job is stuck', format('%%s is %%s', id, status) FROM hubspot.jobs WHERE status IN ('pending', 'running')

-- name: beside
-- After a full run. told: what HubSpot says of each live deal; only of deals that are rows.
WITH stored AS (
    SELECT organization_id, hubspot_deal_id, ARRAY[to_object_type, to_object_id::text, association_type_id::text] AS fact
    FROM hubspot.deal_associations
    UNION ALL
    SELECT organization_id, hubspot_deal_id, ARRAY[property, to_char(changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), ordinal::text, value]
    FROM hubspot.deal_property_history
),
rows AS (SELECT organization_id, deal_id FROM truth WHERE state = 'live' AND reason IS NULL)
SELECT 'i3: what is kept beside deals is complete', format('%%s lacks %%s', deal_id, fact)
FROM rows JOIN (SELECT * FROM beside EXCEPT ALL SELECT * FROM stored) AS lacking USING (organization_id, deal_id)
UNION ALL
SELECT 'i3: beside deals nothing is kept that HubSpot does not say', format('%%s: %%s', deal_id, fact)
FROM rows
JOIN (SELECT * FROM stored EXCEPT ALL SELECT * FROM beside) AS left_over (organization_id, deal_id, fact)
    USING (organization_id, deal_id)
UNION ALL
SELECT 'i13: what is kept beside deals is of an organization whose portal has the deal', format('%%s in %%s', hubspot_deal_id, organization_id)
FROM stored
WHERE NOT EXISTS (SELECT FROM known WHERE (known.organization_id, known.deal_id) = (stored.organization_id, stored.hubspot_deal_id))

-- name: sessions
-- Whoever is connected besides the audit; an attempt that has ended is not.
SELECT format('%%s (%%s)', application_name, state) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> %(own)s
