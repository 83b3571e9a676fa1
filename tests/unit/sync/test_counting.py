"""Which difference between HubSpot's count and ours is explained by what happened lately."""

from __future__ import annotations

import pytest

from airflow_provider_hubspot_deals.sync.counting import LiveCount


@pytest.mark.parametrize(
    ("stored", "is_explained"),
    [(96, False), (97, True), (100, True), (102, True), (103, False)],
    ids=["one too few", "all that left", "as many", "all that came", "one too many"],
)
def test_a_difference_is_explained_up_to_what_came_and_what_left_lately(stored: int, is_explained: bool) -> None:
    count = LiveCount(hubspot=100, stored=stored, explained_more=2, explained_fewer=3)
    assert count.is_explained is is_explained
