"""Everything this package raises on purpose, grouped by what the caller should do.

    HubSpotDealsError
    ├── FatalError                    somebody must change something; a retry changes nothing
    │   ├── ConfigurationError        arguments, connection, organizations file
    │   ├── SchemaError               the database lacks our schema, is behind it, or refuses us
    │   ├── WrongPortalError          the token belongs to another HubSpot portal
    │   ├── SystemicDataError         too many bad records to be an accident
    │   └── HubSpotRefusedError       HubSpot says no, and will say it again
    │       ├── AuthenticationError   401, malformed or revoked token
    │       ├── MissingScopeError     403 with the scopes that are missing
    │       └── ResponseTooLargeError a body larger than is read of one answer
    ├── RetriableError                the same call may work later
    │   ├── UpstreamUnavailableError  connection, TLS handshake, timeout, 5xx
    │   ├── DatabaseUnavailableError  PostgreSQL is away, restarting or out of connections
    │   ├── JobLostError              the job was taken for dead, and nobody has taken it over
    │   ├── SecretsUnavailableError   Airflow's secrets backend does not answer
    │   ├── BadResponseError          an answer that is no deal page: HTML, cut JSON, a paging loop
    │   ├── RateLimitedError          429 until the time budget was spent
    │   └── NotDeliveredError         the receiver of a webhook did not take an event
    ├── DeferredError                 HubSpot asks to come back much later; release the worker
    └── JobStopped                    not a failure of this run
        ├── JobAlreadyRunning         another run of this organization is active
        ├── JobCancelled              somebody set the job's status to cancelled
        └── JobSuperseded             a newer attempt holds the fence; this one must write nothing

Every message is one sentence that an operator can act on. Messages never hold a token or a customer's value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class HubSpotDealsError(Exception):
    """Base of the tree. ``code`` is stable and goes into ``jobs.error_code``."""

    code: str = "UNEXPECTED"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class FatalError(HubSpotDealsError):
    """A retry changes nothing."""


class ConfigurationError(FatalError):
    """An argument, a connection field or an entry of the organizations file is wrong."""

    code = "CONFIGURATION"


class SchemaError(FatalError):
    """The database lacks our schema, is behind it, or does not let us use it."""

    code = "SCHEMA_MISMATCH"


class WrongPortalError(FatalError):
    """The token belongs to another portal than the organization's."""

    code = "WRONG_PORTAL"


class SystemicDataError(FatalError):
    """Too large a share of a batch could not be stored; nothing of that batch was written."""

    code = "SYSTEMIC_DATA"


class _HubSpotAnswerError(HubSpotDealsError):
    """What is known of the HTTP exchange that failed.

    Attributes:
        status_code: HTTP status, or None when no answer came.
        category: HubSpot's error category or 429 policy name, e.g. ``MISSING_SCOPES`` or ``DAILY``.
        correlation_id: what HubSpot's support asks for.
        limits: numbers that HubSpot names where it refuses a request for asking too much at once.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status_code: int | None = None,
        category: str | None = None,
        correlation_id: str | None = None,
        limits: tuple[int, ...] = (),
    ) -> None:
        super().__init__(message, code=code)
        self.status_code = status_code
        self.category = category
        self.correlation_id = correlation_id
        self.limits = limits

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from args alone when pickled; Airflow and multiprocessing both do that.
        return type(self), self.args, self.__dict__


class HubSpotRefusedError(_HubSpotAnswerError, FatalError):
    """HubSpot refused the request and would refuse it again."""

    code = "REFUSED"


class AuthenticationError(HubSpotRefusedError):
    """401, a revoked grant, or a token that cannot be one."""

    code = "AUTH_INVALID"


class MissingScopeError(HubSpotRefusedError):
    """403: the token lacks scopes, which the message names."""

    code = "MISSING_SCOPE"


class ResponseTooLargeError(HubSpotRefusedError):
    """The body exceeds the cap; of deals, fewer are asked for, down to one."""

    code = "RESPONSE_TOO_LARGE"


class RetriableError(HubSpotDealsError):
    """The same call may work later."""


class DatabaseUnavailableError(RetriableError):
    """PostgreSQL is away, restarting, busy beyond our patience, or out of connections."""

    code = "DB_UNAVAILABLE"


class JobLostError(RetriableError):
    """The job was failed for its silence; its next attempt goes on from the checkpoint."""

    code = "HEARTBEAT_LOST"


class SecretsUnavailableError(RetriableError):
    """Airflow could not look up a connection."""

    code = "SECRETS_UNAVAILABLE"


class UpstreamUnavailableError(_HubSpotAnswerError, RetriableError):
    """No usable answer within the attempts and the deadline."""

    code = "UPSTREAM_DOWN"


class BadResponseError(_HubSpotAnswerError, RetriableError):
    """A 2xx that is not what was asked for."""

    code = "BAD_RESPONSE"


class RateLimitedError(_HubSpotAnswerError, RetriableError):
    """429 beyond the time budget of one request."""

    code = "RATE_LIMITED"


class NotDeliveredError(RetriableError):
    """The receiver of a webhook did not take an event yet."""

    code = "NOT_DELIVERED"


class DeferredError(_HubSpotAnswerError):
    """HubSpot asks for a pause too long to sleep through (daily limit, portal migration).

    Attributes:
        resume_after_s: seconds to wait before the next attempt.
        resume_at: the same as a moment, by PostgreSQL's clock; None until the job's row says so.
    """

    code = "DEFERRED"

    def __init__(
        self,
        message: str,
        *,
        resume_after_s: float = 0.0,
        code: str | None = None,
        status_code: int | None = None,
        category: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code, status_code=status_code, category=category, correlation_id=correlation_id)
        self.resume_after_s = resume_after_s
        self.resume_at: datetime | None = None


class JobStopped(HubSpotDealsError):  # noqa: N818 - an outcome, not an error
    """This run ends here, and that is no failure of the extraction."""


class JobAlreadyRunning(JobStopped):
    """Another run of this organization and type is active."""

    code = "ALREADY_RUNNING"


class JobCancelled(JobStopped):
    """Somebody set the job's status to cancelled; committed batches stay."""

    code = "CANCELLED"


class JobSuperseded(JobStopped):
    """A newer attempt took the fence; this one has written nothing since."""

    code = "SUPERSEDED"
