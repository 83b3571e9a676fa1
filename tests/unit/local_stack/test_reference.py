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


def test_an_entry_that_stands_alone_in_its_section_is_read_to_its_last_line() -> None:
    def documented() -> None:
        """Do it.

        Raises:
            ValueError: never; not
                when it would like to.
        """

    assert docstring_of(documented).raises == {"ValueError": "never; not when it would like to."}


def test_no_cell_breaks_off_where_its_docstring_begins_a_line() -> None:
    assert "refuses its token; not retried. |" in page()


def test_the_page_has_what_other_pages_say_of_the_hook() -> None:
    named = {name for each in ("README.md", "docs/airflow.md") for name in _hook_methods(PAGE.parents[1] / each)}
    assert named == {"access", "get_client", "run"}
    assert [name for name in sorted(named) if f"#### HubSpotHook.{name}\n" not in page()] == []


def _hook_methods(of: Path) -> list[str]:
    return re.findall(r"`HubSpotHook(?:\([^)`]*\))?\.(\w+)", of.read_text("utf-8"))
