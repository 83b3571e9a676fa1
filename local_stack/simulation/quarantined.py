"""What the copy keeps of bad records: their bytes, unpacked, and whether those are what they say they are."""

from __future__ import annotations

import hashlib
import json
import zlib
from typing import TYPE_CHECKING, Any

from hubspot_simulator.fault_effects import UNKEYED
from local_stack.simulation.bad_deals import VALUES, VERSION, Bad

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

_HELD = """
    CREATE TEMPORARY TABLE held (
        id bigint PRIMARY KEY, organization_id uuid, deal_id bigint, modified timestamptz, properties jsonb)
"""
_NEW = """
    SELECT id, organization_id, reason_code, raw, raw_sha256 FROM hubspot.deals_quarantine AS kept
    WHERE NOT EXISTS (SELECT FROM held WHERE held.id = kept.id)
"""
_INSERT = "INSERT INTO held VALUES (%s, %s, %s, %s, %s)"
_HAS_ISSUE = "SELECT FROM hubspot.hubspot_deals WHERE raw_properties @> %s AND _value_issues IS NOT NULL LIMIT 1"


class Quarantined:
    """Reads each record once, in the session of the audit.

    Attributes:
        reasons: why records are there, or were; and ``Bad.VALUE`` once a bad value has an issue.
        records: how many there were.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self.reasons: set[str] = set()
        self.records = 0

    def begin(self, cursor: psycopg.Cursor[Any]) -> None:
        """In a new session, which has read none."""
        cursor.execute(_HELD.encode())

    def read(self, cursor: psycopg.Cursor[Any]) -> list[tuple[str, str]]:
        """The new ones, into ``held``; what is wrong with them."""
        wrong: list[tuple[str, str]] = []
        for number, organization, reason, raw, sha256 in cursor.execute(_NEW.encode()).fetchall():
            record = zlib.decompress(raw)
            if hashlib.sha256(record).digest() != sha256:
                wrong.append(("i19: the hash of a bad record is that of its bytes", f"record {number}"))
            if any(secret in record for secret in self._secrets):
                wrong.append(("i16: no secret is in any table", f"deals_quarantine {number}, unpacked"))
            content = json.loads(record)
            cursor.execute(_INSERT.encode(), (number, organization, *_parts(content)))
            if reason != Bad.KEY or content == json.loads(UNKEYED):
                self.reasons.add(reason)
            self.records += 1
        return wrong

    def look_for_issues(self, connection: psycopg.Connection[Any]) -> None:
        """Whether a bad value is stored as one."""
        if Bad.VALUE not in self.reasons:
            for name, value in VALUES:
                if connection.execute(_HAS_ISSUE.encode(), (json.dumps({name: value}),)).rowcount:
                    self.reasons.add(Bad.VALUE)


def _parts(record: dict[str, Any]) -> tuple[Any, ...]:
    """(deal id, when modified, properties that have a value)."""
    properties = {name: value for name, value in record["properties"].items() if value is not None}
    deal_id = int(record["id"]) if str(record["id"]).isdecimal() else None
    return deal_id, record.get("updatedAt") or properties[VERSION], json.dumps(properties)
