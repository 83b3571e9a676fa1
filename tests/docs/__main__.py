"""``python -m tests.docs``: every block of the pages, and what runs it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tests.docs.blocks import Block, blocks_of, documents
from tests.docs.elsewhere import test_that_runs
from tests.docs.running import RUNNERS
from tests.docs.shell import commands_of

HERE = "tests/docs/test_pages.py"


def who_runs(block: Block) -> str:
    """Names of tests."""
    if tests := block.notes.get("run by"):
        return tests
    if block.language not in RUNNERS:
        return "nobody: its test fails"
    commands = commands_of(block.text) if block.language == "bash" else ()
    return ", ".join(dict.fromkeys(test_that_runs(command) or HERE for command in commands)) or HERE


def main() -> None:
    table = Table("block", "language", "lines", "run by", box=None, pad_edge=False)
    found = [block for page in documents() for block in blocks_of(page)]
    for block in found:
        table.add_row(block.place, block.language, str(len(block.text.splitlines())), who_runs(block))
    console = Console(width=200)
    console.print(table)
    console.print(f"{len(found)} blocks")


if __name__ == "__main__":
    main()
