"""What becomes of the tests in a browser on a machine that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.browser import chromium

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def no_chromium(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing that can be run is found."""
    monkeypatch.setenv("PATH", str(tmp_path))


def test_required_they_fail_and_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_TESTS", "required")
    sentence = r"no Chromium on this machine: install it .*, or unset BROWSER_TESTS"
    with pytest.raises(pytest.fail.Exception, match=sentence), chromium():
        pytest.fail("there is one")


@pytest.mark.parametrize("said", [None, "optional"])
def test_else_they_are_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch, said: str | None) -> None:
    monkeypatch.delenv("BROWSER_TESTS", raising=False)
    if said:
        monkeypatch.setenv("BROWSER_TESTS", said)
    with pytest.raises(pytest.skip.Exception, match="no Chromium on this machine"), chromium():
        pytest.fail("there is one")
