"""How leaves keep their rows: usual deals whole, deleted ones indexed, and no reader waits when that is set."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import migrations
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError
from airflow_provider_hubspot_deals.migrations import leaf_layout
from tests.builders import a_row
from tests.integration.previous_release import previous_loader
from tests.integration.tenant import Tenant

BEFORE = "0010"  # the last revision without a layout of leaves
AFTER = "0014"  # no revision up to this one makes a reader wait
SETTING = "toast_tuple_target=4064"
OUT_OF_LINE = "SELECT pg_relation_size(reltoastrelid) AS bytes FROM pg_class WHERE relname = %s"
INDEXED = """
SELECT relname FROM pg_class
WHERE relname LIKE 'hubspot_deals_%' AND relkind = 'r' AND relispartition
  AND EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indpred IS NOT NULL)
"""


def layouts(tenant: Tenant) -> list[Any]:
    rows = tenant.query(
        "SELECT reloptions FROM pg_class WHERE relname LIKE 'hubspot_deals_%' AND relkind = 'r' AND relispartition"
    )
    return [row["reloptions"] for row in rows]


def incompressible(length: int) -> str:
    """Text that no compression shrinks much, like a deal's short values."""
    return "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(length // 3))


def test_a_usual_deal_is_kept_whole_and_a_large_one_is_moved_out_of_line(database_url: str) -> None:
    acme = Tenant(database_url)
    job = acme.claim()
    acme.store(job, a_row(1, notes=incompressible(2_500)))
    assert acme.query(OUT_OF_LINE, job.leaf) == [{"bytes": 0}]
    acme.store(job, a_row(2, notes=incompressible(6_000)))
    assert acme.query(OUT_OF_LINE, job.leaf)[0]["bytes"] > 0
    assert acme.deal(2)["raw_properties"]["notes"] == incompressible(6_000)


def test_an_upgrade_lays_out_the_leaves_that_stand_while_others_read_them(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, revision=BEFORE)
    acme = Tenant(empty_database_url)
    with previous_loader(acme) as loader:
        loader.claim()
        loader.write(1)
    with previous_loader(Tenant(empty_database_url, slug="globex")) as loader:
        loader.claim()
        assert layouts(acme) == [None, None]
    with psycopg.connect(empty_database_url) as busy:
        busy.execute("SELECT FROM hubspot.hubspot_deals")
        migrations.upgrade(empty_database_url, revision=AFTER)
    assert layouts(acme) == [[SETTING], [SETTING]]
    assert len(acme.query(INDEXED)) == 2
    migrations.downgrade(empty_database_url, "hubspot", BEFORE)
    with previous_loader(Tenant(empty_database_url, slug="initech")) as loader:
        loader.claim()
        assert sorted(layouts(acme), key=str) == [None, [SETTING], [SETTING]]


def test_a_leaf_that_was_laid_out_before_there_was_an_index_gets_it(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, revision="0012")
    acme = Tenant(empty_database_url)
    with previous_loader(acme) as loader:
        loader.claim()
        loader.write(1)
    assert (layouts(acme), acme.query(INDEXED)) == ([[SETTING]], [])
    migrations.upgrade(empty_database_url)
    assert acme.query(INDEXED) == [{"relname": loader.leaf}]


@pytest.mark.parametrize("mode", ["SHARE UPDATE EXCLUSIVE", "ROW EXCLUSIVE"], ids=["vacuumed", "written"])
def test_a_busy_leaf_is_named_so_and_done_by_the_next_upgrade(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(leaf_layout, "LOCK_TIMEOUT", "200ms")
    migrations.upgrade(empty_database_url, revision=BEFORE)
    acme = Tenant(empty_database_url)
    with previous_loader(acme) as loader, psycopg.connect(empty_database_url) as busy:
        loader.claim()
        busy.execute(f"LOCK TABLE hubspot.{loader.leaf} IN {mode} MODE")
        with pytest.raises(DatabaseUnavailableError, match="storage settings"):
            migrations.upgrade(empty_database_url, revision=AFTER)
    migrations.upgrade(empty_database_url, revision=AFTER)
    assert layouts(acme) == [[SETTING]]
