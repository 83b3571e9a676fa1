"""Mutants that cannot behave otherwise than the original, whoever looks: nobody can kill them.

A bound or a pause that might as well be the next number is none of them: its mutant behaves otherwise, and is killed
or survives like any other.
"""

from __future__ import annotations

EQUIVALENT: dict[tuple[str, str], str] = {
    ("values", "'[1-9][0-9]{0,18}' -> '[1-9][0-9]{0,19}'"): "a number of 20 digits is over bigint, which is asked next",
    (
        "values",
        "len(value) * 4 > INDEXED_BYTES_MAX -> len(value) * 4 >= INDEXED_BYTES_MAX",
    ): "a character has four bytes at most; the bytes themselves are counted next",
    ("values", "4 -> 5"): "likewise: more texts have their bytes counted, with the same outcome",
    ("values", "'0.01' -> '1.01'"): "quantize looks at the exponent alone",
    (
        "values",
        "len(value) <= len(str(_INTEGER_MAX)) - 1 -> len(value) < len(str(_INTEGER_MAX)) - 1",
    ): "a short cut: the long way ends with the same number",
    (
        "parsing",
        "max(versions) <= (latest := self._latest_version()) -> max(versions) < (latest := self._latest_version())",
    ): "a short cut: what follows looks at each",
}
"""(target, change) → why it changes nothing. They count neither as killed nor as survivors."""
