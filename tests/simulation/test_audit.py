"""What the triggers of the audit note, without any code of the provider."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from local_stack.databases import DatabaseServer

ORGANIZATION = UUID(int=7)


@pytest.fixture
def audited(postgres_server: DatabaseServer, simulation_template: str) -> Iterator[str]:
    name = "simulation_audit"
    url = postgres_server.create_database(name, template=simulation_template)
    write(url, "", "INSERT INTO hubspot.organizations (id, slug) VALUES (%(id)s, 'acme')")
    write(url, "", "INSERT INTO hubspot.sync_state (organization_id, type) VALUES (%(id)s, 'standard')")
    yield url
    postgres_server.drop_database(name)


def write(url: str, application: str, statement: str, **parameters: int) -> None:
    with psycopg.connect(url, autocommit=True, application_name=application) as connection:
        connection.execute(statement.encode(), {"id": ORGANIZATION, **parameters})


def claim(url: str, application: str, epochs: int = 1) -> None:
    taken = "UPDATE hubspot.sync_state SET epoch = epoch + %(epochs)s WHERE organization_id = %(id)s"
    write(url, application, taken, epochs=epochs)


def move_watermark(url: str, application: str) -> None:
    write(url, application, "UPDATE hubspot.sync_state SET watermark = now() WHERE organization_id = %(id)s")


def violations(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [invariant for (invariant,) in connection.execute("SELECT DISTINCT invariant FROM audit.violations")]


def test_whoever_claimed_last_may_write(audited: str) -> None:
    claim(audited, "first")
    claim(audited, "second")
    move_watermark(audited, "second")

    assert violations(audited) == []


def test_whoever_was_replaced_may_not(audited: str) -> None:
    claim(audited, "first")
    claim(audited, "second")
    move_watermark(audited, "first")

    assert violations(audited) == ["i14: nothing is written under another epoch than the current one"]


def test_a_claim_that_takes_no_epoch_is_none(audited: str) -> None:
    claim(audited, "first")
    claim(audited, "second", epochs=0)

    assert violations(audited) == ["i14: whoever writes took an epoch of its own before"]
