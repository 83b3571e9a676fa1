"""What an operator reads when HubSpot says no."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_hubspot_deals.exceptions import (
    AuthenticationError,
    HubSpotDealsError,
    HubSpotRefusedError,
    MissingScopeError,
)
from tests.unit.client.conftest import TOKEN
from tests.unit.client.scripted_server import ScriptedServer, answer, reset

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient

SCOPES = {"requiredGranularScopes": ["crm.schemas.deals.read", "crm.objects.deals.read"]}
MISSING_SCOPES = {
    "status": "error",
    "message": "This app hasn't been granted all required scopes to make this call.",
    "correlationId": "dc49c0a8-9952-4937-aad4-e322b1e5cee0",
    "category": "MISSING_SCOPES",
}


def refused(client: HubSpotClient) -> HubSpotDealsError:
    with pytest.raises(HubSpotDealsError) as raised:
        client.list_deals(properties=["secret_property"])
    return raised.value


@pytest.mark.parametrize(
    "body",
    [{**MISSING_SCOPES, "errors": [{"message": "…", "context": SCOPES}]}, {**MISSING_SCOPES, "context": SCOPES}],
    ids=["in errors", "at the top"],
)
def test_a12_a_missing_scope_is_named_wherever_hubspot_puts_it(
    client: HubSpotClient, server: ScriptedServer, body: Any
) -> None:
    server.answers(answer(403, body))
    error = refused(client)
    assert isinstance(error, MissingScopeError)
    assert "crm.schemas.deals.read, crm.objects.deals.read" in str(error)
    assert error.code == "MISSING_SCOPE"
    assert error.correlation_id == MISSING_SCOPES["correlationId"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [MISSING_SCOPES, {"message": "Forbidden"}])
def test_a12_without_a_list_the_usual_scope_is_named(client: HubSpotClient, server: ScriptedServer, body: Any) -> None:
    server.answers(answer(403, body))
    assert "crm.objects.deals.read" in str(refused(client))


@pytest.mark.parametrize("body", [{"message": "Blocked", "category": "BANNED"}, b"<html>Access denied</html>"])
def test_a_403_for_another_reason_does_not_send_people_to_the_scopes(
    client: HubSpotClient, server: ScriptedServer, body: Any
) -> None:
    server.answers(answer(403, body))
    error = refused(client)
    assert type(error) is HubSpotRefusedError
    assert error.code == "FORBIDDEN"


def test_the_message_names_connection_request_status_and_correlation_id(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    server.answers(answer(404, {"message": "resource not found"}, headers={"X-HubSpot-Correlation-Id": "abc-123"}))
    text = str(refused(client))
    for part in ("'hubspot_acme'", "404", "GET /crm/v3/objects/deals", "resource not found", "abc-123"):
        assert part in text


def test_the_message_never_holds_the_query(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(404, {}))
    assert "secret_property" not in str(refused(client))


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        None,
        {"errors": "x", "context": [], "message": {"a": 1}, "correlationId": 5, "category": ["X"], "policyName": 1},
        {"errors": [None, 5, {"context": "x"}, {"context": {"requiredGranularScopes": "x"}}]},
        {"context": {"requiredGranularScopes": [None, 7, "évil", "a\nb"]}},
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_every_field_of_an_error_is_optional(
    impatient: HubSpotClient, server: ScriptedServer, status: int, body: Any
) -> None:
    server.answers(answer(status, body))
    assert refused(impatient).code != "UNEXPECTED"


def test_f33_foreign_text_can_neither_break_a_log_line_nor_flood_it(
    client: HubSpotClient, server: ScriptedServer
) -> None:
    hostile = "\r\n2026-11-21 INFO all is well\x1b[2J\u202e\ud800" + "x" * 1_000_000
    server.answers(answer(400, {"message": hostile, "category": "A" * 5_000, "correlationId": "b\r\n" * 9}))
    text = str(refused(client))
    assert text.isprintable()
    assert r"\r\n2026" in text
    assert len(text) < 700
    text.encode()


@pytest.mark.parametrize("padding", ["", "x" * 280])
def test_f18_a_token_that_hubspot_echoes_is_not_repeated(
    client: HubSpotClient, server: ScriptedServer, padding: str
) -> None:
    server.answers(answer(401, {"message": f"{padding} unknown token {TOKEN} in header"}))
    error = refused(client)
    assert isinstance(error, AuthenticationError)
    assert TOKEN[:20] not in str(error)


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        pytest.param(404, {"category": f"BAD {TOKEN}"}, {}, id="category"),
        pytest.param(404, {"status": TOKEN}, {}, id="status"),
        pytest.param(404, {"correlationId": TOKEN}, {}, id="correlation id"),
        pytest.param(404, {}, {"X-HubSpot-Correlation-Id": f"{'x' * 40}{TOKEN}"}, id="correlation id in a header"),
        pytest.param(429, {"policyName": TOKEN}, {}, id="policy"),
        pytest.param(429, {"policyName": f"DAILY {TOKEN}"}, {}, id="policy of a deferral"),
        pytest.param(403, {"context": {"requiredGranularScopes": [TOKEN]}}, {}, id="scopes"),
        pytest.param(200, b"<html>", {"Content-Type": f"text/{TOKEN}"}, id="content type"),
    ],
)
def test_f18_a_token_that_comes_back_in_any_field_is_not_repeated(
    impatient: HubSpotClient, server: ScriptedServer, status: int, body: Any, headers: dict[str, str]
) -> None:
    server.answers(answer(status, body, headers=headers))
    error = refused(impatient)
    shown = (str(error) + repr(error.__dict__)).lower()
    assert "***" in shown
    assert TOKEN[:16] not in shown


def test_f18_no_log_line_exception_or_chained_cause_holds_token_or_query(
    make_client: Callable[..., HubSpotClient], server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.answers(
        answer(401, {"message": TOKEN}), answer(500, TOKEN.encode()), reset(), answer(200, b"{"), answer(404, {})
    )
    error = refused(make_client())
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    shown = caplog.text + repr(error) + repr(error.__dict__)
    assert "Attempt 1 of GET /crm/v3/objects/deals failed" in caplog.text
    assert TOKEN not in shown
    assert "secret_property" not in shown


def test_facts_survive_the_way_to_another_process(client: HubSpotClient, server: ScriptedServer) -> None:
    server.answers(answer(403, {**MISSING_SCOPES, "context": SCOPES}))
    error = refused(client)
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (str(copied), copied.__dict__) == (str(error), error.__dict__)


@pytest.mark.parametrize("body", [{"results": "Customer Ltd"}, b'{"results": ["Customer Ltd"'], ids=["shape", "cut"])
def test_f27_a_page_never_shows_up_in_an_error_or_its_causes(
    impatient: HubSpotClient, server: ScriptedServer, body: Any
) -> None:
    server.answers(answer(200, body))
    error = refused(impatient)
    assert "Customer" not in "".join(traceback.format_exception(error))
    assert error.__context__ is None
