"""What every command has around it."""

from __future__ import annotations

import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from io import TextIOWrapper

from airflow_provider_hubspot_deals.cli.exit_codes import DONE, INTERRUPTED, exit_code_of
from airflow_provider_hubspot_deals.cli.printing import complain
from airflow_provider_hubspot_deals.exceptions import HubSpotDealsError

_TALKATIVE = ("airflow_provider_hubspot_deals", "alembic.runtime.migration")

Command = Callable[[Namespace], int]  # returns its exit code


def command(function: Command) -> Callable[[Namespace], None]:
    """Let a command see the connections that Airflow's own database holds, and end it with its exit code."""

    @wraps(function)
    def call(arguments: Namespace) -> None:
        # As `airflow connections` does: by default only the environment and the secrets backends are asked.
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
        _write_what_can_be_written()
        try:
            with _log_beside_the_answer(is_verbose=getattr(arguments, "verbose", False)):
                code = function(arguments)
            sys.stdout.flush()
        except HubSpotDealsError as error:
            complain(str(error))
            code = exit_code_of(error)
        except KeyboardInterrupt:
            complain("Stopped.")
            code = INTERRUPTED
        except BrokenPipeError:  # as in `… | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = DONE
        sys.exit(code)

    return call


def _write_what_can_be_written() -> None:
    """What a terminal or a locale has no character for shows as an escape, and ends no command."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def _log_beside_the_answer(*, is_verbose: bool) -> Iterator[None]:
    """Airflow logs to standard output, where scripts expect the answer alone. From 3.3 on it does this by itself."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.INFO if is_verbose else logging.WARNING)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
