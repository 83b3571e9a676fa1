"""Ways to open one organization's rows to another's readers, and what the catalog check says of each.

``{leaf}`` is the organization's leaf, ``{other}`` another's; ``{reader}``, ``{bound}`` (to the first organization) and
``{loader}`` are roles that own nothing, ``{owner}`` owns the schema.
"""

from __future__ import annotations

BY_THE_OWNER = {
    "disabled": (
        "ALTER TABLE hubspot.jobs DISABLE ROW LEVEL SECURITY",
        "hubspot.jobs: row-level security is not enabled",
    ),
    "not forced": (
        "ALTER TABLE hubspot.{leaf} NO FORCE ROW LEVEL SECURITY",
        "{leaf}: row-level security is not forced",
    ),
    "no loader": ("DROP POLICY loader ON hubspot.sync_state", 'hubspot.sync_state: the policy "loader" is missing'),
    "loader for all": ("ALTER POLICY loader ON hubspot.jobs TO PUBLIC", 'hubspot.jobs: the policy "loader" is'),
    "no reader": ("DROP POLICY reader ON hubspot.{leaf}", '{leaf}: the policy "reader" is missing'),
    "open reader": ("ALTER POLICY reader ON hubspot.jobs USING (true)", 'hubspot.jobs: the policy "reader" is'),
    "another policy": (
        "CREATE POLICY open ON hubspot.{leaf} USING (true)",
        "{leaf}: the policy open lets somebody see",
    ),
    "no tenant": ("CREATE TABLE hubspot.notes (note text)", "hubspot.notes: it has no column that says whose"),
    "new table": (
        "CREATE TABLE hubspot.notes (organization_id uuid)",
        "hubspot.notes: row-level security is not enabled",
    ),
    "public table": ("GRANT SELECT ON hubspot.jobs TO PUBLIC", "hubspot.jobs: everybody has SELECT on it"),
    "public column": ("GRANT SELECT (id) ON hubspot.jobs TO PUBLIC", "hubspot.jobs: everybody has SELECT on it"),
    "public schema": ("GRANT USAGE ON SCHEMA hubspot TO PUBLIC", "schema hubspot: everybody has USAGE on it"),
    "create": ("GRANT CREATE ON SCHEMA hubspot TO {reader}", "schema hubspot: {reader} has CREATE on it"),
    "truncate": ("GRANT TRUNCATE ON hubspot.jobs TO {loader}", "hubspot.jobs: {loader} has TRUNCATE on it"),
    "references": ("GRANT REFERENCES (id) ON hubspot.jobs TO {reader}", "hubspot.jobs: {reader} has REFERENCES on it"),
    "leaf to reader": ("GRANT SELECT ON hubspot.{leaf} TO {reader}", "{leaf}: {reader} has SELECT on this partition"),
    "leaf column": ("GRANT SELECT (amount) ON hubspot.{leaf} TO {reader}", "{leaf}: {reader} has SELECT on this"),
    "other leaf to bound": (
        "GRANT SELECT ON hubspot.{other} TO {bound}",
        "{other}: {bound} has SELECT on this partition",
    ),
    "own leaf written": ("GRANT INSERT ON hubspot.{leaf} TO {bound}", "{leaf}: {bound} has INSERT on this partition"),
    "branch to loader": ("GRANT SELECT ON hubspot.hubspot_deals_standard TO {loader}", "{loader} has SELECT on this"),
    "bytes": ("GRANT SELECT ON hubspot.deals_quarantine TO {reader}", "{reader} can read the bytes of records"),
    "bytes alone": (
        "GRANT SELECT (raw) ON hubspot.deals_quarantine TO {bound}",
        "{bound} can read the bytes of records",
    ),
    "owner's view": (
        "CREATE VIEW hubspot.mine AS SELECT * FROM hubspot.jobs",
        "hubspot.mine: it shows the rows that its owner",
    ),
    "view elsewhere": (
        "CREATE VIEW public.mine AS SELECT 1 FROM hubspot.{leaf}",
        "mine: it shows the rows that its owner",
    ),
    "not invoker": (
        "ALTER VIEW hubspot.scan_jobs SET (security_invoker = off)",
        "hubspot.scan_jobs: it shows the rows",
    ),
    "matview": (
        "CREATE MATERIALIZED VIEW public.m AS SELECT 1 FROM hubspot.jobs",
        "m: a materialized view keeps the rows",
    ),
    "search_path": (
        "ALTER FUNCTION hubspot.ensure_deals_partition RESET search_path",
        "function hubspot.ensure_deals_partition(uuid,text): it works as its owner in whatever search_path",
    ),
    "search_path without pg_temp": (
        "ALTER FUNCTION hubspot.ensure_deals_partition SET search_path = hubspot",
        "function hubspot.ensure_deals_partition(uuid,text): it works as its owner in whatever search_path",
    ),
    "public function": (
        "GRANT EXECUTE ON FUNCTION hubspot.ensure_deals_partition TO PUBLIC",
        "function hubspot.ensure_deals_partition(uuid,text): everybody may call it",
    ),
    "new function": (
        "CREATE FUNCTION hubspot.erase() RETURNS void LANGUAGE sql AS 'DELETE FROM hubspot.jobs'",
        "function hubspot.erase(): everybody may call it",
    ),
    "reader becomes loader": (
        "GRANT {loader} TO {reader}",
        "role {reader}: a reader that has, or can take on,",
    ),
    "loader becomes reader": (
        "GRANT {reader} TO {loader}",
        "role {loader}: a loader that has the rights of the reader",
    ),
    "bound by another": ("GRANT {bound} TO {reader}", "role {reader}: it is bound only as a member of {bound}"),
    "misnamed leaf": (
        "ALTER TABLE hubspot.{leaf} RENAME TO hubspot_deals_standard_00000000000000000000000000000000",
        "hubspot_deals_standard_00000000000000000000000000000000: its name and the organization",
    ),
    "leaf of another": (
        """
        ALTER TABLE hubspot.hubspot_deals_standard DETACH PARTITION hubspot.{leaf};
        ALTER TABLE hubspot.hubspot_deals_standard DETACH PARTITION hubspot.{other};
        ALTER TABLE hubspot.hubspot_deals_standard ATTACH PARTITION hubspot.{leaf} FOR VALUES IN ('{other_id}')
        """,
        "{leaf}: its name and the organization",
    ),
    "detached leaf": (
        "ALTER TABLE hubspot.hubspot_deals_standard DETACH PARTITION hubspot.{leaf}",
        "{leaf}: it is named like a leaf of hubspot_deals and attached nowhere",
    ),
    "default leaf": (
        "CREATE TABLE hubspot.rest PARTITION OF hubspot.hubspot_deals_standard DEFAULT",
        "hubspot.rest: its name and the organization",
    ),
    "view of a view elsewhere": (
        """
        CREATE VIEW public.within WITH (security_invoker = true) AS SELECT id FROM hubspot.jobs;
        CREATE VIEW public.around AS SELECT id FROM public.within
        """,
        "around: it shows the rows that its owner",
    ),
    "matview of a view elsewhere": (
        """
        CREATE VIEW public.within WITH (security_invoker = true) AS SELECT id FROM hubspot.jobs;
        CREATE MATERIALIZED VIEW public.m AS SELECT id FROM public.within
        """,
        "m: a materialized view keeps the rows",
    ),
    "partition elsewhere": (
        "CREATE TABLE public.old PARTITION OF hubspot.job_events FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')",
        "old: row-level security is not enabled",
    ),
    "heir elsewhere": (
        "CREATE TABLE public.heir () INHERITS (hubspot.jobs)",
        "heir: row-level security is not enabled",
    ),
    "another judge": (
        """
        CREATE OR REPLACE FUNCTION hubspot.visible_organizations() RETURNS uuid[] LANGUAGE sql STABLE
        SET search_path = hubspot, pg_temp AS 'SELECT array_agg(id) FROM organizations'
        """,
        "function hubspot.visible_organizations(): it says whose rows",
    ),
    "judge who looks anywhere": (
        "ALTER FUNCTION hubspot.visible_organizations RESET search_path",
        "function hubspot.visible_organizations(): it says whose rows",
    ),
    "everybody chooses": (
        "GRANT EXECUTE ON FUNCTION hubspot.chosen_organization TO PUBLIC",
        "function hubspot.chosen_organization(): everybody may call it",
    ),
    "bound chooses": (
        "GRANT EXECUTE ON FUNCTION hubspot.chosen_organization TO {bound}",
        "function hubspot.chosen_organization(): {bound} is bound and may call it",
    ),
    "function to reader": (
        "GRANT EXECUTE ON FUNCTION hubspot.drop_job_events_before TO {reader}",
        "function hubspot.drop_job_events_before(timestamp with time zone): the reader {reader} may call it",
    ),
    "bound unbinds itself": (
        "GRANT DELETE ON hubspot.reader_organizations TO {bound}",
        "hubspot.reader_organizations: {bound} has DELETE on it, which is not for it",
    ),
    "loader binds": (
        "GRANT INSERT ON hubspot.reader_organizations TO {loader}",
        "hubspot.reader_organizations: {loader} has INSERT on it, which is not for it",
    ),
    "loader rewrites the trail": (
        "GRANT UPDATE ON hubspot.job_events TO {loader}",
        "hubspot.job_events: {loader} has UPDATE on it, which is not for it",
    ),
    "trigger off": (
        "ALTER TABLE hubspot.reader_organizations DISABLE TRIGGER USER",
        "hubspot.reader_organizations: its trigger reader_organizations_keep_bound does not fire",
    ),
}
BY_A_SUPERUSER = {
    "reader owns a function": (
        "ALTER FUNCTION hubspot.visible_organizations OWNER TO {reader}",
        "function hubspot.visible_organizations(): its owner is {reader}",
    ),
    "reader owns the schema": (
        "ALTER SCHEMA hubspot_reporting OWNER TO {reader}",
        "role {reader}: a reader that has, or can take on,",
    ),
    "replicating reader": ("ALTER ROLE {reader} REPLICATION", "role {reader}: a reader that has REPLICATION"),
    "reader of files": (
        "GRANT pg_read_server_files TO {bound}",
        "role {bound}: a reader that has pg_read_server_files",
    ),
    "superuser loader": ("ALTER ROLE {loader} SUPERUSER", "role {loader}: a loader that is a superuser"),
    "bypassing loader": (
        "ALTER ROLE {loader} BYPASSRLS",
        "role {loader}: a loader that is a superuser",
    ),
    "bypassing reader": ("ALTER ROLE {bound} BYPASSRLS", "role {bound}: a reader that is a superuser"),
    "reader of the owner": (
        """
        DROP OWNED BY {reader}; DROP ROLE {reader}; CREATE ROLE {reader};
        GRANT SELECT ON hubspot.jobs TO {reader}; GRANT {owner} TO {reader}
        """,
        "role {reader}: a reader that has, or can take on,",
    ),
    "reader owns": (
        "ALTER TABLE hubspot.absent_deals OWNER TO {reader}",
        "hubspot.absent_deals: its owner is {reader}",
    ),
    "dropped role": (
        "DROP OWNED BY {bound}; ALTER ROLE {bound} RENAME TO {bound}_x; DROP ROLE {bound}_x; CREATE ROLE {bound}",
        "a role that was dropped is still bound",
    ),
}
