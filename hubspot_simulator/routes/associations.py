"""Associations v4: bulk read, one record, labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubspot_simulator import errors
from hubspot_simulator.associations import KINDS, AssociationKind, kind_name
from hubspot_simulator.clock import iso_from_ms
from hubspot_simulator.encoding import to_json
from hubspot_simulator.exchange import Answer
from hubspot_simulator.routes.parameters import RefusedError, integer, json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubspot_simulator.associations import Label
    from hubspot_simulator.exchange import Caller, Request
    from hubspot_simulator.portal import Portal

INPUTS_MAX, PER_RECORD_MAX = 1_000, 500
TO_SEGMENT = {"batch_read": -3, "labels": -2, "one": -1}  # where the path names the associated type


def batch_read(request: Request, caller: Caller) -> Answer:
    """Ids are numbers, labels may be null, a deal without associations is an error entry (reference §1.4)."""
    kind = _kind(request, "batch_read", caller)
    inputs = json_object(request).get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(each, dict) and "id" in each for each in inputs):
        return errors.validation_error("Some required fields were not set: [inputs]")
    if len(inputs) > INPUTS_MAX:
        return errors.validation_error(f"The maximum number of inputs supported in a batch is {INPUTS_MAX}.")
    account = caller.account
    with account.portal.lock:
        read = [_read_input(account.portal, each, kind) for each in inputs]
    moment = iso_from_ms(account.now_ms())
    found, failed = [each for each in read if "from" in each], [each for each in read if "from" not in each]
    if request.is_cut_short:
        found, failed = found[: (len(found) + 1) // 2], []
    body: dict[str, Any] = {"status": "COMPLETE", "results": found}
    if failed:
        body |= {"numErrors": len(failed), "errors": failed}
    return Answer(207 if failed else 200, to_json({**body, "startedAt": moment, "completedAt": moment}))


def read_one(request: Request, caller: Caller) -> Answer:
    kind = _kind(request, "one", caller)
    deal_id = request.path.split("/")[-3]
    if not deal_id.isdecimal():
        return errors.not_numeric(deal_id)
    limit, after = integer(request.query, "limit", PER_RECORD_MAX), integer(request.query, "after", 0)
    with caller.account.portal.lock:
        return Answer(200, to_json(_page(caller.account.portal, int(deal_id), kind, after, min(limit, PER_RECORD_MAX))))


def labels(request: Request, caller: Caller) -> Answer:
    kind = KINDS[_kind(request, "labels", caller)]
    return Answer(200, to_json({"results": _types(kind, is_primary=True)}))


def _kind(request: Request, endpoint: str, caller: Caller) -> str:
    """The type of the other records; their own scope is needed as well (reference §3)."""
    object_type = request.path.split("/")[TO_SEGMENT[endpoint]]
    kind = kind_name(object_type)
    if kind is None:
        raise RefusedError(errors.unknown_object_type(object_type))
    if KINDS[kind].scope not in caller.app.scopes:
        raise RefusedError(errors.missing_scopes((KINDS[kind].scope,)))
    return kind


def _read_input(portal: Portal, asked: Mapping[str, Any], kind: str) -> dict[str, Any]:
    deal_id, after = str(asked["id"]), str(asked.get("after") or 0)
    is_deal = deal_id.isdecimal() and portal.store.contains(int(deal_id), archived=False)
    page = _page(portal, int(deal_id), kind, int(after), PER_RECORD_MAX) if is_deal and after.isdecimal() else {}
    if page.get("results"):
        results = page.pop("results")
        return {"from": {"id": deal_id}, "to": results, **page}
    singular = KINDS[kind].singular
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {singular} is associated with deal {deal_id}.",
        "context": {"fromObjectId": [deal_id], "fromObjectType": ["deal"], "toObjectType": [singular]},
    }


def _page(portal: Portal, deal_id: int, kind: str, after: int, limit: int) -> dict[str, Any]:
    """``after`` is an offset within the record's associations."""
    ids = portal.associations.associated(deal_id, kind)
    page = ids[after : after + limit]
    results = [
        {
            "toObjectId": each,
            "associationTypes": [
                *_types(KINDS[kind], is_primary=after + position == 0),
                *(_label_json(label) for label in portal.associations.labels(deal_id, kind, each)),
            ],
        }
        for position, each in enumerate(page)
    ]
    following = {"paging": {"next": {"after": str(after + limit)}}} if after + limit < len(ids) else {}
    return {"results": results, **following}


def _label_json(label: Label) -> dict[str, Any]:
    return {"category": label.category, "typeId": label.type_id, "label": label.text}


def _types(kind: AssociationKind, *, is_primary: bool) -> list[dict[str, Any]]:
    types = [{"category": "HUBSPOT_DEFINED", "typeId": kind.type_id, "label": None}]
    if is_primary and kind.primary_type_id is not None:
        types.insert(0, {"category": "HUBSPOT_DEFINED", "typeId": kind.primary_type_id, "label": "Primary"})
    return types
