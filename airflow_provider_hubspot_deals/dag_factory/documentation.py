"""What the Airflow UI shows about an organization's DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_hubspot_deals.transfers.links import page_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_hubspot_deals.organizations import Organization

_TEMPLATE = """\
### HubSpot deals of {name}

Task `{task_id}` keeps a complete copy of the deals of this HubSpot account in PostgreSQL: live, archived and merged
ones, with their pipelines, stages and owners{more}. A run reads what changed since the last one; every
{full_refresh_every_days} days it reads everything, because calculated values and purges show in no date.

| | |
|---|---|
| Runs | {runs}; {tries} |
| HubSpot | connection `{hubspot_conn_id}`, {portal} |
| PostgreSQL | connection `{postgres_conn_id}` |
| Table | `{deals_table}`, or `{schema}.hubspot_deals` with all organizations |
| Organization id | `{id}` |

Newest deals, with the names of stages and owners:

```sql
SELECT dealname, amount, stage_label, owner_name, closedate
FROM {schema}_reporting.deals_with_names
WHERE tenant_id = '{id}' AND type = '{type}' AND NOT archived
ORDER BY hs_lastmodifieddate DESC
LIMIT 10;
```

The page [HubSpot deals]({page}) shows the last job and how far it is. The same in SQL, with those before it:

```sql
SELECT id, status, mode, records_extracted, start_time, end_time, error_code, error_message
FROM {schema}.jobs
WHERE organization_id = '{id}' AND type = '{job_type}'
ORDER BY created_at DESC
LIMIT 10;
```

What happened in it, step by step, and how to stop it at its next batch:

```sql
SELECT occurred_at, kind, details FROM {schema}.job_events WHERE job_id = '…' ORDER BY sequence;

UPDATE {schema}.jobs SET status = 'cancelled' WHERE id = '…';
```

A run that fails goes on from its last checkpoint when it is tried again or cleared. Trigger one by hand with mode
*Full* to read everything now, or *Window* for what was modified between two times. Airflow's *Backfill* is of no use
here: whatever date a run carries, it reads what is due now.

Schedule another DAG on new deals with
`schedule=[deals_asset("{slug}", "{type}")]` from `airflow_provider_hubspot_deals.dag_factory`.
"""


def documentation_of(organization: Organization, task_id: str) -> str:
    """Return Markdown with the tables, connections and queries of this organization."""
    return _TEMPLATE.format(
        name=organization.name,
        task_id=task_id,
        hubspot_conn_id=organization.hubspot_conn_id,
        portal=_portal(organization),
        more=_more(organization),
        runs=_runs(organization),
        tries=_tries(organization),
        postgres_conn_id=organization.postgres_conn_id,
        deals_table=organization.deals_table,
        schema=organization.schema,
        id=organization.id,
        full_refresh_every_days=organization.full_refresh_every_days,
        type=organization.type,
        job_type=organization.job_type,
        slug=organization.slug,
        page=page_url(),
    )


def _portal(organization: Organization) -> str:
    return f"account {organization.portal_id}" if organization.portal_id else "the account that its token opens first"


def _more(organization: Organization) -> str:
    parts = []
    if organization.associations:
        parts.append(f"associations with {_literal(organization.associations)}")
    if organization.history:
        parts.append(f"every value that {_literal(organization.history)} had")
    return "".join(f"; {part}" for part in parts)


def _literal(names: Iterable[str]) -> str:
    """As code: to Markdown two patterns such as ``hs_*`` are what is to be slanted between them."""
    return ", ".join(f"`{name}`" for name in names)


def _runs(organization: Organization) -> str:
    when = f"`{organization.schedule}` ({organization.timezone})" if organization.schedule else "when triggered"
    watched = organization.watch_every_seconds
    return f"{when}, and when deals change: HubSpot is asked every {watched} s" if watched else when


def _tries(organization: Organization) -> str:
    return f"up to {organization.timeout_hours} hours, tried again {organization.retries} times"
