"""An event to a real HTTP server: what is retried, what is not, and that no answer leads the sender astray."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from airflow_provider_hubspot_deals.client.clock import Clock
from airflow_provider_hubspot_deals.client.retries import Retries
from airflow_provider_hubspot_deals.exceptions import ConfigurationError, NotDeliveredError
from airflow_provider_hubspot_deals.webhooks.delivering import deliver
from airflow_provider_hubspot_deals.webhooks.endpoint import Endpoint, Result
from airflow_provider_hubspot_deals.webhooks.event import Event, event_of
from airflow_provider_hubspot_deals.webhooks.signing import signing_keys
from tests.unit.client.scripted_server import ScriptedServer, Step, answer, drip, raw, reset
from tests.unit.webhooks.receiver import SECRET, Receiver

NOW = datetime(2026, 11, 22, tzinfo=UTC)
THREE = Retries(attempts_max=3, budget_s=60.0, backoff_s=1.0, backoff_max_s=4.0)


@dataclass
class Notebook:
    """A delivery log in memory."""

    outcomes: list[tuple[str, int | None]] = field(default_factory=list)
    begun: int = 0
    is_settled: bool = False

    def begin(self, event: Event, endpoint: Endpoint) -> bool:  # noqa: ARG002 - DeliveryLog's signature
        self.begun += not self.is_settled
        return not self.is_settled

    def end(self, event: Event, endpoint: Endpoint, result: Result) -> None:  # noqa: ARG002 - as above
        self.outcomes.append((result.outcome.value, result.status))


@dataclass
class Sender:
    """Delivers to the test's server with a clock that does not sleep."""

    server: ScriptedServer
    notebook: Notebook = field(default_factory=Notebook)
    sleeps: list[float] = field(default_factory=list)
    timeout_s: float = 5.0

    def deliver(self, event: Event, retries: Retries = THREE) -> None:
        endpoint = Endpoint(
            name="crm_webhook",
            url=f"{self.server.url}/hooks/s3cr3t?tenant=acme",
            keys=signing_keys(SECRET),
            timeout_s=self.timeout_s,
        )
        clock = Clock(sleep=self.sleeps.append)
        deliver(event, endpoint, self.notebook, retries=retries, clock=clock)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer([answer(204, b"")]) as started:
        yield started


@pytest.fixture
def sender(server: ScriptedServer) -> Sender:
    return Sender(server)


def an_event(about: str = "job 1") -> Event:
    return event_of("job.completed", about=about, occurred_at=NOW, data={"organization": "acme"})


def test_an_event_arrives_signed_once(sender: Sender, server: ScriptedServer) -> None:
    began_s = int(time.time())
    sender.deliver(an_event())
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/hooks/s3cr3t?tenant=acme")
    assert began_s <= int(request.headers["webhook-timestamp"]) <= time.time()
    receiver = Receiver(server)
    assert receiver.take(request)
    (event,) = receiver.taken.values()
    assert event == {
        "type": "hubspot_deals.job.completed",
        "timestamp": "2026-11-22T00:00:00+00:00",
        "data": {"organization": "acme"},
    }
    assert request.headers["content-type"] == "application/json"
    assert sender.notebook.outcomes == [("delivered", 204)]


def test_a_recorded_request_that_is_sent_again_is_no_new_event(sender: Sender, server: ScriptedServer) -> None:
    sender.deliver(an_event())
    receiver = Receiver(server)
    assert [receiver.take(request) for request in server.requests * 2] == [True, False]


def test_an_old_recording_is_refused(sender: Sender, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    ten_minutes_ago = time.time() - 600
    monkeypatch.setattr("airflow_provider_hubspot_deals.webhooks.endpoint.time.time", lambda: ten_minutes_ago)
    sender.deliver(an_event())
    monkeypatch.undo()
    with pytest.raises(WebhookVerificationError, match="too old"):
        Receiver(server).take(server.requests[0])


def test_the_same_event_has_the_same_id_and_another_one_another() -> None:
    assert an_event() == an_event()
    assert an_event("job 2").id != an_event().id
    assert "." not in an_event().id


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_passes_is_retried_under_the_same_id(sender: Sender, server: ScriptedServer, status: int) -> None:
    server.answers(answer(status), answer(status), answer(200))
    sender.deliver(an_event())
    receiver = Receiver(server)
    assert [receiver.take(request) for request in server.requests] == [True, False, False]
    assert len(sender.sleeps) == 2
    assert sender.notebook.outcomes == [("failed", status), ("failed", status), ("delivered", 200)]


def test_an_outage_is_left_to_later_attempts(sender: Sender, server: ScriptedServer) -> None:
    server.answers(answer(500))
    with pytest.raises(NotDeliveredError, match=r"'crm_webhook'.*127.0.0.1 answered 500") as caught:
        sender.deliver(an_event())
    assert "s3cr3t" not in str(caught.value)
    assert len(server.requests) == 3


def test_410_is_the_end(sender: Sender, server: ScriptedServer) -> None:
    server.answers(answer(410))
    with pytest.raises(ConfigurationError, match="410") as caught:
        sender.deliver(an_event())
    assert caught.value.code == "WEBHOOK_GONE"
    assert len(server.requests) == 1
    assert sender.notebook.outcomes == [("gone", 410)]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413])
def test_a_refusal_is_not_repeated_at_once(sender: Sender, server: ScriptedServer, status: int) -> None:
    server.answers(answer(status))
    with pytest.raises(NotDeliveredError, match=str(status)):
        sender.deliver(an_event())
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(sender: Sender, server: ScriptedServer, status: int) -> None:
    server.answers(answer(status, headers={"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(NotDeliveredError):
        sender.deliver(an_event())
    assert server.targets == ["/hooks/s3cr3t?tenant=acme"]


def test_a_pause_that_the_receiver_asks_for_is_kept(sender: Sender, server: ScriptedServer) -> None:
    server.answers(answer(429, headers={"Retry-After": "7"}), answer(200))
    sender.deliver(an_event())
    assert sender.sleeps[0] >= 7


def test_a_pause_longer_than_there_is_time_is_left_to_later_attempts(sender: Sender, server: ScriptedServer) -> None:
    server.answers(answer(503, headers={"Retry-After": "3600"}), answer(200))
    with pytest.raises(NotDeliveredError, match="503"):
        sender.deliver(an_event())
    assert len(server.requests) == 1
    assert sender.sleeps == []


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(reset(), id="reset"),
        pytest.param(raw(b""), id="hung up"),
        pytest.param(raw(b"SSH-2.0-OpenSSH_9.7\r\n"), id="no HTTP"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\nX: ", every_s=0.05), id="drip"),
    ],
)
def test_no_answer_is_retried(sender: Sender, server: ScriptedServer, step: Step) -> None:
    sender.timeout_s = 0.3
    server.answers(step, answer(200))
    sender.deliver(an_event())
    assert sender.notebook.outcomes == [("failed", None), ("delivered", 200)]


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(answer(200, b"x" * 300_000), id="a long answer"),
        pytest.param(answer(200, b"\x1f\x8b no gzip", headers={"Content-Encoding": "gzip"}), id="a damaged one"),
    ],
)
def test_whatever_a_receiver_says_with_a_2xx_the_event_has_arrived(
    sender: Sender, server: ScriptedServer, step: Step
) -> None:
    server.answers(step)
    sender.deliver(an_event())
    assert sender.notebook.outcomes == [("delivered", 200)]


def test_what_was_told_before_is_not_told_again(sender: Sender, server: ScriptedServer) -> None:
    sender.notebook.is_settled = True
    sender.deliver(an_event())
    assert server.requests == []


def test_a_proxy_of_the_environment_never_sees_an_event(
    sender: Sender, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    sender.deliver(an_event())
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("url", "allow_http", "expected"),
    [
        pytest.param("https://hooks.example.com/x", False, None, id="https"),
        pytest.param("http://127.0.0.1:8080/x", False, None, id="this machine"),
        pytest.param("http://hooks.internal/x", True, None, id="http on purpose"),
        pytest.param("http://hooks.example.com/x", False, "must begin with https", id="http"),
        pytest.param("ftp://hooks.example.com/x", True, "must be an address", id="no http at all"),
        pytest.param("https:///x", False, "must be an address", id="no host"),
        pytest.param("https://me:secret@hooks.example.com/x", False, "must be an address", id="a password in it"),
        pytest.param("https://hooks.example.com:99999/secret", False, "must be an address", id="no port"),
        pytest.param("https://[secret", False, "must be an address", id="half an address"),
        pytest.param("https://hooks.example.com/a secret", False, "must be an address", id="a space"),
        pytest.param("https://hooks.example.com/\r\nX: secret", False, "must be an address", id="a header"),
        pytest.param("https://hooks.exämple.com/secret", False, "must be an address", id="not encoded"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_and_not_repeated(
    url: str, expected: str | None, *, allow_http: bool
) -> None:
    endpoint = Endpoint(name="crm_webhook", url=url, keys=signing_keys(SECRET))
    if expected is None:
        endpoint.check(allow_http=allow_http)
        return
    with pytest.raises(ConfigurationError, match=expected) as caught:
        endpoint.check(allow_http=allow_http)
    assert "secret" not in str(caught.value)
    assert "hooks.example.com" not in str(caught.value)


def test_the_path_is_in_no_log_of_any_library(
    sender: Sender, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        sender.deliver(an_event())
    assert server.targets == ["/hooks/s3cr3t?tenant=acme"]
    assert '"POST / HTTP/1.1" 204' in caplog.text
    assert "s3cr3t" not in caplog.text


def test_the_address_does_not_show_among_the_variables_of_a_frame() -> None:
    assert "s3cr3t" not in repr(Endpoint(name="x", url="https://h/s3cr3t", keys=signing_keys(SECRET)))


def test_the_signature_is_that_of_the_attempt_and_not_of_the_event(sender: Sender, server: ScriptedServer) -> None:
    server.answers(answer(500), answer(200))
    sender.deliver(an_event())
    assert all(Webhook(SECRET).verify(request.body, request.headers) for request in server.requests)
