"""Prefabricated halves of deals. A deal combines one of each pool with its own id and times.

Making each of a million deals value by value would take minutes; combining costs a few microseconds.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING

from hubspot_simulator import vocabulary
from hubspot_simulator.calculated import calculated_values
from hubspot_simulator.owners import make_owners
from hubspot_simulator.pipelines import PIPELINES

if TYPE_CHECKING:
    from collections.abc import Callable

POOL_SIZE = 1024  # a power of two: an index is a handful of random bits
POOLS_KEPT = 8  # whoever tests starts the same portals hundreds of times, and making them takes a tenth of a second
Profile = dict[str, str]


class Profiles:
    """The pools of one portal.

    Args:
        currencies: the portal's own first.
    """

    def __init__(self, seed: str, currencies: tuple[str, ...]) -> None:
        self._currencies = currencies
        self.owners = make_owners(seed)
        self.companies = _pool(f"{seed}/companies", self._company)
        self.money = _pool(f"{seed}/money", self._money)
        self.contracts = _pool(f"{seed}/contracts", self._contract)

    def _company(self, random: Random) -> dict[str, str | None]:
        pick = random.choice
        company = f"{pick(vocabulary.COMPANY_HEADS)} {pick(vocabulary.COMPANY_TAILS)}"
        return {
            "dealname": f"{company} – {pick(vocabulary.SUBJECTS)}",
            "dealtype": pick(("newbusiness", "existingbusiness", None)),
            "hubspot_owner_id": str(pick(self.owners).owner_id),
            "description": pick(vocabulary.DESCRIPTIONS),
            "hs_next_step": pick(vocabulary.NEXT_STEPS),
            "hs_priority": pick(("low", "medium", "high", None)),
            "hs_analytics_source": pick(vocabulary.ANALYTICS_SOURCES),
            "hs_analytics_source_data_1": pick(vocabulary.CAMPAIGNS),
            "hs_object_source": pick(("CRM_UI", "IMPORT", "API")),
            "num_notes": str(random.randrange(12)),
        }

    def _money(self, random: Random) -> dict[str, str | None]:
        pipeline = PIPELINES[random.randrange(4) == 0]
        stage = random.choice(pipeline.stages)
        is_lost = stage.is_closed and not stage.probability
        values: dict[str, str | None] = {
            "amount": _amount(random),
            "pipeline": pipeline.pipeline_id,
            "dealstage": stage.stage_id,
            "closed_lost_reason": random.choice(vocabulary.LOST_REASONS) if is_lost else None,
            **self._currency(random),
        }
        return values | calculated_values(_set_only(values), created_ms=0)

    def _currency(self, random: Random) -> dict[str, str | None]:
        """Set only where the portal has several currencies (reference §6)."""
        own, *additional = self._currencies
        if not additional:
            return {}
        currency = random.choice(self._currencies)
        rate = "1" if currency == own else f"{random.uniform(0.7, 1.4):.6f}"
        return {"deal_currency_code": currency, "hs_exchange_rate": rate}

    def _contract(self, random: Random) -> dict[str, str | None]:
        pick = random.choice
        is_signed = random.randrange(5) < 2  # noqa: PLR2004 - two in five
        return {
            "erp_order_number": f"SO-{random.randrange(10**6):06}" if is_signed else None,
            "buyer_tax_number": f"DE{random.randrange(10**9):09}" if is_signed else None,
            "contract_signed": "true" if is_signed else "false",
            "seats": str(random.randrange(1, 900)),
            "discount_percent": pick(("0", "5", "7.5", "12.50", None)),
            "procurement_phone": f"+49 30 {random.randrange(10**7):07}",
            "competitor": pick(vocabulary.COMPETITORS),
            "payment_terms": pick(vocabulary.PAYMENT_TERMS),
            "support_tier": pick(vocabulary.SUPPORT_TIERS),
            "products_of_interest": ";".join(random.sample(vocabulary.PRODUCTS, random.randrange(1, 4))),
        }


@lru_cache(maxsize=POOLS_KEPT)
def profiles_of(seed: str, currencies: tuple[str, ...]) -> Profiles:
    """The same pools for the same arguments; nobody may change them."""
    return Profiles(seed, currencies)


def _pool(seed: str, make: Callable[[Random], dict[str, str | None]]) -> list[Profile]:
    random = Random(seed)
    return [_set_only(make(random)) for _ in range(POOL_SIZE)]


def _set_only(values: dict[str, str | None]) -> Profile:
    return {name: value for name, value in values.items() if value is not None}


def _amount(random: Random) -> str | None:
    """Stored as typed: ``3000``, ``5000.00``, ``1290.90``; one in twelve has none."""
    value = random.randrange(1, 4_000) * 25
    return random.choice((*[str(value)] * 7, *[f"{value}.{cents}" for cents in ("00", "50", "90", "5")], None))
