"""A Singer tap piped into a Singer target: two processes, each measured, and the state that they hand on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from metering import metered, read_order

ROLES = ("tap", "target")


def play(tap: Callable[[dict[str, Any]], None], target: Callable[[dict[str, Any]], None]) -> None:
    """Be the tap or the target when told so; else start both, connect them, and add up what they took."""
    order, role = read_order(), sys.argv[2] if len(sys.argv) > len(ROLES) else ""
    if role:
        with metered(_figures(order, role)):
            {"tap": tap, "target": target}[role](order)
    else:
        _pipe(order)


def state_file(order: dict[str, Any]) -> Path:
    """Where the target's last word stands, from which the next incremental run goes on."""
    return Path(order["folder"]) / "state.json"


def _pipe(order: dict[str, Any]) -> None:
    command = [sys.executable, *sys.argv]
    tap = subprocess.Popen([*command, "tap"], stdout=subprocess.PIPE)  # noqa: S603 - this very program
    target = subprocess.Popen([*command, "target"], stdin=tap.stdout, stdout=subprocess.PIPE)  # noqa: S603 - likewise
    if tap.stdout:
        tap.stdout.close()  # so that the tap notices when the target ends
    states = target.communicate()[0].splitlines()
    if tap.wait() or target.returncode:
        sys.exit(f"tap ended with status {tap.returncode}, target with {target.returncode}")
    if states:
        state_file(order).write_bytes(states[-1])
    Path(order["figures"]).write_text(
        json.dumps(_together([json.loads(_figures(order, r).read_text()) for r in ROLES]))
    )


def _together(both: list[dict[str, float]]) -> dict[str, float]:
    """From when both were ready to when both were done; CPU and memory of both."""
    sums = {name: sum(each[name] for each in both) for name in ("cpu_s", "idle_rss", "peak_rss")}
    return {
        "began_at": max(each["began_at"] for each in both),
        "ended_at": max(each["ended_at"] for each in both),
        **sums,
    }


def _figures(order: dict[str, Any], role: str) -> Path:
    return Path(order["folder"]) / f"{role}.json"
