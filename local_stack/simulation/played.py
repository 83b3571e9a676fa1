"""What became of cases and seeds, added up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local_stack.simulation.recovery import Cost


@dataclass
class Played:
    """What became of some of them.

    Attributes:
        failed: their names.
        felt: how often each fault of HubSpot's changed an answer.
    """

    failed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    felt: Counter[str] = field(default_factory=Counter)

    def fail(self, what: str, why: str, again: str) -> None:
        """One of them went wrong.

        Args:
            again: how to play it again.
        """
        self.failed.append(what)
        self.problems.append(f"{what} FAILED: {why}\n  {again}")

    def add(self, other: Played) -> None:
        """Take in what was played besides."""
        self.failed += other.failed
        self.problems += other.problems
        self.costs += other.costs
        for name, number in other.felt.items():
            self.felt[name] += number  # unlike update, keeps those that are 0
        self.tally.update(other.tally)
