"""Portals from a TOML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubspot_simulator.specification import PortalSpec, SpecificationError, load_portals

if TYPE_CHECKING:
    from pathlib import Path


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "portals.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_keys_are_the_fields(tmp_path: Path) -> None:
    text = """
    [[portals]]
    portal_id = 9
    name = "Nine"
    deals = 5
    oddity_rate = 1
    additional_currencies = ["USD"]
    app = "oauth"
    [[portals]]
    portal_id = 10
    seed = 3
    """
    nine, ten = load_portals(write(tmp_path, text), seed=8)
    assert nine == PortalSpec(
        portal_id=9, name="Nine", deals=5, oddity_rate=1.0, additional_currencies=("USD",), app="oauth", seed=8
    )
    assert ten.seed == 3


def test_credentials_are_derived_and_stable() -> None:
    one, again, other = PortalSpec(portal_id=1), PortalSpec(portal_id=1), PortalSpec(portal_id=2)
    assert one == again
    assert one.token.startswith("pat-na1-")
    assert len({one.token, one.client_id, one.client_secret, one.refresh_token, other.token}) == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one"),
        ("[[portals]]\ndeals = 1", "portal_id is needed"),
        ('[[portals]]\nportal_id = "1"', "portal_id must be int, not str"),
        ("[[portals]]\nportal_id = 1\ndeals = true", "deals must be int, not bool"),
        ("[[portals]]\nportal_id = 1\ndeal = 1", "unknown key 'deal'"),
        ('[[portals]]\nportal_id = 1\nregion = "mars"', "region must be one of na1, eu1"),
        ("[[portals]]\nportal_id = 1\ndeals = -1", "must not be negative"),
        ("[[portals]]\nportal_id = 1\n[[portals]]\nportal_id = 1", "two portals have the same portal_id"),
        ("[[portals", "Expected"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SpecificationError, match=message) as raised:
        load_portals(write(tmp_path, text))
    assert "portals.toml" in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match=r"nowhere\.toml"):
        load_portals(tmp_path / "nowhere.toml")
