-- Live deals of each stage, in the portal's own currency. The organization is named: one table is read then, not each.
select
    pipeline_label,
    stage_order,
    stage_label,
    home_currency,
    count(*) as deals,
    sum(amount_in_home_currency) as amount
from {{ source('hubspot_reporting', 'deals_with_names') }}
where organization_id = '{{ env_var("HUBSPOT_ORGANIZATION_ID") }}' and type = 'standard' and not archived
group by 1, 2, 3, 4
