"""The page of one job."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from airflow.models.taskinstancekey import TaskInstanceKey

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.cli.running import DAG_ID as COMMAND_LINE
from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator
from airflow_provider_hubspot_deals.transfers.links import JobLink
from tests.integration.ended_jobs import an_ended_job
from tests.integration.plugin.shown import stats, words
from tests.integration.tenant import Tenant, a_batch, a_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_hubspot_deals.jobs import Job
    from tests.integration.plugin.conftest import Visit

DAG = "hubspot_deals_acme"
RUN = "manual__2026-11-21T08:00:00+00:00"


def text_of(visit: Visit, job: Job, dag_id: str = DAG) -> str:
    answer = visit().get(f"/dags/{dag_id}/jobs/{job.id}")
    assert answer.status_code == 200
    return answer.text


def read_pages(tenant: Tenant, job: Job, phase: str, *pages: int) -> None:
    """A batch for each, of one page and that many new deals."""
    for received in pages:
        with tenant.connect() as connection, sql.transaction(connection):
            counts = {"received": received, "inserted": received, "pages": 1, "api_calls": 1}
            jobs.record_batch(connection, job, a_batch(phase=phase, api_calls_by_endpoint={"list": 1}, **counts))


def fail(tenant: Tenant, job: Job, code: str) -> None:
    tenant.execute(
        "UPDATE hubspot.jobs SET status = 'failed', error_code = %s, error_message = 'No <access>.' WHERE id = %s",
        code,
        job.id,
    )


def test_phases_counts_calls_and_events_are_there(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run(RUN))
    read_pages(acme, job, "archived", 10)
    read_pages(acme, job, "live", 100, 100, 50)
    shown = words(text_of(visit, job))
    assert "archived 1 1 10 10 0" in shown
    assert "live 3 3 250 250 0" in shown
    assert "read 260" in shown
    assert "API calls 4" in shown
    kinds = [row["kind"] for row in acme.query("SELECT kind FROM hubspot.job_events WHERE job_id = %s", job.id)]
    assert {"created", "started", "phase"} <= set(kinds)
    assert "created mode" in shown
    assert "attempt 1 began" in shown
    assert "phase live batches" in shown


def test_the_timeline_says_when_since_the_creation_and_reads_any_details(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run(RUN))
    acme.execute("UPDATE hubspot.jobs SET created_at = now() - interval '90 seconds'")
    details = (
        '{"from": "2026-11-21T08:00:00.5+02:00", "to": "2026-99-99T08:00:00Z", "end": "9999-12-31T23:59:59-14:00"}'
    )
    acme.execute(
        "INSERT INTO hubspot.job_events (organization_id, job_id, kind, details) VALUES (%s, %s, 'note', %s)",
        acme.id,
        job.id,
        details,
    )
    shown = words(text_of(visit, job))
    assert "+1 min 30 s note" in shown
    assert "from 2026-11-21 06:00:00 UTC" in shown
    assert "to 2026-99-99T08:00:00Z" in shown
    assert "end 9999-12-31T23:59:59-14:00" in shown


def test_a_job_that_goes_on_tells_the_rate_of_this_attempt_and_not_of_the_pause(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run(RUN))
    read_pages(acme, job, "live", 1_000, 10, 1_000)
    acme.execute(
        "UPDATE hubspot.jobs SET attempt = 2, start_time = now() - interval '10 hours', records_expected = 7010"
    )
    acme.execute("UPDATE hubspot.job_batches SET epoch = epoch - 1 WHERE batch_number = 1")
    acme.execute("UPDATE hubspot.job_batches SET written_at = now() - interval '200 s' WHERE batch_number = 2")
    assert "2,010 of 7,010 deals · 5.0/s · 16 min" in words(visit().get().text)
    shown = stats(text_of(visit, job))
    assert "5.0 deals a second" in shown
    assert any(each.startswith("16 min") and each.endswith("left") for each in shown)
    acme.execute("UPDATE hubspot.jobs SET status = 'cancelled'")
    assert "< 0.1 deals a second" in stats(text_of(visit, job))  # of all of it


def test_an_error_comes_with_what_to_do(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run(RUN))
    fail(acme, job, "MISSING_SCOPE")
    text = text_of(visit, job)
    assert "No &lt;access&gt;." in text
    assert "Grant the scopes that the message names" in text
    assert 'data-ask="cancel"' not in text


def test_it_leads_to_the_run_the_log_and_hubspot(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run(RUN))
    acme.execute("UPDATE hubspot.sync_state SET portal_id = 42")
    text = text_of(visit, job)
    run = f"/dags/{DAG}/runs/manual__2026-11-21T08%3A00%3A00%2B00%3A00"
    assert f'href="{run}"' in text
    assert f'href="{run}/tasks/load?try_number=1"' in text
    assert 'href="https://app.hubspot.com/contacts/42/' in text


@pytest.mark.parametrize(
    ("asked_mode", "mode", "conf"),
    [
        ("full", "full", '{"conf": {"mode": "full"}, "logical_date": null}'),
        ("auto", "full", '{"conf": {"mode": "full"}, "logical_date": null}'),
        ("auto", "incremental", '{"conf": {}, "logical_date": null}'),
        ("incremental", "incremental", '{"conf": {"mode": "incremental"}, "logical_date": null}'),
        (
            "window",
            "window",
            '{"conf": {"mode": "window", "window_start": "2026-11-01T00:00:00+00:00"}, "logical_date": null}',
        ),
    ],
)
def test_run_again_asks_for_the_same_work(visit: Visit, acme: Tenant, asked_mode: str, mode: str, conf: str) -> None:
    job = acme.claim(a_run(RUN))
    asked = f'{{"mode": "{asked_mode}", "window_start": "2026-11-01T00:00:00+00:00", "window_end": null}}'
    acme.execute("UPDATE hubspot.jobs SET mode = %s, config = %s, window_end = '2026-11-02Z'", mode, asked)
    (body,) = re.findall(r'data-body="([^"]+)"', text_of(visit, job))
    assert unescape(body) == conf


@pytest.mark.parametrize(
    "config", [None, "3", '["x"]', '{"additional_properties": {"a": 1}}', '{"additional_properties": [1, null]}']
)
def test_a_job_that_somebody_inserted_with_any_config_has_its_page(
    visit: Visit, acme: Tenant, config: str | None
) -> None:
    job = acme.claim(a_run(RUN))
    acme.execute("UPDATE hubspot.jobs SET config = %s", config)
    (body,) = re.findall(r'data-body="([^"]+)"', text_of(visit, job))
    assert unescape(body) == '{"conf": {"mode": "full"}, "logical_date": null}'


def test_a_job_at_work_cannot_be_run_again_beside_itself(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run(RUN))
    assert 'data-ask="again"' not in text_of(visit, job)
    fail(acme, job, "UNEXPECTED")
    assert 'data-ask="again"' in text_of(visit, job)


def test_whoever_runs_a_job_of_a_paused_dag_again_is_told_that_the_run_waits(
    visit: Visit, acme: Tenant, knows_dags: Callable[..., None]
) -> None:
    job = acme.claim(a_run(RUN))
    fail(acme, job, "UNEXPECTED")
    waits = "The DAG is paused: the run waits until somebody switches it on."
    assert waits not in words(text_of(visit, job))
    knows_dags([DAG], is_paused=True)
    assert waits in words(text_of(visit, job))


def test_an_error_stands_above_the_timeline_and_not_in_it_again(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run(RUN))
    fail(acme, job, "MISSING_SCOPE")
    assert text_of(visit, job).count("No &lt;access&gt;.") == 1


def test_a_job_that_read_nothing_has_no_speed_and_took_next_to_no_time(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run(RUN))
    fail(acme, job, "UNEXPECTED")
    shown = stats(text_of(visit, job))
    assert "< 1 s took" in shown
    assert not any("a second" in each for each in shown)
    assert "0 deals in < 1 s" in words(visit().get().text)


def task_path(map_index: int = -1, task_id: str = "load") -> str:
    """Where the button of the task leads, in the page's frame."""
    key = TaskInstanceKey(dag_id=DAG, task_id=task_id, run_id=RUN, try_number=1, map_index=map_index)
    operator = HubSpotDealsToPostgresOperator(task_id=task_id, organization="acme")
    link = JobLink().get_link(operator, ti_key=key)  # type: ignore[arg-type]  # where Airflow 3.1 has it, too; the same fields
    return link.removeprefix("/plugin/hubspot-deals/hubspot-deals")


@pytest.mark.parametrize("map_index", [-1, 3])
def test_the_button_of_a_task_leads_to_its_newest_job(visit: Visit, acme: Tenant, map_index: int) -> None:
    for origin in (
        a_run("other", map_index=map_index),
        a_run(RUN, map_index=map_index),
        a_run(RUN, map_index=map_index, clear_number=1),
        a_run(RUN, map_index=2),
    ):
        fail(acme, acme.claim(origin), "UNEXPECTED")
    _, _, newest, _ = acme.query("SELECT id FROM hubspot.jobs ORDER BY created_at")
    answer = visit().get(task_path(map_index))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/hubspot-deals/dags/{DAG}/jobs/{newest['id']}")


def test_the_button_of_a_task_finds_its_job_in_whatever_store(
    visit: Visit, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = acme.claim(a_run(RUN))
    stores = "hubspot_deals_postgres/elsewhere, hubspot_deals_postgres/hubspot"
    monkeypatch.setenv("AIRFLOW__HUBSPOT_DEALS__STORES", stores)
    assert visit().get(task_path()).headers["Location"] == f"/hubspot-deals/dags/{DAG}/jobs/{job.id}?store=1"
    assert visit().get(task_path(task_id="else")).status_code == 503


def test_the_button_of_a_task_without_a_job_says_so_and_leads_nobody_else_anywhere(visit: Visit, acme: Tenant) -> None:
    acme.claim(a_run(RUN))
    answer = visit().get(task_path(task_id="else"))
    assert (answer.status_code, "it ended before it began one" in answer.text) == (404, True)
    assert visit(role="viewer", name="only:nightly").get(task_path()).status_code == 403


def test_an_archived_job_is_still_there(visit: Visit, acme: Tenant) -> None:
    job = an_ended_job(acme, RUN, days_ago=200)
    acme.execute("SELECT hubspot.archive_jobs()")
    assert acme.query("SELECT count(*) FROM hubspot.jobs") == [{"count": 0}]
    shown = words(text_of(visit, job, "hubspot_deals_acme_standard"))
    assert "Moved to the archive" in shown
    assert "started" in shown


def test_a_silent_job_is_said_to_be_silent(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run(RUN))
    acme.execute("UPDATE hubspot.jobs SET last_heartbeat = now() - interval '5 minutes'")
    assert "Nothing was heard of it since" in words(text_of(visit, job))


@pytest.mark.parametrize("job_id", ["x", "1", str(UUID(int=1)), "'; DROP TABLE hubspot.jobs"])
def test_what_is_no_job_is_not_found(visit: Visit, acme: Tenant, job_id: str) -> None:
    acme.claim(a_run(RUN))
    assert visit().get(f"/dags/{DAG}/jobs/{job_id}").status_code == 404


def test_a_job_of_the_command_line_is_its_organizations_own_dags(visit: Visit, acme: Tenant) -> None:
    """It has no run and no log in Airflow; whoever may read or edit that DAG's runs sees it and may cancel it."""
    job = acme.claim(a_run("ada@laptop 2026-11-22T08:00:00+00:00", dag_id=COMMAND_LINE))
    path, user = f"/dags/{DAG}/jobs/{job.id}", visit(role="user", name=f"only:{DAG}")
    assert path in user.get("/").text
    assert path in user.get(f"/dags/{DAG}/organizations/{acme.id}/standard").text
    page = user.get(path).text
    assert "DAG run" not in page
    assert "Log of the task" not in page
    token = re.search(r'data-token="([^"]+)"', page)
    assert token
    assert user.post(f"{path}/cancel", **{"X-HubSpot-Deals-Token": token[1]}).status_code == 200
    assert acme.job(job)["status"] == "cancelled"
    assert user.get(path).status_code == 200
