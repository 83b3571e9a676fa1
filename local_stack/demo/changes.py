"""The second run: let people of the simulated accounts change deals, then see that exactly those rows were written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local_stack.demo.jobs import written_deals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg import Connection

    from local_stack.demo.runs import Outcome
    from local_stack.simulator import SimulatorProcess

MUTATIONS = {"create": 3, "edit": 5, "archive": 2, "merge": 1}
Fate = str | None  # None: live; else what `_deleted_reason` must say


@dataclass(frozen=True, slots=True)
class Changes:
    """What people did in one account."""

    created: Sequence[int]
    edited: Sequence[int]
    archived: Sequence[int]
    merged: Sequence[Mapping[str, int]]  # primary, other and the survivor's id

    def fates(self) -> dict[int, Fate]:
        """What has to become of each deal that was touched, by id; the last thing done to a deal counts."""
        fates: dict[int, Fate] = dict.fromkeys([*self.created, *self.edited], None)
        fates |= dict.fromkeys(self.archived, "archived")
        for merge in self.merged:
            fates |= {merge["primary"]: "merged", merge["other"]: "merged"} | {merge["survivor"]: None}
        return fates

    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return {
            "created": len(self.created),
            "edited": len(self.edited),
            "archived": len(self.archived),
            "merged pairs": len(self.merged),
        }


@dataclass(frozen=True, slots=True)
class ChangeCheck:
    """What was changed at HubSpot beside what was written here."""

    changes: Changes
    written: Mapping[int, Fate]

    @property
    def is_exact(self) -> bool:
        """Whether the job wrote every deal that changed, and no other."""
        return dict(self.written) == self.changes.fates()

    def differences(self) -> str:
        """Ids on one side alone, for a person to look up."""
        expected = self.changes.fates()
        missing = sorted(deal for deal in expected if self.written.get(deal, "absent") != expected[deal])
        surplus = sorted(deal for deal in self.written if deal not in expected)
        return f"not as changed: {missing}; written without a change: {surplus}"


def change_deals(simulator: SimulatorProcess, portal_id: int) -> Changes:
    """Have some deals of that account created, edited, archived and merged."""
    done: dict[str, Any] = simulator.mutate(portal_id, **MUTATIONS)
    return Changes(
        created=done.get("created", []),
        edited=done.get("edited", []),
        archived=done.get("archived", []),
        merged=done.get("merged", []),
    )


def check_changes(connection: Connection[Any], outcome: Outcome, changes: Changes) -> ChangeCheck:
    """Compare with the rows that the run wrote."""
    rows = written_deals(connection, outcome.job.id) if outcome.job else []
    return ChangeCheck(changes, {row["hubspot_deal_id"]: row["_deleted_reason"] for row in rows})
