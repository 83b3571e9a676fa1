-- Deals of one organization over five years: most written by one full run, the rest by a year of daily ones.
INSERT INTO hubspot.{leaf} (
    hubspot_deal_id, hs_object_id, dealname, amount, dealstage, pipeline, closedate, createdate, hs_lastmodifieddate,
    hubspot_owner_id, dealtype, description, hs_deal_stage_probability, hs_analytics_source, num_associated_contacts,
    hs_priority, hs_next_step, hs_forecast_amount, deal_currency_code, archived, _deleted_reason, _deleted_at,
    raw_properties, _extracted_at, _scan_id, _organization_id, _tenant_id, _page_number, _source_service,
    _dlt_load_id, _content_hash
)
SELECT id, id, dealname, amount, stage, pipeline, closed, created, modified,
       owner, dealtype, description, probability, source, contacts,
       priority, next_step, amount * probability, 'EUR', archived, CASE WHEN archived THEN 'archived' END,
       CASE WHEN archived THEN modified END,
       jsonb_strip_nulls(jsonb_build_object(
           'dealname', dealname, 'amount', amount::text, 'dealstage', stage, 'pipeline', pipeline,
           'closedate', closed::text, 'createdate', created::text, 'hs_lastmodifieddate', modified::text,
           'hs_object_id', id::text, 'hubspot_owner_id', owner, 'dealtype', dealtype, 'description', description,
           'hs_deal_stage_probability', probability::text, 'hs_analytics_source', source,
           'num_associated_contacts', contacts::text, 'hs_priority', priority, 'hs_next_step', next_step,
           'deal_currency_code', 'EUR', 'hs_object_source', 'CRM_UI', 'days_to_close', (id % 200)::text,
           'hs_is_closed', (probability IN (0, 1))::text, 'hs_projected_amount', (amount * probability)::text,
           'erp_order_number', 'SO-' || id, 'seats', (id % 900)::text, 'payment_terms', 'net 30',
           'support_tier', 'gold', 'procurement_phone', '+49 30 ' || id, 'competitor', NULL
       )),
       extracted, job, {organization}, {organization}, number / 100, 'hubspot_api', {load}, gen_random_uuid()
FROM (
    SELECT *,
           CASE WHEN is_late THEN modified ELSE now() - interval '366 days' + number / 2000 * interval '1 s' END
               AS extracted,
           CASE WHEN is_late THEN ({daily}::uuid[])[1 + (extract(epoch FROM now() - modified) / 86400)::integer % 365]
                ELSE {full} END AS job
    FROM (
        SELECT number, 9000000000 + number * 37 AS id, created,
               created + least(-ln(1 - random()) * interval '90 days', now() - created) AS modified,
               random() < 0.3 AS is_late,
               CASE WHEN random() > 0.05 THEN created + -ln(1 - random()) * interval '60 days' END AS closed,
               CASE WHEN random() > 0.08 THEN round(exp(random() * 7 + 4)::numeric, 2) END AS amount,
               'Company ' || (random() * 90000)::integer || ' – '
                   || (ARRAY['Support contract', 'Website', 'Licences', 'Training', 'Rollout', 'Migration', 'Audit',
                             'Enterprise licence'])[1 + floor(power(random(), 1.5) * 8)::integer] AS dealname,
               (ARRAY['closedlost', 'closedlost', 'closedlost', 'closedwon', 'closedwon', 'appointmentscheduled',
                      'qualifiedtobuy', 'presentationscheduled', 'contractsent'])[1 + floor(random() * 9)::integer]
                   AS stage,
               CASE WHEN random() < 0.75 THEN 'default' ELSE (8000001 + floor(random() * 4)::integer)::text END
                   AS pipeline,
               (77000000 + floor(power(random(), 2) * 60)::integer)::text AS owner,
               (ARRAY['newbusiness', 'existingbusiness', NULL])[1 + floor(random() * 3)::integer] AS dealtype,
               CASE WHEN random() < 0.3 THEN repeat('They asked for a second offer. ', 1 + floor(random() * 6)::integer)
                        || CASE WHEN random() < 0.003 THEN 'search_term' ELSE '' END END AS description,
               (ARRAY[0, 0.2, 0.4, 0.6, 0.8, 1])[1 + floor(random() * 6)::integer] AS probability,
               (ARRAY['ORGANIC_SEARCH', 'PAID_SEARCH', 'OFFLINE', 'REFERRALS'])[1 + floor(random() * 4)::integer]
                   AS source,
               floor(random() * 5)::integer AS contacts,
               (ARRAY['low', 'medium', 'high', NULL])[1 + floor(random() * 4)::integer] AS priority,
               CASE WHEN random() < 0.4 THEN 'Call back next week' END AS next_step,
               random() < 0.05 AS archived
        FROM (
            SELECT number, now() - interval '1826 days' * (1 - (number + random() * 500) / ({deals} + 500.0)) AS created
            FROM generate_series(1, {deals}) AS number
        ) AS numbered
    ) AS invented
) AS deals
