"""Deal records as JSON bytes, kept per deal and property selection: a page is then a join."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from hubspot_simulator.deal import as_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubspot_simulator.deal import Deal
    from hubspot_simulator.store import DealStore

Selection = tuple[str, ...]


def to_json(value: Any) -> bytes:  # noqa: ANN401 - whatever JSON can hold
    """Compact JSON. A lone surrogate, which UTF-8 cannot carry, is sent as its escape."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


class RecordEncoder:
    """Encodes current versions from a store and remembers the bytes until the deal changes."""

    def __init__(self, store: DealStore, url_prefix: str, kept_records: int) -> None:
        self._store = store
        self._url_prefix = url_prefix
        self._fragments: dict[Selection, dict[int, bytes]] = {}
        self._kept_records = kept_records
        self._count = 0

    def encode(self, deal: Deal, selection: Selection) -> bytes:
        return to_json(as_record(deal, selection, self._url_prefix))

    def current(self, deal_ids: Iterable[int], selection: Selection) -> list[bytes]:
        """Records of existing deals, in the order of ``deal_ids``."""
        known = self._fragments.setdefault(selection, {})
        result = []
        for deal_id in deal_ids:
            fragment = known.get(deal_id)
            if fragment is None:
                fragment = self._fresh(deal_id, selection, known)
            result.append(fragment)
        return result

    def forget(self, deal_id: int) -> None:
        """The deal changed."""
        for known in self._fragments.values():
            self._count -= known.pop(deal_id, None) is not None

    def _fresh(self, deal_id: int, selection: Selection, known: dict[int, bytes]) -> bytes:
        deal = self._store.get(deal_id)
        if deal is None:
            raise LookupError(f"deal {deal_id} is neither live nor archived")
        fragment = self.encode(deal, selection)
        if self._count < self._kept_records:
            # A copy: orjson gives away its whole working buffer, several times the size of the record.
            known[deal_id] = fragment = b"%b" % fragment
            self._count += 1
        return fragment
