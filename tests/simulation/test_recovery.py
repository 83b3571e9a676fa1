"""What a blow cost, from the answers that the simulator gave."""

from __future__ import annotations

import json

from hubspot_simulator.access_log import LoggedRequest
from local_stack.simulation.recovery import Cost, Version, figures_of, lines_of, records_in, repeated


def answer(*ids: int, endpoint: str = "list", version: str = "v1") -> tuple[str, frozenset[Version]]:
    return endpoint, frozenset((str(deal_id), version, False) for deal_id in ids)


def records(*, endpoint: str = "list", status: int = 200, fault: str | None = None, body: bytes = b"") -> int:
    request = LoggedRequest(
        at_s=0.0,
        method="GET",
        path="/",
        query_keys=(),
        body_keys=(),
        endpoint=endpoint,
        portal_id=1001,
        status=status,
        fault=fault,
    )
    deals = [{"id": str(deal_id), "updatedAt": "v1", "archived": False} for deal_id in (1, 2)]
    return len(records_in(request, body or json.dumps({"results": deals}).encode()))


def test_deals_that_were_brought_before_the_blow_and_come_again_are_repeated() -> None:
    answers = [answer(1, 2), answer(3, 4), answer(3, 4), answer(5, 6)]

    assert repeated(answers, 2) == 1
    assert repeated(answers, 3) == 0  # the run's own affair


def test_an_answer_is_repeated_whatever_was_asked_to_get_it() -> None:
    assert repeated([answer(1, 2, 3, 4), answer(2, 3), answer(3, 4, 5)], 1) == 2


def test_an_answer_that_is_new_for_its_greater_part_is_not_repeated() -> None:
    assert repeated([answer(1, 2), answer(2, 3, 4)], 1) == 0


def test_a_deal_that_changed_meanwhile_or_comes_from_another_endpoint_is_new() -> None:
    assert repeated([answer(1, 2), answer(1, 2, version="v2"), answer(1, 2, endpoint="batch_read")], 1) == 0


def test_only_answers_that_can_be_used_bring_deals() -> None:
    assert records() == records(fault="short_page") == records(fault="close") == 2
    assert records(endpoint="owners") == 0
    assert records(status=503, fault="status", body=b"<html>") == 0
    assert records(fault="invalid_json", body=b'{"results":[') == 0
    assert records(fault="truncate") == 0


def test_costs_are_told_by_case_and_by_blow() -> None:
    costs = [
        Cost(what="a", blow="killed", batch_after_s=0.5, end_after_s=1.0, repeated=0),
        Cost(what="b", blow="killed", batch_after_s=None, end_after_s=2.0, repeated=3),
        Cost(what="c", blow="stopped", batch_after_s=None, end_after_s=4.0, repeated=1),
    ]

    figures = figures_of(costs)

    assert figures["recovery"] == {
        "killed": {
            "cases": 2,
            "next_batch_s": {"median": 0.5, "max": 0.5},
            "end_of_run_s": {"median": 1.5, "max": 2.0},
            "requests_repeated": {"median": 1.5, "max": 3},
        },
        "stopped": {
            "cases": 1,
            "next_batch_s": None,
            "end_of_run_s": {"median": 4.0, "max": 4.0},
            "requests_repeated": {"median": 1, "max": 1},
        },
    }
    assert [case["what"] for case in figures["recovery_by_case"]] == ["a", "b", "c"]
    assert [line.split()[0] for line in lines_of(costs)] == ["killed", "stopped"]
