"""What a checkpoint says is the same after it was JSON in the database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from airflow_provider_hubspot_deals.sync.checkpoint import Checkpoint

BEGUN = datetime(2026, 3, 9, 20, 29, 45, 981_000, tzinfo=UTC)
CHANGED = (BEGUN - timedelta(days=1), BEGUN)
FRESH = (BEGUN, BEGUN + timedelta(minutes=5))


def test_an_attempt_goes_on_exactly_where_the_last_one_stopped() -> None:
    written = Checkpoint(started_at=BEGUN, phase="live", cursor={"after": "100"}, windows={"changed": CHANGED})

    assert Checkpoint.from_json(json.loads(json.dumps(written.as_json()))) == written


def test_a_window_that_is_fixed_leaves_the_others_and_the_place_as_they_are() -> None:
    first = Checkpoint(started_at=BEGUN, phase="changed", cursor={"after_id": 7}).with_window("changed", CHANGED)

    assert first.with_window("fresh", FRESH) == Checkpoint(
        started_at=BEGUN, phase="changed", cursor={"after_id": 7}, windows={"changed": CHANGED, "fresh": FRESH}
    )


def test_a_place_further_on_keeps_the_beginning_and_the_windows() -> None:
    first = Checkpoint(started_at=BEGUN, phase="changed", cursor={"after_id": 7}, windows={"changed": CHANGED})

    assert first.at("fresh", None) == Checkpoint(
        started_at=BEGUN, phase="fresh", cursor=None, windows={"changed": CHANGED}
    )
