"""Which ids of a list are still to be read, as ranges that readers share out among themselves."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_hubspot_deals.extraction.pages import ID_MAX

PAGES_TO_SPLIT = 8.0  # a split costs half a page at its seam; a stretch with fewer pages left is not worth it


@dataclass(slots=True, eq=False, kw_only=True)
class Stretch:
    """Ids above ``low`` up to ``high`` (inclusive), still to be read from the lower end on.

    Attributes:
        after: HubSpot's cursor for its next page; None for the very beginning of the list.
        pace: how many ids a page spans here, at present.
        is_first: read from the beginning of the list on, following HubSpot's own cursors alone.
        empty_pages: in a row.
    """

    low: int
    high: int
    after: str | None
    pace: float
    is_first: bool = False
    empty_pages: int = 0

    def pages_left(self, top: int) -> float:
        """A guess from the pace; ``top`` is the highest id of all."""
        return (min(self.high, top) - self.low) / max(self.pace, 1.0)

    def upper_half(self, top: int) -> Stretch:
        """Cut off the upper half, for another reader."""
        middle = (self.low + min(self.high, top)) // 2
        upper = stretch_from(middle, self.high, pace=self.pace)
        self.high = middle
        return upper


def stretch_from(low: int, high: int = ID_MAX, *, pace: float) -> Stretch:
    """What lies above ``low``. HubSpot's cursor acts as "id ≥ after"."""
    return Stretch(low=low, high=high, after=str(low + 1), pace=pace)


def to_split(stretches: list[Stretch], top: int) -> Stretch | None:
    """The stretch with most pages left, if they are worth sharing."""
    longest = max(stretches, key=lambda stretch: stretch.pages_left(top), default=None)
    return longest if longest and longest.pages_left(top) >= PAGES_TO_SPLIT else None
