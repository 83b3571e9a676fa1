"""The example DAGs as Airflow imports them; tests/acceptance/test_examples.py runs them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from airflow_provider_hubspot_deals.dag_factory import build_dag, deals_asset
from airflow_provider_hubspot_deals.organizations import parse_organization

EXAMPLES = Path(__file__).parents[2] / "dags" / "examples"
NORTHWIND = deals_asset("northwind")


def dag_of(file: Path) -> Any:
    bag = DagBag(dag_folder=file)
    assert bag.import_errors == {}
    assert list(bag.dags) == [file.stem]
    return bag.dags[file.stem]


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.py")), ids=lambda file: file.stem)
def test_an_example_is_one_dag_called_as_its_file(file: Path) -> None:
    assert dag_of(file).tasks


def test_dbt_is_called_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dbt = tmp_path / "dbt"
    dbt.write_text('#!/bin/sh\necho "dbt was called in $PWD: $*"\n', encoding="utf-8")
    dbt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (task,) = dag_of(EXAMPLES / "dbt_after_load.py").tasks
    asked = "build --select source:hubspot+ source:hubspot_reporting+"
    assert task.execute({}) == f"dbt was called in {EXAMPLES / 'dbt'}: {asked}"
    ours = tmp_path / "models of ours"
    ours.mkdir()
    monkeypatch.setenv("HUBSPOT_DBT_PROJECT", str(ours))
    (task,) = dag_of(EXAMPLES / "dbt_after_load.py").tasks
    assert task.execute({}) == f"dbt was called in {ours}: {asked}"


def test_the_windows_of_a_backfill_touch_each_other() -> None:
    months = dag_of(EXAMPLES / "backfill_once.py").get_task("months").python_callable
    windows = months({"first_day": "2025-12-15", "last_day": "2026-02-28"})
    assert [window["window_start"][:10] for window in windows] == ["2025-12-15", "2026-01-01", "2026-02-01"]
    assert [window["window_end"] for window in windows][:2] == [window["window_start"] for window in windows][1:]
    assert windows[-1]["window_end"][:10] == "2026-03-01"


def test_a_backfill_is_read_by_the_organization_s_own_dag_whose_form_takes_its_windows() -> None:
    """A task of its own would know nothing of the entry, and take away what the entry alone reads."""
    example = dag_of(EXAMPLES / "backfill_once.py")
    assert not [task for task in example.tasks if "HubSpot" in task.task_type]
    own = build_dag(parse_organization({"slug": "northwind"}))
    assert example.get_task("load_month").partial_kwargs["trigger_dag_id"] == own.dag_id
    for window in example.get_task("months").python_callable({"first_day": "2025-12-15", "last_day": "2026-02-28"}):
        own.params.update(window)
        assert own.params.validate()["mode"] == "window"


@pytest.mark.parametrize(
    ("extras", "goes_on"),
    [
        pytest.param([], True, id="a run by hand"),
        pytest.param([{"from_rest_api": True}], True, id="an event that somebody made in the UI"),
        pytest.param(
            [{"records_inserted": 0, "records_updated": 0, "records_deleted": 0}], False, id="nothing changed"
        ),
        pytest.param([{"records_inserted": 0, "records_updated": 0, "records_deleted": 1}], True, id="a purged deal"),
    ],
)
def test_the_report_is_left_out_only_where_an_event_says_that_nothing_changed(
    extras: list[dict[str, Any]], goes_on: bool
) -> None:
    something_changed = dag_of(EXAMPLES / "report_after_load.py").get_task("something_changed").python_callable
    events = [SimpleNamespace(extra=extra) for extra in extras]  # of Airflow's, all that the task looks at
    assert something_changed({NORTHWIND: events} if events else None) is goes_on
