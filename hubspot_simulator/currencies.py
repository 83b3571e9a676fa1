"""Exchange rates that the people of a portal with several currencies keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubspot_simulator.clock import iso_from_ms

_KEPT_SINCE_MS = 1_700_000_000_000
_MONTH_MS = 30 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRate:
    """Units of ``to_currency`` for one unit of ``from_currency``, from a moment on until the pair's next one."""

    rate_id: str
    from_currency: str
    to_currency: str
    rate: float  # HubSpot keeps up to 6 decimals
    effective_ms: int
    is_visible: bool = True

    def as_json(self) -> dict[str, Any]:
        moment = iso_from_ms(self.effective_ms)
        return {
            "id": self.rate_id,
            "fromCurrencyCode": self.from_currency,
            "toCurrencyCode": self.to_currency,
            "conversionRate": self.rate,
            "effectiveAt": moment,
            "visibleInUI": self.is_visible,
            "createdAt": moment,
            "updatedAt": moment,
        }


def kept_rates(company_currency: str, others: tuple[str, ...]) -> tuple[ExchangeRate, ...]:
    """Two for each further currency: one that applied for a month, and the present one."""
    return tuple(
        ExchangeRate(
            rate_id=str(4_100_000 + 10 * number + month),
            from_currency=currency,
            to_currency=company_currency,
            rate=round(1.086521 + number / 10 - month / 1_000, 6),
            effective_ms=_KEPT_SINCE_MS + month * _MONTH_MS,
        )
        for number, currency in enumerate(others)
        for month in (0, 1)
    )
