"""What part of many mutants is tried, and what it says of all of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from math import sqrt

from tests.mutation.python_mutants import Mutant

Z_95 = 1.96  # standard deviations on either side of a 95 % interval


def drawn(mutants: Mapping[str, Sequence[Mutant]], size: int, seed: int) -> dict[str, list[Mutant]]:
    """``size`` of the mutants of all targets together, each as likely as any other; all, where there are no more."""
    numbered = [(name, place) for name in mutants for place in range(len(mutants[name]))]
    taken = random.Random(seed).sample(numbered, min(size, len(numbered)))  # noqa: S311 - a seed repeats it
    return {name: [mutants[name][place] for of, place in sorted(taken) if of == name] for name in mutants}


def lower_bound(killed: int, total: int) -> float:
    """Where the 95 % confidence interval (Wilson) of the share begins, of which ``killed`` of ``total`` is a sample."""
    if not total:
        return 0.0
    share, spread = killed / total, Z_95**2 / total
    return (share + spread / 2 - sqrt(spread * (share * (1 - share) + spread / 4))) / (1 + spread)
