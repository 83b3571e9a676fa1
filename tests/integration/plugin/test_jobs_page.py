"""The list of an organization's jobs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.integration.ended_jobs import an_ended_job
from tests.integration.plugin.shown import words
from tests.integration.tenant import Tenant, a_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.plugin.conftest import Visit

DAG = "hubspot_deals_acme"
# A job each hour, as many as one wants; their triggers would take longer than the test.
MORE_JOBS = """
ALTER TABLE hubspot.jobs DISABLE TRIGGER USER;
INSERT INTO hubspot.jobs (organization_id, status, created_at, start_time, end_time, scan_id, dag_id)
SELECT organization_id, 'completed', at, at, at, gen_random_uuid()::text, dag_id
FROM hubspot.jobs, generate_series(1, 150) AS run, LATERAL (SELECT now() - run * interval '1 hour') AS ended (at);
ALTER TABLE hubspot.jobs ENABLE TRIGGER USER
"""


def list_path(tenant: Tenant, type_: str = "standard") -> str:
    return f"/dags/{DAG}/organizations/{tenant.id}/{type_}"


def test_the_list_of_jobs_has_the_newest_first_and_none_of_another_dag(visit: Visit, acme: Tenant) -> None:
    older = acme.claim(a_run("older"))
    acme.execute("UPDATE hubspot.jobs SET status = 'failed' WHERE id = %s", older.id)
    newer = acme.claim(a_run("newer"))
    acme.execute("UPDATE hubspot.jobs SET status = 'completed' WHERE id = %s", newer.id)
    foreign = acme.claim(a_run("else", dag_id="nightly"))
    text = visit().get(list_path(acme)).text
    assert re.findall(r"/jobs/([0-9a-f-]{36})", text) == [str(newer.id), str(older.id)]
    assert str(foreign.id) not in text


@pytest.mark.parametrize("type_", ["sandbox", "Standard", "x" * 40, "standard'--"])
def test_a_list_of_no_jobs_is_not_found(visit: Visit, acme: Tenant, type_: str) -> None:
    acme.claim(a_run())
    assert visit().get(list_path(acme, type_)).status_code == 404
    assert visit().get(f"/dags/{DAG}/organizations/{uuid4()}/standard").status_code == 404


def test_the_list_says_whether_older_jobs_are_in_the_archive_or_not_shown(visit: Visit, acme: Tenant) -> None:
    job = acme.claim(a_run())
    acme.execute("UPDATE hubspot.jobs SET status = 'completed' WHERE id = %s", job.id)
    assert "All jobs of this DAG that are not in the archive." in words(visit().get(list_path(acme)).text)
    acme.execute(MORE_JOBS)
    text = visit().get(list_path(acme)).text
    assert len(re.findall(r"/jobs/[0-9a-f-]{36}", text)) == 100
    assert "The newest 100 jobs of this DAG; the table jobs has older ones." in words(text)


def test_where_all_jobs_are_archived_the_table_and_the_list_say_so(
    visit: Visit, acme: Tenant, knows_dags: Callable[..., None]
) -> None:
    knows_dags(["hubspot_deals_acme"], is_paused=True)
    an_ended_job(acme, "long ago", days_ago=200)
    acme.execute("UPDATE hubspot.sync_state SET (last_sync_at, watermark) = (now(), now())")
    acme.execute("SELECT hubspot.archive_jobs()")
    shown = words(visit().get().text)
    assert "archived" in shown
    assert "no run yet" not in shown
    answer = visit().get(list_path(acme))
    assert answer.status_code == 404
    assert "its older ones are in the archive" in words(answer.text)
