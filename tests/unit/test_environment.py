"""What a test sees of the variables of whoever runs it."""

from __future__ import annotations

import pytest

from tests.conftest import is_foreign


@pytest.mark.parametrize(
    "name", ["AIRFLOW_HOME", "AIRFLOW__CORE__DAGS_FOLDER", "HUBSPOT_TOKEN", "PGHOST", "https_proxy"]
)
def test_what_could_lead_a_test_astray_is_taken_away(name: str) -> None:
    assert is_foreign(name)


@pytest.mark.parametrize("name", ["AIRFLOW_SEQUENCES", "AIRFLOW_SEED", "PG_BINDIR", "BROWSER_TESTS", "SCREENSHOTS"])
def test_what_the_tests_are_asked_for_stays(name: str) -> None:
    assert not is_foreign(name)
