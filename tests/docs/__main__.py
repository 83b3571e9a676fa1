"""``python -m tests.docs``: every block of the pages, and what runs it, or that nothing does."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tests.docs.blocks import Block, blocks_of, documents
from tests.docs.elsewhere import NOT_RUN, test_that_reads, test_that_runs
from tests.docs.running import READ, RUNNERS
from tests.docs.shell import commands_of

HERE = "tests/docs/test_pages.py"
TEXT_ONLY = "text only"


def who_runs(block: Block) -> str:
    """Names of tests, behind ``text only`` where they execute nothing of the block."""
    if tests := block.notes.get("run by"):
        return tests
    if tests := block.notes.get("read by"):
        return f"{TEXT_ONLY}: {tests}"
    if block.language not in RUNNERS:
        return "nobody: its test fails"
    if block.language in READ:
        return f"{TEXT_ONLY}: {HERE}"
    commands = commands_of(block.text) if block.language == "bash" else ()
    return ", ".join(dict.fromkeys(map(_who_runs, commands))) or HERE


def _who_runs(command: str) -> str:
    if test := test_that_reads(command):
        return f"{TEXT_ONLY}: {test}"
    return TEXT_ONLY if command.split(maxsplit=1)[0] in NOT_RUN else test_that_runs(command) or HERE


def main() -> None:
    table = Table("block", "language", "lines", "run by", box=None, pad_edge=False)
    found = [block for page in documents() for block in blocks_of(page)]
    for block in found:
        table.add_row(block.place, block.language, str(len(block.text.splitlines())), who_runs(block))
    read = sum(TEXT_ONLY in who_runs(block) for block in found)
    console = Console(width=200)
    console.print(table)
    console.print(f"{len(found)} blocks, {read} of them text only: nothing executes them")


if __name__ == "__main__":
    main()
