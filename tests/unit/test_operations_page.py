"""docs/operations.md: a runbook for each error code, in the words of the page in the UI, and values that are YAML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_hubspot_deals import exceptions
from airflow_provider_hubspot_deals.advice import CODES, advice_for

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
FLEET = (ROOT / "benchmarks" / "fleet.md").read_text()
RUNBOOKS = PAGE.partition("## Runbooks by error code")[2]
ROW = re.compile(r"^\| `(?P<code>[A-Z_]+)` \| (?P<meaning>.+) \| (?P<remedy>.+) \|$", re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(#([^)]+)\)")


def codes_of_exceptions() -> set[str]:
    found = {getattr(each, "code", None) for each in vars(exceptions).values()}
    return {code for code in found if isinstance(code, str)}


def test_each_code_has_one_runbook() -> None:
    codes = [row["code"] for row in ROW.finditer(RUNBOOKS)]
    assert sorted(codes) == sorted(CODES)
    assert codes_of_exceptions() <= set(codes)


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_runbook_says_what_the_page_in_the_ui_says(code: str) -> None:
    (row,) = [row for row in ROW.finditer(RUNBOOKS) if row["code"] == code]
    advice = advice_for(code)
    assert (row["meaning"], row["remedy"]) == (advice.meaning, advice.remedy)


def measured(row: str) -> list[float]:
    """The numbers of a row of benchmarks/fleet.md, from the left; percentages as they stand."""
    (cells,) = re.findall(rf"^\| \**{re.escape(row)}\** \| (.+) \|$", FLEET, re.MULTILINE)
    return [float(number.replace(",", "")) for number in re.findall(r"[\d.,]*\d", cells)]


def test_the_figures_of_a_fleet_are_those_of_its_benchmark() -> None:
    (hour,) = re.findall(r"\*\*An hour: ([\d.]+)% of all cores\*\*", FLEET)
    (stored,) = measured("all stored after the DAG processor's start, s")
    (began,), (ended,) = measured("a run: began, s"), measured("a run: ended, s")
    first_began, first_ended = measured("the first run: began, ended, s")
    _, standing, _ = measured("together")
    memory = max(measured("memory of all, MiB"))
    for figure in (
        f"| {stored:.0f} s |",
        f"| {began:.1f} s; {ended:.1f} s |",
        f"| {first_began:.1f} s; {first_ended:.1f} s |",
        f"| **{float(hour):.0f} % of two cores**",
        f"| {standing:.1f} % (",
        f"**Memory.** {memory / 1024:.1f} GB for all of it",
    ):
        assert figure in PAGE, f"docs/operations.md does not say {figure}"


def test_links_within_the_page_lead_somewhere() -> None:
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in HEADING.findall(PAGE)}
    assert set(LINK.findall(PAGE)) <= anchors


def test_the_values_for_kubernetes_set_what_the_page_promises() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    values: dict[str, Any] = yaml.safe_load(block)
    worker = values["workers"]["kubernetes"]
    assert worker["terminationGracePeriodSeconds"] == 60
    assert yaml.safe_load(values["extraEnvFrom"]) == [{"secretRef": {"name": "hubspot-deals-connections"}}]


def test_the_secret_is_the_one_that_the_values_name() -> None:
    (command,) = re.findall(r"```bash\n(kubectl .*?)```", PAGE, re.DOTALL)
    assert command.split()[:5] == ["kubectl", "create", "secret", "generic", "hubspot-deals-connections"]
    assert re.findall(r"--from-literal=(AIRFLOW_CONN_\w+)=", command) == [
        "AIRFLOW_CONN_HUBSPOT_DEALS_POSTGRES",
        "AIRFLOW_CONN_HUBSPOT_ACME",
    ]
