"""DATABASE_URL: what it may be, and what is said when it is something else."""

from __future__ import annotations

import pytest

from local_stack.databases import DATABASE_URL, DatabaseServer, given_server
from local_stack.exceptions import StackError
from local_stack.ports import free_port


@pytest.mark.parametrize("value", [{}, {DATABASE_URL: ""}, {DATABASE_URL: "  "}], ids=["unset", "empty", "blank"])
def test_without_the_variable_no_server_is_given(value: dict[str, str]) -> None:
    assert given_server(value) is None


@pytest.mark.parametrize("address", ["mysql://u:p@h/d", "host=localhost", "sqlite:///x.db", "postgresql:///d"])
def test_other_addresses_are_refused_with_an_example(address: str) -> None:
    with pytest.raises(StackError, match="must look like postgresql://"):
        given_server({DATABASE_URL: address})


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(StackError) as refusal:
        given_server({DATABASE_URL: f"postgresql://u:top-secret@127.0.0.1:{free_port()}/d"})
    assert DATABASE_URL in str(refusal.value)
    assert "top-secret" not in str(refusal.value)


def test_an_address_keeps_everything_but_its_database() -> None:
    server = DatabaseServer("postgresql://u:p%40ss@db.example:6432/any?sslmode=require")
    assert server.url_of("other") == "postgresql://u:p%40ss@db.example:6432/other?sslmode=require"
