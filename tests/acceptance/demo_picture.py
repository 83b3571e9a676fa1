"""The picture of the demo: what its terminal shows in the end, as SVG, and what can be read in such a picture."""

from __future__ import annotations

import re
from io import StringIO
from xml.etree import ElementTree as ET

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from local_stack.demo.narrator import LINE_WIDTH
from tests.docs.shapes import differences

_COMMAND = "./run demo"
_CELL_PX = 12.2  # of rich's pictures
# On a terminal a spinner and bars stand there, and go; and nobody sees where a line ends.
_UNSEEN = re.compile(r"^(?:… |  \w+: ).*\n| +$", re.MULTILINE)
_OF_ONE_MACHINE = (
    (re.compile(r"(?<=password )\S+"), "…"),
    (re.compile(r"^(psql +)\S+", re.MULTILINE), r"\1psql"),  # a server that brings its own has it in a folder
    (re.compile(r"(?<![\w:/.])/[^\s']*/"), "…/"),
)
_STYLES = ((r"✓", "green"), (r"(?<=\S )\d+\.\d s$", "dim"), (r"^\$ .*|^┃.*", "bold"))
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # from another machine; a browser has one of its own
_BORDER = re.compile(r"^[─-╿]+\n", re.MULTILINE)


def on_a_terminal(printed: str) -> str:
    """What is left on a terminal when everything was printed, without passwords and folders."""
    kept = _UNSEEN.sub("", printed)
    for pattern, shown in _OF_ONE_MACHINE:
        kept = pattern.sub(shown, kept)
    return f"$ {_COMMAND}\n{kept}"


def draw(printed: str) -> str:
    """SVG of that terminal; nothing in it is fetched from elsewhere."""
    console = Console(file=StringIO(), record=True, width=LINE_WIDTH)
    for line in on_a_terminal(printed).splitlines():
        text = Text(line)
        text.truncate(LINE_WIDTH, overflow="ellipsis")
        for pattern, style in _STYLES:
            text.highlight_regex(pattern, style)
        console.print(text)
    return _FONTS.sub("", console.export_svg(title=_COMMAND, unique_id="demo"))


def read(picture: str) -> str:
    """The lines of a terminal that was drawn."""
    lines: dict[int, str] = {}
    for each in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text"):  # noqa: S314 - our own
        if line := re.search(r"-line-(\d+)\)", each.get("clip-path", "")):
            before = lines.get(int(line[1]), "")
            gap = round(float(each.get("x", "0")) / _CELL_PX) - cell_len(before)
            lines[int(line[1])] = f"{before}{' ' * gap}{each.text or ''}"
    return "".join(f"{lines.get(number, '').rstrip()}\n" for number in range(max(lines) + 1)).replace("\xa0", " ")


def stale_lines(picture: str, printed: str) -> list[str]:
    """What the picture shows and the demo does not print, after ``-``, and the reverse, after ``+``."""
    return differences(_BORDER.sub("", read(picture)), _BORDER.sub("", on_a_terminal(printed)))
