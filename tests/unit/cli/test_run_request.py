"""Whether a job that an earlier call left waiting is what is asked for now."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.cli import cli_parser

from airflow_provider_hubspot_deals.cli.run_request import RunRequest

MOMENT = datetime(2026, 11, 21, 8, tzinfo=UTC)
WINDOW = {"mode": "window", "config": {"window_start": MOMENT.isoformat(), "window_end": None}}


def job(mode: str | None, /, **config: Any) -> dict[str, Any]:
    return {"mode": mode, "config": config or None}


@pytest.mark.parametrize(
    ("wanted", "waiting", "is_met"),
    [
        (RunRequest(), job("full"), True),
        (RunRequest(), job("incremental"), True),
        (RunRequest(), WINDOW, False),
        (RunRequest(mode="full"), job("full"), True),
        (RunRequest(mode="full"), job("incremental"), False),
        (RunRequest(mode="incremental"), job("full"), False),
        (RunRequest(mode="incremental"), job("full", mode="auto"), False),
        (RunRequest(mode="incremental"), job("full", mode="incremental"), True),
        (RunRequest(mode="full"), job("full", mode="incremental"), True),
        (RunRequest(mode="full"), job("incremental", mode="incremental"), False),
        (RunRequest(mode="window", window_start=MOMENT), WINDOW, True),
        (RunRequest(mode="window", window_end=MOMENT), WINDOW, False),
        (RunRequest(mode="window", window_start=MOMENT), job("full"), False),
        (RunRequest(additional_properties=("a", "b*")), job("full", additional_properties=["a", "b*"]), True),
        (RunRequest(additional_properties=("a",)), job("full", additional_properties=[]), False),
        (RunRequest(), job("full", additional_properties=["a"]), False),
    ],
)
def test_a_waiting_job_is_gone_on_with_when_it_does_what_is_asked(
    wanted: RunRequest, waiting: dict[str, Any], is_met: bool
) -> None:
    assert wanted.is_met_by(waiting) == is_met


@pytest.mark.parametrize("asked", [job("full"), job("incremental"), WINDOW, job("full", additional_properties=["a"])])
def test_a_job_is_what_was_asked_of_it(asked: dict[str, Any]) -> None:
    assert RunRequest.of(asked).is_met_by(asked)


@pytest.mark.parametrize("type_", ["standard", "sandbox"])
@pytest.mark.parametrize(
    "asked",
    [
        RunRequest(),
        RunRequest(mode="full"),
        RunRequest(mode="incremental", additional_properties=("hs_*", "!hs_v2_*", "seats")),
        RunRequest(mode="window", window_start=MOMENT),
        RunRequest(mode="window", window_start=MOMENT, window_end=MOMENT.astimezone(ZoneInfo("Asia/Kolkata"))),
    ],
    ids=str,
)
@pytest.mark.parametrize("file", [None, "/srv/our files/organizations.toml"])
def test_what_a_person_is_told_to_type_asks_for_the_same_of_the_same_portal(
    asked: RunRequest, type_: str, file: str | None
) -> None:
    program, *words = shlex.split(asked.command("acme", type_, file))
    read = cli_parser.get_parser().parse_args(words)
    assert (program, words[:3], read.type or "standard") == ("airflow", ["hubspot-deals", "sync", "acme"], type_)
    assert read.file == file
    given = RunRequest(
        mode=read.mode,
        window_start=read.window_start,
        window_end=read.window_end,
        additional_properties=tuple(filter(None, (read.additional_properties or "").split(","))),
    )
    assert given == asked
    config = {name: moment and moment.isoformat() for name, moment in vars(given).items() if name.startswith("window")}
    assert asked.is_met_by(job(given.mode, additional_properties=[*given.additional_properties], **config))


def test_a_job_that_nobody_has_begun_is_asked_for_as_usual() -> None:
    assert RunRequest.of(job(None)) == RunRequest()
