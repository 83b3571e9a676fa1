"""The endpoints that say what deals mean: the portal, its properties, pipelines, owners and exchange rates."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_hubspot_deals.client import calls, payloads
from airflow_provider_hubspot_deals.exceptions import BadResponseError, HubSpotRefusedError, RetriableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_hubspot_deals.client.answer_sizes import RequestLimit
    from airflow_provider_hubspot_deals.client.calls import Call
    from airflow_provider_hubspot_deals.client.paths import Paths
    from airflow_provider_hubspot_deals.client.requester import Requester
    from airflow_provider_hubspot_deals.deals.records import ListedDeals, PortalFacts

log = logging.getLogger(__name__)

OWNERS_LIMIT = 100  # HubSpot's default; its maximum is not documented


class MetadataEndpoints:
    """The part of the client that reads no deals."""

    _paths: Paths
    _requester: Requester
    _owners: RequestLimit

    def portal_facts(self) -> PortalFacts:
        """Which portal the credential opens."""
        facts = self._requester.send(calls.get(self._paths.account, {}), payloads.read_portal_facts)
        self._requester.portal_time_zone = facts.time_zone  # the daily limit resets at its midnight
        return facts

    def granted_scopes(self) -> frozenset[str] | None:
        """What the credential may do, in HubSpot's words; None when HubSpot does not tell, as it need not."""
        try:
            return self._requester.ask_about_token(payloads.read_scopes)
        except (HubSpotRefusedError, RetriableError) as error:
            log.info("The scopes of this token stay unknown: %s", error)
            return None

    def deal_properties(self, *, data_sensitivity: str | None = None) -> list[dict[str, Any]]:
        """Definitions of all deal properties; ``sensitive`` or ``highly_sensitive`` ones need a call each."""
        params = {"dataSensitivity": data_sensitivity} if data_sensitivity else {}
        return self._requester.send(calls.get(self._paths.properties, params), payloads.read_results)

    def pipelines(self) -> list[dict[str, Any]]:
        """Deal pipelines with their stages; archived ones are not listed."""
        return self._requester.send(calls.get(self._paths.pipelines, {}), payloads.read_results)

    def owners(self, *, archived: bool = False) -> Iterator[list[dict[str, Any]]]:
        """Pages of active, or only of archived, owners.

        Raises:
            BadResponseError: a cursor came twice (``PAGING_LOOP``).
        """

        def page(after: str | None) -> ListedDeals:
            ask = partial(calls.get_page, self._paths.owners, archived=archived, after=after)
            return self._owners.ask(lambda most: self._page(ask(limit=most)), wanted=OWNERS_LIMIT)

        return self._paged("owners", page)

    def exchange_rates(self) -> list[dict[str, Any]]:
        """Every exchange rate that the portal's people keep, past ones too. Needs ``settings.currencies.read``.

        Raises:
            BadResponseError: a cursor came twice (``PAGING_LOOP``).
        """

        def page(after: str | None) -> ListedDeals:
            return self._page(calls.get(self._paths.exchange_rates, {} if after is None else {"after": after}))

        return [rate for rates in self._paged("exchange rates", page) for rate in rates]

    def association_labels(self, to_object_type: str) -> list[dict[str, Any]]:
        """The kinds of association that deals can have with records of one type; refused when there is no such type."""
        return self._requester.send(calls.association_labels(self._paths, to_object_type), payloads.read_results)

    def _page(self, call: Call) -> ListedDeals:
        return self._requester.send(call, payloads.read_listed)

    @staticmethod
    def _paged(what: str, read_page: Callable[[str | None], ListedDeals]) -> Iterator[list[dict[str, Any]]]:
        seen: set[str | None] = set()
        after: str | None = None
        while after not in seen:
            seen.add(after)
            page = read_page(after)
            yield page.records
            after = page.next_after
            if after is None:
                return
        raise BadResponseError(f"HubSpot's list of {what} never ends: a cursor came twice", code="PAGING_LOOP")
