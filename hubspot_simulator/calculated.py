"""Properties that HubSpot calculates from others. A change of them does not bump hs_lastmodifieddate."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from hubspot_simulator.clock import DAY_MS, ms_from_iso
from hubspot_simulator.pipelines import STAGES
from hubspot_simulator.properties import property_definitions

if TYPE_CHECKING:
    from collections.abc import Mapping


def expanded(value: float) -> str:
    """Every digit of the double, as HubSpot writes computed numbers: 0.2 is ``0.2000000000000000111…``."""
    return format(Decimal(value), "f")


_FOLLOWING = frozenset(name for name, each in property_definitions().items() if each.calculated)
_DERIVED = _FOLLOWING - {"num_associated_contacts"}  # that one follows from the associations
_PROBABILITY = {stage_id: expanded(stage.probability) for stage_id, stage in STAGES.items()}


def calculated_values(values: Mapping[str, str], created_ms: int) -> dict[str, str]:
    """The calculated properties that have a value, from the deal's other properties."""
    stage = STAGES.get(values.get("dealstage", ""))
    is_won = stage is not None and stage.is_closed and stage.probability == 1
    is_closed = stage is not None and stage.is_closed
    result = {
        "hs_is_closed": "true" if is_closed else "false",
        "hs_is_closed_won": "true" if is_won else "false",
        "hs_is_closed_lost": "true" if is_closed and not is_won else "false",
        "hs_open_deal_create_date": str(created_ms),
    }
    if stage is not None:
        result["hs_deal_stage_probability"] = _PROBABILITY[stage.stage_id]
    result |= _amounts(values, 0.0 if stage is None else stage.probability, is_won=is_won)
    return result | _days_to_close(values, created_ms)


def _amounts(values: Mapping[str, str], probability: float, *, is_won: bool) -> dict[str, str]:
    text = values.get("amount", "")
    try:
        amount, rate = float(text), float(values.get("hs_exchange_rate") or 1)
    except ValueError:
        return {}
    return {
        "amount_in_home_currency": text if rate == 1 else expanded(amount * rate),
        "hs_closed_amount": text if is_won else "0",
        "hs_forecast_amount": text,
        "hs_projected_amount": expanded(amount * probability),
    }


def _days_to_close(values: Mapping[str, str], created_ms: int) -> dict[str, str]:
    try:
        close_ms = ms_from_iso(values.get("closedate", ""))
    except ValueError:
        return {}
    return {"days_to_close": str(max(0, (close_ms - created_ms) // DAY_MS))}


def without_calculated(values: Mapping[str, str]) -> dict[str, str]:
    """The values without those that `calculated_values` makes anew."""
    return {name: value for name, value in values.items() if name not in _DERIVED}
