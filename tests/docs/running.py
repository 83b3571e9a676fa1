"""What is done with a block, by its language."""

from __future__ import annotations

from collections.abc import Callable

from tests.docs.blocks import Block
from tests.docs.elsewhere import missing
from tests.docs.shell import run_bash, run_console
from tests.docs.statements import run_sql
from tests.docs.story import Story
from tests.docs.texts import run_http, run_ini, run_json, run_mermaid, run_python, run_text, run_toml, run_yaml

RUNNERS: dict[str, Callable[[Block, Story], None]] = {
    "bash": run_bash,
    "console": run_console,
    "http": run_http,
    "ini": run_ini,
    "json": run_json,
    "mermaid": run_mermaid,
    "python": run_python,
    "sql": run_sql,
    "text": run_text,
    "toml": run_toml,
    "yaml": run_yaml,
}
READ = ("http", "ini", "json", "mermaid", "text", "yaml")  # languages of which nothing is executed


def run_block(block: Block, story: Story) -> None:
    """Run it, or make sure that the test it names exists.

    Raises:
        AssertionError: it does not do what the page says, or nobody knows what to do with it.
    """
    if tests := block.notes.get("run by") or block.notes.get("read by"):
        assert not missing(tests), f"there is no {missing(tests)}"
        return
    runner = RUNNERS.get(block.language)
    assert runner, (
        f"nobody knows how to run a block in {block.language or 'no language'!r}. Give its fence one of "
        f"{', '.join(RUNNERS)}, or name the test that runs it above the block: <!-- run by tests/…py::test_… -->"
    )
    runner(block, story)
    if "saved as" in block.notes:
        (story.folder / block.notes["saved as"]).write_text(block.text, "utf-8")
