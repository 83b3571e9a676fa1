"""The first version of the deals API, which old clients still use: all deals, and the definitions of their properties.

https://developers.hubspot.com/docs/api-reference/legacy/crm/objects/deals/v1/get-deals-v1-deal-paged
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from hubspot_simulator import errors
from hubspot_simulator.encoding import to_json
from hubspot_simulator.exchange import Answer
from hubspot_simulator.routes.parameters import RefusedError, boolean, integer, names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubspot_simulator.deal import Deal
    from hubspot_simulator.exchange import Caller, Request
    from hubspot_simulator.portal import Portal

LIMIT_DEFAULT, LIMIT_MAX = 100, 250
ASSOCIATED = {"associatedVids": "contacts", "associatedCompanyIds": "companies", "associatedDealIds": ""}


def list_deals(request: Request, caller: Caller) -> Answer:
    """Live deals in the order of their ids; ``offset`` is the id that comes next."""
    query, portal = request.query, caller.account.portal
    limit, offset = integer(query, "limit", LIMIT_DEFAULT), integer(query, "offset", 0)
    if not 0 < limit <= LIMIT_MAX:
        raise RefusedError(errors.validation_error(f"limit must be between 1 and {LIMIT_MAX}"))  # invented
    everything, associated = boolean(query, "includeAllProperties"), boolean(query, "includeAssociations")
    with portal.lock:
        wanted = portal.definitions if everything else names(query.get("properties", ""))
        ids, following = portal.store.page(offset, limit, archived=False)
        found = [deal for deal in map(portal.store.get, ids) if deal is not None]
        deals = [_record(portal, deal, wanted, with_associations=associated) for deal in found]
    return Answer(200, to_json({"deals": deals, "hasMore": following is not None, "offset": following or offset}))


def list_properties(_request: Request, caller: Caller) -> Answer:
    """A bare array."""
    portal = caller.account.portal
    with portal.lock:
        found = [each.as_json() for each in portal.definitions.values() if each.sensitivity == "non_sensitive"]
    return Answer(200, to_json(found))


def _record(portal: Portal, deal: Deal, wanted: Iterable[str], *, with_associations: bool) -> dict[str, Any]:
    associated = portal.associations.associated
    return {
        "portalId": portal.portal_id,
        "dealId": deal.deal_id,
        "isDeleted": False,
        "associations": {
            key: associated(deal.deal_id, kind) if with_associations and kind else ()
            for key, kind in ASSOCIATED.items()
        },
        "properties": {
            name: _value(deal, deal.values[name], portal.definitions[name].type)
            for name in wanted
            if name in deal.values and _is_plain(portal, name)
        },
    }


def _is_plain(portal: Portal, name: str) -> bool:
    definition = portal.definitions.get(name)
    return definition is not None and definition.sensitivity == "non_sensitive"


def _value(deal: Deal, text: str, kind: str) -> dict[str, Any]:
    """With the time at which it was set; times are milliseconds here."""
    value = _milliseconds(text) if kind in ("date", "datetime") else text
    return {"value": value, "timestamp": deal.modified_ms, "source": "CRM_UI", "sourceId": None}


def _milliseconds(text: str) -> str:
    try:
        return str(round(datetime.fromisoformat(text).timestamp() * 1000))
    except ValueError:
        return text
