"""Answers with deals, decoded into ``Properties`` as soon as one answer has shown which properties come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from airflow_provider_hubspot_deals.client.bodies import parse_json
from airflow_provider_hubspot_deals.deals.properties import properties_type

_REST_OF_RECORD = dict.fromkeys(("id", "createdAt", "updatedAt", "archived", "archivedAt", "associations", "url"), Any)
_REST_OF_ANSWER = dict.fromkeys(("paging", "total", "status", "errors"), Any)


class DealAnswers:
    """Parses the answers to one request for certain properties, page after page. Thread-safe.

    An answer that is not as the first one showed (a value that is no text, a property unknown so far, half an emoji)
    is parsed as any JSON is: nothing is refused, lost or read differently for it.
    """

    def __init__(self) -> None:
        self._decoder: msgspec.json.Decoder[Any] | None = None
        self._has_learnt = False

    def parse(self, body: bytes) -> Any:  # noqa: ANN401 - JSON, with ``Properties`` in its records if they fit
        """As ``bodies.parse_json``.

        Raises:
            ValueError: anything else than one whole JSON value.
        """
        if self._decoder:
            try:
                return self._decoder.decode(body)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return parse_json(body)
        payload = parse_json(body)
        if not self._has_learnt and (found := _properties(payload)):
            self._decoder = _decoder_for(found)
            self._has_learnt = True
        return payload


def _properties(payload: object) -> list[dict[str, Any]]:
    results = payload.get("results") if isinstance(payload, dict) else None
    records = [record for record in results if isinstance(record, dict)] if isinstance(results, list) else []
    return [properties for record in records if isinstance(properties := record.get("properties"), dict)]


def _decoder_for(found: Sequence[Mapping[str, Any]]) -> msgspec.json.Decoder[Any] | None:
    try:
        properties = properties_type(name for each in found for name in each)
    except ValueError:
        return None
    record = TypedDict("record", {**_REST_OF_RECORD, "properties": properties}, total=False)  # type: ignore[misc]  # made from data
    answer = TypedDict("answer", {**_REST_OF_ANSWER, "results": list[record]}, total=False)  # type: ignore[misc]  # made from data
    return msgspec.json.Decoder(answer)
