"""What is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TYPE_PREFIX = "hubspot_deals"
_ID_NAMESPACE = UUID("0d8d2c43-57c3-5c0b-8c5b-5b2b8f3f8f0e")  # fixed for ever: receivers remember ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, and is told at least once.

    Attributes:
        id: the same however often it is told, by whomever: receivers take each id once.
        type: such as ``hubspot_deals.job.completed``; says what stands in ``data``.
        body: the JSON that is sent, the same bytes at every attempt.
    """

    id: str
    type: str
    body: str = field(repr=False)


def event_of(type_: str, *, about: str, occurred_at: datetime, data: Mapping[str, Any]) -> Event:
    """Make an event.

    Args:
        about: what distinguishes it from every other event of its type, such as a job's id and attempt.
        data: JSON-able; ids, counts, times and our own sentences, never a token or a customer's value.
    """
    full_type = f"{TYPE_PREFIX}.{type_}"
    payload = {"type": full_type, "timestamp": occurred_at.isoformat(), "data": dict(data)}
    return Event(
        id=f"msg_{uuid5(_ID_NAMESPACE, f'{full_type} {about}').hex}",  # no full stops: they separate what is signed
        type=full_type,
        body=json.dumps(payload, separators=(",", ":")),
    )
