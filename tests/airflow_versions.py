"""What the Airflow that is installed here lacks; docs/compatibility.md has the whole list."""

from __future__ import annotations

from importlib.metadata import version

from packaging.version import Version


def lacking(what: str, *, from_: str) -> str | None:
    """Why a test of this cannot be run here; None where it can.

    Args:
        what: as the page's table has it.
        from_: the first release that has it. Its candidates count as that release.
    """
    installed = version("apache-airflow")
    if Version(Version(installed).base_version) >= Version(from_):
        return None
    return f"Airflow {installed} lacks {what}: docs/compatibility.md"
