"""The organizations file: what it may say, and how a mistake is explained."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from croniter import croniter  # type: ignore[import-untyped]  # it has no types
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations import (
    Organization,
    OrganizationsFile,
    load_organizations,
    parse_organization,
)
from airflow_provider_hubspot_deals.organizations.schedules import is_cron, spread
from airflow_provider_hubspot_deals.organizations.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

ID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "organizations.toml"


def load(path: Path, text: str) -> OrganizationsFile:
    path.write_text(text, encoding="utf-8")
    return load_organizations(path)


def problem_of(path: Path, entry: str) -> str:
    """The one problem of one entry beside a good one, which must survive it."""
    file = load(path, f'[[organizations]]\nslug = "good"\n\n[[organizations]]\n{entry}\n')
    assert [each.slug for each in file.organizations] == ["good"]
    (problem,) = file.problems
    assert problem.index == 2
    assert str(path) in problem.message
    assert "entry 2" in problem.message
    assert problem.key is None or problem.key in problem.message
    return problem.message


def test_a_slug_is_enough(path: Path) -> None:
    (organization,) = load(path, '[[organizations]]\nslug = "acme"').organizations
    assert organization.dag_id == "hubspot_deals_acme"
    assert organization.hubspot_conn_id == "hubspot_acme"
    assert organization.postgres_conn_id == "hubspot_deals_postgres"
    assert organization.name == "acme"
    assert organization.properties is None
    assert organization.deals_table == f"hubspot.hubspot_deals_standard_{organization.id.hex}"


def test_another_type_has_its_own_dag_and_connection_and_the_same_id(path: Path) -> None:
    file = load(path, '[[organizations]]\nslug = "acme"\n[[organizations]]\nslug = "acme"\ntype = "sandbox"')
    sandbox, standard = file.organizations
    assert sandbox.dag_id == "hubspot_deals_acme_sandbox"
    assert sandbox.hubspot_conn_id == "hubspot_acme_sandbox"
    assert sandbox.id == standard.id


def test_the_id_made_from_a_slug_never_changes() -> None:
    # The tenant key of stored rows: another value here would orphan every user's data.
    assert parse_organization({"slug": "acme"}).id == UUID("1792bd23-56e2-5517-a732-0a6c0f228574")


def test_every_setting_of_an_organization_can_stand_in_the_file() -> None:
    assert {field.name for field in dataclasses.fields(Organization)} == set(SETTINGS)


def test_settings_arrive_as_values_of_the_right_kind(path: Path) -> None:
    (organization,) = load(
        path,
        f"""
        [[organizations]]
        slug = "acme"
        id = "{ID}"
        portal_id = 123
        schedule = "none"
        properties = ["dealname", "amount", "dealname"]
        sensitive_properties = false
        associations = ["contacts", "2-1234", "contacts"]
        history = ["dealstage", "hs_*", "!hs_v2_*"]
        owners = "data-team"
        owner_links = {{ data-team = "https://example.com" }}
        tags = ["crm"]
        enabled = false
        """,
    ).organizations
    assert organization.id == UUID(ID)
    assert organization.schedule is None
    assert organization.properties == ("dealname", "amount")
    assert organization.sensitive_properties is False
    assert organization.associations == ("contacts", "2-1234")
    assert organization.history == ("dealstage", "hs_*", "!hs_v2_*")
    assert organization.owners == ("data-team",)
    assert organization.owner_links == (("data-team", "https://example.com"),)
    assert organization.enabled is False


def test_defaults_hold_where_an_entry_says_nothing_else(path: Path) -> None:
    file = load(
        path,
        """
        [defaults]
        schema = "crm"
        retention_days = 30
        [[organizations]]
        slug = "a"
        [[organizations]]
        slug = "b"
        retention_days = 7
        """,
    )
    assert [(each.schema, each.retention_days) for each in file.organizations] == [("crm", 30), ("crm", 7)]


def test_organizations_come_in_order_of_slug_and_type_whatever_the_files_order(path: Path) -> None:
    entries = ['slug = "b"', 'slug = "a"\ntype = "sandbox"', 'slug = "a"']
    texts = ["\n".join(f"[[organizations]]\n{entry}" for entry in order) for order in (entries, entries[::-1])]
    one, other = (load(path, text).organizations for text in texts)
    assert [(each.slug, each.type) for each in one] == [("a", "sandbox"), ("a", "standard"), ("b", "standard")]
    assert one == other


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param('slug = "a"\nscheduel = "@daily"', "did you mean 'schedule'", id="unknown key"),
        pytest.param('slug = "a"\nzzz = 1', "known are slug, type", id="unknown key like nothing"),
        pytest.param('name = "A"', "slug is missing", id="no slug"),
        pytest.param('slug = "Acme"', "lower-case letters", id="slug with capitals"),
        pytest.param('slug = "a/../b"', "lower-case letters", id="slug with a path"),
        pytest.param('slug = "ümlaut"', "lower-case letters", id="slug beyond ASCII"),
        pytest.param(f'slug = "{"a" * 64}"', "1 to 63", id="slug too long"),
        pytest.param("slug = 7", "it is a number", id="slug of another kind"),
        pytest.param('slug = "a"\ntype = "Sandbox"', "1 to 15 lower-case", id="type with capitals"),
        pytest.param(f'slug = "a"\ntype = "{"t" * 16}"', "1 to 15", id="type too long"),
        pytest.param('slug = "a"\nid = "12"', "must be a UUID", id="id no UUID"),
        pytest.param('slug = "a"\nportal_id = "123"', "whole number", id="portal id as text"),
        pytest.param('slug = "a"\nportal_id = true', "it is true/false", id="portal id true"),
        pytest.param('slug = "a"\nportal_id = 0', "from 1", id="portal id zero"),
        pytest.param('slug = "a"\nschedule = "hourly"', "cron expression", id="schedule no preset"),
        pytest.param('slug = "a"\nschedule = 5', "it is a number", id="schedule a number"),
        pytest.param('slug = "a"\nschema = "Hub Spot"', "PostgreSQL schema", id="schema no identifier"),
        pytest.param('slug = "a"\nproperties = []', "list of HubSpot", id="no properties"),
        pytest.param('slug = "a"\nproperties = "dealname"', '"all" or a list', id="properties as text"),
        pytest.param('slug = "a"\nproperties = ["deal name"]', "internal property names", id="property with a space"),
        pytest.param('slug = "a"\nproperties = ["all"]', "* is all of them", id="all among others"),
        pytest.param('slug = "a"\nhistory = "all"', "* is all of them", id="the history of all"),
        pytest.param('slug = "a"\nproperties = [["x"]]', "internal property names", id="property a list"),
        pytest.param(
            'slug = "a"\nassociations = ["Contacts"]', "names of object types", id="object type with capitals"
        ),
        pytest.param('slug = "a"\nassociations = ["a/../b"]', "names of object types", id="object type with a path"),
        pytest.param('slug = "a"\nhistory = ["deal stage"]', "internal property names", id="history with a space"),
        pytest.param('slug = "a"\nhistory = 5', "a list such as", id="history a number"),
        pytest.param('slug = "a"\nsensitive_properties = "no"', "true or false", id="a flag as text"),
        pytest.param('slug = "a"\nhubspot_conn_id = "two words"', "id of an Airflow connection", id="connection id"),
        pytest.param('slug = "a"\nallow_negative_amounts = "yes"', "true or false", id="flag as text"),
        pytest.param('slug = "a"\nfull_refresh_every_days = 0.5', "whole number", id="fraction of a day"),
        pytest.param('slug = "a"\nsearch_lag_minutes = -1', "from 0", id="negative lag"),
        pytest.param('slug = "a"\nowners = [1]', "names without commas", id="owner a number"),
        pytest.param(f'slug = "a"\nowners = {[f"team {n}" for n in range(16)]}', "at most 15 items", id="many owners"),
        pytest.param(
            f'slug = "a"\nowner_links = {{ "{"x" * 101}" = "https://x.example" }}',
            "names without commas",
            id="a link of a long owner",
        ),
        pytest.param(
            f'slug = "a"\nowner_links = {{ x = "https://x.example/{"x" * 490}" }}',
            "at most 490 characters",
            id="a long link",
        ),
        pytest.param('slug = "a"\nowner_links = "x"', "must be a table", id="owner links as text"),
        pytest.param('slug = "a"\nowner_links = { a = "javascript:x" }', "https: or mailto:", id="owner link a script"),
        pytest.param('slug = "a"\ntags = [""]', "1 to 100", id="empty tag"),
        pytest.param('slug = "a"\nname = 2026-11-21', "it is a date or time", id="name a date"),
        pytest.param('slug = "configuration"', "choose another", id="a slug that the package uses"),
    ],
)
def test_a_bad_entry_is_explained_and_hides_no_other(path: Path, entry: str, expected: str) -> None:
    assert expected in problem_of(path, entry)


def test_each_mistake_of_one_entry_is_named(path: Path) -> None:
    file = load(path, '[[organizations]]\nslug = "a"\nname = 1\ntags = 2\nzzz = 3')
    assert [(each.key, each.slug, each.dag_id) for each in file.problems] == [
        ("name", "a", "hubspot_deals_a"),
        ("tags", "a", "hubspot_deals_a"),
        ("zzz", "a", "hubspot_deals_a"),
    ]


def test_a_token_in_the_wrong_line_is_never_repeated(path: Path) -> None:
    token = "pat-na1-00000000-1111-2222-3333-444444444444"
    for key in [*SETTINGS, "token"]:
        slug = "" if key == "slug" else 'slug = "a"'
        file = load(path, f'[[organizations]]\n{slug}\n{key} = ["{token}\\n"]')
        assert file.problems
        assert not any(token in each.message for each in file.problems)
    assert token not in problem_of(path, f'slug = "a"\nhubspot_conn_id = "{token}"')


def test_an_entry_that_is_no_table_is_explained(path: Path) -> None:
    file = load(path, 'organizations = [{ slug = "a" }, "b"]')
    assert [each.slug for each in file.organizations] == ["a"]
    assert "must be a table" in file.problems[0].message


def test_of_two_entries_for_one_dag_the_first_is_kept(path: Path) -> None:
    file = load(path, '[[organizations]]\nslug = "a"\nname = "1"\n[[organizations]]\nslug = "a"\nname = "2"')
    assert [each.name for each in file.organizations] == ["1"]
    (problem,) = file.problems
    assert problem.dag_id is None
    assert "entry 2 (a)" in problem.message


def test_slug_and_type_that_read_like_another_slug_are_a_clash(path: Path) -> None:
    file = load(path, '[[organizations]]\nslug = "a_sandbox"\n[[organizations]]\nslug = "a"\ntype = "sandbox"')
    assert [each.slug for each in file.organizations] == ["a_sandbox"]
    assert "hubspot_deals_a_sandbox" in file.problems[0].message


def test_a_bad_entry_leaves_its_dag_to_a_good_one_of_the_same_name(path: Path) -> None:
    file = load(path, '[[organizations]]\nslug = "a"\nzzz = 1\n[[organizations]]\nslug = "a"')
    assert [each.dag_id for each in file.organizations] == ["hubspot_deals_a"]
    assert [each.dag_id for each in file.problems] == [None]


def test_two_organizations_never_share_an_id(path: Path) -> None:
    file = load(path, f'[[organizations]]\nslug = "a"\nid = "{ID}"\n[[organizations]]\nslug = "b"\nid = "{ID}"')
    assert [each.slug for each in file.organizations] == ["a"]
    assert "is the one of organization 'a'" in file.problems[0].message


def test_one_organization_has_one_id_in_all_its_entries(path: Path) -> None:
    file = load(path, f'[[organizations]]\nslug = "a"\nid = "{ID}"\n[[organizations]]\nslug = "a"\ntype = "sandbox"')
    assert [each.type for each in file.organizations] == ["standard"]
    assert ID in file.problems[0].message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('[[organizations]]\nslug = "a"\nname = "x\n', "line 3", id="a missing quote"),
        pytest.param('[[organizations]]\nslug = "a"\nslug = "b"\n', "line 3", id="a key twice"),
        pytest.param("", "lists no organization", id="an empty file"),
        pytest.param("organizations = []", "lists no organization", id="an empty list"),
        pytest.param('organizations = "a"', "lists no organization", id="organizations as text"),
        pytest.param('[[organisations]]\nslug = "a"', "did you mean 'organizations'", id="a table misspelt"),
        pytest.param("a = " + "[" * 5000, "not valid TOML", id="nested without end"),
        pytest.param('defaults = 1\n[[organizations]]\nslug = "a"', "must be a table", id="defaults no table"),
        pytest.param('[defaults]\nscheduel = "x"\n[[organizations]]\nslug = "a"', "[defaults], scheduel", id="default"),
        pytest.param('[defaults]\nslug = "x"\n[[organizations]]\nslug = "a"', "one entry", id="slug as default"),
    ],
)
def test_a_file_that_cannot_be_used_names_itself_and_the_place(path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(path, text)
    assert str(caught.value).startswith(f"{path}: ")
    assert expected in str(caught.value)


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"organizations\.toml: cannot be read: No such file"):
        load_organizations(path)


def test_a_file_in_another_encoding_names_the_line(path: Path) -> None:
    path.write_bytes('[[organizations]]\nslug = "a"\nname = "Kürbis"'.encode("latin-1"))
    with pytest.raises(ConfigurationError, match="line 3 is not UTF-8"):
        load_organizations(path)


def test_a_byte_order_mark_is_no_reason_to_refuse_a_file(path: Path) -> None:
    path.write_bytes(b'\xef\xbb\xbf[[organizations]]\nslug = "a"')
    assert load_organizations(path).organizations


def test_from_python_all_mistakes_are_in_one_message() -> None:
    with pytest.raises(ConfigurationError, match=r"name must be .*; slug is missing"):
        parse_organization({"name": 1})


def test_presets_are_spread_and_a_cron_expression_is_not() -> None:
    minutes = {spread("@hourly", f"organization-{number}", "standard") for number in range(1000)}
    assert len(minutes) == 60
    for preset in ("@daily", "@weekly", "@monthly", "@quarterly", "@yearly"):
        assert len({spread(preset, f"organization-{number}", "standard") for number in range(1000)}) > 700
    for schedule in ("5 * * * *", "@once", None):
        assert spread(schedule, "a", "standard") == schedule


def test_the_time_of_an_organization_never_moves() -> None:
    assert parse_organization({"slug": "acme"}).schedule == "54 * * * *"
    assert parse_organization({"slug": "acme", "schedule": "@daily"}).schedule == "54 18 * * *"
    assert parse_organization({"slug": "acme", "schedule": "H/20 H(1-4) * * MON-FRI"}).schedule is not None


@pytest.mark.parametrize(
    ("schedule", "allowed"),
    [
        pytest.param("H * * * *", range(60), id="any minute"),
        pytest.param("H(30-35) * * * *", range(30, 36), id="a range"),
        pytest.param("H(7-7) * * * *", [7], id="one minute"),
    ],
)
def test_an_h_is_a_minute_of_the_organizations_own(schedule: str, allowed: Collection[int]) -> None:
    expanded = {spread(schedule, f"organization-{number}", "standard") for number in range(2000)}
    assert expanded == {f"{minute} * * * *" for minute in allowed}


def test_an_h_with_a_step_starts_where_it_wants_and_keeps_the_step() -> None:
    expanded = {spread("H/15 * * * *", f"organization-{number}", "standard") for number in range(500)}
    assert expanded == {f"{start}-59/15 * * * *" for start in range(15)}


@pytest.mark.parametrize("schedule", ["H/0 * * * *", "H/61 * * * *", "H(5-70) * * * *", "H(9-3) * * * *", "HH * * *"])
def test_an_h_that_means_nothing_is_no_schedule(schedule: str) -> None:
    assert not is_cron(schedule)


@given(st.text(max_size=9), st.sampled_from(["@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly"]))
def test_every_organizations_own_time_is_one_that_airflow_takes(slug: str, preset: str) -> None:
    assert croniter.is_valid(spread(preset, slug, "standard"))


def test_a_schedule_of_every_hour_of_a_night_stays_within_it() -> None:
    hours = {(spread("H H(22-23) * * *", f"o-{number}", "standard") or "").split()[1] for number in range(99)}
    assert hours == {"22", "23"}


@given(st.dictionaries(st.sampled_from([*SETTINGS, "zzz"]), st.integers() | st.text() | st.lists(st.text())))
def test_whatever_an_entry_holds_it_is_an_organization_or_a_configuration_error(entry: dict[str, object]) -> None:
    try:
        organization = parse_organization(entry)
    except ConfigurationError:
        return
    assert organization.dag_id.startswith("hubspot_deals_")
    assert len(organization.deals_table.partition(".")[2]) <= 63


def test_notifications_stand_below_an_entry_or_below_the_defaults(path: Path) -> None:
    file = load(
        path,
        """
[defaults]
stale_after_minutes = 180
[[defaults.notifications]]
webhook = "crm_webhook"

[[organizations]]
slug = "acme"

[[organizations]]
slug = "zeta"
[[organizations.notifications]]
on = "completed"
notifier = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"
arguments = { to = ["crm@example.com"], subject = "{{ hubspot_job.organization }}" }
[[organizations.notifications]]
on = ["failed", "failed"]
webhook = "other"
""",
    )
    acme, zeta = file.organizations
    webhook = "airflow_provider_hubspot_deals.notifications.webhook.HubSpotDealsWebhookNotifier"
    (usual,) = acme.notifications
    assert (usual.on, usual.notifier, usual.arguments) == (
        ("failed", "stale"),
        webhook,
        {"webhook_conn_id": "crm_webhook"},
    )
    assert acme.stale_after_minutes == 180
    mail, other = zeta.notifications
    assert (mail.on, mail.arguments["to"]) == (("completed",), ["crm@example.com"])
    assert (other.on, other.notifier, other.arguments) == (("failed",), webhook, {"webhook_conn_id": "other"})
    assert len({acme, zeta}) == 2


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        pytest.param('notifications = "crm"', "must be tables", id="text"),
        pytest.param('notifications = ["crm"]', "must be tables", id="list of texts"),
        pytest.param("notifications = [{}]", "number 1: needs either webhook", id="nobody"),
        pytest.param('notifications = [{ webhook = "a", notifier = "b.C" }]', "needs either webhook", id="both"),
        pytest.param(
            'notifications = [{ webhook = "a" }, { webhok = "b" }]', "number 2: 'webhok' is not known", id="typo"
        ),
        pytest.param(
            'notifications = [{ webhook = "https://hooks.example.com/s3cr3t" }]', "id of an Airflow", id="address"
        ),
        pytest.param('notifications = [{ webhook = "whsec_s3cr3t" }]', "id of an Airflow connection", id="secret"),
        pytest.param('notifications = [{ webhook = "a", on = [] }]', "on must be a list", id="for nothing"),
        pytest.param(
            'notifications = [{ webhook = "a", on = ["done"] }]', "completed, failed, stale", id="unknown event"
        ),
        pytest.param('notifications = [{ notifier = "SmtpNotifier" }]', "class with its module", id="no module"),
        pytest.param('notifications = [{ notifier = "os;rm.X" }]', "class with its module", id="no path"),
        pytest.param(
            'notifications = [{ notifier = "a.B", arguments = { slack_token = "s3cr3t" } }]',
            "slack_token belongs into an Airflow connection",
            id="a token",
        ),
        pytest.param(
            'notifications = [{ notifier = "a.B", arguments = { targets = [{ auth = { api_key = "s3cr3t" } }] } }]',
            "api_key belongs into an Airflow connection",
            id="a token further down",
        ),
        pytest.param(
            'notifications = [{ notifier = "a.B", arguments = { since = 2026-01-01 } }]',
            "since must be text",
            id="a date",
        ),
        pytest.param('notifications = [{ webhook = "a", arguments = {} }]', "a webhook has none", id="superfluous"),
        pytest.param("stale_after_minutes = 1", "minutes: a whole number from 5", id="impatient"),
    ],
)
def test_a_notification_that_cannot_be_right_is_explained(path: Path, setting: str, expected: str) -> None:
    message = problem_of(path, f'slug = "acme"\n{setting}')
    assert expected in message
    assert "s3cr3t" not in message
