"""What a failure means for the job row, and what of a database error may be said aloud."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import Connection

from airflow_provider_hubspot_deals import jobs, migrations
from airflow_provider_hubspot_deals.exceptions import (
    ConfigurationError,
    DatabaseUnavailableError,
    DeferredError,
    FatalError,
    HubSpotDealsError,
    JobLostError,
    JobStopped,
    SchemaError,
    WrongPortalError,
)
from airflow_provider_hubspot_deals.sql.hanging_up import hung_up_after
from airflow_provider_hubspot_deals.sync.recovery import passes
from airflow_provider_hubspot_deals.sync.request import SyncRequest

log = logging.getLogger(__name__)

_SCHEMA_SQLSTATES = (
    *("42P01", "42703", "42883", "3F000"),  # table, column, function, schema missing
    *("42804", "42P10"),  # a column of another type, a unique index missing
    "23502",  # a column that is not ours wants a value
)
_TOO_LONG = "54000"  # a value for somebody's index; psycopg takes it for an operational error, and it will not pass
_BUSY = {
    "55P03": "another session holds a lock",  # lock_timeout
    "57014": "a statement took too long",  # statement_timeout, or an administrator's cancel
    "40P01": "another session waits for us while we wait for it",
    "40001": "other sessions change the same rows",
}
_LACKING = {
    "53100": ("DB_STORAGE", "has no disk space left; make room on its volume"),
    "53200": ("DB_MEMORY", "has no memory left; raise max_locks_per_transaction if it says shared memory"),
    "53300": ("DB_CONNECTIONS", "takes no more connections; raise max_connections, or put a pooler before it"),
    "53400": ("DB_STORAGE", "has reached a configured limit; raise temp_file_limit"),
    "25006": ("DB_READ_ONLY", "takes no writes; the connection must lead to the primary, and be allowed to write"),
}
# Who is refused while connecting gets no SQLSTATE from libpq: what PostgreSQL and PgBouncer say in 53300's place.
_CROWDED = ("too many clients", "too many connections", "connection slots are reserved", "no more connections allowed")
_RECORD_TIMEOUT_S = 15.0
_NAMED_MAX = 10  # missing privileges in one message
_NO_USAGE = {"api_calls": 0, "api_calls_by_endpoint": {}, "rate_limit_hits": 0, "bytes_received": 0}


@contextmanager
def database_errors(
    organization: str, connect: Callable[[], Connection[Any]] | None = None, schema: str = "hubspot"
) -> Iterator[None]:
    """Turn psycopg's errors into ours. Theirs is never shown along: its DETAIL and CONTEXT quote rows.

    Args:
        connect: opens the connection on which to ask which privileges are missing, when one is.
    """
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise SchemaError(f"PostgreSQL refused: {_words(error)}. {_lacking(connect, schema)}") from None
    except psycopg.Error as error:
        if unavailable := _unavailable(error, organization):
            raise unavailable from None
        if error.sqlstate in _SCHEMA_SQLSTATES:
            raise SchemaError(f"PostgreSQL does not let us work in the schema: {_words(error)}") from None
        if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:  # libpq's, before it connects
            raise ConfigurationError(
                f"The PostgreSQL connection of organization {organization!r} is malformed: check its fields and extras."
            ) from None
        reason = _words(error) if error.sqlstate == _TOO_LONG else _names(error)  # the former: sizes alone
        message = f"PostgreSQL refused a statement for organization {organization!r} ({reason})."
        raise FatalError(message, code="DB_REFUSED") from None


def _unavailable(error: psycopg.Error, organization: str) -> DatabaseUnavailableError | None:
    """What may be different later."""
    sqlstate = error.sqlstate or ("53300" if any(words in str(error) for words in _CROWDED) else "")
    about = f"for organization {organization!r}"
    if lacking := _LACKING.get(sqlstate):
        code, what = lacking
        return DatabaseUnavailableError(f"PostgreSQL {what} ({about}, {_words(error)}).", code=code)
    if busy := _BUSY.get(sqlstate):
        return DatabaseUnavailableError(f"PostgreSQL is busy {about}: {busy}", code="DB_BUSY")
    if passes(error) or (isinstance(error, psycopg.OperationalError) and sqlstate != _TOO_LONG):
        return DatabaseUnavailableError(f"PostgreSQL is not available {about}: {_words(error)}")
    return None


@contextmanager
def beginning(
    request: SyncRequest, *, connect: Callable[[], Connection[Any]], schema: str = "hubspot"
) -> Iterator[None]:
    """Around what a run needs before it can be asked for: when that fails, it has a job all the same, that says so.

    Otherwise its organization would look well to everybody who looks at the jobs alone.
    """
    try:
        yield
    except HubSpotDealsError as error:
        try:
            with closing(connect()) as connection, hung_up_after(connection, _RECORD_TIMEOUT_S):
                connection.autocommit = True
                migrations.check(connection, schema)
                # In the claim's own transaction: whoever is stopped meanwhile leaves no job that seems to run.
                with jobs.being_claimed(connection, schema, request.order()) as job:
                    if not job.is_finished:
                        _record(connection, job, request.origin, error, _NO_USAGE)
        except Exception as obstacle:  # noqa: BLE001 - the failure itself is what must be seen
            log.warning("That this run cannot begin could not be noted as a job: %s", _why(obstacle))
        raise


@contextmanager
def job_outcome(
    connect: Callable[[], Connection[Any]],
    current: Callable[[], jobs.Job | None],
    settle: Callable[[Connection[Any], jobs.Job], None],
    origin: jobs.JobOrigin,
    usage: Callable[[], Mapping[str, Any]],
) -> Iterator[None]:
    """Write into the job how its attempt ended, on a fresh connection: the working one may be busy or broken.

    Args:
        current: the job, as soon as its claim is written.
        settle: sees how transactions have ended of which that is not known.
    """
    try:
        yield
    except BaseException as error:
        job = current()
        if job is None or job.is_finished:
            raise

        def note(why: BaseException) -> None:
            try:
                with closing(connect()) as connection, hung_up_after(connection, _RECORD_TIMEOUT_S):
                    settle(connection, job)
                    _record(connection, job, origin, why, usage())
            except Exception as obstacle:  # noqa: BLE001 - the failure itself is what must be seen
                log.warning(
                    "Job %s: its failure could not be recorded, which the next claim will notice: %s",
                    job.id,
                    _why(obstacle),
                )

        try:
            note(error)
        except BaseException as stop:  # a signal, which rolled that back; Airflow's comes once
            note(stop)
            raise
        raise


def _why(obstacle: Exception) -> str:
    return str(obstacle) if isinstance(obstacle, HubSpotDealsError) else type(obstacle).__name__


def _record(
    connection: Connection[Any],
    job: jobs.Job,
    origin: jobs.JobOrigin,
    error: BaseException,
    usage: Mapping[str, Any],
) -> None:
    if isinstance(error, JobStopped | JobLostError):  # the row says how it ended already
        jobs.count_usage(connection, job, usage)
        return
    if isinstance(error, WrongPortalError):
        usage = {**usage, "daily_limit": None, "daily_remaining": None}  # of another account
    code, message = _said(error)
    goes_on = isinstance(error, DeferredError) or (origin.has_tries_left and not isinstance(error, FatalError))
    if goes_on:
        pause = timedelta(seconds=getattr(error, "resume_after_s", 0.0))
        resume_at = jobs.release(
            connection, job, error_code=code, error_message=message, resume_after=pause, usage=usage
        )
        if isinstance(error, DeferredError):
            error.resume_at = resume_at
    else:
        jobs.fail(connection, job, error_code=code, error_message=message, usage=usage)


def _said(error: BaseException) -> tuple[str, str]:
    if isinstance(error, HubSpotDealsError):
        return error.code, str(error)
    if isinstance(error, Exception):  # somebody else's message may quote a value
        return "UNEXPECTED", f"Unexpected {type(error).__name__}; the task log has the details."
    return "KILLED", "The task was stopped from outside."


def _lacking(connect: Callable[[], Connection[Any]] | None, schema: str) -> str:
    """What the loading role lacks and who gives it. Asked on a fresh connection: the refusal ended the transaction."""
    role, missing = "The loading role", list[str]()
    if connect is not None:
        with suppress(psycopg.Error), closing(connect()) as connection, hung_up_after(connection, _RECORD_TIMEOUT_S):
            role = f"Role {connection.info.user!r}"
            missing = migrations.missing_privileges(connection, schema)
    named = missing[:_NAMED_MAX] + ([f"{len(missing) - _NAMED_MAX} more"] if missing[_NAMED_MAX:] else [])
    return (
        f"{role} lacks {', '.join(named) or 'a privilege'}. "
        f"The owner of schema {schema!r} gives what loading needs: SELECT {schema}.grant_loader('…')"
    )


def _words(error: psycopg.Error) -> str:
    """What PostgreSQL says. Within a function, as a trigger of somebody's, it may quote a value: then names alone."""
    return _names(error) if error.diag.context else str(error).strip().partition("\n")[0]


def _names(error: psycopg.Error) -> str:
    names = [error.sqlstate or type(error).__name__]
    if error.diag.table_name:
        names.append(f"table {error.diag.table_name}")
    if error.diag.constraint_name:
        names.append(f"constraint {error.diag.constraint_name}")
    return ", ".join(names)
