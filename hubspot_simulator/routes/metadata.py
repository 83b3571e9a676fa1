"""What surrounds deals: properties, pipelines, owners, exchange rates."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from hubspot_simulator import errors
from hubspot_simulator.encoding import to_json
from hubspot_simulator.exchange import Answer
from hubspot_simulator.pipelines import pipelines_json
from hubspot_simulator.routes.parameters import SENSITIVE_SCOPES, boolean, integer

if TYPE_CHECKING:
    from hubspot_simulator.exchange import Caller, Request

OWNERS_LIMIT_DEFAULT, OWNERS_LIMIT_MAX = 100, 500
RATES_LIMIT_DEFAULT = 100  # HubSpot's description of its currencies API, 2026-09; it names no maximum


def list_properties(request: Request, caller: Caller) -> Answer:
    """One level of sensitivity a call; without the scope the list of sensitive ones is empty (reference §1.7)."""
    level = request.query.get("dataSensitivity", "non_sensitive")
    if level not in SENSITIVE_SCOPES:
        return errors.validation_error(f"dataSensitivity must be one of {', '.join(SENSITIVE_SCOPES)}")
    scopes = SENSITIVE_SCOPES[level]
    is_hidden = bool(scopes) and caller.app.scopes.isdisjoint(scopes)
    if is_hidden or boolean(request.query, "archived"):
        return Answer(200, to_json({"results": []}))
    portal = caller.account.portal
    with portal.lock:
        found = [each.as_json() for each in portal.definitions.values() if each.sensitivity == level]
    return Answer(200, to_json({"results": found}))


def list_schemas(_request: Request, _caller: Caller) -> Answer:
    """Custom objects, of which these portals have none."""
    return Answer(200, to_json({"results": []}))


def list_pipelines(_request: Request, caller: Caller) -> Answer:
    """Without archived pipelines and stages, even when deals still name them (reference §1.5)."""
    return Answer(200, to_json(pipelines_json(caller.account.portal.pipelines)))


def list_owners(request: Request, caller: Caller) -> Answer:
    """Active ones, or with ``archived=true`` only those that have left (reference §1.6)."""
    query = request.query
    limit, after = integer(query, "limit", OWNERS_LIMIT_DEFAULT), integer(query, "after", 0)
    if not 0 < limit <= OWNERS_LIMIT_MAX:
        return errors.validation_error(f"limit must be between 1 and {OWNERS_LIMIT_MAX}")
    archived, email = boolean(query, "archived"), query.get("email")
    owners = [each for each in caller.account.portal.owners if each.archived is archived]
    owners = [each for each in owners if email in (None, each.email)]
    start = bisect_left([each.owner_id for each in owners], after)
    page: dict[str, Any] = {"results": [each.as_json() for each in owners[start : start + limit]]}
    if len(owners) > start + limit:
        page["paging"] = {"next": {"after": str(owners[start + limit].owner_id)}}
    return Answer(200, to_json(page))


def list_exchange_rates(request: Request, caller: Caller) -> Answer:
    """All that were ever kept. What a portal with one currency answers is not recorded; here it has none.

    What ``after`` looks like is not recorded either; here it is an offset.
    """
    limit, after = integer(request.query, "limit", RATES_LIMIT_DEFAULT), integer(request.query, "after", 0)
    if limit < 1:
        return errors.validation_error("limit must be at least 1")  # invented
    rates = caller.account.portal.exchange_rates
    page: dict[str, Any] = {"results": [rate.as_json() for rate in rates[after : after + limit]]}
    if len(rates) > after + limit:
        page["paging"] = {"next": {"after": str(after + limit)}}
    return Answer(200, to_json(page))
