"""Signatures are those of the Standard Webhooks specification: its own library takes them."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.webhooks.signing import signatures, signing_keys

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def headers(secrets: str, body: bytes, *, event_id: str = "msg_1", timestamp_s: int | None = None) -> dict[str, str]:
    timestamp_s = int(time.time()) if timestamp_s is None else timestamp_s
    signature = signatures(signing_keys(secrets), event_id=event_id, timestamp_s=timestamp_s, body=body)
    return {"webhook-id": event_id, "webhook-timestamp": str(timestamp_s), "webhook-signature": signature}


def test_the_specifications_own_example_comes_out() -> None:
    signed = signatures(
        signing_keys(SECRET),
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp_s=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_specifications_library_verifies() -> None:
    body = '{"name":"Ünïcødé 🎉"}'.encode()
    assert Webhook(SECRET).verify(body, headers(SECRET, body)) == {"name": "Ünïcødé 🎉"}


@pytest.mark.parametrize("secret", [SECRET, OTHER], ids=["old", "new"])
def test_while_a_secret_is_changed_a_receiver_may_have_either(secret: str) -> None:
    Webhook(secret).verify(b"{}", headers(f"{OTHER} {SECRET}", b"{}"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"body": b'{"a":2}'}, id="body"),
        pytest.param({"webhook-id": "msg_2"}, id="id"),
        pytest.param({"webhook-timestamp": str(int(time.time()) + 60)}, id="time"),
    ],
)
def test_nothing_that_is_signed_can_be_changed(change: dict[str, str | bytes]) -> None:
    given: dict[str, str | bytes] = {"body": b'{"a":1}', **headers(SECRET, b'{"a":1}'), **change}
    body = given.pop("body")
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, {name: str(value) for name, value in given.items()})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("hunter2", id="a password"),
        pytest.param("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id="without its prefix"),
        pytest.param("whsec_c2hvcnQ=", id="too short"),
        pytest.param("whsec_" + base64.b64encode(bytes(65)).decode(), id="too long"),
        pytest.param("whsec_*********************************", id="no base64"),
        pytest.param(f"{SECRET} hunter2", id="one of two"),
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError, match="password") as caught:
        signing_keys(text)
    assert not any(word in str(caught.value) for word in text.split())


def test_a_key_does_not_show_among_the_variables_of_a_frame() -> None:
    assert repr(signing_keys(SECRET)) == "(Secret(***),)"
