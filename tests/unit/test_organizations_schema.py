"""The JSON Schema that editors check organizations files with says what the loader says."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import regress
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from airflow_provider_hubspot_deals.organizations import Organization, check_settings
from airflow_provider_hubspot_deals.organizations.file import OWN_TO_ONE_ENTRY, organizations_of
from airflow_provider_hubspot_deals.organizations.schema import DESCRIPTIONS, json_schema
from airflow_provider_hubspot_deals.organizations.settings import SETTINGS

SAMPLE = Path(__file__).parents[2] / "dags" / "organizations.toml"


def ecma_pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """As editors read it: their regular expressions are those of JavaScript, not Python's."""
    if isinstance(instance, str) and regress.Regex(pattern, "u").find(instance) is None:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


Validator: Any = extend(jsonschema.Draft7Validator, {"pattern": ecma_pattern})  # type: ignore[no-untyped-call]  # jsonschema's
VALIDATOR = Validator(json_schema())


def entry_is_right(entry: dict[str, object]) -> bool:
    return bool(VALIDATOR.is_valid({"organizations": [{"slug": "acme", **entry}]}))


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(json_schema())


def test_the_shipped_file_is_the_one_that_the_checks_make() -> None:
    # Renew it with: python -m airflow_provider_hubspot_deals.cli check --schema
    shipped = files("airflow_provider_hubspot_deals.organizations").joinpath("organizations.schema.json")
    assert json.loads(shipped.read_text("utf-8")) == json_schema()


def test_every_setting_is_described() -> None:
    assert set(DESCRIPTIONS) == set(SETTINGS)


def described(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every key that a table of the file may have, at any depth, and what an editor says of it."""
    for name, each in schema.get("properties", {}).items():
        yield name, each.get("description", "")
        yield from described(each)
        yield from described(each.get("items", {}))


def test_an_editor_says_a_whole_sentence_of_every_key() -> None:
    found = list(described(json_schema()))
    assert {"on", "webhook", "notifier", "arguments", *SETTINGS} <= {name for name, _ in found}
    assert [name for name, text in found if not text.endswith(".") or text.startswith("…")] == []


@pytest.mark.parametrize("unit", ["seconds", "minutes", "hours", "days", "percent"])
def test_a_setting_with_a_unit_says_it_first(unit: str) -> None:
    named = {name: text for name, text in DESCRIPTIONS.items() if name.endswith(f"_{unit}")}
    assert named
    assert [name for name, text in named.items() if not text.startswith(f"{unit.capitalize()} ")] == []


def test_defaults_are_those_of_an_entry_that_says_nothing() -> None:
    entry = json_schema()["properties"]["organizations"]["items"]["properties"]
    defaults = {name: schema["default"] for name, schema in entry.items() if "default" in schema}
    assert check_settings(defaults)[1] == []
    stated = {field.name: field.default for field in dataclasses.fields(Organization)}
    assert {name: stated[name] for name in defaults} == check_settings(defaults)[0]


def test_the_sample_file_fits() -> None:
    import tomllib

    VALIDATOR.validate(tomllib.loads(SAMPLE.read_text("utf-8")))


TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        *(
            "",
            "a",
            "acme",
            "Acme",
            "a-b_c",
            "-a",
            "a" * 63,
            "a" * 64,
            "t" * 15,
            "t" * 16,
            "1a",
            "ä",
            "pg_x",
            "_x",
            "a b",
        ),
        *(
            "all",
            "none",
            "@hourly",
            "@daily",
            "@never",
            " @daily ",
            "15 * * * *",
            "* * * *",
            "*/5 1-3 * * MON,TUE",
            "\n",
        ),
        *(
            "hs_*",
            "!hs_?",
            "deal name",
            "contacts",
            "Contacts",
            "2-1234",
            "a\n",
            "a\t",
            "a\x7f",
            "a,b",
            "\u2028",
            "\x1f",
        ),
        *("https://example.com", "mailto:a@b", "javascript:x", "http:// x", "https://\u2003", "https://a\u2003"),
        *("3f2a0c8e-0000-4000-8000-000000000000", "3f2a0c8e000040008000000000000000", "{3f2a0c8e}", "3f2a0c8e-0000"),
        *("pat-na1-x", "pat", "conn id", "conn:id", "a/b\\c", "x" * 200, "x" * 201, "x" * 250, "x" * 251, "😀" * 150),
    ]
)
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no mistake
NUMBERS = st.integers() | st.sampled_from([0, 1, 7, 60, 99, 100, 1440, 1441, 3650, 36500, 36501, 2**53, 2**53 + 1])
# Not whole floats and dates: JSON, which a schema is about, does not know them from whole numbers and texts.
FRACTIONS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
VALUES = st.recursive(
    TEXTS | NUMBERS | FRACTIONS | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize("name", SETTINGS)
@unhurried
@given(data=st.data())
def test_loader_and_schema_agree_on_every_value_of_a_setting(name: str, data: st.DataObject) -> None:
    value = data.draw(VALUES)
    _, complaints = check_settings({name: value})
    is_right = entry_is_right({name: value})
    if name == "timezone" and isinstance(value, str) and value:  # which zones there are is the machine's own business
        assert is_right
    else:
        assert is_right == (not complaints)


NOTIFICATIONS = st.fixed_dictionaries(
    {},
    optional={
        "on": st.sampled_from(["failed", "ended", ["failed"], ["completed", "stale"], ["ended"], [], 1]),
        "webhook": st.sampled_from(["crm_webhook", "https://hooks.example.com", "whsec_x", "", 1]),
        "notifier": st.sampled_from(["a.Notifier", "Notifier", "a.b c", 1]),
        "arguments": st.sampled_from([{}, {"to": "crm@example.com", "cc": ["a"], "retry": True}, "to", []]),
        "url": st.just("https://hooks.example.com"),
    },
)


@unhurried
@given(NOTIFICATIONS)
@example({"webhook": "crm_webhook", "notifier": "a.Notifier", "arguments": {}})
@example({"webhook": "crm_webhook", "notifier": "a.Notifier"})
def test_loader_and_schema_agree_on_notifications(notification: dict[str, object]) -> None:
    value: dict[str, object] = {"notifications": [notification]}
    assert entry_is_right(value) == (not check_settings(value)[1])


@unhurried
@given(st.dictionaries(st.sampled_from([*SETTINGS, "zzz", "defaults"]), VALUES, max_size=4))
@example({"zzz": 1})
def test_loader_and_schema_agree_on_entries(entry: dict[str, object]) -> None:
    _, complaints = check_settings(entry)
    assert bool(VALIDATOR.is_valid({"organizations": [entry]})) == (not complaints and "slug" in entry)


@unhurried
@given(st.dictionaries(st.sampled_from([*SETTINGS, "zzz"]), VALUES, max_size=3))
@example(dict.fromkeys(OWN_TO_ONE_ENTRY, "acme"))
def test_loader_and_schema_agree_on_defaults(defaults: dict[str, object]) -> None:
    document = {"defaults": defaults, "organizations": [{"slug": "acme"}]}
    _, problems = organizations_of(document, SAMPLE)
    assert bool(VALIDATOR.is_valid(document)) == (not problems)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"organizations": []},
        {"organizations": {}},
        {"organizations": [1]},
        {"organizations": [{"slug": "a"}], "x": 1},
    ],
)
def test_a_file_that_the_loader_refuses_as_a_whole_the_schema_refuses_too(document: dict[str, object]) -> None:
    file, problems = organizations_of(document, SAMPLE)
    assert problems or file.problems
    assert not VALIDATOR.is_valid(document)
