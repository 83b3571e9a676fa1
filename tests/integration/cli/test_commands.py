"""Each command of the command line, between a simulated HubSpot and a real PostgreSQL."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.unit.client.scripted_server import ScriptedServer, answer
from tests.unit.webhooks.receiver import SECRET

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Console

TOKEN = "pat-na1-00000000-1111-2222-3333-444444444444"


def test_migrate_makes_the_tables_and_may_be_called_again(empty_console: Console) -> None:
    looked = empty_console("migrate", "--check")
    assert looked.code == 1
    assert "no HubSpot deals tables yet" in looked.err
    first, again = empty_console("migrate", "--output", "json"), empty_console("migrate")
    assert (first.code, again.code) == (0, 0)
    (row,) = first.json
    assert row["schema"] == "hubspot"
    assert row["revision"] in again.out
    assert empty_console("migrate", "--check").code == 0


def test_organizations_are_listed_with_their_defaults(console: Console) -> None:
    sandbox, standard = console("organizations", "--output", "json").json
    assert (sandbox["type"], standard["type"]) == ("sandbox", "standard")
    assert standard["dag_id"] == "hubspot_deals_acme"
    assert standard["search_lag_minutes"] == 0
    assert standard["deals_table"].startswith("hubspot.hubspot_deals_standard_")
    assert "hubspot_acme_sandbox" in console("organizations").out


def test_organizations_are_listed_with_how_fresh_they_are(console: Console) -> None:
    console("sync", "acme")
    sandbox, standard = console("organizations", "--state", "--output", "json").json
    assert sandbox["state"]["last_sync_at"] is None
    assert standard["state"]["job_status"] == "completed"
    assert standard["state"]["portal_id"] == 1001
    assert standard["deals_table"]
    assert "completed" in console("organizations", "--state").out


def test_a_sync_brings_the_deals_and_says_who_asked(console: Console) -> None:
    answer = console("sync", "acme", "--output", "json")
    assert answer.code == 0
    assert answer.json["status"] == "completed"
    assert answer.json["records_inserted"] == 235
    (job,) = console.jobs()
    assert job["trigger"] == "command line"
    assert "@" in job["run_id"]
    (deals,) = console.query("SELECT count(*) AS number FROM hubspot.hubspot_deals")
    assert deals["number"] == 235
    assert console("sync", "acme", "--output", "json").json["mode"] == "incremental"


def test_another_type_is_synced_by_its_name(console: Console) -> None:
    answer = console("sync", "acme", "--type", "sandbox", "--mode", "full", "--output", "json")
    assert (answer.json["type"], answer.json["records_inserted"]) == ("sandbox", 7)


def test_a_window_is_synced(console: Console) -> None:
    console("sync", "acme")
    answer = console("sync", "acme", "--mode", "window", "--window-start", "2001-01-01", "--window-end", "2001-01-02")
    assert answer.code == 0
    assert console.jobs()[-1]["mode"] == "window"


def test_an_unknown_organization_gets_the_nearest_names_and_is_never_repeated(console: Console) -> None:
    answer = console("sync", "acne")
    assert answer.code == 1
    assert "did you mean acme" in answer.err
    assert TOKEN not in console("sync", TOKEN).err
    console("sync", "acme")
    for words in (["jobs", "list"], ["quarantine", "list"]):
        unknown = console(*words, "acne")
        assert unknown.code == 1
        assert "did you mean acme" in unknown.err
    assert "has no portal of this type" in console("sync", "acme", "--type", "x").err


def test_without_a_connection_a_sync_says_which_one_to_create(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_HUBSPOT_ACME")
    answer = console("sync", "acme")
    assert answer.code == 1
    assert "no connection 'hubspot_acme'" in answer.err
    assert "Traceback" not in answer.err


def test_without_tables_a_sync_says_what_to_call(empty_console: Console) -> None:
    answer = empty_console("sync", "acme")
    assert answer.code == 1
    assert "no HubSpot deals tables yet" in answer.err


def test_without_postgresql_a_sync_may_be_called_later(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = (
        '{"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "schema": "x", "login": "x", "password": "secret"}'
    )
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES", nobody)
    answer = console("sync", "acme")
    assert answer.code == 3
    assert "secret" not in answer.err


@pytest.mark.parametrize("wrong", [{"schema": "nowhere"}, {"password": "s3cr3t"}])
def test_what_only_a_person_can_mend_of_a_connection_is_not_for_later(
    console: Console, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]
) -> None:
    right = json.loads(os.environ["AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES"])
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES", json.dumps(right | wrong))
    for words in (("sync", "acme"), ("jobs", "list"), ("migrate",), ("maintenance",)):
        answer = console(*words)
        assert (answer.code, answer.out) == (1, ""), words
        assert "'hubspot" in answer.err
        assert "away" not in answer.err
        assert "s3cr3t" not in answer.err


def test_beside_an_active_run_a_sync_ends_with_a_code_of_its_own(console: Console) -> None:
    console("sync", "acme")
    console.query(
        "INSERT INTO hubspot.jobs (organization_id, type, status, scan_id, start_time, last_heartbeat) "
        "SELECT id, 'hubspot_deals', 'running', 'by hand', now(), now() FROM hubspot.organizations"
    )
    answer = console("sync", "acme")
    assert answer.code == 4
    assert "active job" in answer.err


def test_jobs_are_listed_newest_first_and_by_what_is_asked_for(console: Console) -> None:
    console("sync", "acme")
    console("sync", "acme", "--type", "sandbox")
    newest, oldest = console("jobs", "list", "--output", "json").json
    assert (newest["type"], oldest["type"]) == ("sandbox", "standard")
    assert console("jobs", "show", newest["id"], "--output", "json").json["type"] == "sandbox"
    assert len(console("jobs", "list", "--limit", "1", "--output", "json").json) == 1
    assert console("jobs", "list", "acme", "--type", "sandbox", "--output", "json").json == [newest]
    assert console("jobs", "list", "--status", "failed", "--output", "json").json == []
    assert str(newest["id"]) in console("jobs", "list").out


def test_a_job_is_shown_with_its_events(console: Console) -> None:
    console("sync", "acme")
    (job,) = console.jobs()
    shown = console("jobs", "show", str(job["id"]), "--output", "json").json
    assert shown["records_inserted"] == 235
    assert [event["kind"] for event in shown["events"]][-1] == "completed"
    people = console("jobs", "show", str(job["id"])).out
    assert "completed" in people
    assert "235" in people


@pytest.mark.parametrize("verb", ["show", "cancel", "retry"])
def test_a_job_that_is_not_there_is_said_to_be_not_there(console: Console, verb: str) -> None:
    answer = console("jobs", verb, str(uuid4()))
    assert answer.code == 1
    assert "There is no job" in answer.err


@pytest.mark.parametrize("verb", ["show", "cancel", "retry"])
@pytest.mark.parametrize("word", [TOKEN, "' OR 1=1 --", ""])
def test_what_is_no_job_id_is_refused_and_not_repeated(console: Console, verb: str, word: str) -> None:
    answer = console("jobs", verb, word)
    assert answer.code == 2
    assert "is no job id" in answer.err
    assert not word or word not in answer.err + answer.out


def test_a_waiting_job_is_cancelled_and_an_ended_one_is_not(console: Console) -> None:
    console("sync", "acme")
    ended = console.jobs()[0]["id"]
    (waiting,) = console.query(
        "INSERT INTO hubspot.jobs (organization_id, type, scan_id) "
        "SELECT id, 'hubspot_deals', 'by hand' FROM hubspot.organizations RETURNING id"
    )
    cancelled = console("jobs", "cancel", str(waiting["id"]), "--output", "json").json
    assert (cancelled["id"], cancelled["status"]) == (str(waiting["id"]), "cancelled")
    (event,) = console.query("SELECT details FROM hubspot.job_events WHERE kind = 'cancelled'")
    assert "airflow hubspot-deals, " in event["details"]["application"]
    refused = console("jobs", "cancel", str(ended))
    assert refused.code == 1
    assert "completed" in refused.err


def test_a_failed_job_is_retried_with_its_mode(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    console("sync", "acme")
    with monkeypatch.context() as context:
        wrong = '{"conn_type": "hubspot", "password": "pat-na1-wrong", "host": "%s", "extra": "%s"}'
        extra = '{\\"allow_other_hosts\\": true}'
        context.setenv("AIRFLOW_CONN_HUBSPOT_ACME", wrong % (console.simulator.base_url, extra))
        assert console("sync", "acme", "--mode", "full").code == 1
    failed = console.jobs()[-1]
    assert failed["status"] == "failed"
    assert console("jobs", "retry", str(failed["id"])).code == 0
    retried = console.jobs()[-1]
    assert (retried["status"], retried["mode"]) == ("completed", "full")
    refused = console("jobs", "retry", str(retried["id"]))
    assert refused.code == 1
    assert "`airflow hubspot-deals sync acme`" in refused.err


def test_the_hint_about_a_completed_job_names_its_type(console: Console) -> None:
    console("sync", "acme", "--type", "sandbox", "--mode", "window", "--window-start", "2020-01-01")
    (done,) = console.jobs()
    hint = console("jobs", "retry", str(done["id"])).err
    assert "`airflow hubspot-deals sync acme --type sandbox`" in hint


def test_what_to_type_names_the_file_that_was_named(console: Console) -> None:
    file = str(console.file)
    console("sync", "acme", "--file", file)
    (done,) = console.jobs()
    assert (
        f"`airflow hubspot-deals sync acme --file {file}`" in console("jobs", "retry", str(done["id"]), "-f", file).err
    )
    console.file.write_text(f'{console.file.read_text()}[[organizations]]\nslug = "?"\n')
    assert f"`airflow hubspot-deals check --file {file}` says why" in console("organizations", "--file", file).err
    assert "`airflow hubspot-deals check` says why" in console("organizations").err


def test_a_sync_reads_additional_properties_once_and_refuses_a_misspelt_one(console: Console) -> None:
    with_it = "SELECT 1 FROM hubspot.hubspot_deals WHERE raw_properties ? 'competitor' LIMIT 1"
    console.file.write_text('[[organizations]]\nslug = "acme"\nsearch_lag_minutes = 0\nproperties = ["seats"]\n')
    console("sync", "acme")
    assert console.query(with_it) == []
    assert console("sync", "acme", "--mode", "full", "--additional-properties", "competitor, hs_*").code == 0
    assert console.query(with_it)
    nothing = console("sync", "acme", "--additional-properties", "no_such_*")
    assert (nothing.code, "was to read no_such_* besides" in nothing.err) == (1, True)
    misspelt = console("sync", "acme", "--additional-properties", "competitr")
    assert (misspelt.code, "did you mean competitor" in misspelt.err) == (1, True)
    assert console("sync", "acme", "--additional-properties", "deal name").code == 2
    assert console.jobs()[-1]["config"]["additional_properties"] == ["competitr"]
    again = console("jobs", "retry", str(console.jobs()[-1]["id"]))
    assert (again.code, "did you mean competitor" in again.err) == (1, True)


def test_maintenance_says_what_it_did(console: Console) -> None:
    answer = console("maintenance", "--output", "json")
    assert answer.code == 0
    (report,) = answer.json
    assert "archive_jobs" in report["done"]
    assert "archive jobs" in console("maintenance").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sync", "acme", "--window-start", "2026-11-21"], "--window-start and --window-end need --mode window"),
        (["sync", "acme", "--mode", "full", "--window-end", "2026-11-21"], "need --mode window"),
        (["sync", "acme", "--mode", "window"], "needs --window-start, --window-end or both"),
        (
            ["sync", "acme", "--mode", "window", "--window-start", "2026-11-21", "--window-end", "2026-11-20"],
            "--window-end lies before --window-start",
        ),
        (["maintenance", "--events-months", "0"], "must be a whole number from 1 to"),
        (["maintenance", "--events-months", "abc"], "must be a whole number from 1 to"),
        (["sync", "acme", "--additional-properties", f"a b {TOKEN}"], "--additional-properties must be"),
        (["jobs", "list", "--schema", 'x"; DROP SCHEMA hubspot; --'], "lower-case"),
        (["jobs", "list", "--postgres-conn-id", TOKEN], "--postgres-conn-id is a token"),
        (["quarantine", "list", "--reason", TOKEN], "BAD_ID, BAD_RECORD, BAD_VERSION, REFUSED_BY_DATABASE, TOO_DEEP"),
        (["quarantine", "requeue", "acme", "--reason", "TOO_LARG"], "BAD_ID, BAD_RECORD"),
    ],
)
def test_options_that_contradict_each_other_or_mean_nothing_are_a_wrong_call(
    console: Console, words: list[str], said: str
) -> None:
    answer = console(*words)
    assert (answer.code, answer.out, said in answer.err) == (2, "", True)
    assert TOKEN not in answer.err
    assert console.jobs() == []


@pytest.mark.parametrize("command", [["jobs", "list"], ["quarantine", "list"]], ids=" ".join)
def test_a_type_that_was_never_loaded_gets_the_nearest_names_and_is_never_repeated(
    console: Console, command: list[str]
) -> None:
    console("sync", "acme", "--type", "sandbox")
    for words in (["acme", "--type", "sandbax"], ["--type", "sandbax"]):
        answer = console(*command, *words)
        assert (answer.code, "did you mean sandbox" in answer.err) == (1, True)
        assert "sandbax" not in answer.err
    assert console(*command, "acme", "--type", "sandbox").code == 0
    assert console(*command, "acme", "--type", "standard").code == 0


def test_maintenance_tells_webhooks_what_they_did_not_take(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    console("sync", "acme")
    console.query(
        "INSERT INTO hubspot.notification_deliveries (organization_id, event_id, webhook_conn_id, attempt, event_type,"
        " host, payload, next_attempt_at) SELECT id, 'msg_1', 'crm_webhook', 1, 'hubspot_deals.job.failed', 'h', '{}',"
        " now() FROM hubspot.organizations"
    )
    with ScriptedServer([answer(204, b"")]) as server:
        connection = {"conn_type": "http", "host": server.url, "password": SECRET}
        monkeypatch.setenv("AIRFLOW_CONN_CRM_WEBHOOK", json.dumps(connection))
        (report,) = console("maintenance", "--output", "json").json
        assert report["done"]["deliver_notifications"] == 1
        assert [request.headers["webhook-id"] for request in server.requests] == ["msg_1"]


def test_quarantined_records_are_listed_without_their_content_and_requeued(console: Console) -> None:
    console("sync", "acme")
    console.query(
        "INSERT INTO hubspot.deals_quarantine (organization_id, type, deal_id_text, reason_code, raw, raw_is_cut, "
        "raw_sha256, job_id) SELECT organization_id, 'standard', number::text, 'BAD', 'customer', false, "
        "sha256(number::text::bytea), id FROM hubspot.jobs, generate_series(7, 8) AS number"
    )
    records = console("quarantine", "list", "--output", "json").json
    assert {record["deal_id_text"] for record in records} == {"7", "8"}
    assert "customer" not in console("quarantine", "list").out
    for reason in ("BAD_ID", "REFUSED_BY_DATABASE"):
        assert console("quarantine", "list", "--reason", reason, "--output", "json").json == []
    assert console("quarantine", "requeue", "acme", "--output", "json").json == {"requeued": 2, "unreadable": 0}
    assert "0 deals" in console("quarantine", "requeue", "acme").out


def test_entries_that_cannot_be_used_are_counted_aloud_and_the_others_work(console: Console) -> None:
    console.file.write_text(console.file.read_text() + '[[organizations]]\nslug = "zeta"\nzzz = 1\n')
    answer = console("organizations", "--output", "json")
    assert len(answer.json) == 2
    assert "1 of its entries cannot be used" in answer.err


def test_without_a_file_it_is_said_how_to_name_one(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBSPOT_DEALS_ORGANIZATIONS")
    for words in (["organizations"], ["jobs", "list"], ["sync", "acme"], ["migrate"], ["check"]):
        answer = console(*words)
        assert answer.code == 1
        assert "--file" in answer.err
    assert console("jobs", "list", "--schema", "hubspot").code == 0
