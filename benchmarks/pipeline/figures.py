"""From measurements to figures: medians of the runs, per deal and in relation to ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median

from benchmarks.pipeline.contestants import CASES, OURS
from benchmarks.pipeline.measurement import Measurement

MIB = 2**20
MICRO = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One contestant in one case, the median of its runs; CPU in microseconds a deal, memory in MiB.

    Attributes:
        slowest, fastest: deals a second of single runs.
        answers_429: of all runs together.
        peak_rss: the highest resident size; rss_over_idle: what of it was not there before the measuring began.
        rows_written: in the table of deals.
        simulator_share: of one core, kept busy by the simulator.
        ours_is_faster: how many times; None where ours was not measured.
    """

    deals: int
    latency_ms: float
    case: str
    machine: str
    contestant: str
    runs: int
    deals_per_s: float
    slowest: float
    fastest: float
    seconds: float
    client_us: float
    postgres_us: float
    requests: float
    requests_per_1000: float
    answers_429: int
    peak_rss: float
    rss_over_idle: float
    rows_written: float
    table_mib: float
    simulator_share: float
    ours_is_faster: float | None = None

    def table(self) -> tuple[int, float, str, str]:
        """What it can be compared within."""
        return self.deals, self.latency_ms, self.case, self.machine


def figures_of(measurements: Iterable[Measurement]) -> list[Figure]:
    """By portal size, latency, case, machine, and contestant."""
    ordered = sorted(measurements, key=_place)
    plain = [_figure(list(runs)) for _, runs in groupby(ordered, key=_place)]
    return list(_related(plain))


def _place(one: Measurement) -> tuple[int, float, int, str, str]:
    return one.deals, one.latency_ms, [*CASES].index(one.case), one.machine, one.contestant


def _figure(runs: Sequence[Measurement]) -> Figure:
    first = runs[0]
    speeds = [each.deals / each.seconds for each in runs]
    return Figure(
        deals=first.deals,
        latency_ms=first.latency_ms,
        case=first.case,
        machine=first.machine,
        contestant=first.contestant,
        runs=len(runs),
        deals_per_s=round(median(speeds), 1),
        slowest=round(min(speeds), 1),
        fastest=round(max(speeds), 1),
        seconds=round(median(each.seconds for each in runs), 3),
        client_us=round(median(each.client_cpu_s for each in runs) * MICRO / first.deals, 2),
        postgres_us=round(median(each.postgres_cpu_s for each in runs) * MICRO / first.deals, 2),
        requests=median(each.requests for each in runs),
        requests_per_1000=round(median(each.requests for each in runs) * 1_000 / first.deals, 2),
        answers_429=sum(each.answers_429 for each in runs),
        peak_rss=round(median(each.peak_rss for each in runs) / MIB, 1),
        rss_over_idle=round(median(each.peak_rss - each.idle_rss for each in runs) / MIB, 1),
        rows_written=median(each.rows_written for each in runs),
        table_mib=round(median(each.table_bytes for each in runs) / MIB, 1),
        simulator_share=round(median(each.simulator_cpu_s / each.seconds for each in runs), 3),
    )


def _related(figures: Sequence[Figure]) -> Iterator[Figure]:
    ours = {each.table(): each for each in figures if each.contestant == OURS.name}
    for each in figures:
        mine = ours.get(each.table())
        ratio = round(mine.deals_per_s / each.deals_per_s, 2) if mine else None
        yield replace(each, ours_is_faster=ratio)
