"""What a blow costs, seen from outside: COMMITs as the audit notes them, answers as the simulator gives them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from http import HTTPStatus
from statistics import median
from typing import TYPE_CHECKING, Any

from hubspot_simulator.faults import NOT_ALWAYS_FELT, Fault
from local_stack.simulation.scenario import READING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubspot_simulator.access_log import LoggedRequest

# Faults that leave an answer which whoever asked can use.
USABLE = frozenset({None, *NOT_ALWAYS_FELT, Fault.CLOSE, Fault.HTTP_1_0})

Version = tuple[str, str, bool]  # of a deal: its id, when it was changed, whether it is archived


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one blow.

    Attributes:
        what: the case.
        batch_after_s: from the blow to the next committed batch; None when nothing was left to commit.
        end_after_s: from the blow to the end of the run.
        repeated: requests for deals that brought, for the greater part, what had been brought before: the same deals in
            the same versions from the same endpoint.
    """

    what: str
    blow: str
    batch_after_s: float | None
    end_after_s: float
    repeated: int


def figures_of(costs: Sequence[Cost]) -> dict[str, Any]:
    """Each case; and by kind of blow their number, and the median and the most of each cost."""
    kinds = sorted({cost.blow for cost in costs})
    by_blow = {kind: _figures([cost for cost in costs if cost.blow == kind]) for kind in kinds}
    return {"recovery": by_blow, "recovery_by_case": [asdict(cost) for cost in costs]}


def lines_of(costs: Sequence[Cost]) -> list[str]:
    """The same by kind of blow, to be read."""
    return [f"  {blow:18} {_line(figures)}" for blow, figures in figures_of(costs)["recovery"].items()]


def records_in(request: LoggedRequest, body: bytes) -> frozenset[Version]:
    """The deals of an answer that whoever asked could use; none when it could not."""
    if request.endpoint not in READING or request.status != HTTPStatus.OK or request.fault not in USABLE:
        return frozenset()
    found = json.loads(body)["results"]
    return frozenset((each["id"], each["updatedAt"], each["archived"]) for each in found)


def repeated(answers: Sequence[tuple[str, frozenset[Version]]], blow_at: int) -> int:
    """How many answers from the ``blow_at``-th on tell for the greater part what had been told before.

    Args:
        answers: endpoint class and deals, in their order.
    """
    told: dict[str, set[Version]] = {}
    again = 0
    for number, (endpoint, records) in enumerate(answers):
        before = told.setdefault(endpoint, set())
        again += number >= blow_at and 2 * len(records & before) > len(records)
        before |= records
    return again


def _figures(costs: Sequence[Cost]) -> dict[str, Any]:
    batches = [cost.batch_after_s for cost in costs if cost.batch_after_s is not None]
    return {
        "cases": len(costs),
        "next_batch_s": _spread(batches),
        "end_of_run_s": _spread([cost.end_after_s for cost in costs]),
        "requests_repeated": _spread([cost.repeated for cost in costs]),
    }


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    return {"median": round(median(values), 2), "max": round(max(values), 2)} if values else None


def _line(figures: dict[str, Any]) -> str:
    parts = [
        f"{name} {spread['median']:g}, at most {spread['max']:g}"
        for name, spread in (
            ("next batch after (s)", figures["next_batch_s"]),
            ("end of the run after (s)", figures["end_of_run_s"]),
            ("requests repeated", figures["requests_repeated"]),
        )
        if spread
    ]
    return f"{figures['cases']} cases; {'; '.join(parts)}"
