"""docker-compose.yaml, .env.example and Dockerfile as Docker would read them, for the tests of all three."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yaml").read_text()
VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<operator>:[-?])(?P<word>[^}]*))?\})")
FILLED_IN = "0123456789abcdef"  # stands for every secret

Service = dict[str, Any]


def example_settings() -> dict[str, str]:
    """The lines NAME=value of .env.example."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def variables() -> list[tuple[str, str | None, str]]:
    """Each use of a variable as (name, operator, default or message)."""
    uses = [use for use in VARIABLE.finditer(TEXT) if use["name"]]
    return [(use["name"], use["operator"], use["word"] or "") for use in uses]


def interpolated(settings: dict[str, str]) -> dict[str, Any]:
    """The file with `settings` in the places of its variables.

    Raises:
        KeyError: a required variable is missing or empty; its argument is the message.
    """

    def value(use: re.Match[str]) -> str:
        if use["name"] is None:
            return "$"
        if given := settings.get(use["name"]):
            return given
        if use["operator"] == ":-":
            return use["word"]
        raise KeyError(use["word"])

    document: dict[str, Any] = yaml.safe_load(VARIABLE.sub(value, TEXT))
    return document


COMPOSE = interpolated({name: value or FILLED_IN for name, value in example_settings().items()})
SERVICES: dict[str, Service] = COMPOSE["services"]
AIRFLOW_IMAGE = COMPOSE["x-airflow"]["image"]


def is_one_shot(service: Service) -> bool:
    """Whether it ends by itself and stays ended."""
    return bool(service["restart"] == "no")


def profiles(service: Service) -> set[str]:
    """In which profiles it runs; empty: always."""
    return set(service.get("profiles", []))


def words(command: str | list[str]) -> list[str]:
    """A command line as its words, however it is written."""
    return shlex.split(command) if isinstance(command, str) else command


def health_check(service: Service) -> list[str]:
    """The words of its health check, with the program first."""
    kind, *command = service["healthcheck"]["test"]
    return shlex.split(command[0]) if kind == "CMD-SHELL" else command


@dataclass(frozen=True)
class Instruction:
    """One instruction of the Dockerfile."""

    name: str  # FROM, COPY, RUN, …
    arguments: tuple[str, ...]  # without flags
    flags: tuple[str, ...]  # --from=…, --chown=…


def dockerfile() -> list[Instruction]:
    """Its instructions, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line.strip()]
    return [
        Instruction(
            name,
            tuple(word for word in rest if not word.startswith("--")),
            tuple(word for word in rest if word.startswith("--")),
        )
        for name, *rest in lines
    ]
