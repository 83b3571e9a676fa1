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
WHERE truth.state = 'live' AND truth.modified <= state.watermark
  AND (deal.hubspot_deal_id IS NULL OR deal.hs_lastmodifieddate < truth.modified)
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
    SELECT organization_id, deal_id, truth.state, truth.properties,
           CASE truth.state WHEN 'live' THEN NULL WHEN 'archived' THEN 'archived' WHEN 'merged' THEN 'merged' END AS reason,
           survivors.survivor, coalesce(survivors.is_told, true) AS is_told
    FROM truth LEFT JOIN survivors USING (organization_id, deal_id)
),
compared AS (
    SELECT coalesce(expected.organization_id, deal._organization_id) AS organization_id,
           coalesce(expected.deal_id, deal.hubspot_deal_id) AS deal_id,
           expected.state, expected.reason, expected.survivor, expected.properties, coalesce(expected.is_told, true) AS is_told,
           deal.hubspot_deal_id IS NOT NULL AS is_stored, deal._deleted_reason, deal._merged_into, deal.archived,
           deal.raw_properties, deal.dealname, deal.dealstage, deal.hs_lastmodifieddate
    FROM expected
    FULL JOIN hubspot.hubspot_deals AS deal
        ON deal._organization_id = expected.organization_id AND deal.hubspot_deal_id = expected.deal_id
)
SELECT 'i1: no deal is lost' AS invariant, deal_id::text AS details FROM compared
WHERE NOT is_stored AND state IN ('live', 'archived')
UNION ALL
SELECT 'i2: what is gone is marked, and as what it is',
       format('%%s is marked %%s, HubSpot has it %%s', deal_id, coalesce(_deleted_reason, 'live'), coalesce(state, 'nowhere'))
FROM compared
WHERE is_stored AND is_told AND (%(with_purges)s OR state IS NOT NULL)
  AND (_deleted_reason IS DISTINCT FROM CASE WHEN state IS NULL THEN 'missing' ELSE reason END
       OR archived IS DISTINCT FROM (_deleted_reason IS NOT NULL))
UNION ALL
SELECT 'i2: a merged deal names its survivor', format('%%s -> %%s, not %%s', deal_id, _merged_into, survivor)
FROM compared WHERE is_stored AND is_told AND state = 'merged' AND _merged_into IS DISTINCT FROM survivor
UNION ALL
SELECT 'i3: no deal is stale', format('%%s of %%s', deal_id, hs_lastmodifieddate) FROM compared
WHERE is_stored AND state IN ('live', 'archived') AND NOT (deal_id = ANY (%(recalculated)s))
  AND (raw_properties IS DISTINCT FROM properties
       OR coalesce(dealname, '') <> coalesce(properties ->> 'dealname', '')
       OR coalesce(dealstage, '') <> coalesce(properties ->> 'dealstage', '')
       OR hs_lastmodifieddate <> (properties ->> 'hs_lastmodifieddate')::timestamptz)
UNION ALL
SELECT 'i8: no job is stuck', format('%%s is %%s', id, status) FROM hubspot.jobs WHERE status IN ('pending', 'running')

-- name: sessions
-- Whoever is connected besides the audit; an attempt that has ended is not.
SELECT format('%%s (%%s)', application_name, state) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> %(own)s
