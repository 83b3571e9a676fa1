-- name: store
-- Afterwards the stored associations of the deals read are those that were found; what stayed the same is not written.
-- The plan must not depend on statistics, which a first load does not have yet, nor on the joins that storing deals
-- forbids in this transaction: OFFSET 0 makes it a look into the primary key for each deal, NOT IN one into a hash table.
WITH found AS MATERIALIZED (
    SELECT DISTINCT ON (deal_id, to_object_id, category, type_id) *
    FROM unnest(
        %(deal_ids)s::bigint[], %(to_object_ids)s::bigint[], %(categories)s::text[], %(type_ids)s::integer[],
        %(labels)s::text[]
    ) AS row (deal_id, to_object_id, category, type_id, label)
    ORDER BY deal_id, to_object_id, category, type_id, label
), stored AS MATERIALIZED (
    SELECT association.*
    FROM unnest(%(read_ids)s::bigint[]) AS read (deal_id)
    CROSS JOIN LATERAL (
        SELECT ctid AS place, hubspot_deal_id, to_object_id, category, association_type_id, label
        FROM {schema}.deal_associations
        WHERE organization_id = %(organization_id)s AND type = %(type)s AND hubspot_deal_id = read.deal_id
          AND to_object_type = %(to_object_type)s
        OFFSET 0
    ) AS association
), gone AS (
    -- An organization's rows are in one partition, and only the holder of the fence writes them: ctid names each.
    DELETE FROM {schema}.deal_associations
    WHERE organization_id = %(organization_id)s AND ctid = ANY (array(
        SELECT place FROM stored
        WHERE (hubspot_deal_id, to_object_id, category, association_type_id) NOT IN (
            SELECT deal_id, to_object_id, category, type_id FROM found
        )
    ))
    RETURNING 1
), written AS (
    INSERT INTO {schema}.deal_associations (
        organization_id, type, hubspot_deal_id, to_object_type, to_object_id, category, association_type_id, label
    )
    SELECT %(organization_id)s, %(type)s, deal_id, %(to_object_type)s, to_object_id, category, type_id, label
    FROM found
    WHERE (deal_id, to_object_id, category, type_id, coalesce(label, '')) NOT IN (
        SELECT hubspot_deal_id, to_object_id, category, association_type_id, coalesce(label, '') FROM stored
    )
    ON CONFLICT (
        organization_id, type, hubspot_deal_id, to_object_type, to_object_id, category, association_type_id
    ) DO UPDATE SET label = excluded.label
    -- Deals of which only some were found are not among those read, so that nothing above has looked at their labels.
    WHERE deal_associations.label IS DISTINCT FROM excluded.label
    RETURNING 1
)
SELECT (SELECT count(*) FROM written) AS written, (SELECT count(*) FROM gone) AS deleted
