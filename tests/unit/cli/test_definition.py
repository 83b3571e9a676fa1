"""What Airflow imports of the command line in each of its processes: names, and nothing that the commands need."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC
from importlib import import_module

import pytest
from airflow.cli import cli_parser
from airflow.cli.cli_config import ActionCommand, CLICommand

from airflow_provider_hubspot_deals.cli.arguments import moment
from airflow_provider_hubspot_deals.cli.definition import GROUP, get_commands
from airflow_provider_hubspot_deals.sync.request import MODES

HEAVY = (
    "psycopg",
    "requests",
    "alembic",
    "airflow_provider_hubspot_deals.sync",
    "airflow_provider_hubspot_deals.hooks",
)


def actions(commands: object = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], ActionCommand]]:
    """Every command that does something, with the words that call it."""
    for each in commands if isinstance(commands, tuple | list) else get_commands():
        words = (*path, each.name)
        if isinstance(each, ActionCommand):
            yield words, each
        else:
            yield from actions(tuple(each.subcommands), words)


def test_every_command_has_a_function_a_sentence_and_the_exit_codes() -> None:
    found = dict(actions())
    assert len(found) == 12
    for words, action in found.items():
        module, _, name = function_of(action).rpartition(".")
        assert callable(getattr(import_module(module), name)), words
        assert action.help
        assert "exit codes" in (action.epilog or "")


def function_of(action: ActionCommand) -> str:
    """The path that Airflow's lazy loader keeps in its closure."""
    closure = getattr(action.func, "__closure__", ())
    return next(
        cell.cell_contents for cell in closure if isinstance(cell.cell_contents, str) and "." in cell.cell_contents
    )


def test_airflow_has_the_group_among_its_own() -> None:
    group: CLICommand = cli_parser.ALL_COMMANDS_DICT[GROUP]
    assert "HubSpot" in group.help


def test_naming_the_commands_imports_nothing_that_they_need() -> None:
    program = (
        "import airflow.cli.cli_config, sys\n"
        "before = set(sys.modules)\n"
        "from airflow_provider_hubspot_deals.cli.definition import get_commands\n"
        "get_commands()\n"
        "sys.stdout.write(' '.join(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=120)  # noqa: S603 - ourselves
    new = set(done.stdout.split())
    assert "airflow_provider_hubspot_deals.cli.definition" in new
    assert not [name for name in new if name.startswith(HEAVY)]
    assert not [name for name in new if name.startswith("airflow_provider_hubspot_deals.cli.commands")]


def test_the_help_of_sync_explains_each_mode_and_shows_a_time_that_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli_parser.get_parser().parse_args([GROUP, "sync", "--help"])
    said = capsys.readouterr().out
    for mode in MODES:
        assert re.search(rf"^ +{mode}: \w", said, re.MULTILINE), mode
    times = re.findall(r"such as (\S+Z)", said)
    assert [moment(each).tzinfo for each in times] == [UTC, UTC]


def test_every_choice_says_what_it_is_without_it() -> None:
    for words, action in actions():
        for each in action.args:
            if "choices" in each.kwargs:
                assert "(default: " in each.kwargs["help"], (words, each.flags)


@pytest.mark.parametrize(
    "words",
    [
        ["sync"],
        ["sync", "acme", "--mode", "everything"],
        ["sync", "acme", "--window-start", "yesterday"],
        ["sync", "acme", "--mode", "window", "--window-start", "0001-01-01T00:00:00+14:00"],
        ["sync", "acme", "--mode", "window", "--window-end", "9999-12-31T23:59:59-14:00"],
        ["jobs", "list", "--limit", "0"],
        ["jobs", "list", "--limit", "1e3"],
        ["jobs", "list", "--status", "lost"],
        ["jobs"],
        ["nothing"],
    ],
)
def test_a_command_that_is_called_wrongly_ends_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli_parser.get_parser().parse_args([GROUP, *words])
    assert ended.value.code == 2
