"""Nobody sees or does on the page what Airflow would not let them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from fastapi.routing import APIRoute
from itsdangerous import TimestampSigner

from airflow_provider_hubspot_deals.plugin import pages
from airflow_provider_hubspot_deals.plugin.application import create_app
from tests.integration.plugin.auth_manager import NO_RUNS
from tests.integration.tenant import Tenant, a_run

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.jobs import Job
    from tests.integration.plugin.conftest import Visit, Visitor

ASSETS = "/assets/{name}"
TOKEN = re.compile(r'data-token="([^"]+)"')


def job_path(job: Job, dag_id: str = "hubspot_deals_acme") -> str:
    return f"/dags/{dag_id}/jobs/{job.id}"


def press_cancel(visitor: Visitor, job: Job, *, token_from: Visitor | None = None) -> int:
    """As the button does; the token is that of the page, or of somebody else's."""
    found = TOKEN.search((token_from or visitor).get(job_path(job)).text)
    headers = {"X-HubSpot-Deals-Token": found[1]} if found else {}
    return visitor.post(f"{job_path(job)}/cancel", **headers).status_code


def test_nobody_gets_anything_without_a_login_but_what_the_page_that_says_so_is_made_of(visit: Visit) -> None:
    visitor = visit(role=None)
    for route in create_app().routes:
        assert isinstance(route, APIRoute)
        if route.path == ASSETS:
            continue
        path = route.path.format(
            dag_id="hubspot_deals_acme",
            job_id=UUID(int=1),
            organization_id=UUID(int=1),
            type_="standard",
            run_id="manual",
            task_id="load",
            map_index=-1,
        )
        answer = visitor.post(path) if "POST" in route.methods else visitor.get(path)
        assert answer.status_code == 401
        assert "Airflow" in answer.text
    for name in pages.ASSETS:
        assert visitor.get(ASSETS.format(name=name)).status_code == 200
    assert visitor.get(ASSETS.format(name="nothing.css")).status_code == 404


def test_whoever_has_no_login_is_shown_where_to_sign_in(visit: Visit) -> None:
    assert "Sign in to Airflow" in visit(role=None).get().text


def test_a_forged_token_is_no_login(visit: Visit) -> None:
    visitor = visit(role=None)
    visitor.client.cookies.set("_token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290IiwgInJvbGUiOiAiYWRtaW4ifQ.")
    assert visitor.get().status_code == 401


def test_a_job_is_not_cancelled_without_a_login(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    assert visit(role=None).post(f"{job_path(job)}/cancel").status_code == 401
    assert acme.job(job)["status"] == "running"


def test_a_reader_of_one_dag_sees_its_organization_and_no_other(
    visit: Visit, acme: Tenant, knows_dags: Callable[[Sequence[str]], None]
) -> None:
    other = Tenant(acme.url, "other")
    knows_dags(["hubspot_deals_other"])
    acme.claim(a_run())
    theirs = other.claim(a_run(dag_id="hubspot_deals_other"))

    reader = visit(role="viewer", name="only:hubspot_deals_acme")
    text = reader.get().text
    assert "acme" in text
    assert "other" not in text
    assert reader.get(job_path(theirs, "hubspot_deals_other")).status_code == 403


def test_a_job_is_not_found_below_a_dag_that_is_not_its_own(visit: Visit, acme: Tenant) -> None:
    theirs = Tenant(acme.url, "other").claim(a_run(dag_id="hubspot_deals_other"))
    reader = visit(role="user", name="only:hubspot_deals_acme")
    assert reader.get(job_path(theirs)).status_code == 404
    token = reader.client.cookies["_token"]
    assert reader.post(f"{job_path(theirs)}/cancel", Authorization=f"Bearer {token}").status_code == 404
    assert acme.query("SELECT status FROM hubspot.jobs WHERE id = %s", theirs.id) == [{"status": "running"}]


def test_whoever_may_read_dags_and_no_runs_sees_no_runs(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    reader = visit(role="viewer", name=f"{NO_RUNS}rita")
    for path in ("/", job_path(job), f"/dags/hubspot_deals_acme/organizations/{acme.id}/standard"):
        answer = reader.get(path)
        assert answer.status_code == 403
        assert "acme" not in answer.text


@pytest.mark.parametrize("dag_id", ["~", "%7E", "hubspot_deals_%"])
def test_a_wildcard_is_no_dag(visit: Visit, acme: Tenant, dag_id: str) -> None:
    job = acme.claim(a_run())
    assert visit().get(job_path(job, dag_id)).status_code == 404


def test_a_viewer_sees_a_job_and_no_button_and_cannot_cancel_it(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    viewer = visit(role="viewer", name="vera")
    page = viewer.get(job_path(job))
    assert page.status_code == 200
    assert 'data-ask="cancel"' not in page.text
    assert 'data-ask="again"' not in page.text
    assert press_cancel(viewer, job) == 403
    assert acme.job(job)["status"] == "running"


def test_a_viewer_is_not_asked_to_run_an_ended_job_again(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    acme.execute("UPDATE hubspot.jobs SET status = 'completed' WHERE id = %s", job.id)
    assert 'data-ask="again"' in visit(role="user", name="ursula").get(job_path(job)).text
    page = visit(role="viewer", name="vera").get(job_path(job))
    assert page.status_code == 200
    assert 'data-ask="again"' not in page.text


def test_whoever_may_change_runs_cancels_a_job_and_the_trail_names_them(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    assert press_cancel(visit(role="user", name="ursula"), job) == 200
    assert acme.job(job)["status"] == "cancelled"
    trail = acme.query("SELECT kind, details FROM hubspot.job_events WHERE job_id = %s ORDER BY sequence", job.id)
    assert trail[-2]["kind"] == "cancel_requested"
    assert trail[-2]["details"]["by"] == "ursula"
    assert trail[-1]["kind"] == "cancelled"
    assert trail[-1]["details"]["application"] == "hubspot-deals page"


def test_cancelling_is_in_airflow_s_audit_log(visit: Visit, acme: Tenant) -> None:
    from airflow.models.log import Log
    from airflow.utils.session import create_session

    job = acme.claim(a_run())
    assert press_cancel(visit(role="user", name="ulrike"), job) == 200
    with create_session() as session:
        (entry,) = session.query(Log).filter(Log.event == "hubspot_deals.cancel_job", Log.owner == "ulrike")
        assert entry.dag_id == "hubspot_deals_acme"
        assert str(job.id) in str(entry.extra)


def test_a_job_that_has_ended_is_not_cancelled(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    acme.execute("UPDATE hubspot.jobs SET status = 'completed' WHERE id = %s", job.id)
    before = acme.query("SELECT count(*) FROM hubspot.job_events")
    assert press_cancel(visit(), job) == 409
    assert acme.job(job)["status"] == "completed"
    assert acme.query("SELECT count(*) FROM hubspot.job_events") == before


def test_the_cookie_alone_cancels_nothing(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    assert visit().post(f"{job_path(job)}/cancel").status_code == 403
    assert visit().post(f"{job_path(job)}/cancel", **{"X-HubSpot-Deals-Token": "x"}).status_code == 403
    assert acme.job(job)["status"] == "running"


@pytest.mark.parametrize("header", ["Basic c29tZWJvZHk6c2VjcmV0", "Negotiate YII", "Bearer", "Bearer "])
def test_what_a_browser_adds_by_itself_takes_no_page_s_place(visit: Visit, acme: Tenant, header: str) -> None:
    """A proxy before Airflow may ask for a password of its own, which browsers then send with every request."""
    job = acme.claim(a_run())
    assert visit().post(f"{job_path(job)}/cancel", Authorization=header).status_code == 403
    assert acme.job(job)["status"] == "running"


@pytest.mark.parametrize(("hours", "answer"), [(23, 200), (25, 403)])
def test_a_page_s_buttons_work_for_a_day(
    visit: Visit, acme: Tenant, monkeypatch: pytest.MonkeyPatch, hours: int, answer: int
) -> None:
    job = acme.claim(a_run())
    signed_s = int(time.time()) - hours * 3_600
    with monkeypatch.context() as earlier:
        earlier.setattr(TimestampSigner, "get_timestamp", lambda _: signed_s)
        token = TOKEN.search(visit().get(job_path(job)).text)
    assert token
    header = {"X-HubSpot-Deals-Token": token[1]}
    assert visit().post(f"{job_path(job)}/cancel", **header).status_code == answer


def test_the_page_of_one_user_presses_no_button_for_another(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    assert press_cancel(visit(name="first"), job, token_from=visit(name="second")) == 403
    assert acme.job(job)["status"] == "running"


def test_a_program_with_its_own_header_needs_no_page(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    visitor = visit()
    header = f"Bearer {visitor.client.cookies['_token']}"
    visitor.client.cookies.clear()
    assert visitor.post(f"{job_path(job)}/cancel", Authorization=header).status_code == 200
    assert acme.job(job)["status"] == "cancelled"


def test_only_airflow_itself_may_frame_the_page_and_nothing_foreign_runs_in_it(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    for path in ("/", job_path(job), "/assets/page.js", "/nowhere"):
        policy = visit().get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy
