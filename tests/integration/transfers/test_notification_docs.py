"""What docs/notifications.md and docs/observability.md show does what they say."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from airflow.sdk import DAG

from airflow_provider_hubspot_deals.client.transport import Timeouts, Transport
from airflow_provider_hubspot_deals.notifications.job_facts import job_facts
from airflow_provider_hubspot_deals.organizations import parse_organizations
from airflow_provider_hubspot_deals.transfers.metrics import COUNTERS
from airflow_provider_hubspot_deals.webhooks.endpoint import Endpoint, Outcome
from airflow_provider_hubspot_deals.webhooks.event import event_of
from airflow_provider_hubspot_deals.webhooks.signing import signing_keys
from local_stack.ports import free_port
from tests.docs.shapes import differences
from tests.integration.transfers.conftest import WAIT_S, Airflow
from tests.integration.transfers.test_webhook_notifier import finished
from tests.unit.client.scripted_server import ScriptedServer, answer
from tests.unit.webhooks.receiver import SECRET
from tests.unit.webhooks.test_delivering import NOW

DOCS = Path(__file__).parents[3] / "docs"
NOTIFICATIONS = (DOCS / "notifications.md").read_text()
OBSERVABILITY = (DOCS / "observability.md").read_text()


def blocks(language: str, text: str = NOTIFICATIONS) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@contextmanager
def receiver(path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    path.write_text(blocks("python")[0])
    port = free_port()
    environment = {**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port)}
    running = subprocess.Popen([sys.executable, path], env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - the block of the document
    try:
        yield running, port
    finally:
        running.kill()
        running.wait()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "the receiver does not start"
            time.sleep(0.05)
        else:
            return


def test_the_receiver_takes_each_event_once_and_nothing_that_is_not_ours(tmp_path: Path) -> None:
    event = event_of("job.failed", about="1", occurred_at=NOW, data={"organization": "acme", "error": "Mend it."})
    with receiver(tmp_path / "receiver.py") as (running, port):
        wait_for(port)
        ours = Endpoint(name="crm", url=f"http://127.0.0.1:{port}/hooks", keys=signing_keys(SECRET))
        results = [ours.send(event), ours.send(event)]
        foreign = Endpoint(name="crm", url=ours.url, keys=signing_keys("whsec_" + "QUJD" * 8)).send(event)
        unsigned = Transport(f"http://127.0.0.1:{port}", timeouts=Timeouts()).send("POST", "/", {}, b"{}", asked="it")
        running.kill()
        printed = running.stdout.read() if running.stdout else ""
    assert [result.outcome for result in results] == [Outcome.DELIVERED, Outcome.DELIVERED]
    assert (foreign.status, unsigned.status) == (401, 401)
    assert printed == "hubspot_deals.job.failed acme Mend it.\n"


def test_the_request_on_the_page_is_the_one_that_arrives(airflow: Airflow) -> None:
    (shown,) = blocks("http")
    headers = re.findall(r"^([\w-]+): ", shown, re.MULTILINE)
    event = event_of("job.completed", about="1", occurred_at=NOW, data=job_facts(finished(airflow)))
    with ScriptedServer([answer(204)]) as server:
        Endpoint(name="crm", url=f"{server.url}/hubspot", keys=signing_keys(SECRET)).send(event)
    (request,) = server.requests
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {request.headers[name]}" for name in headers)]
    assert differences(shown, "\n".join([*lines, "", request.body.decode()])) == []


def test_the_settings_are_read_as_told(tmp_path: Path) -> None:
    (block,) = blocks("toml")
    file = parse_organizations(block, tmp_path)
    assert file.problems == ()
    (acme,) = file.organizations
    assert acme.stale_after_minutes == 180
    assert [each.on for each in acme.notifications] == [("failed",)]


def test_the_mail_notifier_takes_the_arguments_shown(tmp_path: Path) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    (acme,) = parse_organizations(blocks("toml")[0], tmp_path).organizations
    (mail,) = acme.notifications
    notifier = SmtpNotifier(**mail.arguments)
    context = {"hubspot_job": {"organization": "acme", "error_code": "AUTH_INVALID", "error": "Mend it."}}
    notifier.render_template_fields(context)  # type: ignore[arg-type]  # as much of a context as it needs
    assert (notifier.subject, notifier.html_content) == ("acme: AUTH_INVALID", "Mend it.")


def test_the_dag_can_be_imported() -> None:
    namespace: dict[str, object] = {}
    with DAG("around", schedule=None):
        pass
    exec(blocks("python")[1], namespace)  # noqa: S102 - the block of the document
    assert namespace["tell"]


def test_every_fact_is_in_the_table(airflow: Airflow) -> None:
    facts = job_facts(finished(airflow))
    (table,) = re.findall(r"\| `hubspot_job\.` \|.*?\n\n", NOTIFICATIONS, re.DOTALL)
    named = set(re.findall(r"`(\w+)", table))
    assert set(facts) - {"counts"} <= named
    assert "counts.records_extracted" in table


@pytest.mark.parametrize("metric", [*COUNTERS, "duration", "lag_seconds", "live_deals"])
def test_every_metric_is_in_the_table(metric: str) -> None:
    assert f"`{metric}`" in OBSERVABILITY


def test_every_key_of_the_summary_is_in_the_table(airflow: Airflow) -> None:
    summary = airflow.task().execute(airflow.context())
    assert [key for key in summary if f"`{key}`" not in OBSERVABILITY] == []
