"""``python -m airflow_provider_hubspot_deals.cli …``: the same commands where Airflow is older than 3.2.

Airflow finds the commands of providers from 3.2 on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence

from airflow.cli.cli_config import ActionCommand, CLICommand, DefaultHelpParser

from airflow_provider_hubspot_deals.cli.definition import get_commands


def main(words: Sequence[str]) -> None:
    (group,) = get_commands()
    parser = _described(DefaultHelpParser(prog="python -m airflow_provider_hubspot_deals.cli"), group)
    arguments = parser.parse_args(words)
    arguments.func(arguments)


def _described(parser: argparse.ArgumentParser, command: CLICommand) -> argparse.ArgumentParser:
    parser.formatter_class = argparse.RawTextHelpFormatter
    parser.epilog = command.epilog
    parser.description = command.help
    if isinstance(command, ActionCommand):
        for each in command.args:
            each.add_to_parser(parser)
        parser.set_defaults(func=command.func)
    else:
        _add(parser, command.subcommands)
    return parser


def _add(parser: argparse.ArgumentParser, commands: Iterable[CLICommand]) -> None:
    subparsers = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    for each in commands:
        _described(subparsers.add_parser(each.name, help=each.help), each)


if __name__ == "__main__":
    main(sys.argv[1:])
