-- Deals by the month in which they were created in HubSpot, those that were archived since then too.
select
    date_trunc('month', createdate at time zone 'UTC')::date as month,
    count(*) as deals,
    count(*) filter (where archived) as archived
from {{ source('hubspot', 'hubspot_deals') }}
where _organization_id = '{{ env_var("HUBSPOT_ORGANIZATION_ID") }}' and _type = 'standard'
group by 1
