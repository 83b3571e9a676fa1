"""What `./run bench fleet` and `./run bench celery` make of what they measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_hubspot_deals.dag_factory import build_dags
from benchmarks.fleet import celery_results, entries, results
from benchmarks.fleet.standing import CORES, Window, hour_of
from benchmarks.fleet.task_starts import TaskStart, summary
from hubspot_simulator.specification import load_portals

MACHINE = {"cores": 2, "cpu": "Some CPU", "load": 0.1, "date": "2026-11-22"}


def window(cpu_s: float, runs: int = 0, seconds: float = 100) -> Window:
    return Window(
        seconds=seconds,
        cpu_s={"scheduler": cpu_s},
        memory_mib={"scheduler": 50.0},
        runs={"success": runs} if runs else {},
    )


def test_an_hour_is_made_of_standing_and_of_the_runs_of_all() -> None:
    hour = hour_of(window(10), window(30, runs=5), organizations=100)
    assert hour["cpu_s_per_run"] == pytest.approx(4)  # 20 s more, for five runs
    assert hour["share"] == pytest.approx((0.1 * 3600 + 4 * 100) / (3600 * CORES), abs=1e-4)


def test_without_a_run_there_is_no_figure_of_one() -> None:
    assert hour_of(window(10), window(30), organizations=100).keys() == {"runs_seen", "standing_share"}


def test_the_first_run_is_not_among_the_medians() -> None:
    starts = [
        TaskStart(started=9, began=19, ended=29, dag_file=1),
        TaskStart(started=1, began=2, ended=3, dag_file=0.1),
    ]
    assert summary(starts) == {"started": 1, "began": 2, "ended": 3, "dag_file": 0.1}


def test_every_organization_is_in_one_dag_file_and_has_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    files = entries.write(tmp_path, 25, per_file=10, deals=3, schedule="@hourly")
    parts = [build_dags(files.organizations, part=part, of=files.dag_files) for part in (1, 2, 3)]
    dags = [dag_id for part in parts for dag_id in part if dag_id.startswith("hubspot_deals_org-")]
    assert len(dags) == len(set(dags)) == 25
    assert len(list(files.dags.glob("*.py"))) == files.dag_files == 3
    assert sum(portal.deals for portal in load_portals(files.portals)) == 75


def test_the_page_of_a_fleet_says_what_an_hour_costs() -> None:
    start = {"started": 0.5, "began": 1.5, "ended": 2.5, "dag_file": 0.2}
    observed = {"seconds": 100.0, "cpu_s": {"scheduler": 10.0}, "memory_mib": {"scheduler": 80.0}, "runs": {}}
    size = {
        "dag_files": [{"file": "fleet_1.py", "dags": 9, "seconds": 0.5}],
        "serialized_characters": 2600,
        "stored_s": 9.5,
        "starts": [start],
        "start": start,
        "standing": {"30": observed},
        "hourly": observed,
        "hour": {"runs_seen": 4, "cpu_s_per_run": 2.5, "standing_share": 0.05, "share": 0.123},
    }
    page = results.page({"machine": MACHINE, "versions": "Airflow 3", "sizes": {9: size}})
    assert "**An hour: 12.3% of all cores**" in page
    assert "| scheduler | 5.0% | 5.0% |" in page


def test_the_page_of_the_celery_run_says_how_many_copies_are_whole() -> None:
    order = {
        "organizations": 2,
        "deals": 3,
        "latency_ms": 10,
        "workers": 2,
        "concurrency": 2,
        "heartbeat_timeout_s": 300,
    }
    found = {
        "seconds": 400.0,
        "killed_after_s": 20.0,
        "lost_tasks": 1,
        "seen": [{"after_s": 0.0, "tasks": ["hubspot_deals_org-00001: running, try 1"]}],
        "runs": {"success": 2},
        "tries": {"1": 1, "2": 1},
        "copies": 2,
        "complete_copies": 2,
        "deals": 6,
        "jobs": {"completed": 2},
        "attempts": {"hubspot_deals_org-00001": 2},
        "events": {"resumed": 1},
    }
    page = celery_results.page({"machine": MACHINE, "versions": "celery 5", "order": order, **found})
    assert "**2 of 2**" in page
    assert "| 0 | hubspot_deals_org-00001: running, try 1 |" in page
