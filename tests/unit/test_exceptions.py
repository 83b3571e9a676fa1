"""The tree of errors is the one that its docstring draws, and each of them travels."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from airflow_provider_hubspot_deals import exceptions
from airflow_provider_hubspot_deals.exceptions import DeferredError, HubSpotDealsError, HubSpotRefusedError

CLASSES = {
    name: kind
    for name, kind in vars(exceptions).items()
    if inspect.isclass(kind) and issubclass(kind, HubSpotDealsError) and not name.startswith("_")
}
LEAVES = [kind for kind in CLASSES.values() if kind.code != "UNEXPECTED"]
FACTS = {"status_code": 403, "category": "MISSING_SCOPES", "correlation_id": "c-1"}


def drawn_tree() -> dict[str, str | None]:
    """Name → the name that it hangs under, as drawn."""
    path: list[str] = []
    parents: dict[str, str | None] = {}
    for line in (exceptions.__doc__ or "").splitlines():
        if drawn := re.match(r"    ([│├└─ ]*)(\w+)", line):
            depth = len(drawn[1]) // 4
            del path[depth:]
            parents[drawn[2]] = path[-1] if path else None
            path.append(drawn[2])
    return parents


def public_parent(kind: type) -> str | None:
    """The nearest named ancestor in the tree: the one that says what to do."""
    ancestors = [base for base in kind.__mro__[1:] if CLASSES.get(base.__name__) is base]
    return ancestors[0].__name__ if ancestors else None


def facts_of(kind: type[HubSpotDealsError]) -> dict[str, object]:
    known = inspect.signature(kind).parameters
    return {name: value for name, value in {**FACTS, "resume_after_s": 90.0}.items() if name in known}


def test_the_tree_is_as_drawn() -> None:
    assert drawn_tree() == {name: public_parent(kind) for name, kind in CLASSES.items()}


def test_codes_tell_the_errors_apart() -> None:
    codes = [kind.code for kind in LEAVES]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[A-Z_]+", code) for code in codes)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("clone", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy], ids=["pickle", "copy"])  # noqa: S301 - our own bytes
def test_an_error_travels_with_all_it_knows(name: str, clone: object) -> None:
    kind = CLASSES[name]
    error = kind("Put the right token into connection 'hubspot_acme'.", code="SPECIAL", **facts_of(kind))
    travelled = clone(error)  # type: ignore[operator]  # parametrized
    assert type(travelled) is kind
    assert (str(travelled), travelled.code) == (str(error), "SPECIAL")
    assert vars(travelled) == vars(error)
    assert vars(error).items() >= facts_of(kind).items()


def test_an_own_code_stays_with_its_error() -> None:
    assert HubSpotRefusedError("…", code="UNEXPECTED_REDIRECT").code == "UNEXPECTED_REDIRECT"
    assert HubSpotRefusedError("…").code == "REFUSED"


def test_a_deferral_says_for_how_long() -> None:
    assert DeferredError("…", resume_after_s=3600).resume_after_s == 3600
