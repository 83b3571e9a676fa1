"""The order of runs: every contestant on the same portal, round after round, in alternating order."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.pipeline.contestants import CHANGED, FIRST, FLOOR, INCREMENTAL, OURS, UNCHANGED, Contestant
from benchmarks.pipeline.measurement import Measurement, Prepared, Track, WrongRowsError, measure
from benchmarks.pipeline.portal import BenchPortal, Truth, bench_portal
from benchmarks.pipeline.postgres import LoadServer
from benchmarks.pipeline.prepared import prepare
from benchmarks.report import say
from local_stack.exceptions import StackError

LIMIT_WINDOW_S = 10.0  # HubSpot counts requests over so long; nobody starts with those of his predecessor
BEFORE_THE_CHANGE = (FIRST, UNCHANGED, INCREMENTAL)


@dataclass
class Lab:
    """What stays from round to round.

    Attributes:
        folder: for what contestants write to disk.
        failures: contestant → why it was left out from then on.
    """

    server: LoadServer
    contestants: Sequence[Contestant]
    latencies_ms: Sequence[float]
    folder: Path
    failures: dict[str, str] = field(default_factory=dict)

    def measure(self, deals: int, runs: int) -> Iterator[Measurement]:
        """All rounds with a portal of so many deals."""
        has_floor = any(FLOOR.runs(FIRST, deals, latency_ms) for latency_ms in self.latencies_ms)
        prepared = self._prepared(deals) if has_floor and FLOOR in self.contestants else {}
        for run in range(1, runs + 1):
            ordered = self.contestants if run % 2 else list(reversed(self.contestants))
            with bench_portal(deals, self.folder) as portal:
                yield from self._round(portal, ordered, prepared, run)

    def _prepared(self, deals: int) -> Mapping[str, Prepared]:
        """Rows for the floor, from loads of ours that do not count."""
        say(f"{deals:,} deals: preparing the floor's rows")
        with bench_portal(deals, self.folder) as portal:
            track = self._track(OURS, portal, 0)
            unchanged = prepare(track, FIRST, self.folder / "rows")
            portal.edit_one_of_a_hundred()
            changed = prepare(track, CHANGED, self.folder / "changed-rows")
            self.server.drop(_database(OURS, 0))
        return {FIRST: unchanged, UNCHANGED: unchanged, CHANGED: changed}

    def _round(
        self, portal: BenchPortal, contestants: Sequence[Contestant], prepared: Mapping[str, Prepared], run: int
    ) -> Iterator[Measurement]:
        truth = portal.walk()
        tracks = [
            self._track(contestant, portal, latency_ms)
            for contestant in contestants
            for latency_ms in self.latencies_ms
            if contestant.runs(FIRST, truth.deals, latency_ms)
        ]
        for cases in (BEFORE_THE_CHANGE, (CHANGED,)):
            if CHANGED in cases:
                truth = _after_edits(portal)
            for track in tracks:
                for case in cases:
                    yield from self._case(_with_rows(track, prepared.get(case)), case, truth, run)
        for track in tracks:
            self.server.drop(_database(track.contestant, track.latency_ms))

    def _case(self, track: Track, case: str, truth: Truth, run: int) -> Iterator[Measurement]:
        contestant = track.contestant
        if contestant.name in self.failures or not contestant.runs(case, truth.deals, track.latency_ms):
            return
        track.portal.set_pace(track.latency_ms)
        if track.latency_ms:
            time.sleep(LIMIT_WINDOW_S)
        try:
            measured = measure(track, case, truth if track.prepared is None else track.prepared.truth, run=run)
        except (StackError, WrongRowsError) as error:
            self.failures[contestant.name] = str(error)
            say(f"left out from here on: {error}")
            return
        say(in_one_line(measured))
        yield measured

    def _track(self, contestant: Contestant, portal: BenchPortal, latency_ms: float) -> Track:
        name = _database(contestant, latency_ms)
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return Track(
            contestant=contestant,
            portal=portal,
            server=self.server,
            latency_ms=latency_ms,
            database_url=self.server.create(name, with_schema=contestant.with_schema),
            folder=folder,
        )


def _with_rows(track: Track, prepared: Prepared | None) -> Track:
    """Those who do not read get the rows of this case."""
    return track if track.contestant.reads else replace(track, prepared=prepared)


def _after_edits(portal: BenchPortal) -> Truth:
    """Change some deals, and read all pages again so that they are warm."""
    portal.edit_one_of_a_hundred()
    return portal.walk()


def _database(contestant: Contestant, latency_ms: float) -> str:
    return f"bench_{contestant.name}_{round(latency_ms)}"


def in_one_line(measured: Measurement) -> str:
    """While it runs."""
    return (
        f"{measured.deals:,} deals, {measured.latency_ms:g} ms, run {measured.run}: {measured.contestant}, "
        f"{measured.case}: {measured.seconds:.2f} s, client {measured.client_cpu_s:.2f} s, "
        f"PostgreSQL {measured.postgres_cpu_s:.2f} s, {measured.requests} requests"
    )
