"""The little bars of the last runs."""

from __future__ import annotations

from typing import Any

from airflow_provider_hubspot_deals.plugin.sparkline import BAR_STEP, HEIGHT, RUNS_MAX, sparkline


def runs(*records: int, status: str = "completed") -> list[dict[str, Any]]:
    return [{"status": status, "records": count} for count in records]


def test_no_run_is_no_bar() -> None:
    picture = sparkline([])
    assert (picture.bars, picture.text) == ((), "no runs")


def test_the_newest_run_stands_at_the_right_edge_and_the_largest_is_full() -> None:
    picture = sparkline(runs(0, 10, 100_000))
    assert [bar.x for bar in picture.bars] == [
        (RUNS_MAX - 3) * BAR_STEP,
        (RUNS_MAX - 2) * BAR_STEP,
        (RUNS_MAX - 1) * BAR_STEP,
    ]
    heights = [bar.height for bar in picture.bars]
    assert heights == sorted(heights)
    assert heights[-1] == HEIGHT
    assert heights[0] > 0
    assert all(bar.y + bar.height == HEIGHT for bar in picture.bars)


def test_runs_that_read_nothing_are_seen() -> None:
    assert all(bar.height > 0 for bar in sparkline(runs(0, 0)).bars)


def test_only_the_last_runs_are_drawn_and_a_sentence_says_how_they_went() -> None:
    picture = sparkline([*runs(*[5] * 40), *runs(7, status="failed"), *runs(1_000, status="cancelled")])
    assert len(picture.bars) == RUNS_MAX
    assert picture.text == "30 runs, 1 failed, 1 cancelled, 1,000 deals read by the last"
    assert [bar.status for bar in picture.bars[-2:]] == ["failed", "cancelled"]


def test_one_run_is_one_run() -> None:
    assert sparkline(runs(3)).text == "1 run, 0 failed, 3 deals read by the last"
