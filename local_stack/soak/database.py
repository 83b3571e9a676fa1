"""What a soak looks at in PostgreSQL."""

from __future__ import annotations

from typing import Any, Self

import psycopg

# Sessions and locks of others than the one that asks; bytes of the deals' own tables and what is dead in them.
_STATE = """
    WITH leaves AS (
        SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'hubspot' AND c.relkind = 'r' AND c.relname LIKE 'hubspot_deals%'
    ),
    tables AS (
        SELECT sum(n_live_tup) AS live, sum(n_dead_tup) AS dead FROM pg_stat_user_tables
        WHERE schemaname = 'hubspot'
    )
    SELECT (SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'),
           (SELECT count(*) FROM pg_locks
            WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND pid <> pg_backend_pid()),
           (SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state LIKE 'idle in transaction%'
              AND state_change < clock_timestamp() - interval '5 s'),
           (SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM leaves),
           (SELECT count(*) FROM hubspot.hubspot_deals),
           (SELECT coalesce(dead / nullif(live + dead, 0), 0) FROM tables)
"""
_LIVE_DEALS = """
    SELECT hubspot_deal_id, raw_properties FROM hubspot.hubspot_deals WHERE _organization_id = %s AND NOT archived
"""
_STUCK = "SELECT count(*) FROM hubspot.jobs WHERE status = 'running'"


class DatabaseWatch:
    """One session that looks at all others. A context manager."""

    def __init__(self, url: str) -> None:
        self._connection: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)

    def state(self) -> dict[str, float]:
        """Figures of this moment."""
        row = self._connection.execute(_STATE).fetchone()
        if row is None:
            raise RuntimeError("PostgreSQL gave no row for an aggregate")
        sessions, locks, idle, size, deals, dead = row
        return {
            "sessions": float(sessions),
            "locks": float(locks),
            "idle_in_transaction": float(idle),
            "bytes_per_deal": float(size) / max(1, deals),
            "dead_share": float(dead),
        }

    def live_deals(self, organization_id: str) -> dict[int, dict[str, str]]:
        """Deals of an organization that count as live, by id, with the properties that have a value."""
        return dict(self._connection.execute(_LIVE_DEALS, [organization_id]).fetchall())

    def running_jobs(self) -> int:
        """Jobs that say that somebody works on them."""
        row = self._connection.execute(_STUCK).fetchone()
        return int(row[0]) if row else 0

    def maintain(self) -> None:
        """What the maintenance DAG does."""
        from airflow_provider_hubspot_deals.maintenance import run_maintenance

        run_maintenance(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._connection.close()
