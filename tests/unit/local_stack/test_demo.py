"""What the demo concludes and shows, without the stack that it runs on."""

from __future__ import annotations

import io
import stat
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from rich.console import Console

from airflow_provider_hubspot_deals.organizations.file import load_organizations
from airflow_provider_hubspot_deals.organizations.settings import parse_organization
from local_stack.airflow_settings import AirflowSettings
from local_stack.demo.changes import ChangeCheck, Changes
from local_stack.demo.connections import hubspot_connection, portal_id_of, postgres_connection
from local_stack.demo.jobs import Job, StoredDeals
from local_stack.demo.narrator import Narrator
from local_stack.demo.progress import bars_for
from local_stack.demo.report import OrganizationResult, cell, changes_table, deals_table, jobs_table
from local_stack.demo.runs import DagRun, Outcome
from local_stack.demo.stack import ORGANIZATIONS, PORTALS, only_one
from local_stack.demo.visiting import addresses, write_password_file
from local_stack.exceptions import StackError
from local_stack.simulator import PortalCounts, SimulatorProcess

if TYPE_CHECKING:
    from pathlib import Path

ACME = parse_organization({"slug": "acme", "type": "sandbox", "portal_id": 7})
CHANGES = Changes(created=[1, 2], edited=[3], archived=[4], merged=[{"primary": 5, "other": 6, "survivor": 7}])
WRITTEN = {1: None, 2: None, 3: None, 4: "archived", 5: "merged", 6: "merged", 7: None}
JOB = Job(
    id=UUID(int=1),
    dag_id=ACME.dag_id,
    run_id="manual",
    status="completed",
    mode="full",
    phase=None,
    records_extracted=1234,
    records_inserted=1234,
    records_updated=0,
    records_unchanged=0,
    records_deleted=0,
    value_issues=0,
    records_quarantined=0,
    pages_read=13,
    api_calls=16,
    seconds=1.5,
    error_message=None,
)
GOOD = OrganizationResult(
    outcome=Outcome(DagRun(ACME, "manual"), "success", JOB),
    stored=StoredDeals(live=1200, archived=34, merged=2),
    at_hubspot=PortalCounts(7, live=1200, archived=34),
    changes=None,
)


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def narrator(screen: io.StringIO) -> Narrator:
    return Narrator(Console(file=screen))


def test_all_changes_written_and_nothing_else_is_exact() -> None:
    assert ChangeCheck(CHANGES, WRITTEN).is_exact


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({**WRITTEN, 99: None}, r"written without a change: \[99\]"),
        ({key: value for key, value in WRITTEN.items() if key != 3}, r"not as changed: \[3\]"),
        ({**WRITTEN, 4: None}, r"not as changed: \[4\]"),
        ({**WRITTEN, 6: "missing"}, r"not as changed: \[6\]"),
    ],
    ids=["one too many", "one too few", "an archived one still live", "a merged one called missing"],
)
def test_a_difference_is_noticed_and_named(written: dict[int, str | None], told: str) -> None:
    check = ChangeCheck(CHANGES, written)
    assert not check.is_exact
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(check.differences())


def test_a_run_is_good_when_airflow_the_job_and_hubspot_agree() -> None:
    assert GOOD.is_good


@pytest.mark.parametrize(
    "result",
    [
        replace(GOOD, outcome=replace(GOOD.outcome, state="failed")),
        replace(GOOD, outcome=replace(GOOD.outcome, job=None)),
        replace(GOOD, outcome=replace(GOOD.outcome, job=replace(JOB, status="running"))),
        replace(GOOD, at_hubspot=PortalCounts(7, live=1201, archived=34)),
        replace(GOOD, at_hubspot=PortalCounts(7, live=1200, archived=35)),
        replace(GOOD, changes=ChangeCheck(CHANGES, {})),
    ],
    ids=["run failed", "no job", "job not ended", "a deal missing", "an archived deal missing", "changes missing"],
)
def test_anything_amiss_makes_the_demo_fail(result: OrganizationResult) -> None:
    assert not result.is_good
    assert result.figures()["organization"] == "acme"


def test_the_tables_show_what_there_is(narrator: Narrator, screen: io.StringIO) -> None:
    changed = replace(GOOD, changes=ChangeCheck(CHANGES, WRITTEN))
    narrator.say(jobs_table([GOOD, replace(GOOD, outcome=replace(GOOD.outcome, job=None))]))
    narrator.say(changes_table([changed]))
    shown = screen.getvalue()
    assert "acme sandbox" in shown
    assert "1,200" in shown
    assert "2 created, 1 edited, 1 archived, 1 merged pairs" in shown


def test_a_customers_text_is_shown_as_it_is(narrator: Narrator, screen: io.StringIO) -> None:
    narrator.say(deals_table([{"dealname": "[red]50 %[/red] off", "amount": None}]))
    assert "[red]50 %[/red] off" in screen.getvalue()
    assert len(cell("x" * 500)) < 50


def test_without_a_terminal_progress_comes_in_lines(narrator: Narrator, screen: io.StringIO) -> None:
    with bars_for(narrator, {ACME.dag_id: 1234}) as bars:
        bars.show(ACME.dag_id, None)
        bars.show(ACME.dag_id, None)
        bars.show(ACME.dag_id, JOB)
    assert screen.getvalue().splitlines() == [
        f"  {ACME.dag_id}: Airflow starts the task, 0 deals",
        f"  {ACME.dag_id}: full: completed, 1,234 deals",
    ]


def test_on_a_terminal_progress_comes_in_bars(screen: io.StringIO) -> None:
    narrator = Narrator(Console(file=screen, force_terminal=True, width=140))
    with bars_for(narrator, {ACME.dag_id: None}) as bars:
        bars.show(ACME.dag_id, JOB)
    assert "1234/1234" in screen.getvalue()


def test_a_step_that_fails_is_not_ticked_off(narrator: Narrator, screen: io.StringIO) -> None:
    with pytest.raises(StackError), narrator.step("PostgreSQL"):
        raise StackError
    assert "✓" not in screen.getvalue()
    assert narrator.seconds == {}


def test_the_card_names_the_address_of_the_page_and_the_login(tmp_path: Path) -> None:
    """That this is its address, the tests in a browser show: they open it."""
    settings = AirflowSettings(home=tmp_path, database_url="", port=8081, dags_folder=tmp_path)
    settings.write_secrets()
    shown = addresses(settings)
    assert "http://127.0.0.1:8081/plugin/hubspot-deals " in shown
    assert f"user admin   password {settings.password}" in shown


def test_a_second_demo_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(StackError, match="a demo is running already"), only_one(tmp_path):
        pytest.fail("two at once")
    with only_one(tmp_path):
        pass


def test_the_password_file_is_private_and_escapes_what_libpq_would_split(tmp_path: Path) -> None:
    path = write_password_file(tmp_path / "pgpass", "postgresql://me:a%3Ab%5C@127.0.0.1:5433/d")
    assert path.read_text() == "127.0.0.1:5433:*:me:a\\:b\\\\\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_organization_of_the_demo_has_its_simulated_account() -> None:
    loaded = load_organizations(ORGANIZATIONS)
    tokens = SimulatorProcess(port=1, portals=PORTALS, log=PORTALS).tokens
    assert loaded.problems == ()
    assert {portal_id_of(each) for each in loaded.organizations} == set(tokens)
    assert len({each.slug for each in loaded.organizations}) == 3


def test_connections_hold_what_airflow_needs() -> None:
    postgres = postgres_connection("postgresql://me:p%40ss@127.0.0.1:5433/deals")
    assert (postgres["password"], postgres["port"], postgres["schema"]) == ("p@ss", 5433, "deals")
    hubspot = hubspot_connection(ACME, {7: "pat-x"}, "http://127.0.0.1:8090")
    assert (hubspot["connection_id"], hubspot["password"]) == ("hubspot_acme_sandbox", "pat-x")
    assert (hubspot["host"], hubspot["port"]) == ("http://127.0.0.1", 8090)  # apart, or the test button fails
