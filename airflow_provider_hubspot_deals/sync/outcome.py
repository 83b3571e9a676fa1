"""What a failure means for the job row, and what of a database error may be said aloud."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import Connection

from airflow_provider_hubspot_deals import jobs
from airflow_provider_hubspot_deals.exceptions import (
    DatabaseUnavailableError,
    DeferredError,
    FatalError,
    HubSpotDealsError,
    JobStopped,
    SchemaError,
)

log = logging.getLogger(__name__)

_SCHEMA_SQLSTATES = ("42501", "42P01", "42703", "42883", "3F000")  # privilege; table, column, function, schema missing


@contextmanager
def database_errors(organization: str) -> Iterator[None]:
    """Turn psycopg's errors into ours. A refused value stands in PostgreSQL's message, so that is never repeated."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(
            f"PostgreSQL is not available for organization {organization!r}: {_first_line(error)}"
        ) from error
    except psycopg.Error as error:
        if error.sqlstate in _SCHEMA_SQLSTATES:
            raise SchemaError(f"PostgreSQL does not let us work in the schema: {_first_line(error)}") from error
        constraint = f", constraint {error.diag.constraint_name}" if error.diag.constraint_name else ""
        message = f"PostgreSQL refused a statement for organization {organization!r} ({error.sqlstate}{constraint})."
        raise FatalError(message, code="DB_REFUSED") from None


@contextmanager
def job_outcome(connect: Callable[[], Connection[Any]], job: jobs.Job, origin: jobs.JobOrigin) -> Iterator[None]:
    """Write into the job how its attempt ended, on a fresh connection: the working one may be busy or broken."""
    try:
        yield
    except JobStopped:
        raise  # the row says it already
    except BaseException as error:
        try:
            with closing(connect()) as connection:
                _record(connection, job, origin, error)
        except Exception:  # noqa: BLE001 - the failure itself is what must be seen
            log.warning("Job %s: its failure could not be recorded; the next claim will notice.", job.id)
        raise


def _record(connection: Connection[Any], job: jobs.Job, origin: jobs.JobOrigin, error: BaseException) -> None:
    code, message = _said(error)
    goes_on = isinstance(error, DeferredError) or (origin.has_tries_left and not isinstance(error, FatalError))
    if goes_on:
        pause = timedelta(seconds=getattr(error, "resume_after_s", 0.0))
        jobs.release(connection, job, error_code=code, error_message=message, resume_after=pause)
    else:
        jobs.fail(connection, job, error_code=code, error_message=message)


def _said(error: BaseException) -> tuple[str, str]:
    if isinstance(error, HubSpotDealsError):
        return error.code, str(error)
    if isinstance(error, Exception):  # somebody else's message may quote a value
        return "UNEXPECTED", f"Unexpected {type(error).__name__}; the task log has the details."
    return "KILLED", "The task was stopped from outside."


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0]
