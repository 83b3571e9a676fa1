"""Runs on disk, a line of JSON each: what takes hours can be measured in parts, and goes on after an interruption."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from benchmarks.pipeline.measurement import Measurement


def with_earlier(file: Path, new: Iterable[Measurement]) -> list[Measurement]:
    """The runs in ``file``, then the new ones, each of which is added to it as soon as it has been measured."""
    measurements = runs_in(file) if file.exists() else []
    with file.open("a", buffering=1) as lines:
        for each in new:
            measurements.append(each)
            lines.write(json.dumps(asdict(each)) + "\n")
    return measurements


def runs_in(file: Path) -> list[Measurement]:
    """Those made so far."""
    return [Measurement(**json.loads(line)) for line in file.read_text().splitlines()]


def notes_on(file: Path, page: Path) -> str:
    """Bullets on the runs in ``file``, which no run can tell: beside it, with the suffix `.md`.

    Of a `results.jsonl` that would be the page itself, which must not come into itself.
    """
    notes = file.with_suffix(".md")
    return notes.read_text().strip() if notes.exists() and notes.resolve() != page.resolve() else ""
