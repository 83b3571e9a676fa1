"""docs/reference.md tells the source as it is, and names every argument with its meaning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local_stack.reference.__main__ import PAGE, main
from local_stack.reference.docstrings import docstring_of
from local_stack.reference.page import CLASSES, FUNCTIONS, page


def test_the_page_in_git_tells_the_source() -> None:
    assert PAGE.read_text("utf-8") == page(), "docs/reference.md is out of date. Run: ./run reference"


def test_every_argument_has_a_meaning() -> None:
    assert re.findall(r"^\| `(\w+)` \| [^|]* \|\s+\|$", page(), re.MULTILINE) == []


@pytest.mark.parametrize("thing", [*CLASSES, *FUNCTIONS], ids=lambda thing: thing.__name__)
def test_each_has_a_part(thing: type) -> None:
    assert f"### {thing.__name__}\n" in page()


def test_an_outdated_page_fails_the_check_and_is_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "reference.md"
    copy.write_text("# Old\n")
    assert main(["--check"], copy) == 1
    assert "out of date" in capsys.readouterr().out
    assert main([], copy) == 0
    assert copy.read_text("utf-8") == page()


def test_a_docstring_is_taken_apart() -> None:
    def documented() -> None:
        """Do it.

        At :meth:`a.b.once`.

        Args:
            one, two: both of them,
                on two lines.
            three: ``x``.

        Returns:
            Nothing.

        Raises:
            ValueError: never.
        """

    found = docstring_of(documented)
    assert found.text == "Do it.\n\nAt `once`."
    assert found.arguments == {
        "one": "both of them, on two lines.",
        "two": "both of them, on two lines.",
        "three": "`x`.",
    }
    assert (found.returns, found.raises) == ("Nothing.", {"ValueError": "never."})
