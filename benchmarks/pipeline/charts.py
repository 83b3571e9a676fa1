"""Two bar charts of the first load: how fast, and at what cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pygal
from pygal.style import CleanStyle

from benchmarks.pipeline.contestants import FIRST, FLOOR, OURS
from benchmarks.pipeline.figures import Figure

SPEED, COST = "deals_per_second.svg", "cpu_per_deal.svg"
STYLE = CleanStyle(
    background="#ffffff",
    plot_background="#ffffff",
    colors=("#ff7a59", "#33475b"),
    opacity="1",
    font_family="sans-serif",
    label_font_size=14,
    major_label_font_size=14,
    title_font_size=18,
    legend_font_size=14,
)


def draw(figures: Sequence[Figure], folder: Path, titles: Mapping[str, str]) -> None:
    """Write both files, of the largest portal that a peer loaded without latency."""
    shown = _compared([each for each in figures if each.case == FIRST and not each.latency_ms])
    if not shown:
        return
    slowest_first = sorted(shown, key=lambda each: each.deals_per_s)  # bars grow upwards
    what = f"first load of {shown[0].deals:,} deals"
    speeds = {f"{titles[each.contestant]}: {each.deals_per_s:,.0f}": (each.deals_per_s,) for each in slowest_first}
    _bars(f"Deals a second, {what}", speeds, ["deals/s"], folder / SPEED)
    costs = {
        f"{titles[each.contestant]}: {each.client_us:,.0f} + {each.postgres_us:,.0f}": (
            each.client_us,
            each.postgres_us,
        )
        for each in slowest_first
    }
    _bars(f"Microseconds of CPU a deal, {what}", costs, ["its own processes", "PostgreSQL"], folder / COST)


def _compared(figures: Sequence[Figure]) -> Sequence[Figure]:
    """Of the machine that has most beside ours."""
    figures = [each for each in figures if each.ours_is_faster is not None] or figures
    with_peers = [each.deals for each in figures if each.contestant not in (OURS.name, FLOOR.name)]
    largest = max(with_peers or [each.deals for each in figures], default=0)
    shown = [each for each in figures if each.deals == largest]
    machines = Counter(each.machine for each in shown)
    return [each for each in shown if each.machine == machines.most_common(1)[0][0]]


def _bars(title: str, bars: Mapping[str, Sequence[float]], series: Sequence[str], path: Path) -> None:
    """Every label says its numbers, so that the smallest bar can be read as well."""
    chart = pygal.HorizontalStackedBar(
        title=title,
        style=STYLE,
        width=900,
        height=140 + 45 * len(bars),
        js=[],  # pictures on a page run no scripts
        print_values=False,
        show_x_labels=False,
        show_x_guides=False,
        show_y_guides=False,
        show_legend=len(series) > 1,
        legend_at_bottom=True,
        truncate_label=-1,
        disable_xml_declaration=True,
    )
    chart.x_labels = [*bars]
    for name, values in zip(series, zip(*bars.values(), strict=True), strict=True):
        chart.add(name, values)
    path.write_text(chart.render(is_unicode=True) + "\n")
