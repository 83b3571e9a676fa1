"""What a failure means for the job row, and what of a database error may be said aloud."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import Connection

from airflow_provider_hubspot_deals import jobs
from airflow_provider_hubspot_deals.exceptions import (
    ConfigurationError,
    DatabaseUnavailableError,
    DeferredError,
    FatalError,
    HubSpotDealsError,
    JobStopped,
    SchemaError,
)
from airflow_provider_hubspot_deals.sync.line import hung_up_after

log = logging.getLogger(__name__)

_SCHEMA_SQLSTATES = ("42501", "42P01", "42703", "42883", "3F000")  # privilege; table, column, function, schema missing
_BUSY = {
    "55P03": "another session holds a lock",  # lock_timeout
    "57014": "a statement took too long",  # statement_timeout, or an administrator's cancel
}
_RECORD_TIMEOUT_S = 15.0


@contextmanager
def database_errors(organization: str) -> Iterator[None]:
    """Turn psycopg's errors into ours. A refused value stands in PostgreSQL's message, so that is never repeated."""
    try:
        yield
    except psycopg.OperationalError as error:
        busy = _BUSY.get(error.sqlstate or "")
        state = "busy" if busy else "not available"
        raise DatabaseUnavailableError(
            f"PostgreSQL is {state} for organization {organization!r}: {busy or _first_line(error)}"
        ) from error
    except psycopg.Error as error:
        if error.sqlstate in _SCHEMA_SQLSTATES:
            raise SchemaError(f"PostgreSQL does not let us work in the schema: {_first_line(error)}") from error
        if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:  # libpq's, before it connects
            raise ConfigurationError(
                f"The PostgreSQL connection of organization {organization!r} is malformed: check its fields and extras."
            ) from None
        constraint = f", constraint {error.diag.constraint_name}" if error.diag.constraint_name else ""
        reason = f"{error.sqlstate or type(error).__name__}{constraint}"
        message = f"PostgreSQL refused a statement for organization {organization!r} ({reason})."
        raise FatalError(message, code="DB_REFUSED") from None


@contextmanager
def job_outcome(
    connect: Callable[[], Connection[Any]],
    job: jobs.Job,
    origin: jobs.JobOrigin,
    usage: Callable[[], Mapping[str, Any]],
) -> Iterator[None]:
    """Write into the job how its attempt ended, on a fresh connection: the working one may be busy or broken."""
    try:
        yield
    except BaseException as error:
        try:
            with closing(connect()) as connection, hung_up_after(connection, _RECORD_TIMEOUT_S):
                _record(connection, job, origin, error, usage())
        except Exception:  # noqa: BLE001 - the failure itself is what must be seen
            log.warning("Job %s: its failure could not be recorded; the next claim will notice.", job.id)
        raise


def _record(
    connection: Connection[Any],
    job: jobs.Job,
    origin: jobs.JobOrigin,
    error: BaseException,
    usage: Mapping[str, Any],
) -> None:
    if isinstance(error, JobStopped):  # the row says how it ended already
        jobs.count_usage(connection, job, usage)
        return
    code, message = _said(error)
    goes_on = isinstance(error, DeferredError) or (origin.has_tries_left and not isinstance(error, FatalError))
    if goes_on:
        pause = timedelta(seconds=getattr(error, "resume_after_s", 0.0))
        jobs.release(connection, job, error_code=code, error_message=message, resume_after=pause, usage=usage)
    else:
        jobs.fail(connection, job, error_code=code, error_message=message, usage=usage)


def _said(error: BaseException) -> tuple[str, str]:
    if isinstance(error, HubSpotDealsError):
        return error.code, str(error)
    if isinstance(error, Exception):  # somebody else's message may quote a value
        return "UNEXPECTED", f"Unexpected {type(error).__name__}; the task log has the details."
    return "KILLED", "The task was stopped from outside."


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0]
