"""What a commit makes of a batch's place in its run: checkpoint, windows, watermark, usage, doubt and words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.client.usage import Usage
from airflow_provider_hubspot_deals.exceptions import JobCancelled, JobSuperseded
from airflow_provider_hubspot_deals.extraction.pages import Event
from airflow_provider_hubspot_deals.sync import SyncRequest
from airflow_provider_hubspot_deals.sync.batches import Batch
from airflow_provider_hubspot_deals.sync.checkpoint import Checkpoint
from airflow_provider_hubspot_deals.sync.committing import Commits, InDoubt
from airflow_provider_hubspot_deals.sync.companions import Companions
from airflow_provider_hubspot_deals.sync.usage import UsageMeter
from tests.integration.tenant import Tenant, a_run

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
CHECKPOINT = Checkpoint(started_at=START, phase="changed", cursor={"after_id": 7})
OF_WINDOW = CHECKPOINT.with_window("changed", (START, END))
INCOMPLETE = Event(kind="search_incomplete", details={"counted": 20, "named": 3})


@dataclass
class World:
    """One claimed job, and the commits over one connection."""

    acme: Tenant
    connection: psycopg.Connection[Any]
    mode: str = "full"
    usage: Usage = field(default_factory=Usage)
    progress: int = 0

    def __post_init__(self) -> None:
        self.job = self.acme.claim(a_run(), mode=self.mode)
        self.in_doubt = InDoubt()
        self.commits = Commits(
            self.connection, self.job, UsageMeter(self.usage), in_doubt=self.in_doubt, progressed=self._progressed
        )
        request = SyncRequest(organization_id=self.acme.id, organization=self.acme.slug)
        source: Any = HubSpotClient  # nothing is asked: no page was seen
        self._companions = Companions(request, source, self.connection, self.job, [])

    def _progressed(self) -> None:
        self.progress += 1

    def commit(
        self, phase: str, checkpoint: Checkpoint = OF_WINDOW, *events: Event, ends_phase: bool = True
    ) -> dict[str, Any]:
        settings: dict[str, Any] = {"ends_phase": True} if ends_phase else {}
        self.commits.commit(Batch(phase, events=list(events)), checkpoint, self._companions, **settings)
        return self.acme.job(self.job)

    @property
    def watermark(self) -> datetime | None:
        moment: datetime | None = self.acme.sync_state()["watermark"]
        return moment


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def world(database_url: str, connection: psycopg.Connection[Any]) -> World:
    return World(Tenant(database_url), connection)


@pytest.fixture
def window_world(database_url: str, connection: psycopg.Connection[Any]) -> World:
    return World(Tenant(database_url), connection, mode="window")


def test_a_batch_is_committed_with_its_place_and_its_window(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    row = world.commit("changed", ends_phase=False)
    assert Checkpoint.from_json(row["checkpoint"]) == OF_WINDOW
    assert (row["window_start"], row["window_end"], row["batches"]) == (START, END, 1)
    assert f"Job {world.job.id}: changed, 0 deals read in this batch." in caplog.messages
    assert world.progress == 1


def test_a_batch_before_any_window_is_fixed_names_none(world: World) -> None:
    row = world.commit("live", CHECKPOINT.with_window("fresh", (END, END + timedelta(minutes=5))))
    assert (row["window_start"], row["window_end"]) == (None, None)


def test_the_end_of_the_window_becomes_the_watermark_when_its_phase_ends(world: World) -> None:
    for phase, ends_phase in (("changed", False), ("live", True), ("fresh", True)):
        world.commit(phase, ends_phase=ends_phase)
        assert world.watermark is None
    world.commit("changed")
    assert world.watermark == END


def test_a_window_that_somebody_chose_moves_no_watermark(window_world: World) -> None:
    window_world.commit("changed")
    assert window_world.watermark is None


def test_a_phase_that_ends_without_a_window_moves_no_watermark(world: World) -> None:
    world.commit("changed", CHECKPOINT)
    assert world.watermark is None


def test_a_window_that_search_did_not_name_whole_is_asked_for_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.commit("changed", OF_WINDOW, INCOMPLETE, Event(kind="other", details={}))
    assert world.watermark == START
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warning == (
        f"Job {world.job.id}: HubSpot's search counts 20 deals of organization 'acme' in a window and names 3 of them, "
        "however often it is asked. Later runs ask for this window again; the next full run reads every deal."
    )


def test_a_chosen_window_that_search_did_not_name_whole_is_somebodys_to_run_again(
    window_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    window_world.commit("changed", OF_WINDOW, INCOMPLETE)
    assert "asked. No later run asks for this window by itself: run it again; the next full run" in caplog.text


def test_what_a_batch_has_told_of_its_requests_is_not_told_again(world: World) -> None:
    world.usage.count_request("list")
    assert world.commit("changed")["api_calls"] == 1
    world.usage.count_request("search")
    row = world.commit("changed")
    assert (row["api_calls"], row["api_calls_by_endpoint"]) == (2, {"list": 1, "search": 1})
    assert world.in_doubt.transaction_id is None


def test_a_batch_that_was_not_committed_stays_in_doubt_with_what_it_would_have_told(world: World) -> None:
    world.usage.count_request("list")
    world.acme.execute("UPDATE hubspot.jobs SET status = 'cancelled'")
    with pytest.raises(JobCancelled):
        world.commit("changed")
    assert world.in_doubt.transaction_id is not None
    assert (world.in_doubt.transaction_id.isdecimal(), world.in_doubt.usage["api_calls"]) == (True, 1)
    assert world.progress == 0


def test_a_batch_that_never_began_is_not_in_doubt(world: World) -> None:
    world.acme.claim(a_run(try_number=2), mode="full")
    with pytest.raises(JobSuperseded):
        world.commit("changed")
    assert world.in_doubt.transaction_id is None
