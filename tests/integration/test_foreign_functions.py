"""Whoever may create functions in a schema of the loader's search_path runs none of them as the loader or the owner."""

from __future__ import annotations

import psycopg

from airflow_provider_hubspot_deals import migrations, sql
from tests.integration.roles import Roles
from tests.integration.tenant import Tenant

# Each fits a call of ours better than PostgreSQL's own function of that name: by the types of its arguments.
TRAPS = """
    CREATE TABLE public.caught (role text);
    GRANT INSERT ON public.caught TO PUBLIC;
    CREATE FUNCTION public.jsonb_build_object(text, text) RETURNS jsonb LANGUAGE sql
        BEGIN ATOMIC INSERT INTO public.caught VALUES (current_user) RETURNING '{}'::jsonb; END;
    CREATE FUNCTION public.make_interval(months smallint) RETURNS interval LANGUAGE sql
        BEGIN ATOMIC INSERT INTO public.caught VALUES (current_user) RETURNING '13 months'::interval; END;
    CREATE FUNCTION public.format(text, text) RETURNS text LANGUAGE sql
        BEGIN ATOMIC INSERT INTO public.caught VALUES (current_user) RETURNING 'nothing'; END;
"""


def test_functions_of_another_schema_are_never_called(database_url: str, roles: Roles) -> None:
    stranger = roles.login()
    roles.execute(f"GRANT CREATE ON SCHEMA public TO {stranger}")
    with roles.connected(stranger) as connection:
        connection.execute(TRAPS)
    migrations.upgrade(database_url)
    with psycopg.connect(database_url) as owner:
        migrations.check(owner)
        assert migrations.security_findings(owner) == migrations.missing_privileges(owner) == []
    for url in (database_url, roles.url_of(roles.loader())):
        Tenant(url, "acme").claim()
        with psycopg.connect(url, autocommit=True) as loader, sql.transaction(loader):
            sql.execute(loader, "maintenance.drop_job_events", {"events_months": 13}, schema="hubspot")
    with roles.connected(stranger) as connection:
        assert connection.execute("SELECT role FROM public.caught").fetchall() == []
