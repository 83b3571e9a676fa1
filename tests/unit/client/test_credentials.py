"""What can be a token, and that nobody ever sees one."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hubspot_deals.client.credentials import OAuthRefreshToken, PrivateAppToken
from airflow_provider_hubspot_deals.exceptions import (
    AuthenticationError,
)
from tests.unit.client.conftest import TOKEN, StoppedClock


@pytest.mark.parametrize(
    ("token", "complaint"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (None, "empty"),
        (f"Bearer {TOKEN}", "the word 'Bearer'"),
        (f"bearer {TOKEN}", "the word 'Bearer'"),
        (f"{TOKEN}\n", "white space"),
        (f" {TOKEN}", "white space"),
        ("pat-na1-äöü-11111", "characters"),
        ("pat-na1\r\nX-Evil: 1", "characters"),
        ("pat-na1\t11111", "characters"),
        ('"pat-na1-11111"', "characters"),
        ("pat-na1-\x00-11111", "characters"),
        ("p" * 10_240, "10240 characters"),
        ("pat", "3 characters"),
    ],
)
def test_f20_a_malformed_token_is_refused_without_an_echo(token: Any, complaint: str) -> None:
    with pytest.raises(AuthenticationError, match=complaint) as raised:
        PrivateAppToken(token)
    assert raised.value.code == "TOKEN_FORMAT"
    assert "pat-na1" not in str(raised.value)
    assert "1111" not in str(raised.value)


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("value", ["", "has space", "line\nbreak", None, "é" * 10])
def test_f20_a_malformed_part_of_an_oauth_grant_is_refused(part: int, value: Any) -> None:
    parts: list[Any] = ["client-id", "client-secret", "refresh-token"]
    parts[part] = value
    with pytest.raises(AuthenticationError, match="OAuth") as raised:
        OAuthRefreshToken(*parts)
    assert "secret-" not in str(raised.value)


def test_e34_f18_no_representation_shows_a_secret() -> None:
    grant = OAuthRefreshToken("client-id", "client-secret", "refresh-token")
    shown = f"{PrivateAppToken(TOKEN)!r} {grant!r} {grant} {PrivateAppToken(TOKEN)}"
    assert TOKEN not in shown
    assert "client-secret" not in shown
    assert "refresh-token" not in shown


def test_a11_a_thread_that_comes_late_does_not_discard_the_new_token(clock: StoppedClock) -> None:
    granted: list[str] = []

    def request_token(_form: Any) -> dict[str, Any]:
        granted.append(f"access-token-{len(granted) + 1}")
        return {"access_token": granted[-1], "expires_in": 1800}

    grant = OAuthRefreshToken("client-id", "client-secret", "refresh-token-1", clock=clock.as_clock())
    old = grant.access_token(request_token)
    assert grant.may_retry([old], expired=True)
    new = grant.access_token(request_token)
    assert grant.may_retry([old], expired=True)
    assert grant.access_token(request_token) == new
    assert len(granted) == 2
