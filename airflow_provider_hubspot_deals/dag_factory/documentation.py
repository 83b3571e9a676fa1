"""What the Airflow UI shows about an organization's DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.organizations import Organization

_TEMPLATE = """\
### HubSpot deals of {name}

Task `{task_id}` keeps a complete copy of the deals of this HubSpot account in PostgreSQL.

| | |
|---|---|
| HubSpot | connection `{hubspot_conn_id}`, account {portal} |
| PostgreSQL | connection `{postgres_conn_id}` |
| Table | `{deals_table}`, or `{schema}.hubspot_deals` with all organizations |
| Organization id | `{id}` |
| Everything is read again | every {full_refresh_every_days} days |

Newest deals:

```sql
SELECT hubspot_deal_id, dealname, amount, dealstage, closedate
FROM {schema}.hubspot_deals
WHERE _organization_id = '{id}' AND _type = '{type}' AND NOT archived
ORDER BY hs_lastmodifieddate DESC
LIMIT 10;
```

Latest runs, and how to stop one at its next batch:

```sql
SELECT id, status, mode, records_extracted, start_time, end_time, error_message
FROM {schema}.jobs
WHERE organization_id = '{id}' AND type = '{job_type}'
ORDER BY created_at DESC
LIMIT 10;

UPDATE {schema}.jobs SET status = 'cancelled' WHERE id = '…';
```

Schedule another DAG on new deals with
`schedule=[deals_asset("{slug}", "{type}")]` from `airflow_provider_hubspot_deals.dag_factory`.
"""


def documentation_of(organization: Organization, task_id: str) -> str:
    """Return Markdown with the tables, connections and queries of this organization."""
    return _TEMPLATE.format(
        name=organization.name,
        task_id=task_id,
        hubspot_conn_id=organization.hubspot_conn_id,
        portal=organization.portal_id or "as its token says",
        postgres_conn_id=organization.postgres_conn_id,
        deals_table=organization.deals_table,
        schema=organization.schema,
        id=organization.id,
        full_refresh_every_days=organization.full_refresh_every_days,
        type=organization.type,
        job_type=organization.job_type,
        slug=organization.slug,
    )
