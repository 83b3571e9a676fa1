"""Who is measured: which program, in which environment, on which cases, and where its rows end up."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ORGANIZATION = "00000000-0000-4000-8000-00000000be9c"
LEAF = f"hubspot.hubspot_deals_standard_{ORGANIZATION.replace('-', '')}"
PROGRAMS = Path(__file__).with_name("programs")
ROOT = Path(__file__).parents[2]

FIRST, UNCHANGED, INCREMENTAL, CHANGED = "first", "unchanged", "incremental", "changed"
CASES = {
    FIRST: "first load",
    UNCHANGED: "reload, nothing changed",
    INCREMENTAL: "incremental, nothing changed",
    CHANGED: "reload, 1 % changed",
}
FACTS = """
SELECT count(*), coalesce(sum({id}::bigint), 0)::bigint,
       coalesce(sum(round(extract(epoch FROM {modified}::timestamptz) * 1000)), 0)::bigint
FROM {table}
"""


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One of those who load the deals.

    Attributes:
        modes: what the program is told in each case that it can run.
        table: its table of deals, ``schema.name``.
        deal_id, modified: SQL of a deal's id and of its time of change in that table.
        with_schema: whether its database holds our schema; peers make their own tables.
        reads: whether it asks HubSpot at all.
        deals_max: larger portals would take hours.
    """

    name: str
    title: str
    command: Sequence[str | Path]
    modes: Mapping[str, str]
    table: str
    deal_id: str
    modified: str
    with_schema: bool = False
    reads: bool = True
    deals_max: int = 10_000_000
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> str:
        """SQL that says of its table what ``Truth`` says of the portal."""
        return FACTS.format(id=self.deal_id, modified=self.modified, table=self.table)

    def runs(self, case: str, deals: int, latency_ms: float) -> bool:
        """Who reads nothing waits for no answer."""
        return case in self.modes and deals <= self.deals_max and (self.reads or not latency_ms)


OURS = Contestant(
    name="ours",
    title="this provider",
    command=[sys.executable, "-P", "-m", "benchmarks.pipeline.programs.ours"],
    modes={FIRST: "full", UNCHANGED: "full", INCREMENTAL: "incremental", CHANGED: "full"},
    table=LEAF,
    deal_id="hubspot_deal_id",
    modified="hs_lastmodifieddate",
    with_schema=True,
)
FLOOR = replace(
    OURS,
    name="floor",
    title="floor (COPY and merge alone)",
    command=[sys.executable, "-P", "-m", "benchmarks.pipeline.programs.floor"],
    modes=dict.fromkeys((FIRST, UNCHANGED, CHANGED), "all"),
    reads=False,
)


def child_environment(home: Path, hubspot_url: str, token: str, database_url: str) -> dict[str, str]:
    """Airflow with two connections and nothing of the caller's settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    hubspot = {"conn_type": "hubspot", "password": token, "host": hubspot_url, "extra": {"allow_other_hosts": True}}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "TZ": "UTC",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_HUBSPOT_DEFAULT": json.dumps(hubspot),
        "AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES": json.dumps(postgres_connection(database_url)),
    }


def postgres_connection(url: str) -> dict[str, Any]:
    """As an Airflow connection."""
    parts = urlsplit(url)
    where = {"host": parts.hostname, "port": parts.port, "schema": parts.path[1:]}
    return {"conn_type": "postgres", "login": parts.username, "password": parts.password, **where}
