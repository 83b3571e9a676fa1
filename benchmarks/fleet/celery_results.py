"""`benchmarks/celery.md`: what happened, as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def page(figures: Mapping[str, Any]) -> str:
    """Markdown.

    Args:
        figures: ``machine``, ``versions``, ``order``, and what ``celery_run.killed`` gives.
    """
    return "\n".join([*_head(figures), *_facts(figures), *_timeline(figures)])


def _head(figures: Mapping[str, Any]) -> Iterator[str]:
    machine, order = figures["machine"], figures["order"]
    yield "# A fleet on Celery, and a worker that is killed\n"
    yield "Written by `./run bench celery`.\n"
    kind = f"{machine['cores']} cores, {machine['cpu']}, load {machine['load']:.1f} before"
    yield f"{machine['date']} · {kind} · {figures['versions']}\n"
    yield (
        f"{order['organizations']} organizations of {order['deals']:,} deals each, HubSpot's answers after "
        f"{order['latency_ms']:g} ms; {order['workers']} workers of {order['concurrency']} tasks each, on Redis. All "
        "runs are triggered at once. When some have ended and a task of the first worker has stored part of its deals, "
        "that worker and its tasks get SIGKILL, as when their machine is gone. Nobody starts it again. Airflow waits "
        f"{order['heartbeat_timeout_s']} s for a task's heartbeat (`task_instance_heartbeat_timeout`, else 300).\n"
    )


def _facts(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "| | |"
    yield "| --- | --- |"
    facts = {
        "killed": f"{figures['killed_after_s']:.0f} s after the first run was triggered",
        "tasks that it had": figures["lost_tasks"],
        "runs in the end": _counts(figures["runs"]),
        "tasks by number of tries": _counts({f"{tries} tries": count for tries, count in figures["tries"].items()}),
        "jobs in the end": _counts(figures["jobs"]),
        "**copies that equal their account**": f"**{figures['complete_copies']} of {figures['copies']}** "
        f"({figures['deals']:,} deals, each compared by id, time of change, and whether it is archived)",
        "all of it took": f"{figures['seconds']:.0f} s",
        "events of the lost tasks' jobs": _counts(figures["events"]),
    }
    yield from (f"| {title} | {fact} |" for title, fact in facts.items())
    yield ""


def _timeline(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "## What Airflow showed of the lost tasks\n"
    yield "| s after the kill | |"
    yield "| ---: | --- |"
    yield from (f"| {moment['after_s']:.0f} | {' · '.join(moment['tasks'])} |" for moment in figures["seen"])
    yield ""


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
