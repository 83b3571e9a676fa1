"""The Dockerfile builds what docker-compose.yaml asks of it, from what the build is allowed to see."""

from __future__ import annotations

import re
from fnmatch import fnmatch

import pytest

from tests.unit.compose_file import ROOT, SERVICES, TEXT, Instruction, dockerfile

stages = {each.arguments[2]: each.arguments[0] for each in dockerfile() if each.name == "FROM"}
copied = [source for each in dockerfile() if each.name == "COPY" for source in each.arguments[:-1]]


def base_image() -> str:
    """What the first stage is made from."""
    return next(each.arguments[0].partition("=")[2] for each in dockerfile() if each.name == "ARG")


def is_visible(path: str) -> bool:
    """Whether .dockerignore lets the build see it: the last pattern that matches decides."""
    visible = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and fnmatch(path, pattern):
            visible = line.startswith("!")
    return visible


def test_the_base_image_is_the_airflow_that_the_tests_run_on() -> None:
    pinned = re.search(r"^apache-airflow==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)

    assert pinned
    assert re.fullmatch(rf"apache/airflow:{re.escape(pinned[1])}-python3\.\d+", base_image())


def test_every_stage_starts_from_the_base_image_or_a_stage() -> None:
    assert set(stages.values()) <= {"${AIRFLOW_IMAGE}", *stages}


def test_compose_builds_stages_that_exist() -> None:
    builds = [service["build"] for service in SERVICES.values() if "build" in service]

    assert {build["context"] for build in builds} == {"."}
    assert {build["target"] for build in builds} <= set(stages)


def test_stages_take_files_from_stages_that_exist() -> None:
    text = (ROOT / "Dockerfile").read_text()

    assert set(re.findall(r"from=(\w+)", text)) <= set(stages)


@pytest.mark.parametrize("source", copied)
def test_what_is_copied_exists_and_is_visible_to_the_build(source: str) -> None:
    assert (ROOT / source).exists()
    assert is_visible(source)


def test_the_build_sees_nothing_else() -> None:
    visible = {path.name for path in ROOT.iterdir() if is_visible(path.name)}

    assert visible == set(copied)
    assert not is_visible(".env")
    assert not is_visible("hubspot_simulator/__pycache__")


def test_no_stage_becomes_root() -> None:
    assert not [each for each in dockerfile() if each.name == "USER"]


def test_a_volume_is_mounted_on_a_folder_that_its_user_owns() -> None:
    """Docker gives an empty volume the owner of the image's folder; the airflow image owns its logs already."""
    made = " ".join(word for each in dockerfile() if is_mkdir(each) for word in each.arguments)
    made = made.replace('"${AIRFLOW_HOME}/hubspot_deals"', "/opt/airflow/hubspot_deals")
    ours = re.findall(r"^ +- (?:organizations-copy|simulator-state):(\S+)", TEXT, re.MULTILINE)

    assert len(ours) == 2
    assert all(target in made for target in ours)


def is_mkdir(instruction: Instruction) -> bool:
    """Whether it makes a folder."""
    return instruction.name == "RUN" and instruction.arguments[0] == "mkdir"
