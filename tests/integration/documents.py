"""The SQL statements that the two schema documents print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlparse

FOLDER = Path(__file__).parents[1] / "data/spec"
EXAMPLES = re.compile(
    r"Common Queries|Control Operations|Tenant-Specific Operations"
    r"|Creating a New Scan Job|Adding .*Results|Status Updates"
)
LINE = re.compile(r"^(?P<hashes>#+)\s+(?P<heading>[^\n]+)$|^```sql\s*\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"^--\s*(.+?)\s*$")


@dataclass(frozen=True)
class Statement:
    """One statement as printed; its title is the comment above it."""

    document: str
    title: str
    text: str

    @property
    def name(self) -> tuple[str, str]:
        """What tells it from every other statement."""
        return self.document, self.title

    @property
    def verb(self) -> str:
        """SELECT, or what it writes to: ``INSERT scan_jobs``."""
        words = re.search(r"^(SELECT|UPDATE|INSERT INTO)\s+(\S+)", self.text, re.MULTILINE)
        if words is None:
            raise ValueError(self.text)
        return "SELECT" if words[1] == "SELECT" else f"{words[1].split()[0]} {words[2]}"


def statements() -> list[Statement]:
    """Every statement below the documents' headings of examples, in their order."""
    return [
        Statement(path.name, title_of(text), text)
        for path in sorted(FOLDER.glob("*_schema.md"))
        for code in example_blocks(path.read_text())
        for text in sqlparse.split(code)
    ]


def example_blocks(document: str) -> Iterator[str]:
    """SQL blocks below a heading of examples, or below a heading inside its part."""
    path: dict[int, str] = {}
    for line in LINE.finditer(document):
        if line["code"] is None:
            level = len(line["hashes"])
            path = {above: heading for above, heading in path.items() if above < level} | {level: line["heading"]}
        elif any(EXAMPLES.search(heading) for heading in path.values()):
            yield line["code"]


def title_of(text: str) -> str:
    """The last comment line before the statement itself."""
    titles = ""
    for line in filter(None, text.splitlines()):
        comment = COMMENT.match(line)
        if comment is None:
            break
        titles = comment[1]
    return titles
