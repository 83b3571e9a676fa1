"""The command behind `./run schema`."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local_stack.exceptions import StackError
from local_stack.schema_docs.files import SchemaDocs, SchemaFiles, rendered

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMAND = "./run schema"
SHOWN_LINES_MAX = 40  # of a difference


def main(arguments: Sequence[str], docs: SchemaDocs | None = None) -> int:
    """Write both files; with `--check`, change nothing and give 1 when they are not what they should be."""
    options = parse(arguments)
    docs = docs or SchemaDocs()
    try:
        wanted = rendered(docs)
    except StackError as error:
        say(str(error))
        return 1
    outdated = differences(docs, wanted)
    if options.json:
        options.json.write_text(json.dumps({"passed": not outdated, "outdated": [*outdated]}, indent=2) + "\n")
    if not options.check:
        docs.write(wanted)
        say(f"written: {', '.join(outdated)}" if outdated else "nothing has changed")
        return 0
    for name, lines in outdated.items():
        say(f"{name} is not what the revisions make. Run: {COMMAND}")
        say("\n".join(lines[:SHOWN_LINES_MAX]))
    return 1 if outdated else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="The schema, written down for people.")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when a file is out of date")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write there which files were out of date")
    return parser.parse_args(arguments)


def differences(docs: SchemaDocs, wanted: SchemaFiles) -> dict[str, list[str]]:
    """The lines of a unified diff, by file; files that are right are left out."""
    found = docs.read()
    compared = {"docs/schema.sql": (found.sql, wanted.sql), "docs/database.md": (found.page, wanted.page)}
    return {name: difference(name, *texts) for name, texts in compared.items() if texts[0] != texts[1]}


def difference(name: str, found: str, wanted: str) -> list[str]:
    """Lines of a unified diff."""
    lines = difflib.unified_diff(found.splitlines(), wanted.splitlines(), name, "as it should be", n=1, lineterm="")
    return list(lines)


def say(text: str) -> None:
    """To stdout at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
