"""`./run bench pipeline` measures ours and the floor on the same pages, and its figures belong together."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.pipeline import charts, command, results
from benchmarks.pipeline.contestants import CHANGED, FIRST, FLOOR, INCREMENTAL, OURS, PROGRAMS, UNCHANGED
from benchmarks.pipeline.figures import figures_of
from benchmarks.pipeline.kept import notes_on, runs_in, with_earlier
from benchmarks.pipeline.measurement import Measurement
from benchmarks.pipeline.peers import PEERS, PeerMissingError
from benchmarks.pipeline.postgres import load_server
from benchmarks.pipeline.rounds import Lab
from benchmarks.report import kind_of

pytestmark = pytest.mark.timeout(900)  # ten programs one after the other, most of which import Airflow

DEALS = 500
PAGES = DEALS // 100
INCREMENTAL_REQUESTS_MAX = 5
LATENCY = command.FOLDER / "latency"
TITLES = {"ours": "this provider", "a peer": "a peer"}
HERE = {"cpu": "any", "cores": 2, "load": 0.0, "date": "2026-11-23"}
FACTS = {"machine": HERE, "postgres": "18", "versions": {}, "left_out": {}, "notes": ""}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of one small run without peers and without latency."""
    folder = tmp_path_factory.mktemp("results")
    path = folder / "figures.json"
    options = ["--n", str(DEALS), "--peers", "--latency-ms", "0", "--runs", "1"]
    assert main([*options, "--results", str(folder), "--json", str(path)]) == 0  # `pipeline` goes without saying
    return folder


@pytest.fixture(scope="module")
def figures(folder: Path) -> dict[tuple[str, str], Any]:
    """Figures by contestant and case."""
    written = json.loads((folder / "figures.json").read_text())
    assert written["left_out"] == {}
    return {(each["contestant"], each["case"]): each for each in written["figures"]}


def test_ours_and_the_floor_are_measured_in_every_case_they_have(figures: dict[tuple[str, str], Any]) -> None:
    ours = {("ours", case) for case in (FIRST, UNCHANGED, INCREMENTAL, CHANGED)}
    assert figures.keys() == ours | {("floor", case) for case in (FIRST, UNCHANGED, CHANGED)}
    for each in figures.values():
        assert DEALS / each["deals_per_s"] == pytest.approx(each["seconds"], abs=0.001)  # seconds have three decimals
        assert each["client_us"] > 0
        assert each["table_mib"] > 0


@pytest.mark.parametrize("contestant", ["ours", "floor"])
def test_rows_are_written_once_and_then_only_where_a_deal_changed(
    figures: dict[tuple[str, str], Any], contestant: str
) -> None:
    written = [figures[contestant, case]["rows_written"] for case in (FIRST, UNCHANGED, CHANGED)]
    assert written == [DEALS, 0, DEALS // 100]


def test_ours_asks_for_every_page_once_and_incrementally_for_next_to_nothing(
    figures: dict[tuple[str, str], Any],
) -> None:
    assert PAGES <= figures["ours", FIRST]["requests"] < PAGES + 20
    assert figures["ours", INCREMENTAL]["requests"] <= INCREMENTAL_REQUESTS_MAX
    assert figures["ours", INCREMENTAL]["rows_written"] == 0
    assert figures["floor", FIRST]["requests"] == 0


def test_the_page_and_the_charts_show_what_was_measured(folder: Path, figures: dict[tuple[str, str], Any]) -> None:
    page = (folder / "results.md").read_text()
    assert f"**{figures['ours', FIRST]['deals_per_s']:,.0f}**" in page
    assert "## 500 deals, first load" in page
    assert page.count("| deals/s | range | runs |") == 3
    assert " before · PostgreSQL " in page
    assert f"| {figures['ours', FIRST]['peak_rss']:.0f} | {figures['ours', FIRST]['rss_over_idle']:.0f} |" in page
    for chart in ("deals_per_second.svg", "cpu_per_deal.svg"):
        assert "this provider" in (folder / chart).read_text()


def measured(contestant: str, run: int, seconds: float, kind: str = "2 cores") -> Measurement:
    """A run."""
    cpu = {"client_cpu_s": seconds / 2, "postgres_cpu_s": 1.0, "simulator_cpu_s": 0.0}
    counts = {"requests": 10, "answers_429": run, "rows": 1_000, "rows_written": 0, "rows_updated": 0}
    sizes = {"idle_rss": 3 * 2**20, "peak_rss": 4 * 2**20, "table_bytes": 2**20}
    who = {"contestant": contestant, "deals": 1_000, "latency_ms": 0, "case": FIRST, "run": run}
    where = {"machine": kind, "date": "2026-11-23"}
    return Measurement(**where, **who, **cpu, **counts, **sizes, seconds=seconds, requests_by_endpoint={})  # type: ignore[arg-type] # mixed values


def test_a_figure_is_the_median_of_its_runs_and_names_how_much_faster_ours_is() -> None:
    runs = [measured("ours", run, seconds) for run, seconds in enumerate((1.0, 9.0, 2.0))]
    ours, peer = sorted(figures_of([measured("a peer", 1, 10.0), *runs]), key=lambda each: each.seconds)
    assert (ours.seconds, ours.deals_per_s, ours.client_us, ours.runs) == (2.0, 500.0, 1000.0, 3)
    assert (ours.fastest, ours.requests_per_1000, ours.answers_429) == (1000.0, 10.0, 3)
    assert (ours.peak_rss, ours.rss_over_idle) == (4.0, 1.0)
    assert (peer.contestant, peer.ours_is_faster) == ("a peer", 5.0)


def headings_of(runs: list[Measurement]) -> list[str]:
    """Of the tables, on a page that was written on ``HERE``."""
    page = results.page(figures_of(runs), FACTS, TITLES)
    return [line for line in page.splitlines() if line.startswith("## 1,000 deals")]


def test_machines_are_not_mixed(tmp_path: Path) -> None:
    runs = [measured("ours", 1, 1.0), measured("ours", 2, 5.0, "1 core"), measured("a peer", 1, 10.0, "1 core")]
    figures = figures_of(runs)
    told = {(each.machine, each.contestant): (each.seconds, each.ours_is_faster) for each in figures}
    assert told == {("2 cores", "ours"): (1.0, 1.0), ("1 core", "ours"): (5.0, 1.0), ("1 core", "a peer"): (10.0, 2.0)}
    assert headings_of(runs) == ["## 1,000 deals, first load, on 1 core", "## 1,000 deals, first load, on 2 cores"]
    charts.draw(figures, tmp_path, TITLES)
    chart = (tmp_path / charts.SPEED).read_text()
    assert "this provider: 200" in chart
    assert "this provider: 1,000" not in chart


@pytest.mark.parametrize(
    ("kind", "heading"),
    [(kind_of(HERE), "## 1,000 deals, first load"), ("8 cores, any", "## 1,000 deals, first load, on 8 cores, any")],
)
def test_a_table_names_its_machine_unless_it_is_that_of_the_pages_head(kind: str, heading: str) -> None:
    assert headings_of([measured("ours", 1, 1.0, kind)]) == [heading]


def test_the_page_says_who_is_left_out_on_purpose() -> None:
    method = " ".join(results.method("").split())
    assert {f"peers beyond {peer.deals_max:,} deals" in method for peer in PEERS.values()} == {True}
    assert "the floor with latency and incrementally" in method
    assert not FLOOR.runs(FIRST, 1, 100.0)
    assert not FLOOR.runs(INCREMENTAL, 1, 0.0)


def test_the_floors_rows_are_prepared_only_where_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[int] = []

    def prepare(_: Lab, deals: int) -> dict[str, Any]:
        prepared.append(deals)
        return {}

    monkeypatch.setattr(Lab, "_prepared", prepare)
    lab = Lab(None, [OURS, FLOOR], [100.0], tmp_path)  # type: ignore[arg-type]  # no round, nothing to serve
    list(lab.measure(100, 0))
    assert prepared == []
    list(replace(lab, latencies_ms=[100.0, 0.0]).measure(200, 0))
    assert prepared == [200]


def test_runs_made_earlier_count_with_the_new_ones(tmp_path: Path) -> None:
    file = tmp_path / "measured.jsonl"
    first, second, third = (measured("ours", run, seconds) for run, seconds in enumerate((1.0, 9.0, 2.0)))

    def interrupted() -> Iterator[Measurement]:
        yield first
        yield second
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_earlier(file, interrupted())
    assert with_earlier(file, iter([third])) == [first, second, third]


def test_notes_beside_the_kept_runs_come_into_the_page(tmp_path: Path) -> None:
    file = tmp_path / "measured.jsonl"
    file.write_text(json.dumps(asdict(measured("ours", 1, 1.0))) + "\n")
    (tmp_path / "measured.md").write_text("- A note: {braces}\n  on two lines.\n- Another.\n")
    options = ["--n", "100", "--peers", "--latency-ms", "100", "--runs", "0"]  # nothing new
    assert main([*options, "--measured", str(file), "--results", str(tmp_path)]) == 0
    page = (tmp_path / "results.md").read_text()
    assert ".\n- A note: {braces}\n  on two lines.\n- Another.\n- Simulator and contestant share the cores;" in page


def test_kept_runs_need_no_notes_and_the_page_is_none(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    assert notes_on(tmp_path / "measured.jsonl", page) == ""
    page.write_text("# The page of last time")
    assert notes_on(tmp_path / "results.jsonl", page) == ""


def test_the_page_of_the_repositorys_kept_runs_says_what_they_and_their_notes_say() -> None:
    file, page = LATENCY / "measured.jsonl", LATENCY / "results.md"
    notes = notes_on(file, page)
    written = results.page(figures_of(runs_in(file)), FACTS, command.TITLES)
    assert "side by side" in notes
    assert results.method(notes) in page.read_text()
    assert lines_of_tables(page.read_text()) == lines_of_tables(written)


def lines_of_tables(page: str) -> list[str]:
    """Without the headings above them, which may name machines."""
    return [line for line in page.splitlines() if line.startswith("|")]


def test_who_fails_or_loads_something_else_is_left_out_with_the_reason(tmp_path: Path) -> None:
    loads_nothing = "from benchmarks.pipeline.programs.metering import *\nwith metered(read_order()['figures']): pass"
    idle = replace(
        OURS, name="idle", command=[sys.executable, "-P", "-c", loads_nothing], table="hubspot.hubspot_deals"
    )
    broken = replace(OURS, name="broken", command=[sys.executable, "-c", "raise SystemExit('no such thing')"])
    with load_server() as server:
        lab = Lab(server, [idle, broken], [0.0], tmp_path)
        assert list(lab.measure(100, 1)) == []
    assert "the table holds Truth(deals=0" in lab.failures["idle"]
    assert "no such thing" in lab.failures["broken"]


@pytest.mark.parametrize(("left_out", "code"), [({}, 0), ({"dlt": "not to be had"}, 0), ({"ours": "wrong rows"}, 1)])
def test_the_command_fails_when_ours_loads_something_else(
    monkeypatch: pytest.MonkeyPatch, left_out: dict[str, str], code: int
) -> None:
    monkeypatch.setattr("benchmarks.pipeline.command.run", lambda _: {"left_out": left_out, "page": ""})
    assert main(["pipeline"]) == code


def test_a_peer_that_lacks_a_program_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("benchmarks.pipeline.peers.ENVIRONMENTS", tmp_path)
    monkeypatch.setattr("benchmarks.pipeline.peers.install", lambda folder, _: folder.mkdir())
    with pytest.raises(PeerMissingError, match=r"meltano/bin/tap-hubspot is not in .*: MeltanoLabs"):
        PEERS["meltano"].prepare()


A_TAP = """
from metering import metered, read_order
from piping import figures_file, wait_for_target
order = read_order()
wait_for_target(order)
with metered(figures_file(order, "tap")):
    print("{}")
"""
A_TARGET = """
import sys, time
from metering import metered, read_order
from piping import figures_file, target_is_ready
order = read_order()
time.sleep(0.5)  # its imports
with metered(figures_file(order, "target")):
    target_is_ready(order)
    print(sys.stdin.read())
"""


def piped(folder: Path, target: str) -> tuple[int, Path]:
    """The exit code of a tap piped into such a target, and the file of their figures."""
    order = {"folder": str(folder), "figures": str(folder / "figures.json")}
    (folder / "order.json").write_text(json.dumps(order))
    (folder / "tap.py").write_text(A_TAP)
    (folder / "target.py").write_text(target)
    programs: list[str | Path] = [folder / "tap.py", sys.executable, folder / "target.py"]
    done = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, PROGRAMS / "piping.py", *programs, folder / "order.json"],
        env={"PYTHONPATH": str(PROGRAMS)},
        check=False,
        timeout=60,
    )
    return done.returncode, folder / "figures.json"


def test_a_tap_begins_when_its_target_is_ready(tmp_path: Path) -> None:
    code, figures = piped(tmp_path, A_TARGET)
    both = {role: json.loads((tmp_path / f"{role}.json").read_text()) for role in ("tap", "target")}
    assert code == 0
    assert both["tap"]["began_at"] >= both["target"]["began_at"]
    assert json.loads(figures.read_text())["began_at"] == both["tap"]["began_at"]


def test_a_tap_does_not_wait_for_a_target_that_ended(tmp_path: Path) -> None:
    code, figures = piped(tmp_path, "raise SystemExit(3)")
    assert code != 0
    assert not figures.exists()
