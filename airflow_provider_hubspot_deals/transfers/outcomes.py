"""What the end of a run means to Airflow."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_hubspot_deals.exceptions import FatalError, JobAlreadyRunning, JobStopped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk.types import Logger


class TaskKilled(BaseException):
    """Airflow asked the task to stop.

    Airflow only calls ``on_kill`` and lets ``execute`` go on; the task would finish and be marked as a success. No
    ``Exception``, so that no handler on the way keeps the work going.
    """


@contextmanager
def airflow_outcomes(log: Logger) -> Iterator[None]:
    """Our exceptions as Airflow's. Retriable ones rise as they are, since Airflow retries what it does not know.

    Raises:
        AirflowSkipException: another run of this organization and type is active.
        AirflowFailException: a retry would not help.
    """
    try:
        yield
    except JobAlreadyRunning as error:
        raise AirflowSkipException(str(error)) from error
    except (FatalError, JobStopped) as error:
        # Cancelled by a person or taken over by a newer attempt: another try of this one would only interfere.
        log.error("%s", error)  # noqa: TRY400 - a sentence to act on, ahead of the traceback that Airflow logs
        raise AirflowFailException(str(error)) from error
