"""Seeded random changes to a portal, as people make them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from hubspot_simulator.pipelines import PIPELINES
from hubspot_simulator.vocabulary import COMPANY_HEADS, COMPANY_TAILS, NEXT_STEPS, SUBJECTS

if TYPE_CHECKING:
    from typing import Any

    from hubspot_simulator.portal import Portal


def mutate(
    portal: Portal, *, edit: int = 0, archive: int = 0, merge: int = 0, create: int = 0, restore: int = 0
) -> dict[str, list[Any]]:
    """Change that many deals, each at most once; what changed, by verb.

    Fewer than asked change where the portal has fewer. Repeating the same calls on the same seed repeats the changes.

    Returns:
        ``{"created": ids, "edited": ids, "archived": ids, "restored": ids,
        "merged": [{"primary", "other", "survivor"}]}``
    """
    with portal.lock:
        random = Random(f"{portal.spec.seed}/mutate/{portal.changes}")
        restored = _sample(random, portal, restore, archived=True)
        live = _sample(random, portal, edit + archive + 2 * merge, archived=False)
        edited, archived, pairs = live[:edit], live[edit : edit + archive], live[edit + archive :]
        for deal_id in edited:
            portal.edit_deal(deal_id, _random_edit(random))
        for deal_id in archived:
            portal.archive_deal(deal_id)
        for deal_id in restored:
            portal.restore_deal(deal_id)
        return {
            "edited": edited,
            "archived": archived,
            "merged": [_merge(portal, *pair) for pair in zip(pairs[::2], pairs[1::2], strict=False)],
            "created": [portal.create_deal(_new_deal(random, portal)) for _ in range(create)],
            "restored": restored,
        }


def _sample(random: Random, portal: Portal, count: int, *, archived: bool) -> list[int]:
    ids = portal.store.ids(archived=archived)
    return random.sample(ids, min(count, len(ids)))


def _merge(portal: Portal, primary: int, other: int) -> dict[str, int]:
    return {"primary": primary, "other": other, "survivor": portal.merge_deals(primary, other)}


def _random_edit(random: Random) -> dict[str, str | None]:
    pipeline = random.choice(PIPELINES)
    choices: tuple[dict[str, str | None], ...] = (
        {"amount": f"{random.randrange(1, 4_000) * 25}.00"},
        {"pipeline": pipeline.pipeline_id, "dealstage": random.choice(pipeline.stages).stage_id},
        {"hs_next_step": random.choice(NEXT_STEPS) or "", "hs_priority": random.choice(("low", "medium", "high"))},
    )
    return random.choice(choices)


def _new_deal(random: Random, portal: Portal) -> dict[str, str | None]:
    pipeline = random.choice(PIPELINES)
    return {
        "dealname": f"{random.choice(COMPANY_HEADS)} {random.choice(COMPANY_TAILS)} – {random.choice(SUBJECTS)}",
        "amount": str(random.randrange(1, 4_000) * 25),
        "pipeline": pipeline.pipeline_id,
        "dealstage": pipeline.stages[0].stage_id,
        "hubspot_owner_id": str(random.choice(portal.owners).owner_id),
    }
