"""How commands end."""

from __future__ import annotations

import pytest

from airflow_provider_hubspot_deals import exceptions
from airflow_provider_hubspot_deals.cli.exit_codes import EXPLAINED, exit_code_of


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (exceptions.ConfigurationError("x"), 1),
        (exceptions.JobCancelled("x"), 1),
        (exceptions.JobSuperseded("x"), 1),
        (exceptions.DatabaseUnavailableError("x"), 3),
        (exceptions.RateLimitedError("x"), 3),
        (exceptions.DeferredError("x"), 3),
        (exceptions.JobAlreadyRunning("x"), 4),
    ],
)
def test_an_error_ends_with_the_code_that_help_explains(error: exceptions.HubSpotDealsError, code: int) -> None:
    assert exit_code_of(error) == code
    assert f"\n  {code}  " in EXPLAINED
