"""A Singer tap piped into a Singer target: two processes, each measured, and the state that they hand on.

python piping.py TAP_PROGRAM TARGET_PYTHON TARGET_PROGRAM ORDER
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from metering import read_order

ROLES = ("tap", "target")
POLL_S = 0.002


def main() -> None:
    """Start both, connect them, and add up what they took."""
    tap_program, target_python, target_program, order_file = sys.argv[1:]
    order = read_order()
    _ready_file(order).unlink(missing_ok=True)
    tap = subprocess.Popen([sys.executable, tap_program, order_file], stdout=subprocess.PIPE)  # noqa: S603 - ours
    target = subprocess.Popen(  # noqa: S603 - ours
        [target_python, target_program, order_file], stdin=tap.stdout, stdout=subprocess.PIPE
    )
    if tap.stdout:
        tap.stdout.close()  # so that the tap notices when the target ends
    states = target.communicate()[0].splitlines()
    if target.returncode:
        tap.terminate()  # it may still be waiting for the target
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


def target_is_ready(order: dict[str, Any]) -> None:
    """Said by the target once its measuring has begun; what it imports later, such as its driver, counts for it."""
    _ready_file(order).touch()


def wait_for_target(order: dict[str, Any]) -> None:
    """The tap asks for nothing before: what it does while the target starts would count for nobody."""
    while not _ready_file(order).exists():
        time.sleep(POLL_S)


def _ready_file(order: dict[str, Any]) -> Path:
    return Path(order["folder"]) / "target.ready"


def state_file(order: dict[str, Any]) -> Path:
    """Where the target's last word stands, from which the next incremental run goes on."""
    return Path(order["folder"]) / "state.json"


def figures_file(order: dict[str, Any], role: str) -> Path:
    """What one of the two took."""
    return Path(order["folder"]) / f"{role}.json"


if __name__ == "__main__":
    main()
