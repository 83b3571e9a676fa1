"""docs/cli.md says what the command line does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from airflow.cli import cli_parser

from airflow_provider_hubspot_deals.cli.exit_codes import EXPLAINED
from tests.unit.cli.test_definition import actions

DOCS = (Path(__file__).parents[3] / "docs" / "cli.md").read_text("utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
CALLS = sorted(
    {line.removeprefix("$ ").partition("#")[0].partition(">")[0].strip()
     for block in BLOCKS for line in block.splitlines() if line.removeprefix("$ ").startswith("airflow hubspot-deals")}
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_every_call_in_the_page_is_one_that_airflow_takes(call: str) -> None:
    words = shlex.split(call.replace("…", "11111111-2222-4333-8444-555555555555"))
    arguments = cli_parser.get_parser().parse_args(words[1:])
    assert callable(arguments.func)


@pytest.mark.parametrize("words", [" ".join(words) for words, _ in actions()])
def test_every_command_is_in_the_page(words: str) -> None:
    assert f"airflow {words}" in DOCS


def test_every_option_is_in_the_page() -> None:
    for _, action in actions():
        for each in action.args:
            assert any(flag in DOCS for flag in each.flags if flag.startswith("--")) or "-" not in each.flags[0]


def test_the_exit_codes_are_those_of_help() -> None:
    codes = re.findall(r"^  (\d+) ", EXPLAINED, re.MULTILINE)
    assert re.findall(r"^\| (\d+) \|", DOCS, re.MULTILINE) == codes
