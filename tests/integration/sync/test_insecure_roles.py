"""Runs by a role for which no policy holds: told in each of them, and by the check before any."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from tests.integration.roles import SUPERUSER, Roles
from tests.integration.sync.conftest import Organization
from tests.integration.sync.dimension_rows import events


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "row-level security" in record.getMessage()]


def with_bypassrls(roles: Roles) -> str:
    """A loader that an administrator has given too much."""
    loader = roles.loader()
    with roles.connected(SUPERUSER) as administrator:
        administrator.execute(f"ALTER ROLE {loader} BYPASSRLS")
    return loader


@pytest.mark.parametrize("kind", ["superuser", "BYPASSRLS"])
def test_f04_a_run_by_a_role_that_passes_by_every_policy_is_told_with_its_remedy(
    acme: Organization, roles: Roles, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    role = SUPERUSER if kind == "superuser" else with_bypassrls(roles)
    loaded_by = replace(acme, database_url=roles.url_of(role))
    with caplog.at_level(logging.WARNING):
        loaded_by.sync()

    assert events(acme, "insecure_role") == [{"role": role}]
    (said,) = warnings(caplog)
    assert repr(role) in said
    assert "grant_loader" in said
    assert acme.differences() == []


def test_f04_of_a_loader_and_of_the_owner_nothing_is_told(
    acme: Organization, roles: Roles, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        acme.sync()
        replace(acme, database_url=roles.url_of(roles.loader())).sync()

    assert (events(acme, "insecure_role"), warnings(caplog)) == ([], [])
