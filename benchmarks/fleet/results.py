"""`benchmarks/fleet.md`: the figures as a page, with how they were taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

METHOD = """\
## How it is measured

- Scheduler (LocalExecutor, 4 at once), DAG processor, API server (one worker) and triggerer are processes of their own,
  with Airflow's default settings; PostgreSQL, at its defaults too, holds Airflow's tables and the deals. Each
  organization has an account of 20 deals in `hubspot_simulator`, whose CPU is not counted: it stands for HubSpot.
- The DAG files are `build_dags(part=…, of=…)` over one organizations file. *Parsed* is Airflow's own
  `last_parse_duration`. *Stored* is from the start of the DAG processor's process to the last of the fleet's DAGs in
  Airflow's tables.
- *A run* is triggered over the REST API. *Taken* is the task's `start_date`, *began* the moment before the operator's
  `execute`, *ended* the task's `end_date`. The first run reads every deal and finds workers cold; the others are
  medians, incremental, with nothing changed.
- CPU is that of the processes and of their children that have ended, from /proc, as a share of all cores. *Standing*
  is with every DAG paused: what is spent on reading DAG files again, on heartbeats and on looking for work. *With its
  runs* is with every DAG on its hourly schedule, each at its own minute, as if each had run in the hour before: no rush
  of first runs is in it. Each of these is an organization's first: it makes its tables and loads its deals. A later
  run, which finds nothing new, costs less.
- *An hour* is the share of standing, and the CPU of a run in that window times the number of organizations.
- Memory is proportional set size, what processes share being counted once, at its highest in that window.
"""


def page(figures: Mapping[str, Any]) -> str:
    """Markdown.

    Args:
        figures: ``machine``, ``versions``, and ``sizes``: number of organizations → what ``command.measured`` gives.
    """
    return "\n".join(
        [*_head(figures), *_dags(figures["sizes"]), *_standing(figures["sizes"], figures["machine"]["cores"]), METHOD]
    )


def _head(figures: Mapping[str, Any]) -> Iterator[str]:
    machine = figures["machine"]
    yield "# Benchmark: a fleet of organizations in Airflow\n"
    yield "Written by `./run bench fleet`; run it to get those of your machine.\n"
    kind = f"{machine['cores']} cores, {machine['cpu']}, load {machine['load']:.1f} before"
    yield f"{machine['date']} · {kind} · {figures['versions']}\n"


def _dags(sizes: Mapping[int, Any]) -> Iterator[str]:
    yield "## DAG files and task starts\n"
    rows: list[tuple[str, list[object]]] = [
        ("DAG files", [len(each["dag_files"]) for each in sizes.values()]),
        ("organizations of the largest", [max(_of(each, "dags")) for each in sizes.values()]),
        (
            "parsed: the slowest file, s (Airflow gives up at 50)",
            [f"{max(_of(each, 'seconds')):.2f}" for each in sizes.values()],
        ),
        ("parsed: all files together, s", [f"{sum(_of(each, 'seconds')):.2f}" for each in sizes.values()]),
        ("all stored after the DAG processor's start, s", [each["stored_s"] for each in sizes.values()]),
        ("a stored DAG, characters", [f"{each['serialized_characters']:,}" for each in sizes.values()]),
        ("a run: taken, s after the request", [each["start"]["started"] for each in sizes.values()]),
        ("a run: began, s", [f"**{each['start']['began']}**" for each in sizes.values()]),
        ("a run: ended, s", [each["start"]["ended"] for each in sizes.values()]),
        ("of it, reading the DAG file, s", [each["start"]["dag_file"] for each in sizes.values()]),
        ("the first run: began, ended, s", [_first(each["starts"][0]) for each in sizes.values()]),
    ]
    yield from _table(["organizations", *(f"{size:,}" for size in sizes)], rows)


def _standing(sizes: Mapping[int, Any], cores: int) -> Iterator[str]:
    for size, each in sizes.items():
        hour = each["hour"]
        yield f"## {size:,} hourly organizations\n"
        windows = {f"standing, files parsed every {s} s": window for s, window in each["standing"].items()}
        windows[f"with its runs ({hour['runs_seen']} in {each['hourly']['seconds']:.0f} s)"] = each["hourly"]
        rows: list[tuple[str, list[object]]] = [
            (component, [_share(window, component, cores) for window in windows.values()])
            for component in each["hourly"]["cpu_s"]
        ]
        rows.append(
            ("**together**", [f"**{sum(w['cpu_s'].values()) / w['seconds'] / cores:.1%}**" for w in windows.values()])
        )
        rows.append(
            ("memory of all, MiB", [f"{sum(window['memory_mib'].values()):,.0f}" for window in windows.values()])
        )
        yield from _table(["share of all cores", *windows], rows)
        if hour["runs_seen"]:
            yield (
                f"**An hour: {hour['share']:.1%} of all cores**, {hour['standing_share']:.1%} for standing and "
                f"{hour['cpu_s_per_run']} s of CPU for each of {size:,} runs.\n"
            )
        yield from _table(
            ["memory, MiB", *windows],
            [
                (component, [f"{window['memory_mib'][component]:,.0f}" for window in windows.values()])
                for component in each["hourly"]["memory_mib"]
            ],
        )


def _of(each: Mapping[str, Any], name: str) -> list[Any]:
    return [file[name] for file in each["dag_files"]]


def _first(start: Mapping[str, float]) -> str:
    return f"{start['began']:.1f}, {start['ended']:.1f}"


def _share(window: Mapping[str, Any], component: str, cores: int) -> str:
    return f"{window['cpu_s'][component] / window['seconds'] / cores:.1%}"


def _table(headings: Sequence[str], rows: Sequence[tuple[str, Sequence[object]]]) -> Iterator[str]:
    yield _line(headings)
    yield _line(["---"] * len(headings))
    yield from (_line([title, *cells]) for title, cells in rows)
    yield ""


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
