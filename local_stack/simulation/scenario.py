"""What a seed stands for: every choice of a simulation, drawn before it begins."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum, auto
from random import Random
from typing import TYPE_CHECKING, Any

from airflow_provider_hubspot_deals.kill_points import KillPoint
from hubspot_simulator import PortalSpec
from hubspot_simulator.faults import Fault, FaultRule
from local_stack.simulation.bad_deals import Bad
from local_stack.simulation.truth import Beside

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

IN_TRANSACTION = frozenset(
    {
        KillPoint.CLAIM_WRITTEN,
        KillPoint.BATCH_BEGUN,
        KillPoint.ROWS_COPIED,
        KillPoint.ROWS_WRITTEN,
        KillPoint.BATCH_WRITTEN,
        KillPoint.COMPLETION_WRITTEN,
    }
)

# Inside a transaction the row is locked; after the last one there is nothing to cancel.
NOT_TO_BE_CANCELLED = IN_TRANSACTION | {KillPoint.COMPLETED}

# Faults that HubSpot recovers from; each makes an attempt retry a request, and at worst the attempt fails.
HTTP_FAULTS: tuple[dict[str, Any], ...] = (
    *({"fault": Fault.STATUS, "status": status} for status in (500, 502, 503, 504, 423, 429)),
    *({"fault": Fault.BODY, "body": body} for body in ("", "null", "[]", "{}")),
    *(
        {"fault": fault}
        for fault in (
            *(Fault.HTML, Fault.INVALID_JSON, Fault.BYTE_ORDER_MARK, Fault.GZIP_TRUNCATED, Fault.GZIP_CLAIMED),
            *(Fault.TRUNCATE, Fault.RESET, Fault.CHUNKED_CUT, Fault.UNDELIMITED_CUT, Fault.CLOSE, Fault.HTTP_1_0),
        )
    ),
)
# Right records on a wrong page, or old ones.
PAGE_FAULTS = {
    "list": (
        *(Fault.EMPTY_PAGE, Fault.SHORT_PAGE, Fault.DUPLICATE_RECORD, Fault.UNSORTED, Fault.MISSING_NEXT),
        *(Fault.NUMBER_CURSOR, Fault.OLD_RECORDS),
    ),
    "search": (Fault.EMPTY_PAGE, Fault.SHORT_PAGE, Fault.UNSORTED, Fault.MISSING_NEXT),
    "batch_read": (Fault.OLD_RECORDS,),
}
READING = ("list", "search", "batch_read")
PAGE_FAULT_RATE = 0.6  # of faults
UNSORTED_TIMES = 10
OUTAGE_RATE = 0.3  # of seeds
BAD_KINDS = (0, 0, 1, 2, 3)  # how many of them
BESIDE_RATE = 0.3  # of seeds
BESIDE = (
    Beside(associations=("companies",)),
    Beside(history=("dealstage",)),
    Beside(associations=("companies",), history=("dealstage",)),
)

ONCE_A_RUN = frozenset(
    {
        KillPoint.CLAIM_WRITTEN,
        KillPoint.CLAIMED,
        KillPoint.PORTAL_CHECKED,
        KillPoint.DIMENSIONS_STORED,
        KillPoint.READING_FINISHED,
        KillPoint.COMPLETION_WRITTEN,
        KillPoint.COMPLETED,
    }
)
# What happens while deals are read and written is worth more blows than what happens once a run.
_POINTS = [point for point in KillPoint for _ in range(1 if point in ONCE_A_RUN else 3)]

# Seconds that pass before an answer. Whole ones put changes on the very ends of windows: HubSpot's Date has no more.
PACES = ((0,), (0, 0, 0.001, 0.999, 1, 2), (0, 1, 2, 5))


class Kind(StrEnum):
    """What happens to an attempt at a kill point."""

    KILLED = auto()  # SIGKILL
    STOPPED = auto()  # SIGTERM, as Airflow sends it
    TAKEN_OVER = auto()  # frozen; another attempt takes over and ends; it wakes up
    DISCONNECTED = auto()  # the server ends its sessions
    CANCELLED = auto()  # somebody sets the job to cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """At the ``nth`` time that ``point`` is reached in a run; in a later run when that one did not reach it so often.

    Attributes:
        is_deaf: the heartbeat of an attempt that wakes up does not hear any more that it was replaced.
        is_cut_off: an attempt that is taken over from loses its sessions meanwhile. It wakes up while the other one is
            at work, and connects again.
    """

    run: int
    point: KillPoint
    nth: int
    kind: Kind
    is_deaf: bool = False
    is_cut_off: bool = False


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One seed's choices.

    Attributes:
        outage: lasts until an attempt has given up.
        bad: what no row or no column takes; each of them must come to the copy.
        beside: what is loaded beside deals.
    """

    seed: int
    portals: tuple[PortalSpec, ...]
    runs: int
    readers: int
    search_lag_s: float
    lag_jitter_s: float
    overlap_s: float
    pace: tuple[float, ...]
    change_rate: float
    crowd: int  # deals that are now and then edited within one millisecond
    blows: tuple[Blow, ...]
    rules: tuple[FaultRule, ...] = field(default=())
    outage: FaultRule | None = None
    bad: tuple[Bad, ...] = ()
    beside: Beside = field(default_factory=Beside)

    def __str__(self) -> str:
        names = [each.name for each in fields(self) if each.name not in ("rules", "outage")]
        lines = [f"{name} = {getattr(self, name)!r}" for name in names]
        lines += [f"rule: {rule.fault} {rule.status} on {rule.endpoint}, every {rule.every}" for rule in self.rules]
        if self.outage:
            lines.append(f"outage: {self.outage.endpoint}, from request {self.outage.nth} on")
        return "\n".join(f"    {line}" for line in lines)


def drawn(seed: int) -> Scenario:
    """The same for the same seed."""
    chance = Random(seed)  # noqa: S311 - a scenario, not a secret
    specs = tuple(_portal(chance, 1001 + number, seed) for number in range(chance.choice([1, 1, 1, 2])))
    runs = chance.choice([2, 3])
    bad = _bad(Random(f"{seed}/bad"))  # noqa: S311 - a scenario, not a secret
    return Scenario(
        seed=seed,
        portals=specs,
        runs=runs,
        readers=chance.choice([1, 4]),
        search_lag_s=(lag_s := chance.choice([0.0, 1.0, 2.0])),
        lag_jitter_s=chance.choice([0.0, 0.9]),
        overlap_s=chance.choice([0.0, 0.0, 1.0]),
        pace=chance.choice(PACES),
        change_rate=chance.choice([0.3, 0.6, 0.9]),
        crowd=chance.choice([0, 35, 100]),
        blows=_cut_off(tuple(_blow(chance, runs) for _ in range(chance.choice([2, 4, 6]))), Random(f"{seed}/cut off")),  # noqa: S311 - a scenario, not a secret
        rules=(*drawn_rules(chance, chance.choice([0, 3, 5]), has_old_records=lag_s > 0), *_unkeyed(bad)),
        outage=_outage(Random(f"{seed}/outage")),  # noqa: S311 - a scenario, not a secret
        bad=bad,
        beside=_beside(Random(f"{seed}/beside")),  # noqa: S311 - a scenario, not a secret
    )


def _portal(chance: Random, portal_id: int, seed: int) -> PortalSpec:
    return PortalSpec(
        portal_id=portal_id,
        deals=chance.choice([12, 70, 140, 140]),
        archived=chance.choice([3, 50]),
        seed=seed * 10 + portal_id % 10,
        merge_survivor=chance.choice(["new", "primary"]),
        restore_bumps_modified=chance.random() < 0.5,  # noqa: PLR2004 - a coin
        unsorted_time_sorts=chance.random() < 0.5,  # noqa: PLR2004 - a coin
    )


def _blow(chance: Random, runs: int) -> Blow:
    point = chance.choice(_POINTS)
    kinds = [kind for kind in Kind if kind != Kind.CANCELLED or point not in NOT_TO_BE_CANCELLED]
    return Blow(
        run=chance.randrange(runs),
        point=point,
        nth=1 if point in ONCE_A_RUN else chance.choice([1, 2, 3, 4, 6]),
        kind=chance.choice(kinds),
        is_deaf=chance.random() < 0.5,  # noqa: PLR2004 - a coin
    )


def _cut_off(blows: tuple[Blow, ...], chance: Random) -> tuple[Blow, ...]:
    """Half of those that are taken over from. At the end of a run nobody has a reason to connect again."""
    return tuple(
        replace(blow, is_cut_off=chance.random() < 0.5)  # noqa: PLR2004 - a coin
        if blow.kind == Kind.TAKEN_OVER and blow.point != KillPoint.COMPLETED
        else blow
        for blow in blows
    )


def _outage(chance: Random) -> FaultRule | None:
    if chance.random() >= OUTAGE_RATE:
        return None
    endpoint, nth = chance.choice(READING), chance.randint(2, 9)
    return FaultRule(endpoint=endpoint, fault=Fault.STATUS, status=503, nth=nth, times=None)


def _bad(chance: Random) -> tuple[Bad, ...]:
    return tuple(chance.sample(list(Bad), chance.choice(BAD_KINDS)))


def _unkeyed(bad: tuple[Bad, ...]) -> tuple[FaultRule, ...]:
    """Last of the rules, so that it takes the place of no other."""
    if Bad.KEY not in bad:
        return ()
    return (FaultRule(endpoint="list", fault=Fault.UNKEYED_RECORD, every=2, times=None, insists=True),)


def _beside(chance: Random) -> Beside:
    return chance.choice(BESIDE) if chance.random() < BESIDE_RATE else Beside()


def drawn_rules(chance: Random, count: int, *, has_old_records: bool) -> tuple[FaultRule, ...]:
    """Each counts on its own: two of one endpoint with one period would hide each other for ever.

    Args:
        has_old_records: search is late, and so is the replica that gives old records.
    """
    turns = chance.sample([(endpoint, every) for endpoint in READING for every in (3, 5, 7)], count)
    never = frozenset[Fault]() if has_old_records else {Fault.OLD_RECORDS}
    return tuple(_rule(chance, endpoint, every, never) for endpoint, every in turns)


def _rule(chance: Random, endpoint: str, every: int, never: AbstractSet[Fault]) -> FaultRule:
    faults: list[dict[str, Any]] = list(HTTP_FAULTS)
    of_pages = [{"fault": each} for each in PAGE_FAULTS[endpoint] if each not in never]
    if chance.random() < PAGE_FAULT_RATE and of_pages:
        faults = of_pages
    chosen: dict[str, Any] = chance.choice(faults)
    nth = chance.choice([1, 2, 3])
    # A search without order ends an attempt, rightly: one that stays so ends all of them.
    times = UNSORTED_TIMES if chosen == {"fault": Fault.UNSORTED} and endpoint == "search" else None
    # Runs ask the list nearly as often each time: the turns of a rule may fall on last pages for ever.
    insists = times is None and chosen["fault"] != Fault.OLD_RECORDS
    return FaultRule(endpoint=endpoint, every=every, nth=nth, times=times, insists=insists, **chosen)
