"""Two bar charts of the first load: how fast, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pygal
from pygal.style import CleanStyle

from benchmarks.pipeline.contestants import FIRST
from benchmarks.pipeline.figures import Figure

SPEED, COST = "deals_per_second.svg", "cpu_per_deal.svg"
STYLE = CleanStyle(
    background="#ffffff",
    plot_background="#ffffff",
    colors=("#ff7a59", "#33475b"),
    font_family="sans-serif",
    label_font_size=14,
    value_font_size=14,
    title_font_size=18,
    legend_font_size=14,
)


def draw(figures: Sequence[Figure], folder: Path, titles: Mapping[str, str]) -> None:
    """Write both files: the largest portal that most contestants loaded, without latency."""
    shown = _most_compared([each for each in figures if each.case == FIRST and not each.latency_ms])
    if not shown:
        return
    ordered = sorted(shown, key=lambda each: each.deals_per_s)
    labels, deals = [titles[each.contestant] for each in ordered], f"{ordered[0].deals:,} deals, first load"
    _bars(f"{deals}: deals a second", labels, {"deals/s": [each.deals_per_s for each in ordered]}, folder / SPEED)
    costs = {
        "contestant": [each.client_us for each in ordered],
        "PostgreSQL": [each.postgres_us for each in ordered],
    }
    _bars(f"{deals}: CPU a deal, microseconds", labels, costs, folder / COST)


def _most_compared(figures: Sequence[Figure]) -> Sequence[Figure]:
    by_size: dict[int, list[Figure]] = {}
    for each in figures:
        by_size.setdefault(each.deals, []).append(each)
    return max(by_size.values(), key=lambda rows: (len(rows), rows[0].deals), default=[])


def _bars(title: str, labels: Sequence[str], series: Mapping[str, Sequence[float]], path: Path) -> None:
    chart = pygal.HorizontalStackedBar(
        title=title,
        style=STYLE,
        width=900,
        height=140 + 60 * len(labels),
        js=[],  # GitHub and most readers run no scripts in pictures
        print_values=True,
        print_values_position="center",
        show_x_guides=False,
        show_y_guides=False,
        show_y_labels=False,  # every bar carries its number
        show_legend=len(series) > 1,
        legend_at_bottom=True,
        value_formatter=lambda value: f"{value:,.0f}",
        disable_xml_declaration=True,
        no_prefix=True,
    )
    chart.x_labels = labels
    for name, values in series.items():
        chart.add(name, values)
    path.write_text(chart.render(is_unicode=True) + "\n")
