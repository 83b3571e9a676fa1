"""Reading the associations of many deals with one type of record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from airflow_provider_hubspot_deals.deals.related import Association, FoundAssociations
from airflow_provider_hubspot_deals.exceptions import HubSpotRefusedError, ResponseTooLargeError

ASSOCIATIONS_BATCH_MAX = 1_000  # HubSpot's maximum
REFUSED_MAX = 20  # deals of one batch; more than a few that vanish within seconds is something else


class AssociationSource(Protocol):
    """The part of the HubSpot client that this needs."""

    def read_associations(self, to_object_type: str, ids: Sequence[int]) -> FoundAssociations: ...
    def association_labels(self, to_object_type: str) -> list[dict[str, Any]]: ...


@dataclass
class AssociationsRead:
    """Every association of the deals ``ids`` with one type of record; of ``unread`` ones some at best."""

    to_object_type: str
    ids: list[int] = field(default_factory=list)
    found: list[Association] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)


def read_associations(source: AssociationSource, to_object_type: str, ids: Sequence[int]) -> AssociationsRead:
    """Read at most 1,000 deals, in halves where HubSpot refuses a whole batch for one deal that is gone meanwhile, or
    where their answer would be too large.

    Raises:
        HubSpotRefusedError: deals cannot have such associations, or the token may not read them.
    """
    result = AssociationsRead(to_object_type)
    refused: list[int] = []
    waiting = [list(ids)]
    while waiting:
        batch = waiting.pop()
        try:
            found, unfinished = source.read_associations(to_object_type, batch)
            result.found += found
            result.unread += unfinished
            result.ids += [deal_id for deal_id in batch if deal_id not in unfinished]
        except HubSpotRefusedError as error:
            is_too_large = isinstance(error, ResponseTooLargeError)
            if not (is_too_large or error.status_code == HTTPStatus.BAD_REQUEST) or len(refused) >= REFUSED_MAX:
                raise
            if batch == list(ids) and not is_too_large:
                source.association_labels(to_object_type)  # refused as well when it is the type that is wrong
            middle = len(batch) // 2
            if middle:
                waiting += [batch[:middle], batch[middle:]]
            else:
                refused += batch
    result.unread = refused + result.unread
    return result
