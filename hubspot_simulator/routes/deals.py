"""Deals: list, one record, batch/read."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from hubspot_simulator import errors
from hubspot_simulator.associations import KINDS, kind_name
from hubspot_simulator.clock import iso_from_ms
from hubspot_simulator.deal import as_record
from hubspot_simulator.encoding import to_json
from hubspot_simulator.exchange import Answer, Page
from hubspot_simulator.routes.parameters import RefusedError, Wanted, boolean, integer, json_object, names, selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hubspot_simulator.deal import Deal
    from hubspot_simulator.exchange import Caller, Request
    from hubspot_simulator.portal import Portal

LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, HISTORY_MAX, BATCH_MAX = 10, 100, 50, 100
INLINE_ASSOCIATIONS_MAX = 100  # HubSpot caps them too; its number is not documented


def list_deals(request: Request, caller: Caller) -> Page:
    query = request.query
    wanted = _wanted(query, caller)
    limit = integer(query, "limit", LIST_LIMIT_DEFAULT)
    _check_list_limit(limit, wanted)
    after, archived = integer(query, "after", 0), boolean(query, "archived")
    portal = caller.account.portal
    with portal.lock:
        ids, _ = portal.store.page(after, limit, archived=archived)
        fragments = _records(portal, ids, wanted, old=request.reaches_replica and not archived)
        # The cursor is "last id + 1, inclusive" (reference §2.1), and it is there only when a record follows.
        has_more = bool(ids) and bool(portal.store.page(ids[-1] + 1, 1, archived=archived)[0])
    cursor = str(ids[-1] + 1) if has_more else None
    return Page(fragments, cursor, lambda position: str(ids[position]), link_of=(request.path, query))


def read_deal(request: Request, caller: Caller) -> Answer:
    text = request.path.rpartition("/")[2]
    if not text.isdecimal():
        return errors.not_numeric(text)
    wanted, archived = _wanted(request.query, caller), boolean(request.query, "archived")
    portal = caller.account.portal
    with portal.lock:
        deal = portal.store.get(portal.store.survivor(int(text)))
        if deal is None or (deal.archived_ms is not None) is not archived:
            return errors.not_found()
        return Answer(200, _records(portal, [deal.deal_id], wanted)[0])


def batch_read(request: Request, caller: Caller) -> Answer:
    body = json_object(request)
    asked = _inputs(body)
    archived = boolean(request.query, "archived")
    history = _name_list(body, "propertiesWithHistory")
    _check_batch(len(asked), body, with_history=bool(history))
    wanted = Wanted(selection(caller, _name_list(body, "properties")), history)
    account, portal = caller.account, caller.account.portal
    with portal.lock:
        found, missing = _resolve(portal, asked, archived=archived)
        fragments = _records(portal, found, wanted, old=request.reaches_replica and not archived)
    Random(account.usage.calls_today).shuffle(fragments)  # the order of the answer is not that of the question
    if request.is_cut_short:
        fragments, missing = fragments[: (len(fragments) + 1) // 2], []
    return _batch_answer(fragments, missing, iso_from_ms(account.now_ms()))


def _wanted(query: Mapping[str, str], caller: Caller) -> Wanted:
    history = names(query.get("propertiesWithHistory", ""))
    associations = names(query.get("associations", ""))
    unknown = [each for each in associations if kind_name(each) is None]
    if unknown:
        raise RefusedError(errors.unknown_object_type(unknown[0]))
    return Wanted(selection(caller, names(query.get("properties", ""))), history, associations)


def _check_list_limit(limit: int, wanted: Wanted) -> None:
    if wanted.history and limit > HISTORY_MAX:
        message = f"You can only request at most {HISTORY_MAX} objects in one request for properties with history"
        raise RefusedError(errors.validation_error(message))
    if limit > LIST_LIMIT_MAX:
        message = f"You can only request at most {LIST_LIMIT_MAX} objects in one request."
        raise RefusedError(errors.validation_error(message))
    if limit < 1:
        raise RefusedError(errors.validation_error("limit must be at least 1"))  # invented


def _check_batch(count: int, body: Mapping[str, object], *, with_history: bool) -> None:
    advice = "Please reduce the number of items and try again"
    if with_history and count > HISTORY_MAX:
        text = f"The maximum number of inputs supported in a batch request for property histories is {HISTORY_MAX}"
        raise RefusedError(errors.validation_error(f"{text}. {advice}"))
    if count > BATCH_MAX:
        text = f"The maximum number of inputs supported in a batch is {BATCH_MAX}"
        raise RefusedError(errors.validation_error(f"{text}. {advice}"))
    if body.get("idProperty") not in (None, "hs_object_id"):
        raise RefusedError(errors.validation_error("idProperty must name a unique property"))  # invented


def _inputs(body: Mapping[str, Any]) -> list[str]:
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(each, dict) and "id" in each for each in inputs):
        raise RefusedError(errors.validation_error("Some required fields were not set: [inputs]"))  # invented
    return [str(each["id"]) for each in inputs]


def _name_list(body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = body.get(key)
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _resolve(portal: Portal, asked: Iterable[str], *, archived: bool) -> tuple[list[int], list[str]]:
    """Ids of the records to send, survivors for merged ones, each once; and the ids that lead nowhere."""
    found: dict[int, None] = {}
    missing: list[str] = []
    for text in asked:
        deal_id = portal.store.survivor(int(text)) if text.isdecimal() else -1
        if portal.store.contains(deal_id, archived=archived):
            found[deal_id] = None
        else:
            missing.append(text)
    return list(found), missing


def _batch_answer(fragments: list[bytes], missing: list[str], moment: str) -> Answer:
    results = b",".join(fragments)
    if not missing:
        form = b'{"status":"COMPLETE","results":[%b],"startedAt":"%b","completedAt":"%b"}'
        return Answer(200, form % (results, moment.encode(), moment.encode()))
    error = {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some DEAL objects, they may be deleted or not exist. Check that ids are valid.",
        "context": {"ids": missing},
    }
    form = b'{"status":"COMPLETE","results":[%b],"numErrors":1,"errors":[%b],"startedAt":"%b","completedAt":"%b"}'
    return Answer(207, form % (results, to_json(error), moment.encode(), moment.encode()))


def _records(portal: Portal, ids: Sequence[int], wanted: Wanted, *, old: bool = False) -> list[bytes]:
    if old and wanted.is_plain:
        return [_old_record(portal, each, wanted) for each in ids]
    if wanted.is_plain:
        return portal.encoder.current(ids, wanted.selection)
    deals = (portal.store.get(each) for each in ids)
    return [to_json(_full_record(portal, deal, wanted)) for deal in deals if deal is not None]


def _old_record(portal: Portal, deal_id: int, wanted: Wanted) -> bytes:
    late = portal.index.late(deal_id)
    if late is not None:
        return portal.encoder.encode(late, wanted.selection)
    return portal.encoder.current([deal_id], wanted.selection)[0]


def _full_record(portal: Portal, deal: Deal, wanted: Wanted) -> dict[str, Any]:
    record = as_record(deal, wanted.selection, portal.url_prefix)
    if wanted.history:
        known = [name for name in wanted.history if name in portal.definitions]
        record["propertiesWithHistory"] = {name: deal.history(name) for name in known}
    associated = {name: _inline(portal, deal.deal_id, name) for name in wanted.associations}
    if any(associated.values()):
        record["associations"] = {name: value for name, value in associated.items() if value}
    return record


def _inline(portal: Portal, deal_id: int, name: str) -> dict[str, Any]:
    """One entry for each type: the primary company is there twice (reference §1.4). Empty when there is none."""
    plural = kind_name(name) or name
    kind = KINDS[plural]
    ids = portal.associations.associated(deal_id, plural)
    plain = f"deal_to_{kind.singular}" + ("_unlabeled" if kind.primary_type_id else "")
    primary = [{"id": str(ids[0]), "type": f"deal_to_{kind.singular}"}] if ids and kind.primary_type_id else []
    entries = [*primary, *({"id": str(each), "type": plain} for each in ids[:INLINE_ASSOCIATIONS_MAX])]
    if len(ids) > INLINE_ASSOCIATIONS_MAX:
        return {"results": entries, "paging": {"next": {"after": str(ids[INLINE_ASSOCIATIONS_MAX])}}}
    return {"results": entries} if entries else {}
