-- name: store
-- A change that is stored already is not written again. For its plan see associations.store.
INSERT INTO {schema}.deal_property_history (
    organization_id, type, hubspot_deal_id, property, changed_at, ordinal,
    value, source_type, source_id, source_label, updated_by_user_id
)
SELECT %(organization_id)s, %(type)s, told.*
FROM unnest(
    %(deal_ids)s::bigint[], %(properties)s::text[], %(moments)s::timestamptz[], %(ordinals)s::smallint[],
    %(values)s::text[], %(source_types)s::text[], %(source_ids)s::text[], %(source_labels)s::text[], %(users)s::bigint[]
) AS told (
    hubspot_deal_id, property, changed_at, ordinal, value, source_type, source_id, source_label, updated_by_user_id
)
WHERE (hubspot_deal_id, property, changed_at, ordinal, coalesce(value, '')) NOT IN (
    SELECT change.*
    FROM unnest(%(read_ids)s::bigint[]) AS read (deal_id)
    CROSS JOIN LATERAL (
        SELECT hubspot_deal_id, property, changed_at, ordinal, coalesce(value, '')
        FROM {schema}.deal_property_history
        WHERE organization_id = %(organization_id)s AND type = %(type)s AND hubspot_deal_id = read.deal_id
        OFFSET 0
    ) AS change
)
ON CONFLICT (organization_id, type, hubspot_deal_id, property, changed_at, ordinal) DO UPDATE
SET value = excluded.value,
    source_type = excluded.source_type,
    source_id = excluded.source_id,
    source_label = excluded.source_label,
    updated_by_user_id = excluded.updated_by_user_id

-- name: forget_properties
-- Those of which the history of every deal is stored. One that is no longer asked for stops being complete.
UPDATE {schema}.sync_state
SET history = array(SELECT unnest(history) INTERSECT SELECT unnest(%(properties)s::text[]))
WHERE organization_id = %(organization_id)s AND type = %(type)s AND epoch = %(epoch)s
  AND NOT history <@ %(properties)s::text[]

-- name: complete_properties
-- HubSpot changes calculated ones without touching hs_lastmodifieddate: no version tells whose history has grown.
SELECT property
FROM {schema}.sync_state AS state, unnest(state.history) AS property
WHERE state.organization_id = %(organization_id)s AND state.type = %(type)s
  AND NOT EXISTS (
      SELECT FROM {schema}.deal_properties AS defined
      WHERE (defined.organization_id, defined.type, defined.name) = (state.organization_id, state.type, property)
        AND defined.is_calculated
  )

-- name: record_complete
UPDATE {schema}.sync_state SET history = %(properties)s::text[]
WHERE organization_id = %(organization_id)s AND type = %(type)s AND epoch = %(epoch)s
  AND history IS DISTINCT FROM %(properties)s::text[]
