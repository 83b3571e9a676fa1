"""What a broken invariant does to whoever trusts the copy: of the seeds, how many did which of it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# By the beginnings of what ``InvariantBrokenError`` and its like say.
HARMS = {
    "lost": ("i1:", "i4:", "i6:"),
    "doubled": ("no deal twice", "no deal inserted twice", "i11:", "i12:"),
    "stale": ("i2:", "i3:", "i5:", "i7:"),
    "in another organization": ("i13:",),
    "stuck": ("i8:", "i9:", "i10:", "i18:", "StuckError", "SilentWorkerError"),
}
OTHERWISE = "otherwise wrong"


def harms_of(problem: str) -> set[str]:
    """``OTHERWISE`` alone when none of the others is named."""
    named = {
        harm
        for harm, beginnings in HARMS.items()
        if any(re.search(rf"(^|\s){re.escape(beginning)}", problem) for beginning in beginnings)
    }
    return named or {OTHERWISE}


def counted(problems: Iterable[str]) -> dict[str, int]:
    """Harm → how many of these problems did it; each is of one seed."""
    found = Counter(harm for problem in problems for harm in harms_of(problem))
    return {harm: found[harm] for harm in (*HARMS, OTHERWISE)}


def sentence(problems: Iterable[str]) -> str:
    """``counted`` for people."""
    return ", ".join(f"{number} {harm}" for harm, number in counted(problems).items())
