"""`check`: every mistake of an organizations file at once, each with its line."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations import parse_organizations
from airflow_provider_hubspot_deals.organizations.checking import CheckedFile, check_text
from airflow_provider_hubspot_deals.organizations.settings import SETTINGS

PATH = Path("organizations.toml")
CHECK_SECONDS_MAX = 10.0  # of CPU; a busy machine takes three
TOKEN = "pat-na1-00000000-1111-2222-3333-444444444444"


def checked(text: str) -> CheckedFile:
    return check_text(text, PATH)


def mistakes_of(text: str) -> list[tuple[int | None, str, str]]:
    """Line, organization and setting of each mistake."""
    return [(each.line, each.organization, each.setting) for each in checked(text).mistakes]


def loads_cleanly(text: str) -> bool:
    try:
        return not parse_organizations(text, PATH).problems
    except ConfigurationError:
        return False


def test_a_good_file_has_no_mistakes() -> None:
    file = checked('#:schema x.json\n[defaults]\nschema = "crm"\n\n[[organizations]]\nslug = "acme"\n')
    assert file.mistakes == ()
    assert [each.slug for each in file.file.organizations] == ["acme"]


def test_every_mistake_is_told_at_once_with_its_line() -> None:
    text = """\
[defaults]
slug = "x"
retention_days = 0
[tabel]
a = 1

[[organizations]]
slug = "acme"
name = "Acme
schedule = "hourly"
owners = [
  "a,b",
]

[[organizations]]
name = "nobody"

[[organizations]]
slug = "acme"
"""
    assert mistakes_of(text) == [
        (2, "", "[defaults] slug"),
        (3, "", "[defaults] retention_days"),
        (4, "", "tabel"),
        (9, "", ""),
        (10, "acme", "schedule"),
        (11, "acme", "owners"),
        (15, "", "slug"),
    ]


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        pytest.param('name = "Acme', "quotation mark is missing", id="an open text"),
        pytest.param("name = Acme", "Invalid value", id="a text without quotation marks"),
        pytest.param('name "Acme"', "Expected '='", id="no equals sign"),
        pytest.param('tags = ["a"', "never closed", id="an open list"),
        pytest.param('name = """Acme', "never closed", id="an open text of several lines"),
        pytest.param('tags = ["a", b]', "Invalid value", id="a bad item"),
        pytest.param('slug = "b"', "overwrite", id="a setting that is there twice"),
        pytest.param("a = " + "[" * 5000, "nests", id="nested without end"),
    ],
)
def test_a_line_that_is_no_toml_hides_no_other_mistake(broken: str, what: str) -> None:
    file = checked(f'[[organizations]]\nslug = "acme"\n{broken}\nschedule = "x"\nzzz = 1\n')
    first, *others = file.mistakes
    assert first.line == 3
    assert what in first.what
    assert [(each.line, each.organization, each.setting) for each in others] == [
        (4, "acme", "schedule"),
        (5, "acme", "zzz"),
    ]


def test_what_stands_below_a_broken_header_is_not_taken_for_the_entry_above() -> None:
    text = (
        '[[organizations]]\nslug = "a"\n[[organizations]\nslug = "b"\nname = "B"\n[[organizations]]\nslug = "c"\nx = 1'
    )
    assert mistakes_of(text) == [(3, "", ""), (8, "c", "x")]


def test_a_table_that_is_there_twice_is_left_out_with_its_settings() -> None:
    text = '[defaults]\nschema = "a"\n[[organizations]]\nslug = "a"\n[defaults]\nschema = "b"\nname = 1\n'
    assert mistakes_of(text) == [(5, "", "")]


def test_settings_of_several_lines_and_tables_within_an_entry_are_found() -> None:
    text = """\
[[organizations]]
slug = "acme"
history = [
  "a b",
]
[organizations.owner_links]
data-team = "javascript:x"
[[organizations]]
slug = "zeta"
owner_links.data-team = "javascript:x"
"""
    assert mistakes_of(text) == [(3, "acme", "history"), (6, "acme", "owner_links"), (10, "zeta", "owner_links")]


def test_a_file_in_one_line_is_checked_too() -> None:
    assert mistakes_of('organizations = [{ slug = "a" }, "b"]') == [(1, "", "[[organizations]]")]


@pytest.mark.parametrize("text", ["", "# nothing", "[defaults]\n", "organizations = 1"])
def test_a_file_without_organizations_says_what_to_add(text: str) -> None:
    (mistake,) = checked(text).mistakes
    assert "add [[organizations]]" in mistake.what


def test_a_token_in_any_line_is_never_repeated() -> None:
    lines = [f'{key} = ["{TOKEN}\\n"]' for key in SETTINGS] + [f'token = "{TOKEN}"', f'x = "{TOKEN}', f"y = {TOKEN}"]
    text = "\n".join(f'[[organizations]]\nslug = "a{number}"\n{line}' for number, line in enumerate(lines))
    found = checked(text).mistakes
    assert len(found) >= len(lines)
    assert not any(TOKEN in each.what for each in found)


def test_what_only_shows_beyond_the_file_is_told_at_the_line_to_look_at() -> None:
    file = checked('[defaults]\nschedule = "@daily"\n[[organizations]]\nslug = "a"\nname = "A"\n')
    (organization,) = file.file.organizations
    assert [file.mistake(organization, setting, "").line for setting in ("name", "schedule", "tags")] == [5, 2, 3]


LINES = st.sampled_from(
    [
        "[defaults]",
        "[[organizations]]",
        "[[organizations]",
        "[organizations.owner_links]",
        "[x]",
        'slug = "a"',
        'slug = "b"',
        'type = "sandbox"',
        'schema = "crm"',
        "schema = 5",
        'name = "Acme',
        'tags = ["a",',
        '  "b",',
        "]",
        '"""',
        'name = """',
        'owner_links.a = "https://example.com"',
        'owner_links = { a = "mailto:a@b" }',
        "owners = 5",
        "# a comment",
        "",
        "\t",
        "zzz",
    ]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no mistake
@given(st.lists(LINES, max_size=12).map("\n".join) | st.text())
def test_there_are_mistakes_exactly_when_the_loader_does_not_take_the_whole_file(text: str) -> None:
    file = checked(text)
    assert (not file.mistakes) == loads_cleanly(text)
    assert all(each.line is None or 1 <= each.line <= text.count("\n") + 1 for each in file.mistakes)


def entries(count: int, setting: str) -> str:
    return "".join(f'[[organizations]]\nslug = "org-{number}"\nname = "Acme"\n{setting}\n' for number in range(count))


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        (entries(5_000, 'retries = "x"'), 5_000),
        (entries(5_000, 'owners = ["data-team"]').replace('"Acme"', '"""Acme', 1), 1),
    ],
    ids=["a mistake in each entry", "a text that is never closed"],
)
def test_five_thousand_organizations_are_checked_in_a_moment(text: str, mistakes: int) -> None:
    began = process_time()
    assert len(checked(text).mistakes) == mistakes
    assert process_time() - began < CHECK_SECONDS_MAX


def test_a_list_of_texts_of_several_lines_is_one_setting() -> None:
    text = '[[organizations]]\nslug = "acme"\nname = """Acme"""\ntags = ["""a""",\n"""b"""\n]\nretries = "x"\n'
    assert mistakes_of(text) == [(7, "acme", "retries")]
