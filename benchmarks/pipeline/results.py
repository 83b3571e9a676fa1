"""`benchmarks/results.md`: the figures as a page, with where they come from and what they leave out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from benchmarks.pipeline.contestants import CASES, INCREMENTAL
from benchmarks.pipeline.figures import MICRO, Figure
from benchmarks.report import kind_of

METHOD = """\
## How it is measured

- Everybody reads the same pages from `hubspot_simulator`, which has made them all before the first run, and loads into
  the same PostgreSQL server: default settings, durable, autovacuum off and every table vacuumed between runs instead.
- Ours is `HubSpotDealsToPostgresOperator.execute` in a process of its own, without a scheduler: claim, checkpoints,
  typed columns and every property as JSONB, all indexes, row-level security.
- The floor is the same rows, taken from PostgreSQL as COPY text beforehand, copied and merged into the same table with
  the same indexes in batches of the same size, each with a checkpoint. It reads no page and parses nothing.
- Client CPU is that of the contestant's own processes from after their imports to the end; PostgreSQL's is that of
  all server processes. Of ours everything is imported by then; what a peer imports on the way, such as its driver,
  counts for it, which shows in the shortest runs. Peak RSS is the highest resident size, of tap and target together;
  above idle is what of it was not there before the measuring began: imports are, of ours mostly Airflow, and so are
  all rows of the floor.
- dlt runs its rest_api source on the list of deals, merges by id and loads by COPY; its incremental run searches from
  the newest time that is loaded, for which it asks its table first. Meltano and singer-io run their taps with deals
  alone selected, into meltanolabs-target-postgres with COPY; both taps name HubSpot's address in their code, which is
  replaced and nothing else; a tap begins when its target is ready. Whatever is not named here is as each of them sets
  it by default. All their packages are in `benchmarks/pipeline/requirements`.
- The work differs. Ours also reads archived deals, pipelines, owners and what changed meanwhile, and keeps properties
  typed and as sent, under seven indexes. dlt keeps columns, Meltano one JSONB of texts, singer-io a JSONB for each
  property and all of them again; they have the key's index alone. singer-io reads HubSpot's first API for deals.
- The contestants take turns in alternating order; a figure is the median of its runs. Where they were measured in
  parts (`--measured`), machine, date, load and versions above are those of the last part. A table of another kind of
  machine (number of cores and model of CPU) names it; none mixes two kinds. After every run the table is compared with
  the portal: number of deals, sum of ids, sum of times of change. A run that differs would not be listed.
- Left out on purpose: peers beyond 100,000 deals, which would take hours; the floor with latency and incrementally, as
  it asks for nothing.
{notes}- Simulator and contestant share the cores; the simulator's part of one core is stated.
- With latency, every answer comes that much later and HubSpot's limits of a Professional account hold (190 requests in
  10 seconds). An incremental run that finds nothing then waits once for each of its requests, of which ours makes more
  than dlt or Meltano.
"""
HEADINGS = (
    *(
        "",
        "deals/s",
        "range",
        "runs",
        "ours to it",
        "client CPU µs/deal",
        "PostgreSQL CPU µs/deal",
        "requests per 1,000 deals",
    ),
    *("429s", "peak RSS MiB", "of it above idle", "rows written", "table MiB", "simulator's core"),
)
HEADINGS_OF_NOTHING = (
    "",
    "seconds",
    "runs",
    "requests",
    "client CPU s",
    "PostgreSQL CPU s",
    "peak RSS MiB",
    "of it above idle",
    "rows written",
)


def page(figures: Sequence[Figure], facts: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Markdown.

    Args:
        facts: machine, postgres, versions (contestant → text), left_out (contestant → why), notes (bullets on the
            kept runs, or nothing).
        titles: of the contestants, by name.
    """
    tables = _tables(figures, titles, kind_of(facts["machine"]))
    return "\n".join([*_head(facts), *tables, method(facts["notes"]), *_left_out(facts["left_out"], titles)])


def method(notes: str) -> str:
    """How the figures came about; what was peculiar to the kept runs stands before what holds of every run."""
    return METHOD.format(notes=f"{notes}\n" if notes else "")


def _head(facts: Mapping[str, Any]) -> Iterator[str]:
    machine = facts["machine"]
    yield "# Benchmark: from HubSpot's pages to rows in PostgreSQL\n"
    yield "Written by `./run bench`; run it to get those of your machine.\n"
    load = f"load {machine['load']:.1f} before"
    yield f"{machine['date']} · {kind_of(machine)}, {load} · PostgreSQL {facts['postgres']}\n"
    yield from (f"- {name}: {version}" for name, version in facts["versions"].items())
    yield ""


def _tables(figures: Sequence[Figure], titles: Mapping[str, str], here: str) -> Iterator[str]:
    several = len({here, *(each.machine for each in figures)}) > 1  # the head names one: that of the last part
    for (deals, latency_ms, case, machine), rows in groupby(figures, key=Figure.table):
        pace = f", {latency_ms:g} ms an answer, 190 requests in 10 s" if latency_ms else ""
        where = f", on {machine}" if several else ""
        yield f"## {deals:,} deals, {CASES[case]}{pace}{where}\n"
        headings, cells = (HEADINGS_OF_NOTHING, _cells_of_nothing) if case == INCREMENTAL else (HEADINGS, _cells)
        fastest_first = sorted(rows, key=lambda each: each.seconds)
        yield from map(_line, [headings, ["---"] * len(headings), *(cells(each, titles) for each in fastest_first)])
        yield ""


def _cells(each: Figure, titles: Mapping[str, str]) -> Sequence[str]:
    return (
        titles[each.contestant],
        f"**{each.deals_per_s:,.0f}**",
        f"{each.slowest:,.0f} to {each.fastest:,.0f}",
        str(each.runs),
        _ratio(each.ours_is_faster),
        f"{each.client_us:.1f}",
        f"{each.postgres_us:.1f}",
        f"{each.requests_per_1000:.1f}",
        str(each.answers_429),
        f"{each.peak_rss:.0f}",
        f"{each.rss_over_idle:.0f}",
        f"{each.rows_written:,.0f}",
        f"{each.table_mib:,.0f}",
        f"{each.simulator_share:.0%}",
    )


def _cells_of_nothing(each: Figure, titles: Mapping[str, str]) -> Sequence[str]:
    """Where no deal moves, a run costs what it costs."""
    return (
        titles[each.contestant],
        f"**{each.seconds:.2f}**",
        str(each.runs),
        f"{each.requests:g}",
        f"{each.client_us * each.deals / MICRO:.2f}",
        f"{each.postgres_us * each.deals / MICRO:.2f}",
        f"{each.peak_rss:.0f}",
        f"{each.rss_over_idle:.0f}",
        f"{each.rows_written:,.0f}",
    )


def _ratio(ours: float | None) -> str:
    """Of ours to somebody's speed."""
    if ours is None or ours == 1:
        return ""
    return f"{ours:.1f} times" if ours > 1 else f"{ours:.0%}"


def _left_out(reasons: Mapping[str, str], titles: Mapping[str, str]) -> Iterator[str]:
    if reasons:
        yield "## Not measured\n"
        yield from (f"- {titles.get(name, name)}: {reason.splitlines()[0]}" for name, reason in reasons.items())
        yield ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
