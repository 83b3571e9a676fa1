"""docs/operations.md: a runbook for each error code, in the words of the page in the UI, and values that are YAML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_hubspot_deals import exceptions
from airflow_provider_hubspot_deals.advice import CODES, advice_for

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
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
