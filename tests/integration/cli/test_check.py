"""``airflow hubspot-deals check``, between a simulated HubSpot and a real PostgreSQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_hubspot_deals.dag_factory import parts
from airflow_provider_hubspot_deals.dag_factory.parts import Part
from tests.integration.cli.conftest import COMPANIES_ONLY, hubspot_connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.cli.conftest import Console


def test_check_finds_nothing_where_nothing_is_wrong_and_asks_if_it_may(console: Console) -> None:
    assert console("check").code == 0
    asked = console("check", "--connect", "--output", "json").json
    assert asked["mistakes"] == []
    assert any("account 1001" in each["answer"] for each in asked["answers"])
    assert "account 1001" in console("check", "--connect").out


@pytest.mark.parametrize(
    ("associations", "told"),
    [
        ([], "No scope is missing."),
        (["companies", "contacts"], "Scopes missing: crm.objects.contacts.read (associations with contacts)."),
        (["tickets"], "Scopes missing: crm.objects.tickets.read (associations with tickets)."),
    ],
)
def test_check_looks_for_the_scopes_that_the_organization_needs_and_no_others(
    console: Console, monkeypatch: pytest.MonkeyPatch, associations: list[str], told: str
) -> None:
    console.file.write_text(f'[[organizations]]\nslug = "acme"\nassociations = {associations}\n')
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_ACME", hubspot_connection(console.simulator, COMPANIES_ONLY.token))
    asked = console("check", "--connect", "--output", "json").json
    assert told in asked["answers"][0]["answer"]
    assert asked["mistakes"] == []


def test_check_tells_a_token_of_another_account_than_the_entry_names(console: Console) -> None:
    entries = [
        f'[[organizations]]\nslug = "acme"\ntype = "{type_}"\nportal_id = 1002\n' for type_ in ("prod", "sandbox")
    ]
    console.file.write_text("".join(entries).replace('type = "prod"', 'hubspot_conn_id = "hubspot_acme"'))
    assert console("check").code == 0
    (mistake,) = console("check", "--connect", "--output", "json").json["mistakes"]
    assert (mistake["line"], mistake["setting"]) == (3, "hubspot_conn_id")
    assert "token of HubSpot account 1001, but this entry's portal_id is 1002" in mistake["what"]


def test_check_gives_its_answers_by_the_name_of_their_connections(console: Console) -> None:
    names = [each["connection"] for each in console("check", "--connect", "--output", "json").json["answers"]]
    assert names == ["hubspot_acme", "hubspot_acme_sandbox", "hubspot_deals_postgres"]


def test_check_says_beforehand_that_many_organizations_take_a_while(console: Console) -> None:
    assert console("check").err == ""
    same = 'slug = "acme"\nhubspot_conn_id = "hubspot_acme"'
    console.file.write_text("".join(f'[[organizations]]\n{same}\ntype = "t{number}"\n' for number in range(100)))
    answer = console("check", "--output", "json")
    assert answer.err == "Looking at 100 organizations, which takes a while …\n"
    assert answer.json["mistakes"] == []
    console.file.write_text(console.file.read_text() + "retries = -1\n")
    assert "Looking at 100 organizations" in console("check", "--output", "json").err


@pytest.mark.parametrize("output", ["table", "json"])
def test_check_warns_of_a_dag_file_that_is_all_but_full_and_finds_nothing_wrong(
    console: Console, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.setattr(parts, "ORGANIZATIONS_MANY", 2)
    answer = console("check", "--output", output)
    assert "`airflow hubspot-deals dag-files 2` does" in answer.err
    assert answer.code == 0


def test_check_warns_of_a_place_that_the_page_does_not_look_into(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.file.write_text('[[organizations]]\nslug = "acme"\nschema = "hubspot_eu"\n')
    answer = console("check")
    assert "does not look into hubspot_deals_postgres/hubspot_eu" in answer.err
    assert answer.code == 0
    stores = "hubspot_deals_postgres/hubspot, hubspot_deals_postgres/hubspot_eu"
    monkeypatch.setenv("AIRFLOW__HUBSPOT_DEALS__STORES", stores)
    assert console("check").err == ""
    monkeypatch.setenv("AIRFLOW__HUBSPOT_DEALS__STORES", "nowhere")
    assert "'nowhere' is none" in console("check").err


def test_check_tells_all_mistakes_with_their_lines(console: Console) -> None:
    console.file.write_text(
        '[[organizations]]\nslug = "acme"\nschedule = "99 * * * *"\n[[organizations]]\nslug = "zeta"\nname = "Z\n'
    )
    answer = console("check", "--output", "json")
    assert answer.code == 1
    assert [(each["line"], each["setting"]) for each in answer.json["mistakes"]] == [
        (3, "schedule"),
        (4, "hubspot_conn_id"),
        (6, ""),
    ]
    assert "hubspot_zeta" in console("check").out


def test_check_tells_what_else_is_wrong_with_an_entry_that_cannot_be_used(console: Console) -> None:
    console.file.write_text(
        """\
[defaults]
postgres_conn_id = "nowhere"
[[organizations]]
slug = "acme"
schedule = "99 * * * *"
retries = "three"
[[organizations]]
slug = "zeta"
watch_every_seconds = 60
schedule = "@once"
tags = [7]
[[organizations]]
slug = "Eta"
[[organizations]]
slug = "iota"
hubspot_con_id = "hubspot_acme"
[[organizations]]
slug = "theta"
postgres_conn_id = "pat-na1-11111111-2222-3333-4444-555555555555"
notifications = [{ webhook = "nobody" }]
[[organizations]]
slug = "acme"
hubspot_conn_id = "elsewhere"
enabled = false
retries = "three"
"""
    )
    mistakes = console("check", "--output", "json").json["mistakes"]
    assert [(each["line"], each["organization"], each["setting"]) for each in mistakes] == [
        (2, "acme", "postgres_conn_id"),
        (5, "acme", "schedule"),
        (6, "acme", "retries"),
        (7, "zeta", "hubspot_conn_id"),
        (10, "zeta", "schedule"),
        (11, "zeta", "tags"),
        (13, "", "slug"),
        (16, "iota", "hubspot_con_id"),
        (17, "theta", "hubspot_conn_id"),
        (19, "theta", "postgres_conn_id"),
        (20, "theta", "notifications"),
        (25, "acme", "retries"),
    ]
    assert "'hubspot_zeta'" in next(each["what"] for each in mistakes if each["line"] == 7)


@pytest.mark.parametrize(
    "entry", ["organizations = [3]", "organizations = []", "organizations = 3", "[defaults]\nx = 1"]
)
def test_check_looks_beyond_no_entry_that_is_none(console: Console, entry: str) -> None:
    console.file.write_text(entry)
    assert console("check").code == 1


def test_check_tells_a_goal_that_is_shorter_than_the_time_between_two_runs(console: Console) -> None:
    console.file.write_text(
        "[defaults]\nstale_after_minutes = 1439\n"
        '[[organizations]]\nslug = "acme"\nschedule = "@daily"\n'
        '[[organizations]]\nslug = "acme"\ntype = "sandbox"\n'
    )
    (mistake,) = console("check", "--output", "json").json["mistakes"]
    assert (mistake["line"], mistake["organization"], mistake["setting"]) == (2, "acme", "stale_after_minutes")
    assert "shorter than the 1,440 minutes between two runs" in mistake["what"]
    console.file.write_text(console.file.read_text().replace("1439", "1440"))
    assert console("check").code == 0


@pytest.fixture
def warehouse_pool() -> Iterator[None]:
    """A pool of that name in Airflow's metadata."""
    from airflow.models.pool import Pool
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    initdb()
    with create_session() as session:
        session.add(Pool(pool="warehouse", slots=1, include_deferred=False))
    yield
    with create_session() as session:
        session.query(Pool).filter(Pool.pool == "warehouse").delete()


@pytest.mark.usefixtures("warehouse_pool")
def test_check_tells_a_pool_that_airflow_does_not_have(console: Console) -> None:
    """A run of it would wait for a slot for ever."""
    console.file.write_text(
        '[defaults]\npool = "warehause"\n'
        '[[organizations]]\nslug = "acme"\n'
        '[[organizations]]\nslug = "acme"\ntype = "sandbox"\npool = "default_pool"\n'
    )
    answer = console("check", "--output", "json")
    (mistake,) = answer.json["mistakes"]
    assert (answer.code, mistake["line"], mistake["setting"]) == (1, 2, "pool")
    assert "Airflow has no such pool" in mistake["what"]
    console.file.write_text(console.file.read_text().replace("warehause", "warehouse"))
    assert console("check").code == 0


def test_check_says_so_when_no_pool_can_be_looked_up(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{tmp_path}/empty.db")
    console.file.write_text('[[organizations]]\nslug = "acme"\npool = "warehouse"\n')
    (mistake,) = console.airflow("check", "--output", "json").json["mistakes"]
    assert (mistake["line"], mistake["setting"], mistake["what"][:19]) == (3, "pool", "cannot be looked up")


def test_check_tells_which_organizations_have_no_dag(console: Console, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    assert console("check", "--folder", str(parts), "--output", "json").json["without_dag"] == []
    missing = 1 if Part(1, 2).has("hubspot_deals_acme") else 2
    (parts / "ours.py").write_text(f"globals().update(build_dags(part={3 - missing}, of=2))")
    answer = console("check", "--folder", str(parts), "--output", "json")
    assert answer.code == 1
    assert "hubspot_deals_acme" in answer.json["without_dag"]
    assert [each["line"] for each in answer.json["mistakes"] if "have no DAG" in each["what"]]
    table = console("check", "--folder", str(parts))
    assert (table.code, "`airflow hubspot-deals dag-files 2` writes" in " ".join(table.out.split())) == (1, True)


def test_a_folder_that_was_named_must_be_there(console: Console, tmp_path: Path) -> None:
    answer = console("check", "--folder", str(tmp_path / "nowhere"))
    assert (answer.code, "There is no folder" in answer.err) == (1, True)


def test_check_asks_hubspot_and_postgresql_only_when_told_to(empty_console: Console) -> None:
    assert empty_console("check").code == 0
    asked = empty_console("check", "--connect", "--output", "json")
    assert asked.code == 1
    assert [each["setting"] for each in asked.json["mistakes"]] == ["postgres_conn_id"]


def test_check_prints_the_schema_for_editors(console: Console) -> None:
    assert "organizations" in console("check", "--schema").json["properties"]


def test_check_finds_notifications_that_would_reach_nobody(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each: what stands in the defaults is everybody's."""
    secret = f"whsec_{'QUJD' * 8}"
    monkeypatch.setenv("AIRFLOW_CONN_PLAIN", json.dumps({"conn_type": "http", "host": "http://h.example/x"}))
    monkeypatch.setenv("AIRFLOW_CONN_WELL", json.dumps({"conn_type": "http", "host": "h.example", "password": secret}))
    told = [{"webhook": "nowhere"}, {"webhook": "plain"}, {"webhook": "well"}, {"notifier": "no.such.Notifier"}]
    tables = "".join(
        "[[defaults.notifications]]\n" + "".join(f'{name} = "{value}"\n' for name, value in each.items())
        for each in told
    )
    console.file.write_text(tables + console.file.read_text())
    mistakes = console("check", "--output", "json").json["mistakes"]
    assert [each["setting"] for each in mistakes] == ["notifications"] * 3
    assert {each["line"] for each in mistakes} == {1}
    for each, said in zip(
        mistakes, ("no connection 'nowhere'", "'plain': the password is empty", "no.such"), strict=True
    ):
        assert said in each["what"]
