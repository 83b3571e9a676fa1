"""Blocks of commands, and consoles: commands with what they print."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest

from airflow_provider_hubspot_deals.cli.__main__ import main
from tests.docs.blocks import Block
from tests.docs.elsewhere import NOT_RUN, missing, test_that_reads, test_that_runs
from tests.docs.shapes import differences
from tests.docs.story import Story

OURS = "airflow hubspot-deals "
_LIMIT_S = 120.0
# What a command in this process takes of its page; Airflow itself is that of all tests.
_OURS_HERE = ("AIRFLOW_CONN_", "AIRFLOW__CORE__DAGS_FOLDER", "HUBSPOT_")
# Which job a page means by `…`, by the command that has it.
_JOBS = {"show": "job", "cancel": "open_job", "retry": "failed_job"}


def run_bash(block: Block, story: Story) -> None:
    """Each of its commands must succeed."""
    for command in commands_of(block.text):
        code, said = run_command(command, story)
        assert code == 0, f"`{command}` ended with {code}:\n{said}"


def run_console(block: Block, story: Story) -> None:
    """Each of its commands must print what the page shows, up to numbers, times and the like."""
    given = {"HUBSPOT_DEALS_ORGANIZATIONS": str(story.folder / block.notes["reads"])} if "reads" in block.notes else {}
    for command, printed in transcript(block.text):
        with mock.patch.dict(story.variables, given):
            code, said = run_command(command, story)
        assert code == (1 if given else 0), f"`{command}` ended with {code}:\n{said}"
        changes = differences(printed, story.with_page_names(said))
        assert not changes, "\n".join([f"{block.place}: `{command}` prints something else:", *changes])


def commands_of(text: str) -> Iterator[str]:
    """Commands of a block, each on one line."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def transcript(text: str) -> Iterator[tuple[str, str]]:
    """Each ``$ command`` with what follows it."""
    first, *rest = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not first.strip(), "a console block begins with a command: `$ …`"
    for part in rest:
        command, _, printed = part.partition("\n")
        yield command, printed


def run_command(command: str, story: Story) -> tuple[int, str]:
    """Its exit code, and what it printed on both streams."""
    if test := test_that_runs(command) or test_that_reads(command):
        assert not missing(test), f"{test}, which is to try `{command}`, does not exist"
        return 0, ""
    if command.split(maxsplit=1)[0] in NOT_RUN:
        return 0, ""
    story.executed.append(command)
    if command.startswith(OURS) and story.in_process:
        return run_here(command.removeprefix(OURS), story)
    done = subprocess.run(  # noqa: S603 - the page's own command
        ["/bin/bash", "-ec", story.with_addresses(command)],
        cwd=story.folder,
        env=story.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    return done.returncode, done.stdout


def run_here(command: str, story: Story) -> tuple[int, str]:
    """Run one of our commands in this process."""
    words = shlex.split(command, comments=True)
    if words[:1] == ["jobs"]:
        words = [word.replace("…", str(story.ids[_JOBS.get(words[1], "job")])) for word in words]
    words, target = (words[:-2], words[-1]) if ">" in words else (words, None)
    out, err = StringIO(), StringIO()
    ours = {name: value for name, value in story.variables.items() if name.startswith(_OURS_HERE)}
    with (
        mock.patch.dict(os.environ, {**ours, "_AIRFLOW_PROCESS_CONTEXT": "server"}),
        contextlib.chdir(story.folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main(words)
    if target:
        Path(story.folder, target).write_text(out.getvalue(), "utf-8")
    return int(ended.value.code or 0), out.getvalue() + err.getvalue()
