-- name: columns
SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type, col_description(attrelid, attnum) AS description
FROM pg_attribute
WHERE attrelid = format('%%I.hubspot_deals', %(schema)s::text)::regclass AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
