"""The DAG that keeps one database schema in order: one per connection and schema that organizations are stored in."""

from __future__ import annotations

import re
from datetime import timedelta
from hashlib import sha256

from airflow.providers.common.compat.sdk import DAG, Param

from airflow_provider_hubspot_deals.dag_factory.organization_dag import START_DATE
from airflow_provider_hubspot_deals.dag_factory.run_types import without_backfills
from airflow_provider_hubspot_deals.operators.maintenance import EVENTS_MONTHS_MAX, HubSpotDealsMaintenanceOperator
from airflow_provider_hubspot_deals.organizations import USUAL_STORE, Store, dag_id_of, spread
from airflow_provider_hubspot_deals.organizations.organization import TAG

TASK_ID = "maintain"
EVENTS_MONTHS = 13  # a year, and the month that has begun

_DOCUMENTATION = """\
### Maintenance of the HubSpot deals in schema `{schema}`

Once an hour, through connection `{postgres_conn_id}`:

- fails jobs that have not been heard of for two minutes, and pending ones whose next attempt is a day overdue;
- moves ended jobs to `{schema}.jobs_archive` and removes old ones there, as each organization's `retention_days` and
  `archive_days` say; empties old quarantined records after `quarantine_days`. Deals are never touched;
- makes the coming months of `{schema}.job_events` and drops those older than `events_months`;
- tells webhooks again what they did not take, for three days (`{schema}.notification_deliveries`);
- refreshes the planner's statistics of tables that changed much;
- checks row-level security and roles, and fails if anything is open that should not be.

The task returns what it did. A step that fails does not stop the others, and the next run tries it again.

What was done lately:

```sql
SELECT occurred_at, kind, organization_id, details
FROM {schema}.job_events
WHERE job_id IS NULL
ORDER BY occurred_at DESC
LIMIT 20;
```
"""


def maintenance_dag_id(store: Store, file_suffix: str = "") -> str:
    """``hubspot_deals_maintenance``, with what is unusual about the store behind dots, which no slug can hold."""
    unusual = [] if store == USUAL_STORE else [_plain(store.postgres_conn_id), store.schema]
    return ".".join([dag_id_of("maintenance"), *filter(None, [file_suffix]), *unusual])


def build_maintenance_dag(store: Store, dag_id: str) -> DAG:
    """Return the DAG that maintains ``store`` once an hour; it contacts nothing."""
    with DAG(
        dag_id=dag_id,
        description=f"Retention, partitions and checks of schema {store.schema}, through {store.postgres_conn_id}",
        doc_md=_DOCUMENTATION.format(schema=store.schema, postgres_conn_id=store.postgres_conn_id),
        schedule=spread("@hourly", store.postgres_conn_id, store.schema),
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        params={
            "events_months": Param(
                EVENTS_MONTHS,
                type="integer",
                minimum=1,
                maximum=EVENTS_MONTHS_MAX,
                title="Months of the audit trail to keep",
                description="Older months of job_events are dropped as a whole. The current one always stays.",
            )
        },
        tags={TAG, "maintenance"},
        **without_backfills(),
    ) as dag:
        HubSpotDealsMaintenanceOperator(
            task_id=TASK_ID,
            retries=1,
            retry_delay=timedelta(minutes=5),
            execution_timeout=timedelta(minutes=50),
            postgres_conn_id=store.postgres_conn_id,
            schema=store.schema,
            events_months="{{ params.events_months }}",
        )
    return dag


def _plain(conn_id: str) -> str:
    """A connection id as a part of a DAG id, which takes fewer characters."""
    plain = re.sub(r"[^\w-]", "_", conn_id, flags=re.ASCII)
    return plain if plain == conn_id else f"{plain[:100]}-{sha256(conn_id.encode()).hexdigest()[:8]}"
