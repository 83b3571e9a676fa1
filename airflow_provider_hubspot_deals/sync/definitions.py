"""The definitions of a portal's deal properties, sensitive ones included where the token may read them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Protocol

from psycopg import Connection

from airflow_provider_hubspot_deals import dimensions, jobs, sql
from airflow_provider_hubspot_deals.deals.records import Record
from airflow_provider_hubspot_deals.exceptions import AuthenticationError, HubSpotRefusedError
from airflow_provider_hubspot_deals.sync.properties import defined_names

log = logging.getLogger(__name__)

NON_SENSITIVE = "non_sensitive"
SENSITIVE = ("sensitive", "highly_sensitive")


class DefinitionSource(Protocol):
    """The part of the HubSpot client that this needs."""

    def deal_properties(self, *, data_sensitivity: str | None = None) -> list[Record]: ...


@dataclass
class Definitions:
    """What HubSpot listed, and what it listed before of the levels that were not asked for now.

    Attributes:
        levels: the sensitivities of which ``listed`` holds every property.
    """

    listed: list[Record]
    levels: list[str] = field(default_factory=lambda: [NON_SENSITIVE])
    remembered: list[Record] = field(default_factory=list)
    refusals: dict[str, HubSpotRefusedError] = field(default_factory=dict)

    @property
    def known(self) -> list[Record]:
        return self.listed + self.remembered


def read_definitions(
    source: DefinitionSource, connection: Connection[Any], job: jobs.Job, *, asks_for_sensitive: bool, is_due: bool
) -> Definitions:
    """Every property definition. Each sensitive level is a request of its own, so they are asked for when due.

    Raises:
        BadResponseError: the list cannot be a portal's; believed, it would mark properties as gone.
        AuthenticationError, RetriableError, DeferredError: what would stop the reading of deals just as well.
    """
    definitions = Definitions(source.deal_properties())
    defined_names(definitions.listed)
    if not asks_for_sensitive:
        return definitions
    for level in SENSITIVE if is_due else ():
        try:
            listed = source.deal_properties(data_sensitivity=level)
        except AuthenticationError:
            raise
        except HubSpotRefusedError as error:
            definitions.refusals[level] = error
            log.warning("Job %s: %s properties are not granted to this token: %s", job.id, level, error)
        else:
            definitions.listed += [{**each, "dataSensitivity": level} for each in listed]
            definitions.levels.append(level)
    unasked = sorted({*SENSITIVE} - {*definitions.levels})
    if unasked:
        with sql.transaction(connection):
            definitions.remembered = dimensions.stored_properties(connection, job.schema, job.keys, unasked)
    return definitions
