"""What the request's names and patterns mean in this portal, told where they mean nothing."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.deals.records import Record
from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.sync.properties import chosen, defined_names, misspelt, properties_to_read
from airflow_provider_hubspot_deals.sync.request import SyncRequest

log = logging.getLogger(__name__)

_NAME_LENGTH_MAX = 100  # as far as logs and events show it
_NAMED_MAX = 5  # in one message


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Names of properties, sorted."""

    properties: tuple[str, ...]
    history: tuple[str, ...]


def choose(request: SyncRequest, connection: Connection[Any], job: jobs.Job, definitions: Sequence[Record]) -> Choices:
    """What to read of each deal. What the portal does not define is told and left out; the rest loads.

    Raises:
        BadResponseError: the definitions cannot be a portal's.
        ConfigurationError: what a person adds to this run is misspelt; nothing has been read yet.
    """
    defined = defined_names(definitions)
    if not job.checkpoint:
        _refuse_misspelt(request, defined)
    read = properties_to_read(request.properties, defined, request.additional_properties)
    followed = chosen(request.history, defined)
    unknown = {"properties": _shown(read.unmatched), "history": _shown(followed.unmatched)}
    if any(unknown.values()):
        log.warning(
            "Organization %s: the portal defines no property for these, so they stay unread: %s",
            *(request.organization, ", ".join(sorted({name for names in unknown.values() for name in names}))),
        )
        if not job.checkpoint:  # the first attempt has told it
            with sql.transaction(connection):
                jobs.lock_fence(connection, job)
                jobs.tell(connection, job, "properties_unknown", unknown)
    return Choices(properties=read.names, history=followed.names)


def _refuse_misspelt(request: SyncRequest, defined: Collection[str]) -> None:
    """Whoever adds properties to one run waits for them; the organizations file must load whatever a portal loses."""
    names = misspelt(request.additional_properties, defined)
    if not names:
        return
    close = dict.fromkeys(match for name in names[:_NAMED_MAX] for match in get_close_matches(name, defined, n=1))
    hint = f"; did you mean {', '.join(_shown([*close]))}" if close else ""
    raise ConfigurationError(
        f"Organization {request.organization!r}: this run was to read {', '.join(_shown(names[:_NAMED_MAX]))} besides "
        f"the organization's properties, but the portal defines no such property, or not for this token{hint}. "
        "No deal was read or written."
    )


def _shown(names: Sequence[str]) -> list[str]:
    return [(name if name.isprintable() else ascii(name))[:_NAME_LENGTH_MAX] for name in names[: jobs.EVENT_NAMES_MAX]]
