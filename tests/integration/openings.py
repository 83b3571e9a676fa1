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
}
BY_A_SUPERUSER = {
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
