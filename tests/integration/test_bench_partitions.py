"""`./run bench` measures every statement at every size, also where the lock table is too small for one of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.__main__ import main
from benchmarks.measuring import Case, measure
from benchmarks.partitions import with_more_locks
from benchmarks.server import bench_server

LOCKS_OF_A_LEAF = 9  # its own and those of its eight indexes
NAMES_THE_ORGANIZATION = {
    *("create_organization", "claim", "store", "cancel_job"),
    *("leaf", "parent_organization", "parent_organization_and_type", "reporting_view"),
}


def figures_of(folder: Path, *arguments: str) -> dict[str, Any]:
    path = folder / "figures.json"
    assert main([*arguments, "--json", str(path)]) == 0
    figures: dict[str, Any] = json.loads(path.read_text())
    return figures


def test_g01_partitions_gives_times_and_locks_of_every_statement_at_each_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = figures_of(tmp_path, "partitions", "--organizations", "4", "2", "--repetitions", "2")
    assert list(figures["sizes"]) == ["2", "4"]
    small, large = (figures["sizes"][size]["statements"] for size in ("2", "4"))
    assert small.keys() == large.keys() > NAMES_THE_ORGANIZATION
    assert all(figure["median_ms"] > 0 and figure["error"] is None for figure in large.values())
    grown = {name: (large[name]["locks"] or 0) - (small[name]["locks"] or 0) for name in small}
    assert all(grown[name] < LOCKS_OF_A_LEAF for name in NAMES_THE_ORGANIZATION), grown
    assert grown["all_organizations"] == 2 * LOCKS_OF_A_LEAF
    assert figures["sizes"]["4"]["at_once"] == {"64": 8, "256": 8, "1024": 8}
    assert all(size["recovery"]["fsync_s"] > 0 for size in figures["sizes"].values())
    assert "| claim for a new organization |" in capsys.readouterr().out


def test_filters_gives_a_plan_of_every_statement_and_the_size_of_every_index(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = figures_of(tmp_path, "filters", "--deals", "2000", "--jobs", "200")
    assert len(figures["statements"]) >= 30
    assert all(statement["view"]["pages"] > 0 for statement in figures["statements"])
    assert {"table", "TOAST", "index (hubspot_deal_id)", "index (closedate)"} <= figures["sizes"].keys()
    assert "| Get deals closing this month |" in capsys.readouterr().out


def test_an_exhausted_lock_table_is_a_result_and_the_setting_that_is_needed_is_found() -> None:
    """Advisory locks live in the same table as locks of relations: 30,000 need more than 64 a transaction."""
    with bench_server() as server:
        statement = "SELECT count(pg_advisory_xact_lock(number)) FROM generate_series(1, 30000) AS number"
        case = Case("many", "many locks", lambda connection: connection.execute(statement), server.owner_url)
        figure = measure(case, 1)
        assert (figure.median_ms, figure.max_locks_per_transaction) == (None, None)
        assert (figure.error or "").startswith("53200: out of shared memory")
        ((name, found),) = with_more_locks(server, {"many": case}, {"many": figure}, 1)
        assert (name, found.max_locks_per_transaction, found.error) == ("many", 256, figure.error)
        with server.connect() as connection, pytest.raises(psycopg.errors.OutOfMemory):
            connection.execute(statement)  # the default is back
