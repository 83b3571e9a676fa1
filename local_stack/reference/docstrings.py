"""The parts of a docstring in Google's form."""

from __future__ import annotations

import inspect
import re
import textwrap
from dataclasses import dataclass

_SECTION = re.compile(r"^(Args|Returns|Raises):\n((?:(?: .*)?\n?)*)", re.MULTILINE)
_ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \w+)*): ((?:.|\n(?= ))*)", re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?(?:[\w.]+\.)?(\w+)`")


@dataclass(frozen=True)
class Docstring:
    """What it says.

    Attributes:
        text: everything before the first section.
        arguments, raises: sentences by name.
        returns: a sentence, or nothing.
    """

    text: str
    arguments: dict[str, str]
    returns: str
    raises: dict[str, str]


def docstring_of(thing: object) -> Docstring:
    """Read the docstring of a class or function.

    Raises:
        ValueError: there is none.
    """
    raw = inspect.getdoc(thing)
    if raw is None:
        msg = f"{thing!r} has no docstring"
        raise ValueError(msg)
    sections = {found[1]: textwrap.dedent(found[2]) for found in _SECTION.finditer(f"{raw}\n")}
    return Docstring(
        text=markdown(_SECTION.split(f"{raw}\n", maxsplit=1)[0]),
        arguments=_entries(sections.get("Args", "")),
        returns=markdown(sections.get("Returns", "")),
        raises=_entries(sections.get("Raises", "")),
    )


def markdown(text: str) -> str:
    """Roles and double backticks as Markdown has them; paragraphs stay, lines are joined."""
    paragraphs = re.split(r"\n\s*\n", _ROLE.sub(r"`\1`", text).replace("``", "`").strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _entries(section: str) -> dict[str, str]:
    found = {}
    for entry in _ENTRY.finditer(section):
        for name in entry[1].split(", "):
            found[name] = markdown(entry[2])
    return found
