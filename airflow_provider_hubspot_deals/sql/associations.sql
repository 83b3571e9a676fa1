-- name: store
-- Afterwards the stored associations of the deals read are those that were found; what stayed the same is not written.
WITH found AS MATERIALIZED (
    SELECT DISTINCT ON (deal_id, to_object_id, category, type_id) *
    FROM unnest(
        %(deal_ids)s::bigint[], %(to_object_ids)s::bigint[], %(categories)s::text[], %(type_ids)s::integer[],
        %(labels)s::text[]
    ) AS row (deal_id, to_object_id, category, type_id, label)
    ORDER BY deal_id, to_object_id, category, type_id, label
), stored AS MATERIALIZED (
    SELECT hubspot_deal_id, to_object_id, category, association_type_id, label
    FROM {schema}.deal_associations
    WHERE organization_id = %(organization_id)s AND type = %(type)s AND hubspot_deal_id = ANY (%(read_ids)s)
      AND to_object_type = %(to_object_type)s
), gone AS (
    DELETE FROM {schema}.deal_associations AS old
    WHERE old.organization_id = %(organization_id)s AND old.type = %(type)s AND old.hubspot_deal_id = ANY (%(read_ids)s)
      AND old.to_object_type = %(to_object_type)s
      AND NOT EXISTS (
          SELECT FROM found
          WHERE found.deal_id = old.hubspot_deal_id AND found.to_object_id = old.to_object_id
            AND found.category = old.category AND found.type_id = old.association_type_id
      )
    RETURNING 1
), written AS (
    INSERT INTO {schema}.deal_associations (
        organization_id, type, hubspot_deal_id, to_object_type, to_object_id, category, association_type_id, label
    )
    SELECT %(organization_id)s, %(type)s, deal_id, %(to_object_type)s, to_object_id, category, type_id, label
    FROM found
    WHERE NOT EXISTS (
        SELECT FROM stored
        WHERE stored.hubspot_deal_id = found.deal_id AND stored.to_object_id = found.to_object_id
          AND stored.category = found.category AND stored.association_type_id = found.type_id
          AND stored.label IS NOT DISTINCT FROM found.label
    )
    ON CONFLICT (
        organization_id, type, hubspot_deal_id, to_object_type, to_object_id, category, association_type_id
    ) DO UPDATE SET label = excluded.label
    RETURNING 1
)
SELECT (SELECT count(*) FROM written) AS written, (SELECT count(*) FROM gone) AS deleted
