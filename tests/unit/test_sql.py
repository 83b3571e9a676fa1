"""Statements by name."""

from __future__ import annotations

import ast
import re
from importlib.resources import files
from pathlib import Path

import pytest
from psycopg import sql as composed

import airflow_provider_hubspot_deals
from airflow_provider_hubspot_deals import sql

FILES = {
    file.name.removesuffix(".sql"): file.read_text() for file in files(sql).iterdir() if file.name.endswith(".sql")
}
HEADING = re.compile(r"^-- name: (.*)$", re.MULTILINE)
NAMES = sorted(f"{file}.{name}" for file, text in FILES.items() for name in HEADING.findall(text))
PACKAGE = Path(airflow_provider_hubspot_deals.__file__).parent
COMMANDS = PACKAGE / "cli" / "definition.py"  # names functions in the same way


def names_used() -> set[str]:
    """Every string in the package that looks like a statement's name."""
    strings = {
        node.value
        for path in {*PACKAGE.rglob("*.py")} - {COMMANDS}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in strings if re.fullmatch(rf"({'|'.join(FILES)})\.(?!html$)\w+", text)}


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_can_be_composed(name: str) -> None:
    text = sql.statement(name, schema="hubspot", leaf="hubspot_deals_standard_1").as_string()
    assert text
    assert "{schema}" not in text
    assert "{leaf}" not in text
    assert "-- name:" not in text


def test_every_statement_is_used_and_every_used_one_exists() -> None:
    assert names_used() == set(NAMES)


def test_names_are_unique_in_a_file() -> None:
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("schema", ['a"; DROP TABLE jobs; --', "A b", "%s", "{leaf}", "schön"])
def test_f28_an_identifier_is_quoted_whatever_it_holds(schema: str) -> None:
    quoted = composed.Identifier(schema).as_string()
    assert f"{quoted}.jobs" in sql.statement("jobs.status", schema=schema).as_string()


def test_an_identifier_that_was_not_given_is_an_error() -> None:
    with pytest.raises(KeyError, match="schema"):
        sql.statement("jobs.status")


def test_an_unknown_statement_is_an_error() -> None:
    with pytest.raises(KeyError, match="no_such"):
        sql.statement("jobs.no_such", schema="hubspot")
