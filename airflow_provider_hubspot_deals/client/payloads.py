"""The shapes of HubSpot's answers. Each reader returns what it was asked for or raises ``ValueError`` with the reason.

Unknown keys are ignored, since HubSpot adds some without notice; a missing or misshapen one is never read as "empty":
a page without ``results`` must not end a walk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow_provider_hubspot_deals.client.batch_reads import BatchAnswer
from airflow_provider_hubspot_deals.deals import values
from airflow_provider_hubspot_deals.deals.records import FoundDeals, ListedDeals, PortalFacts, Record

JsonObject = Mapping[str, Any]

_DAY_MS = 86_400_000


def read_object(payload: object) -> JsonObject:
    if not isinstance(payload, dict):
        raise ValueError(f"a JSON object was expected, not {type(payload).__name__}")  # noqa: TRY004 - a bad value
    return payload


def read_results(payload: object) -> list[Record]:
    """The ``results``, each of them an object."""
    results = read_object(payload).get("results")
    if not isinstance(results, list):
        raise ValueError("its `results` is missing or no list")  # noqa: TRY004 - a bad value
    if not all(isinstance(record, dict) for record in results):
        raise ValueError("its `results` holds something else than objects")
    return results


def read_next_after(payload: object) -> str | None:
    """The cursor of the next page. The last one has no ``paging`` at all; a ``next`` without cursor is an error."""
    paging = read_object(payload).get("paging")
    if paging is None:
        return None
    following = read_object(paging).get("next")
    if following is None:
        return None
    after = read_object(following).get("after")
    if isinstance(after, bool) or not isinstance(after, int | str) or after == "":
        raise ValueError("its `paging.next` has no usable `after`")
    return str(after)


def read_listed(payload: object) -> ListedDeals:
    return ListedDeals(records=read_results(payload), next_after=read_next_after(payload))


def read_listed_ids(payload: object) -> tuple[list[int], list[Record], str | None]:
    """The ids of a page, its records whose id is none, and the cursor of the next page."""
    ids: list[int] = []
    unusable: list[Record] = []
    for record in read_results(payload):
        try:
            ids.append(int(values.object_id(record.get("id"))))
        except values.ValueIssue:
            unusable.append(record)
    return ids, unusable, read_next_after(payload)


def read_found(payload: object) -> FoundDeals:
    return FoundDeals(total=read_total(payload), records=read_results(payload))


def read_total(payload: object) -> int:
    total = read_object(payload).get("total")
    if isinstance(total, bool) or not isinstance(total, int) or total < 0:
        raise ValueError("its `total` is missing or no count")
    return total


def read_batch(payload: object) -> BatchAnswer:
    """The records of a batch/read, and the ids that it says are gone.

    A 207 reports failures inside a success: one that is not "no such object" would let living deals look deleted, and
    so would a first page of several. HubSpot has begun to page other batch endpoints.
    """
    status = read_object(payload).get("status", "COMPLETE")
    if status != "COMPLETE":
        raise ValueError("its `status` is not COMPLETE")
    errors = read_object(payload).get("errors") or []
    if not isinstance(errors, list) or not all(_is_not_found(error) for error in errors):
        raise ValueError("it reports errors other than OBJECT_NOT_FOUND")
    if read_next_after(payload) is not None:
        raise ValueError("it holds only the first page of what was asked for")
    return BatchAnswer(read_results(payload), ids_in_context(errors, "ids"))


def ids_in_context(errors: Sequence[JsonObject], key: str) -> frozenset[str]:
    """The ids that errors inside a success name under ``key``; an error need not name any."""
    contexts = [context for error in errors if isinstance(context := error.get("context"), dict)]
    named = [ids for context in contexts if isinstance(ids := context.get(key), list)]
    return frozenset(str(each) for ids in named for each in ids)


def read_portal_facts(payload: object) -> PortalFacts:
    facts = read_object(payload)
    portal_id = facts.get("portalId")
    if isinstance(portal_id, bool) or not isinstance(portal_id, int):
        raise ValueError("its `portalId` is missing or no number")  # noqa: TRY004 - a bad value
    return PortalFacts(
        portal_id=portal_id,
        account_type=_text(facts, "accountType"),
        time_zone=_text(facts, "timeZone"),
        currency=_text(facts, "companyCurrency"),
        ui_domain=_text(facts, "uiDomain"),
        data_hosting_location=_text(facts, "dataHostingLocation"),
        additional_currencies=_texts(facts.get("additionalCurrencies")),
        utc_offset=_utc_offset(facts.get("utcOffsetMilliseconds")),
        raw=facts,
    )


def read_scopes(payload: object) -> frozenset[str]:
    scopes = read_object(payload).get("scopes")
    if not isinstance(scopes, list):
        raise ValueError("it names no `scopes`")  # noqa: TRY004 - a bad value
    return frozenset(_texts(scopes))


def _is_not_found(error: object) -> bool:
    return isinstance(error, dict) and error.get("category") == "OBJECT_NOT_FOUND"


def _text(facts: JsonObject, key: str) -> str:
    value = facts.get(key)
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _utc_offset(milliseconds: object) -> timedelta | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or abs(milliseconds) > _DAY_MS:
        return None
    return timedelta(milliseconds=milliseconds)
