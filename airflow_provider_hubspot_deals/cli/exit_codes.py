"""How a command ends. Scripts rely on these numbers."""

from __future__ import annotations

from airflow_provider_hubspot_deals.exceptions import (
    ConfigurationError,
    DeferredError,
    HubSpotDealsError,
    JobAlreadyRunning,
    RetriableError,
)

DONE = 0
WRONG = 1  # somebody must change something
WRONG_CALL = 2  # as argparse ends
LATER = 3  # the same call may work later
ACTIVE = 4  # somebody else is at it
INTERRUPTED = 130  # 128 + SIGINT, as shells say it
TERMINATED = 143  # 128 + SIGTERM

EXPLAINED = """exit codes:
  0    done
  1    something is wrong, and somebody must change it; the message says what
  2    the command was called wrongly
  3    HubSpot or PostgreSQL does not answer, or asks to wait: the same call may work later
  4    another run of the organization is active
  130  stopped by Ctrl-C (143: by SIGTERM); what was committed stays, and the next sync goes on from there
"""


class WrongCallError(ConfigurationError):
    """The words of a command contradict each other, or one of them means nothing."""


def exit_code_of(error: HubSpotDealsError) -> int:
    """The code that says what the caller should do about ``error``."""
    if isinstance(error, (RetriableError, DeferredError)):
        return LATER
    if isinstance(error, WrongCallError):
        return WRONG_CALL
    return ACTIVE if isinstance(error, JobAlreadyRunning) else WRONG
