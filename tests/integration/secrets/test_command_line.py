"""Whatever fails, the command line prints no secret: not in a table, in JSON, in a log, or in what advice it gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_hubspot_deals.cli.__main__ import main
from hubspot_simulator import FaultRule
from tests.integration.secrets import sinks
from tests.integration.secrets.canaries import CANARIES, PRIVATE_APP, REFRESH_TOKEN
from tests.integration.secrets.conftest import World
from tests.integration.secrets.scanner import Scanner

scanner = Scanner(CANARIES)


def echo(endpoint: str, status: int, secret: str) -> FaultRule:
    said = json.dumps({"message": f"no such token: {secret}", "category": secret, "correlationId": secret})
    return FaultRule(fault="status", endpoint=endpoint, status=status, times=None, body=said)


def refuse_grants(world: World) -> None:
    world.oauth()
    world.simulator.add_fault(echo("oauth_token", 400, REFRESH_TOKEN))


TROUBLES: dict[str, tuple[Callable[[World], object], bool]] = {
    "nothing": (lambda _world: None, True),
    "401 with the token": (lambda world: world.simulator.add_fault(echo("list", 401, PRIVATE_APP)), False),
    "503 with the token": (lambda world: world.simulator.add_fault(echo("list", 503, PRIVATE_APP)), False),
    "400 with the refresh token": (refuse_grants, False),
    "nobody at PostgreSQL's port": (lambda world: world.postgres(port=1), False),
    "a wrong password": (lambda world: world.postgres(password=CANARIES["database password"][::-1]), False),
}


@pytest.fixture
def command(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Calls `hubspot-deals …` on a file with one organization; gives what it wrote and logged, and its status."""
    file = tmp_path / "organizations.toml"
    file.write_text(f'[[organizations]]\nslug = "{world.organization}"\nhubspot_conn_id = "hubspot_default"\n')
    monkeypatch.setenv("HUBSPOT_DEALS_ORGANIZATIONS", str(file))
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")  # as the commands do; to be put back

    def called(*words: str) -> str:
        capfd.readouterr()
        with sinks.Logs().captured() as logs, pytest.raises(SystemExit) as ended:
            main(words)
        printed = capfd.readouterr()
        return f"{printed.out}{printed.err}{logs.text}{sinks.unfolded(ended.value)}\nstatus {ended.value.code or 0}"

    return called


@pytest.mark.parametrize("name", TROUBLES)
def test_f18_whatever_fails_the_command_line_shows_no_secret(
    world: World, command: Callable[..., str], name: str
) -> None:
    arrange, goes_well = TROUBLES[name]
    arrange(world)

    shown = {"sync": command("sync", world.organization)}
    for words in (["organizations"], ["check"], ["jobs", "list"], ["quarantine", "list"]):
        for output in ("table", "json"):
            shown[f"{' '.join(words)} --output {output}"] = command(*words, "--output", output)

    assert ("status 0" in shown["sync"]) is goes_well
    assert world.organization in shown["organizations --output json"]
    assert {what: found for what, text in shown.items() if (found := scanner.finds(text))} == {}
    assert scanner.finds(sinks.database(world.superuser_url)) == []
