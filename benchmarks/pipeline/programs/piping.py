"""A Singer tap piped into a Singer target: two processes, each measured, and the state that they hand on.

python piping.py TAP_PROGRAM TARGET_PYTHON TARGET_PROGRAM ORDER
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from metering import read_order

ROLES = ("tap", "target")


def main() -> None:
    """Start both, connect them, and add up what they took."""
    tap_program, target_python, target_program, order_file = sys.argv[1:]
    order = read_order()
    tap = subprocess.Popen([sys.executable, tap_program, order_file], stdout=subprocess.PIPE)  # noqa: S603 - ours
    target = subprocess.Popen(  # noqa: S603 - ours
        [target_python, target_program, order_file], stdin=tap.stdout, stdout=subprocess.PIPE
    )
    if tap.stdout:
        tap.stdout.close()  # so that the tap notices when the target ends
    states = target.communicate()[0].splitlines()
    if tap.wait() or target.returncode:
        sys.exit(f"tap ended with status {tap.returncode}, target with {target.returncode}")
    if states:
        state_file(order).write_bytes(states[-1])
    both = [json.loads(figures_file(order, role).read_text()) for role in ROLES]
    Path(order["figures"]).write_text(json.dumps(together(both)))


def together(both: list[dict[str, float]]) -> dict[str, float]:
    """From when both were ready to when both were done; CPU and memory of both."""
    sums = {name: sum(each[name] for each in both) for name in ("cpu_s", "idle_rss", "peak_rss")}
    return {
        "began_at": max(each["began_at"] for each in both),
        "ended_at": max(each["ended_at"] for each in both),
        **sums,
    }


def state_file(order: dict[str, Any]) -> Path:
    """Where the target's last word stands, from which the next incremental run goes on."""
    return Path(order["folder"]) / "state.json"


def figures_file(order: dict[str, Any], role: str) -> Path:
    """What one of the two took."""
    return Path(order["folder"]) / f"{role}.json"


if __name__ == "__main__":
    main()
