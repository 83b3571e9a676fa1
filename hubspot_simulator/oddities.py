"""What real portals hold and nobody expects (reference §6), one function per oddity."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

Values = dict[str, str]


def no_pipeline(values: Values, _: Random) -> None:
    """Deals created by API may have neither pipeline nor stage."""
    values.pop("pipeline", None)
    values.pop("dealstage", None)


def cleared_values(values: Values, _: Random) -> None:
    values.update(closedate="", dealtype="", amount="")


def amount_with_many_decimals(values: Values, random: Random) -> None:
    values["amount"] = f"{random.uniform(10, 9_000):.4f}"


def amount_as_expanded_double(values: Values, _: Random) -> None:
    values["amount"] = "8.600000000000000477395900588817312382161617279052734375"


def amount_in_scientific_notation(values: Values, random: Random) -> None:
    values["amount"] = f"{random.randint(1, 9)}.25E+{random.randint(3, 6)}"


def negative_amount(values: Values, random: Random) -> None:
    values["amount"] = f"-{random.randint(50, 20_000)}.00"


def name_over_500_characters(values: Values, random: Random) -> None:
    values["dealname"] = (values["dealname"] + " – ") * random.randint(20, 30)


def name_with_emoji(values: Values, _: Random) -> None:
    values["dealname"] += " 🚀 ✅ 👩‍👩‍👧"


def name_in_right_to_left_script(values: Values, _: Random) -> None:
    values["dealname"] = "\u202bعقد سنوي\u202c " + values["dealname"]


def name_that_looks_like_code(values: Values, _: Random) -> None:
    values["dealname"] += " '); DROP TABLE deals; -- %s {} \\ {{ ds }}"


def epoch_in_datetime(values: Values, random: Random) -> None:
    values["renewal_at"] = str(1_690_000_000_000 + random.randint(0, 10**10))


def deleted_option(values: Values, _: Random) -> None:
    values["support_tier"] = "legacy_gold"


def leading_separator(values: Values, _: Random) -> None:
    values["products_of_interest"] = ";core;analytics"


def long_text(values: Values, _: Random) -> None:
    values["legal_notes"] = "Clause. " * 8_192  # 65,536 characters, the documented maximum


def nul_in_text(values: Values, _: Random) -> None:
    values["description"] = "before\x00after"


def lone_surrogate_in_text(values: Values, _: Random) -> None:
    values["description"] = "cut emoji \ud83d"


ODDITIES: tuple[Callable[[Values, Random], None], ...] = (
    no_pipeline,
    no_pipeline,
    cleared_values,
    amount_with_many_decimals,
    amount_as_expanded_double,
    amount_in_scientific_notation,
    negative_amount,
    negative_amount,
    name_over_500_characters,
    name_with_emoji,
    name_in_right_to_left_script,
    name_that_looks_like_code,
    epoch_in_datetime,
    deleted_option,
    leading_separator,
)
RARE_ODDITIES = (long_text,)  # one in 50 oddities; it is large
UNSTORABLE_ODDITIES = (nul_in_text, lone_surrogate_in_text)


def apply_oddity(values: Values, random: Random, *, unstorable_text: bool) -> None:
    """Make one value of ``values`` odd."""
    choices = RARE_ODDITIES if random.random() < 1 / 50 else ODDITIES
    if unstorable_text:
        choices = (*choices, *UNSTORABLE_ODDITIES)
    random.choice(choices)(values, random)
