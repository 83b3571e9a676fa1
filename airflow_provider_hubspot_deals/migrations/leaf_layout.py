"""What each leaf of ``hubspot_deals`` gets in a transaction of its own, because there may be thousands."""

from __future__ import annotations

from contextlib import closing

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.migrations.database import Database, opener_of

LOCK_TIMEOUT = "10s"  # VACUUM, DDL and open writers are in its way; other writers of the same leaf wait behind it


def lay_out_leaves(database: Database, schema: str) -> None:
    """Complete every leaf that lacks storage settings or index. Does nothing below the revision that knows how.

    Raises:
        psycopg.Error: PostgreSQL refused or went away, or a leaf was busy; what is done stays done.
    """
    with closing(opener_of(database)()) as connection:
        connection.autocommit = True
        connection.execute("SET search_path TO pg_catalog")  # as in security.protect_tables
        if sql.column(connection, "migrations.can_lay_out", {"schema": schema}) == [True]:
            connection.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
            for leaf in sql.column(connection, "migrations.not_laid_out", {"schema": schema}):
                sql.execute(connection, "migrations.lay_out_leaf", {"leaf": leaf}, schema=schema)
