"""The invariants, as SQL over the copy and the simulator's own state. Knows nothing of the code under test."""

from __future__ import annotations

import re
import time
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import psycopg

from local_stack.simulation import truth
from local_stack.simulation.bad_deals import VALUES
from local_stack.simulation.canary import leaks, secrets_of
from local_stack.simulation.quarantined import Quarantined
from local_stack.simulation.truth import NOTHING_BESIDE, Beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from local_stack.simulation.people import People

APPLICATION = "auditor"
GONE_WITHIN_S, POLL_S = 10.0, 0.02
_FOLDER = Path(__file__).parent
_TRUTH = """
    CREATE TEMPORARY TABLE truth (
        organization_id uuid, deal_id bigint, state text, modified timestamptz, survivor bigint, properties jsonb,
        reason text);
    CREATE TEMPORARY TABLE known (organization_id uuid, deal_id bigint);
    CREATE TEMPORARY TABLE bad_values (field text, value text);
    CREATE TEMPORARY TABLE beside (organization_id uuid, deal_id bigint, fact text[])
"""
_FORGET = """
    DELETE FROM truth USING unnest(%s::uuid[], %s::bigint[]) AS old (organization_id, deal_id)
    WHERE (truth.organization_id, truth.deal_id) = (old.organization_id, old.deal_id)
"""


class InvariantBrokenError(AssertionError):
    """The copy is wrong; each line names the invariant and the row."""


def _statements() -> dict[str, str]:
    parts = re.split(r"^-- name: (\w+)$", (_FOLDER / "invariants.sql").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


STATEMENTS = _statements()


def install_audit(database_url: str) -> None:
    """Triggers that note who writes what, in a database with our schema."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute((_FOLDER / "audit.sql").read_text().encode())


class Auditor:
    """Compares one database with the portals of its organizations.

    Args:
        beside: what the organizations keep beside their deals.
    """

    def __init__(
        self, database_url: str, organizations: Mapping[UUID, People], beside: Beside = NOTHING_BESIDE
    ) -> None:
        self._url, self._organizations, self._beside = database_url, organizations, beside
        self.checks = 0
        self._secrets = secrets_of(people.portal for people in organizations.values())
        self.quarantined = Quarantined(self._secrets)
        self._one_at_a_time = Lock()
        self.connect()

    def connect(self) -> None:
        """Begin a session; anew after the server crashed."""
        # The same few questions hundreds of times: planning them anew each time would take longer than asking.
        self._connection = psycopg.connect(
            self._url, autocommit=True, application_name=APPLICATION, options="-c plan_cache_mode=force_generic_plan"
        )
        with self._connection.cursor() as cursor:
            cursor.execute(_TRUTH.encode())
            _copy(cursor, "COPY bad_values FROM STDIN", VALUES)
            self.quarantined.begin(cursor)
        self._truth: set[tuple[Any, ...]] = set()
        self._known: set[tuple[UUID, int]] = set()

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def check(self, when: str) -> None:
        """What holds at every moment.

        Raises:
            InvariantBrokenError: something does not.
        """
        self._check(when, ["always"], with_properties=False)

    def check_quiescent(self, when: str, *, with_purges: bool) -> None:
        """What holds besides when people have gone home and a run has completed.

        Args:
            with_purges: the run read every deal, so that it knows which ones are gone, calculated values, and what is
                kept beside every deal.
        """
        names = ["always", "quiescent", "rows_inserted_once", *(["beside"] if with_purges else [])]
        self._check(when, names, with_properties=True, with_purges=with_purges)
        if empty := [str(each) for each, people in self._people() if not people.all_known()]:
            raise InvariantBrokenError(f"{when}: nothing to compare with in {', '.join(empty)}")
        self._refuse_secrets(when)
        self._refuse_sessions(when)

    def see_quarantined(self) -> set[str]:
        """Why records are, or were, in quarantine; see ``Quarantined.reasons``."""
        self.quarantined.look_for_issues(self._connection)
        return self.quarantined.reasons

    def _check(self, when: str, names: list[str], *, with_properties: bool, with_purges: bool = True) -> None:
        self.checks += 1
        # Two attempts may come to a check at once: one wakes up while another takes over.
        with self._one_at_a_time, self._connection.transaction(), self._connection.cursor() as cursor:
            # The copy as it is now, then the portals: whatever changes meanwhile is newer in the portals alone.
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT 1")
            self._tell_known(cursor)
            self._tell_truth(cursor, with_properties=with_properties)
            if "beside" in names:
                self._tell_beside(cursor)
            found: list[Any] = list(self.quarantined.read(cursor))
            for name in names:
                cursor.execute(STATEMENTS[name].encode(), self._parameters(with_purges=with_purges))
                found += cursor.fetchall()
        if found:
            raise InvariantBrokenError(_told(when, found))

    def _refuse_secrets(self, when: str) -> None:
        with self._connection.cursor() as cursor:
            if found := leaks(cursor, self._secrets):
                raise InvariantBrokenError(_told(when, found))

    def _refuse_sessions(self, when: str) -> None:
        """None is left of any attempt. PostgreSQL takes a moment to see that a client has gone."""
        deadline = time.monotonic() + GONE_WITHIN_S
        while left := self._connection.execute(STATEMENTS["sessions"].encode(), {"own": APPLICATION}).fetchall():
            if time.monotonic() > deadline:
                raise InvariantBrokenError(f"{when}: i18: sessions are left: {', '.join(name for (name,) in left)}")
            time.sleep(POLL_S)

    def _parameters(self, *, with_purges: bool) -> dict[str, Any]:
        recalculated = [each for people in self._organizations.values() for each in people.recalculated]
        return {"with_purges": with_purges, "recalculated": [] if with_purges else recalculated}

    # What changed since the last check; all of it anew would take most of the simulation's time.

    def _tell_known(self, cursor: psycopg.Cursor[Any]) -> None:
        known = {(organization, each) for organization, people in self._people() for each in people.all_known()}
        if new := known - self._known:
            _copy(cursor, "COPY known FROM STDIN", new)
        self._known = known

    def _tell_truth(self, cursor: psycopg.Cursor[Any], *, with_properties: bool) -> None:
        rows = {
            (organization, *row)
            for organization, people in self._people()
            for row in truth.deals(people, with_properties=with_properties)
        }
        if old := self._truth - rows:
            cursor.execute(_FORGET.encode(), ([row[0] for row in old], [row[1] for row in old]))
        if new := rows - self._truth:
            _copy(cursor, "COPY truth FROM STDIN", new)
        self._truth = rows

    def _tell_beside(self, cursor: psycopg.Cursor[Any]) -> None:
        cursor.execute("TRUNCATE beside")
        _copy(
            cursor,
            "COPY beside FROM STDIN",
            (
                (organization, *row)
                for organization, people in self._people()
                for row in truth.beside(people.portal, self._beside)
            ),
        )

    def _people(self) -> Iterable[tuple[UUID, People]]:
        return self._organizations.items()


def _told(when: str, found: Sequence[tuple[str, str]]) -> str:
    lines = "\n".join(f"  {invariant}: {details}" for invariant, details in found[:20])
    return f"{when}: {len(found)} broken\n{lines}"


def _copy(cursor: psycopg.Cursor[Any], statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(statement.encode()) as copy:
        for row in rows:
            copy.write_row(row)
