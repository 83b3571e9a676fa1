"""One HubSpot account: its deals and what people do to them. Knows nothing of HTTP.

Every verb is atomic and may be called from any thread while the server answers requests.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from threading import RLock
from typing import TYPE_CHECKING, Any

from hubspot_simulator.associations import KINDS, AssociationBook, Label
from hubspot_simulator.currencies import ExchangeRate, kept_rates
from hubspot_simulator.deal import Deal, as_record
from hubspot_simulator.encoding import RecordEncoder
from hubspot_simulator.generator import DealGenerator
from hubspot_simulator.journal import Journal
from hubspot_simulator.pipelines import PIPELINES, Pipeline
from hubspot_simulator.properties import Property, pipeline_properties, property_definitions
from hubspot_simulator.search_index import SearchIndex
from hubspot_simulator.store import DealStore
from hubspot_simulator.transitions import created, edited, merged, recalculated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubspot_simulator.clock import Clock
    from hubspot_simulator.encoding import Selection
    from hubspot_simulator.owners import Owner
    from hubspot_simulator.specification import PortalSpec
    from hubspot_simulator.transitions import Properties

BEHIND_SHARE = 0.25  # of new deals get an id below the highest one: ids are not in creation order


class UnknownDealError(LookupError):
    """The deal is not there, or not in the list (live, archived) that the verb needs."""


class Portal:
    """State of one account. ``properties`` with the value None unset a property, with "" clear it."""

    def __init__(self, spec: PortalSpec, clock: Clock) -> None:
        self.spec = spec
        self.lock = RLock()
        self._clock = clock
        self.associations = AssociationBook(spec.seed)
        self._generator = DealGenerator(spec, self.associations)
        self.owners = self._generator.owners
        self.pipelines: tuple[Pipeline, ...] = PIPELINES
        self.exchange_rates = kept_rates(spec.currency, spec.additional_currencies)
        self.store = DealStore(self._generator)
        self.definitions = property_definitions(spec.extra_properties)
        self.selections: dict[tuple[tuple[str, ...] | None, frozenset[str]], Selection] = {}
        self.url_prefix = f"https://{spec.ui_domain}/contacts/{spec.portal_id}/record/0-3/"
        self.encoder = RecordEncoder(self.store, self.url_prefix, spec.kept_records)
        self.index = SearchIndex(self.store, clock, unsorted=spec.unsorted_time_sorts)
        self.index.lag_s = spec.search_lag_s
        self.journal: Journal | None = None
        self.changes = 0  # so far; seeds the next random choice

    @property
    def portal_id(self) -> int:
        return self.spec.portal_id

    # What people do

    def create_deal(self, properties: Properties, *, deal_id: int | None = None, at_ms: int | None = None) -> int:
        """A new deal; its id is sparse and now and then below existing ones."""
        with self.lock:
            now_ms = self._clock.now_ms() if at_ms is None else at_ms
            new_id = self._new_id() if deal_id is None else deal_id
            self._put(created(new_id, {**properties, **self._counts(new_id)}, now_ms))
            return new_id

    def edit_deal(self, deal_id: int, properties: Properties) -> None:
        """Change properties of a live deal; bumps hs_lastmodifieddate."""
        self.edit_deals((deal_id,), properties)

    def edit_deals(self, deal_ids: Iterable[int], properties: Properties) -> None:
        """The same change to many deals within one millisecond, as workflows and bulk edits make it."""
        with self.lock:
            deals = [self._live(deal_id) for deal_id in deal_ids]
            now_ms = max(self._clock.now_ms(), *(deal.modified_ms + 1 for deal in deals), 0)
            for deal in deals:
                self._put(edited(deal, properties, now_ms))

    def stamp_deal(self, deal_id: int, at_ms: int) -> None:
        """Give a live deal an hs_lastmodifieddate that no edit of today would leave."""
        with self.lock:
            self._put(edited(self._live(deal_id), {}, at_ms))

    def recalculate_deal(self, deal_id: int, properties: Properties) -> None:
        """Change (calculated) properties without a trace in hs_lastmodifieddate (reference §1.9)."""
        with self.lock:
            deal = self._live(deal_id)
            self._put(recalculated(deal, properties))

    def archive_deal(self, deal_id: int) -> None:
        """Into the recycle bin; hs_lastmodifieddate stays."""
        with self.lock:
            deal = self._live(deal_id)
            self._put(replace(deal, archived_ms=self._clock.now_ms(), version=deal.version + 1))

    def restore_deal(self, deal_id: int) -> None:
        """Out of the recycle bin."""
        with self.lock:
            deal = self.store.get(deal_id)
            if deal is None or deal.archived_ms is None:
                raise UnknownDealError(f"portal {self.portal_id}: deal {deal_id} is not archived")
            restored = replace(deal, archived_ms=None, version=deal.version + 1)
            if self.spec.restore_bumps_modified:
                restored = edited(restored, {}, max(self._clock.now_ms(), deal.modified_ms + 1))
            self._put(restored)

    def merge_deals(self, primary: int, other: int) -> int:
        """Merge two live deals; the survivor's id is a new one, or the primary's if the portal says so."""
        with self.lock:
            first, second = self._live(primary), self._live(other)
            if primary == other:
                raise ValueError(f"portal {self.portal_id}: deal {primary} cannot be merged with itself")
            survivor_id = primary if self.spec.merge_survivor == "primary" else self._new_id()
            for kind in KINDS:
                self.associate_deal(survivor_id, kind, self.associations.union((primary, other), kind))
            survivor = merged(survivor_id, first, second, self._clock.now_ms())
            for loser_id in {primary, other} - {survivor_id}:
                self._remove(loser_id, merged_into=survivor_id)
            self._put(recalculated(survivor, self._counts(survivor_id)))
            return survivor_id

    def purge_deal(self, deal_id: int) -> None:
        """Gone from every endpoint: 90 days in the recycle bin, or an erasure request."""
        with self.lock:
            if self.store.get(deal_id) is None:
                raise UnknownDealError(f"portal {self.portal_id}: there is no deal {deal_id}")
            self._remove(deal_id)

    def associate_deal(self, deal_id: int, kind: str, object_ids: tuple[int, ...]) -> None:
        """Set the deal's contacts, companies, …; does not touch the deal itself (reference §1.9)."""
        with self.lock:
            self.associations.associate(deal_id, kind, object_ids)
            self._write({"associated": deal_id, "kind": kind, "object_ids": object_ids})

    def label_association(self, deal_id: int, kind: str, object_id: int, labels: tuple[Label, ...]) -> None:
        """Labels that people gave to one of the deal's associations, beside HubSpot's own."""
        with self.lock:
            self.associations.label(deal_id, kind, object_id, labels)

    def define_property(self, definition: Property) -> None:
        """Add or redefine a property, as people do at any time."""
        with self.lock:
            self.definitions[definition.name] = definition
            self.selections.clear()

    def archive_property(self, name: str) -> None:
        """Take a property away from the definitions; restored, it would have its values again."""
        with self.lock:
            del self.definitions[name]
            self.selections.clear()

    def define_pipelines(self, pipelines: tuple[Pipeline, ...]) -> None:
        """Add, rename, archive pipelines and stages. Deals keep what they have; a new stage brings its properties."""
        with self.lock:
            self.pipelines = pipelines
            for definition in pipeline_properties(pipelines):
                self.define_property(definition)

    def define_owners(self, owners: tuple[Owner, ...]) -> None:
        """Add, rename, archive owners; by ascending id."""
        with self.lock:
            self.owners = owners

    def define_exchange_rates(self, rates: tuple[ExchangeRate, ...]) -> None:
        """Add, change, remove exchange rates."""
        with self.lock:
            self.exchange_rates = rates

    def set_search_lag(self, seconds: float, *, jitter_s: float = 0.0) -> None:
        """How long later changes take to reach search: ``seconds`` and up to ``jitter_s`` more, out of order."""
        self.index.lag_s, self.index.jitter_s = seconds, jitter_s

    # What is true

    def live_deals(self) -> dict[int, dict[str, Any]]:
        """Every live deal by id, as HubSpot would send it with all properties."""
        return self._records(archived=False)

    def archived_deals(self) -> dict[int, dict[str, Any]]:
        """Every deal in the recycle bin by id."""
        return self._records(archived=True)

    def merged_deals(self) -> dict[int, int]:
        """Merged-away id → the id it lives on as."""
        with self.lock:
            return {deal_id: self.store.survivor(deal_id) for deal_id in self.store.merged_into}

    def apply(self, change: Mapping[str, Any]) -> None:
        """Repeat a change that a journal recorded."""
        with self.lock:
            if "deal" in change:
                self._put(Journal.deal(change["deal"]))
            elif "removed" in change:
                self._remove(change["removed"], merged_into=change["merged_into"])
            else:
                self.associate_deal(change["associated"], change["kind"], tuple(change["object_ids"]))

    def _records(self, *, archived: bool) -> dict[int, dict[str, Any]]:
        with self.lock:
            names = sorted(self.definitions)
            return {
                deal.deal_id: as_record(deal, names, self.url_prefix) for deal in self.store.deals(archived=archived)
            }

    def _live(self, deal_id: int) -> Deal:
        deal = self.store.get(deal_id)
        if deal is None or deal.archived_ms is not None:
            raise UnknownDealError(f"portal {self.portal_id}: deal {deal_id} is not live")
        return deal

    def _counts(self, deal_id: int) -> dict[str, str]:
        return {"num_associated_contacts": str(self.associations.count(deal_id, "contacts"))}

    def _new_id(self) -> int:
        random = Random(f"{self.spec.seed}/new/{self.changes}/{len(self.store.merged_into)}")
        ids = self.store.ids(archived=False)
        highest = max(ids[-1] if ids else 0, self.store.highest_id_ever)
        new_id = highest + random.randint(1, 90_000)
        if ids and random.random() < BEHIND_SHARE:
            new_id = ids[random.randrange(len(ids))] + 1
        while self.store.is_taken(new_id):
            new_id += 1
        return new_id

    def _put(self, deal: Deal) -> None:
        self.store.put(deal)
        self.encoder.forget(deal.deal_id)
        self.index.schedule(deal.deal_id, deal)
        self._write({"deal": deal})

    def _remove(self, deal_id: int, merged_into: int | None = None) -> None:
        version = self.store.version(deal_id) + 1
        self.store.remove(deal_id, merged_into)
        self.encoder.forget(deal_id)
        self.index.schedule(deal_id, None, version)
        self._write({"removed": deal_id, "merged_into": merged_into})

    def _write(self, change: dict[str, Any]) -> None:
        self.changes += 1
        if self.journal is not None:
            self.journal.write(self.portal_id, change)
