"""One transaction after the other instead of one for all: readers wait for one revision at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config


@dataclass(frozen=True)
class Step:
    """One call of Alembic.

    Attributes:
        locks: whether to lock every table first. A revision that says ``readers_wait = False`` only makes new tables,
            or changes what no reader notices, and needs no lock.
    """

    revision: str
    locks: bool = True


def upgrade_steps(config: Config, found: str | None, revision: str) -> list[Step]:
    """Every revision from ``found`` to ``revision`` on its own; all at once where there is nothing yet to be read."""
    from alembic.script import ScriptDirectory
    from alembic.script.revision import RevisionError

    if found is None:
        return [Step(revision)]
    try:
        pending = [*ScriptDirectory.from_config(config).iterate_revisions(revision, found)]
    except RevisionError:  # Alembic says it better when it comes to it
        return [Step(revision)]
    steps = [Step(script.revision, getattr(script.module, "readers_wait", True)) for script in reversed(pending)]
    return steps or [Step(revision)]
