"""What to do about a job's error, by the stable code that stands in ``jobs.error_code``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """What a code means, in a few words, and what somebody should do."""

    meaning: str
    remedy: str


_TRIES_AGAIN = "Nothing, at first: Airflow tries again, and the job goes on where it stopped."
_LOOK_INTO_LOG = "Read the end of the task's log, and report it with its traceback if it is no accident of your own."

_ADVICE = {
    "ABANDONED": Advice(
        "Its run was left behind, and another one took its place.",
        "Nothing: the next run does the work. If it recurs, look for DAG runs that wait too long for a retry.",
    ),
    "ALREADY_RUNNING": Advice(
        "Another run of this organization is active.",
        "Wait for it, or cancel it first.",
    ),
    "AUTH_INVALID": Advice(
        "HubSpot does not accept the token.",
        "Put a valid token into the organization's HubSpot connection, test it there, then run again.",
    ),
    "BAD_RESPONSE": Advice(
        "What came back was not HubSpot's answer.",
        f"{_TRIES_AGAIN} If it lasts, look for a proxy between the worker and api.hubapi.com that answers itself.",
    ),
    "CANCELLED": Advice("Somebody cancelled it.", "Run it again when it should go on; what was committed stays."),
    "CONFIGURATION": Advice(
        "A setting or a connection is wrong.",
        "Change what the message names, in the organizations file or the Airflow connection, then run again.",
    ),
    "DAILY_RESERVE": Advice(
        "The rest of today's API calls belongs to other apps, as daily_reserve_percent says.",
        "Nothing: it goes on when the account's day ends. Or lower daily_reserve_percent.",
    ),
    "DB_BUSY": Advice(
        "Another session holds a lock, or PostgreSQL took too long.",
        f"{_TRIES_AGAIN} If it lasts, look into pg_stat_activity for who holds the lock.",
    ),
    "DB_CONNECTIONS": Advice(
        "PostgreSQL takes no more connections.", "Raise max_connections, or put a pooler before it."
    ),
    "DB_MEMORY": Advice(
        "PostgreSQL has no memory left.", "Raise max_locks_per_transaction if the message says shared memory."
    ),
    "DB_READ_ONLY": Advice(
        "PostgreSQL takes no writes.", "Let the connection lead to the primary, with a role that may write."
    ),
    "DB_REFUSED": Advice(
        "PostgreSQL refused a statement.",
        "Look up the message's code; a constraint or trigger that is not ours is the usual reason. Then run again.",
    ),
    "DB_STORAGE": Advice("PostgreSQL's disk, or a limit on it, is full.", "Make room on its volume, then run again."),
    "DB_UNAVAILABLE": Advice(
        "PostgreSQL did not answer.", f"{_TRIES_AGAIN} If it lasts, check the server and the Postgres connection."
    ),
    "DEFERRED": Advice(
        "HubSpot asks to come back much later.",
        "Nothing: the job goes on by itself at that time. Other apps may have used up the account's daily calls.",
    ),
    "FORBIDDEN": Advice(
        "HubSpot blocks the account, the app or the worker's address.",
        "Ask the account's administrator about IP restrictions and the state of the app.",
    ),
    "HEARTBEAT_LOST": Advice(
        "Its worker vanished: killed, out of memory, or cut off.",
        "Nothing: a retry or the next run goes on. If it recurs, look into the worker's memory and its log.",
    ),
    "KILLED": Advice(
        "The task was stopped from outside.",
        "Run again if nobody stopped it on purpose; an execution timeout or a worker that was shut down does it too.",
    ),
    "MISSING_SCOPE": Advice(
        "The token lacks scopes.", "Grant the scopes that the message names to the private app, then run again."
    ),
    "NOT_DELIVERED": Advice(
        "The receiver of a webhook did not take an event.",
        "Nothing, at first: the maintenance tells it again, for three days. If it lasts, see notification_deliveries.",
    ),
    "PAGING_LOOP": Advice(
        "HubSpot's list did not end.",
        f"{_TRIES_AGAIN} If it lasts, tell HubSpot's support, with the time and the account.",
    ),
    "RATE_LIMITED": Advice(
        "HubSpot's rate limit held on for too long.",
        f"{_TRIES_AGAIN} If it lasts, find out which other programs use this account's limit.",
    ),
    "REFUSED": Advice(
        "HubSpot refuses the request, and would again.",
        "The message names HubSpot's reason; change what it says. Its support wants the correlation id.",
    ),
    "RESPONSE_TOO_LARGE": Advice(
        "An answer was too large, even with a single deal in it.",
        "Read fewer properties, or look for a proxy that answers itself.",
    ),
    "SCHEMA_MISMATCH": Advice(
        "The tables are missing, older than this version, or closed to the loading role.",
        "Migrate as the owner: python -m airflow_provider_hubspot_deals.migrations upgrade. Then run again.",
    ),
    "SECRETS_UNAVAILABLE": Advice(
        "Airflow could not look up a connection.", f"{_TRIES_AGAIN} If it lasts, check Airflow's secrets backend."
    ),
    "SOURCE_ORDER": Advice(
        "HubSpot's search did not sort as asked; going on could have lost deals.",
        f"{_TRIES_AGAIN} If it lasts, tell HubSpot's support: every run reads the newest changes by search.",
    ),
    "SUPERSEDED": Advice("A newer attempt took over.", "Nothing: the newer one does the work."),
    "SYSTEMIC_DATA": Advice(
        "Too many records of a batch could not be stored to be an accident.",
        "Look into deals_quarantine for the reason they share. Nothing of that batch was written.",
    ),
    "TOKEN_FORMAT": Advice(
        "What stands in the connection cannot be a token.",
        "Copy the token into the HubSpot connection anew, without quotes or line breaks, then run again.",
    ),
    "UNEXPECTED": Advice("An error that nobody foresaw.", _LOOK_INTO_LOG),
    "UNEXPECTED_REDIRECT": Advice(
        "The API address answered with a redirect, which HubSpot does not do.",
        "Correct the API address in the HubSpot connection.",
    ),
    "UNSTABLE_RECORD": Advice(
        "A deal kept changing while its parts were read.", f"{_TRIES_AGAIN} A quieter hour helps."
    ),
    "UNTRUSTED_CERTIFICATE": Advice(
        "The server's certificate is not trusted.",
        "Something in between may open TLS: give the worker that authority's certificate, or a way around it.",
    ),
    "UPSTREAM_DOWN": Advice(
        "HubSpot did not give a usable answer.", f"{_TRIES_AGAIN} status.hubspot.com tells of its own trouble."
    ),
    "WEBHOOK_GONE": Advice(
        "The receiver of a webhook says that it is gone for good.",
        "Take that notification out of the organizations file, or correct the address in its connection.",
    ),
    "WRONG_PORTAL": Advice(
        "The token opens another HubSpot account than this organization's.",
        "Correct what the message names, then run again. Nothing of the other account was stored.",
    ),
}
CODES = frozenset(_ADVICE)


def advice_for(code: str) -> Advice:
    """Advice for ``jobs.error_code``; for a code that is not ours, where to look."""
    return _ADVICE.get(code) or Advice("An error that this page does not know.", _LOOK_INTO_LOG)
