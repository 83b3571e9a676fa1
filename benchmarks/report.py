"""What a benchmark says while it runs and in the end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def say(text: str) -> None:
    """To stderr: stdout belongs to the tables."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Markdown, to stdout."""
    lines = [headings, ["---"] * len(headings), *rows]
    sys.stdout.write("".join(f"| {' | '.join(map(str, line))} |\n" for line in lines) + "\n")


def machine() -> dict[str, Any]:
    """Where and when."""
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "date": datetime.now(UTC).date().isoformat(),
    }


def kind_of(where: Mapping[str, Any]) -> str:
    """Of a ``machine()``: what its figures can be compared with."""
    return f"{where['cores']} cores, {where['cpu']}"


def processor() -> str:
    """The model of the first core; "unknown" where the system does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown")


def write_figures(path: Path, figures: Mapping[str, Any]) -> None:
    """What `--json` promises."""
    path.write_text(json.dumps(figures, indent=2) + "\n")
