"""The command behind `./run reference`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from local_stack.reference.page import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"


def main(words: Sequence[str], path: Path = PAGE) -> int:
    """Write the page; with `--check` write nothing, and give 1 when it is out of date."""
    parser = argparse.ArgumentParser(prog="./run reference", description="Writes docs/reference.md from the source.")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when the page is out of date")
    options = parser.parse_args(words)
    outdated = not path.exists() or path.read_text("utf-8") != page()
    if outdated and not options.check:
        path.write_text(page(), "utf-8")
    sys.stdout.write(f"docs/{path.name} {'is out of date' if outdated and options.check else 'tells the source'}\n")
    return int(outdated and options.check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
