"""Search: what the index knows, which may lag behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubspot_simulator import errors
from hubspot_simulator.exchange import Answer, Page
from hubspot_simulator.routes.parameters import json_object, selection
from hubspot_simulator.search_query import BadSearchError, parse_search

if TYPE_CHECKING:
    from hubspot_simulator.exchange import Caller, Request
    from hubspot_simulator.search_query import SearchQuery


def search_deals(request: Request, caller: Caller) -> Page | Answer:
    portal = caller.account.portal
    try:
        query = parse_search(json_object(request), portal.definitions, portal.associations)
    except BadSearchError as error:
        # The text is invented; HubSpot's own is not recorded (reference §4.3).
        return errors.generic_bad_request() if error.is_generic else errors.validation_error(str(error))
    except (AttributeError, TypeError):
        return errors.not_deserializable("PublicObjectSearchRequest", "object")
    with portal.lock:
        return _found(query, caller)


def _found(query: SearchQuery, caller: Caller) -> Page:
    portal = caller.account.portal
    found = portal.index.find(query)
    chosen = selection(caller, query.properties)
    end = query.offset + query.limit
    page_ids = found.page(query.offset, query.limit)
    stale = {each: deal for each in page_ids if (deal := portal.index.stale(each)) is not None}
    current = iter(portal.encoder.current((each for each in page_ids if each not in stale), chosen))
    fragments = [portal.encoder.encode(stale[each], chosen) if each in stale else next(current) for each in page_ids]
    after = str(end) if end < found.total else None
    return Page(fragments, after, lambda position: str(query.offset + position), total=found.total)
