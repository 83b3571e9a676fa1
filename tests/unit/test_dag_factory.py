"""DAGs from the organizations file, imported as Airflow imports them."""

from __future__ import annotations

import json
import re
import shutil
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.types import DagRunType

from airflow_provider_hubspot_deals.dag_factory import build_dag, build_dags, deals_asset
from airflow_provider_hubspot_deals.dag_factory.parts import Part
from airflow_provider_hubspot_deals.organizations import parse_organization
from airflow_provider_hubspot_deals.transfers.arguments import unknown_conf
from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator

if TYPE_CHECKING:
    from airflow.sdk import DAG

REPOSITORY = Path(__file__).parents[2]
DAG_FILE = REPOSITORY / "dags" / "hubspot_deals.py"
MAINTENANCE = "hubspot_deals_maintenance"
IMPORT_TIMEOUT_S = 30.0  # Airflow's, for one DAG file
TWO = '[[organizations]]\nslug = "acme"\n[[organizations]]\nslug = "zeta"\n'


@pytest.fixture(autouse=True)
def airflow_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "airflow-home"
    monkeypatch.setenv("AIRFLOW_HOME", str(home))
    return home


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an organizations file lies beside a copy of the DAG file."""
    folder = tmp_path / "dags"
    folder.mkdir()
    shutil.copy(DAG_FILE, folder)
    return folder / "organizations.toml"


def imported(folder: Path) -> dict[str, DAG]:
    """DAGs as Airflow's own importer finds them; nothing may be an import error."""
    bag = DagBag(dag_folder=folder)
    assert bag.import_errors == {}
    return dict(bag.dags)


def built(path: Path, text: str) -> dict[str, DAG]:
    path.write_text(text, encoding="utf-8")
    return build_dags(path)


def task_of(dag: DAG) -> Any:
    (task,) = dag.tasks
    return task


def of_organizations(dags: dict[str, DAG]) -> list[str]:
    """Ids of all but the maintenance DAGs, sorted."""
    return sorted(dag_id for dag_id in dags if not dag_id.startswith(MAINTENANCE))


def serialized(dags: dict[str, DAG]) -> str:
    return json.dumps({dag_id: DagSerialization.to_dict(dag) for dag_id, dag in dags.items()})


def what_fails(dag: DAG) -> str:
    """What the one task of a DAG in the place of a broken one says when it runs."""
    task = task_of(dag)
    assert task.task_id == "configuration_error"
    with pytest.raises(AirflowFailException) as caught:
        task.execute({})
    return str(caught.value)


def test_the_dag_file_of_the_repository_has_a_dag_for_each_of_its_organizations() -> None:
    dags = imported(DAG_FILE)
    assert of_organizations(dags) == [
        "hubspot_deals_aurora",
        "hubspot_deals_kiosk",
        "hubspot_deals_northwind",
        "hubspot_deals_northwind_sandbox",
    ]
    assert {dag.fileloc for dag in dags.values()} == {str(DAG_FILE)}


def test_the_dag_of_ten_lines_is_one() -> None:
    file = REPOSITORY / "dags" / "examples" / "ten_lines.py"
    assert len([line for line in file.read_text("utf-8").splitlines() if line.strip()]) <= 10
    assert isinstance(task_of(imported(file)["ten_lines"]), HubSpotDealsToPostgresOperator)


def test_organizations_beside_the_dag_file_are_found(path: Path) -> None:
    path.write_text(TWO, encoding="utf-8")
    assert of_organizations(imported(path.parent)) == ["hubspot_deals_acme", "hubspot_deals_zeta"]


def test_the_environment_variable_names_another_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = path.with_name("other.toml")
    other.write_text('[[organizations]]\nslug = "other"', encoding="utf-8")
    path.write_text(TWO, encoding="utf-8")
    monkeypatch.setenv("HUBSPOT_DEALS_ORGANIZATIONS", str(other))
    assert of_organizations(imported(path.parent)) == ["hubspot_deals_other"]


def test_e31_a_task_that_starts_builds_its_own_dag_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "hubspot_deals_zeta")
    assert list(built(path, TWO)) == ["hubspot_deals_zeta"]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "somebody_elses")
    assert build_dags(path) == {}


def test_an_organization_that_is_switched_off_has_no_dag(path: Path) -> None:
    assert of_organizations(built(path, TWO + "enabled = false")) == ["hubspot_deals_acme"]


def test_the_same_file_makes_the_same_dags(path: Path) -> None:
    one = serialized(built(path, TWO + 'tags = ["b", "a", "c"]\nzzz = 1'))
    assert serialized(build_dags(path)) == one


def test_the_order_of_the_file_changes_nothing(path: Path) -> None:
    one = serialized(built(path, TWO))
    turned = TWO.replace("acme", "-").replace("zeta", "acme").replace('"-"', '"zeta"')
    assert serialized(built(path, turned)) == one


def test_e30_a_bad_organization_says_what_is_wrong_and_hides_no_other(path: Path) -> None:
    dags = built(path, TWO + 'scheduel = "@daily"\ntags = 3')
    assert of_organizations(dags) == ["hubspot_deals_acme", "hubspot_deals_zeta"]
    broken = dags["hubspot_deals_zeta"]
    assert "configuration-error" in broken.tags
    for text in (broken.doc_md or "", what_fails(broken)):
        assert "did you mean 'schedule'" in text
        assert "tags must be" in text
        assert str(path) in text
    assert isinstance(task_of(dags["hubspot_deals_acme"]), HubSpotDealsToPostgresOperator)


def test_a_dag_that_tells_a_mistake_is_not_paused_when_it_appears_and_others_are_as_airflow_says(path: Path) -> None:
    mistakes = '[[organizations]]\nschedule = "none"\n[[organizations]]\nslug = "zeta"\nscheduel = "x"\n'
    dags = built(path, f'[[organizations]]\nslug = "acme"\n{mistakes}')
    assert {dag_id: dag.is_paused_upon_creation for dag_id, dag in dags.items()} == {
        "hubspot_deals_acme": None,
        "hubspot_deals_configuration": False,
        "hubspot_deals_maintenance": None,
        "hubspot_deals_zeta": False,
    }


def test_a_schedule_that_only_looks_like_one_breaks_its_own_organization_alone(path: Path) -> None:
    dags = built(path, TWO + 'schedule = "99 * * * *"')
    assert "organization 'zeta': [99 * * * *] is not acceptable" in what_fails(dags["hubspot_deals_zeta"])
    assert task_of(dags["hubspot_deals_acme"]).organization == "acme"
    assert serialized(dags)


@pytest.mark.parametrize("schedule", ["0 0 31 2 *", "H H 31 4,6,9,11 *", "0 6 30 FEB *"])
def test_a_schedule_that_never_comes_is_told_and_does_not_wait_for_ever(path: Path, schedule: str) -> None:
    dags = built(path, TWO + f'schedule = "{schedule}"')
    assert "organization 'zeta': the schedule never comes" in what_fails(dags["hubspot_deals_zeta"])


def test_a_schedule_of_leap_years_comes(path: Path) -> None:
    dags = built(path, TWO + 'schedule = "0 0 29 2 *"')
    assert "configuration-error" not in dags["hubspot_deals_zeta"].tags


def test_an_entry_without_a_slug_is_reported_by_the_configuration_dag(path: Path) -> None:
    dags = built(path, TWO + '[[organizations]]\nname = "?"')
    assert of_organizations(dags) == ["hubspot_deals_acme", "hubspot_deals_configuration", "hubspot_deals_zeta"]
    assert "entry 3, slug is missing" in what_fails(dags["hubspot_deals_configuration"])


def test_an_unreadable_file_falls_back_to_its_last_readable_copy(path: Path, airflow_home: Path) -> None:
    built(path, TWO)
    dags = built(path, TWO + 'name = "no end')
    assert of_organizations(dags) == ["hubspot_deals_acme", "hubspot_deals_configuration", "hubspot_deals_zeta"]
    assert "line 5" in what_fails(dags["hubspot_deals_configuration"])
    assert str(airflow_home) in what_fails(dags["hubspot_deals_configuration"])
    path.unlink()
    assert sorted(build_dags(path)) == sorted(dags)
    path.write_text("", encoding="utf-8")
    assert sorted(build_dags(path)) == sorted(dags)


def test_a_mended_file_is_used_at_once(path: Path) -> None:
    built(path, TWO)
    built(path, "?")
    assert of_organizations(built(path, TWO + '[[organizations]]\nslug = "new"')) == [
        "hubspot_deals_acme",
        "hubspot_deals_new",
        "hubspot_deals_zeta",
    ]


def test_a_file_that_never_was_readable_leaves_the_configuration_dag(path: Path) -> None:
    dags = build_dags(path)
    assert list(dags) == ["hubspot_deals_configuration"]
    assert "No such file" in what_fails(dags["hubspot_deals_configuration"])


def test_two_files_have_two_configuration_dags(path: Path) -> None:
    assert list(build_dags(path.with_name("north-2.toml"))) == ["hubspot_deals_configuration_north_2"]


def test_two_files_have_two_copies(path: Path) -> None:
    other = path.with_name("other.toml")
    built(path, TWO)
    built(other, '[[organizations]]\nslug = "other"')
    path.unlink()
    other.unlink()
    assert "hubspot_deals_acme" in build_dags(path)
    assert "hubspot_deals_other" in build_dags(other)


def test_e36_a_home_where_nothing_can_be_kept_costs_no_dag(path: Path, airflow_home: Path) -> None:
    airflow_home.write_text("a file where a folder should be", encoding="utf-8")
    assert of_organizations(built(path, TWO)) == ["hubspot_deals_acme", "hubspot_deals_zeta"]


def test_the_copy_is_written_once_and_is_its_owners(path: Path, airflow_home: Path) -> None:
    built(path, TWO)
    (copy,) = (airflow_home / "hubspot_deals").iterdir()
    before = copy.stat()
    build_dags(path)
    assert copy.stat().st_mtime_ns == before.st_mtime_ns
    assert stat.S_IMODE(before.st_mode) & (stat.S_IWGRP | stat.S_IWOTH) == 0


def test_a_dag_carries_what_its_organization_says() -> None:
    dag = build_dag(
        parse_organization(
            {
                "slug": "acme",
                "schedule": "5 4 * * *",
                "owners": ["data", "sales"],
                "owner_links": {"data": "https://example.com"},
                "tags": ["crm"],
                "properties": ["dealname", "amount"],
                "associations": ["contacts"],
                "history": ["dealstage"],
                "sensitive_properties": False,
                "timeout_hours": 2,
                "timezone": "Europe/Berlin",
                "retries": 5,
                "pool": "hubspot",
                "queue": "long",
            }
        )
    )
    task = task_of(dag)
    assert getattr(dag.timetable, "expression", None) == "5 4 * * *"
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert dag.tags == {"hubspot", "standard", "crm"}
    assert dag.owner_links == {"data": "https://example.com"}
    assert task.owner == "data, sales"
    assert task.execution_timeout == timedelta(hours=2)
    assert (task.retries, task.pool, task.queue) == (5, "hubspot", "long")
    assert str(dag.timezone) == "Europe/Berlin"
    assert task.outlets == [deals_asset("acme")]
    assert (task.properties, task.additional_properties) == (("dealname", "amount"), "{{ params.properties }}")
    assert dag.params["properties"] is None
    assert "always reads dealname, amount" in str(dag.params.get_param("properties").description)
    assert isinstance(task, HubSpotDealsToPostgresOperator)
    assert (task.associations, task.history, task.sensitive_properties) == (("contacts",), ("dealstage",), False)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("hubspot_conn_id", "hubspot_other"),
        ("postgres_conn_id", "warehouse"),
        ("schema", "crm"),
        ("portal_id", 1001),
        ("full_refresh_every_days", 3),
        ("search_lag_minutes", 45),
        ("overlap_minutes", 25),
        ("dimensions_every_hours", 2),
        ("daily_reserve_percent", 60),
        ("allow_negative_amounts", True),
        ("retention_days", 31),
        ("archive_days", 62),
        ("quarantine_days", 5),
        ("stale_after_minutes", 95),
    ],
)
def test_what_the_file_says_of_an_organization_reaches_its_task_and_no_other(
    path: Path, setting: str, value: object
) -> None:
    dags = built(path, TWO + f"{setting} = {json.dumps(value)}")
    acme, zeta = (getattr(task_of(dags[f"hubspot_deals_{slug}"]), setting) for slug in ("acme", "zeta"))
    assert (zeta, acme == value) == (value, False)


@pytest.mark.airflow("backfills of our DAGs are refused", from_="3.2")
@pytest.mark.parametrize("text", [TWO, '[[organizations]]\nslug = "acme"\nschedul = 1\n'], ids=["right", "wrong"])
def test_no_dag_takes_a_backfill_and_every_one_takes_all_other_runs(path: Path, text: str) -> None:
    for dag in built(path, text).values():
        stored = DagSerialization.from_dict(DagSerialization.to_dict(dag)).allowed_run_types
        assert set(DagRunType) - set(stored or DagRunType) == {DagRunType.BACKFILL_JOB}, dag.dag_id


def test_the_documentation_names_the_tables_and_the_connections() -> None:
    organization = parse_organization({"slug": "acme", "type": "sandbox"})
    text = build_dag(organization).doc_md or ""
    for part in (
        organization.deals_table,
        "hubspot_acme_sandbox",
        str(organization.id),
        "type = 'hubspot_deals_sandbox'",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("5 4 * * *", "AssetOrTimeSchedule"), ("none", "AssetTriggeredTimetable")],
    ids=["a schedule", "none"],
)
def test_a_dag_that_watches_runs_when_deals_change_too(schedule: str, expected: str) -> None:
    settings = {"slug": "acme", "schedule": schedule, "watch_every_seconds": 90, "timezone": "Europe/Berlin"}
    dag = build_dag(parse_organization(settings))
    stored = DagSerialization.to_dict(dag)
    timetable = json.dumps(stored["dag"]["timetable"])
    assert expected in stored["dag"]["timetable"]["__type"]
    for text in ("HubSpotDealsChangedEventTrigger", '"hubspot_acme"', '"poll_interval_s": 90.0'):
        assert text in timetable
    assert ("Europe/Berlin" in timetable) == (schedule != "none")
    assert "every 90 s" in (dag.doc_md or "")
    assert DagSerialization.from_dict(stored).dag_id == "hubspot_deals_acme"


def test_watching_with_a_schedule_of_one_run_is_explained(path: Path) -> None:
    dags = built(path, TWO + 'schedule = "@once"\nwatch_every_seconds = 60')
    assert "needs a schedule that repeats" in what_fails(dags["hubspot_deals_zeta"])


def test_the_pause_before_another_attempt_grows_from_a_minute_and_ends_at_half_an_hour() -> None:
    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(build_dag(parse_organization({"slug": "acme"}))))
    attempt: Any = TaskInstance(scheduled.get_task("load_deals"), run_id="manual__1", dag_version_id=uuid4())
    attempt.end_date = datetime(2026, 11, 22, tzinfo=UTC)
    minutes = []
    for attempt.try_number in (1, 2, 3, 10, 50):
        minutes.append((attempt.next_retry_datetime() - attempt.end_date).total_seconds() / 60)
    assert [shortest <= each < 2 * shortest for shortest, each in zip((1, 2, 4), minutes, strict=False)] == [True] * 3
    assert minutes[3:] == [30, 30]


def test_an_asset_keeps_its_address_through_airflow() -> None:
    asset = deals_asset("acme", "sandbox")
    assert (asset.name, asset.uri) == ("hubspot_deals_acme_sandbox", "x-hubspot-deals://acme/sandbox")


def test_the_trigger_form_accepts_what_a_person_fills_in() -> None:
    params = build_dag(parse_organization({"slug": "acme"})).params
    params.update({"mode": "window", "window_start": "2026-11-01T00:00:00Z", "properties": "dealname, hs_*,!hs_v2_*"})
    assert params.validate()["mode"] == "window"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"mode": "everything"}, id="unknown mode"),
        pytest.param({"mode": None}, id="no mode"),
        pytest.param({"window_start": "yesterday"}, id="no time"),
        pytest.param({"window_end": 5}, id="a number for a time"),
        pytest.param({"window_start": "0001-01-01T00:00:00+14:00"}, id="a time before the year 1, in UTC"),
        pytest.param({"window_end": "9999-12-31T23:59:59-14:00"}, id="a time after the year 9999, in UTC"),
        pytest.param({"window_start": "1969-12-31T23:59:59Z"}, id="a time before HubSpot"),
        pytest.param({"properties": "{{ conn.hubspot_acme.password }}"}, id="a template"),
        pytest.param({"properties": "a; DROP TABLE deals"}, id="SQL"),
        pytest.param({"properties": ""}, id="nothing"),
        pytest.param({"properties": "a," * 5_000 + "a"}, id="more than anybody enters"),
    ],
)
def test_e33_the_trigger_form_refuses_what_no_run_could_use(values: dict[str, Any]) -> None:
    params = build_dag(parse_organization({"slug": "acme"})).params
    with pytest.raises(ParamValidationError):
        params.update(values)


@pytest.mark.parametrize(
    "text", ["{{ conn.hubspot_zeta.password }}", "{{ 7 * 7 }}", "'; DROP TABLE jobs; --", "http://169.254.169.254/"]
)
def test_e33_what_somebody_enters_becomes_four_arguments_and_is_never_a_template(text: str) -> None:
    """Whatever is sent over REST reaches ``params``, also under names that the form does not have."""
    task = task_of(build_dag(parse_organization({"slug": "acme"})))
    before = {name: getattr(task, name) for name in task.template_fields}
    others = ("organization", "organization_id", "hubspot_conn_id", "postgres_conn_id", "schema", "portal_id", "host")
    entered = dict.fromkeys(("mode", "window_start", "window_end", "properties", *others), text)

    task.render_template_fields({"params": entered})

    after = {name: getattr(task, name) for name in task.template_fields}
    changed = {name: value for name, value in after.items() if value != before[name]}
    assert changed == dict.fromkeys(("mode", "window_start", "window_end", "additional_properties"), text)


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        pytest.param({"mode": "full", "window_start": None}, [], id="nothing unknown"),
        pytest.param({"moed": "full", "organization": "zeta"}, ["'moed'", "'organization'"], id="unknown"),
        pytest.param({"x" * 1000: 1, "a\nb": 2}, ["'a\\nb'", "'" + "x" * 49], id="long, and of two lines"),
        pytest.param({f"key-{number:03}": 1 for number in range(99)}, [f"'key-{n:03}'" for n in range(10)], id="many"),
        pytest.param(None, [], id="no conf"),
    ],
)
def test_e33_keys_that_the_form_does_not_have_are_named(conf: dict[str, object] | None, expected: list[str]) -> None:
    context: Any = {"dag": build_dag(parse_organization({"slug": "acme"})), "dag_run": SimpleNamespace(conf=conf)}
    assert unknown_conf(context) == expected


def test_of_a_dag_without_a_form_no_key_is_unknown() -> None:
    context: Any = {"dag": SimpleNamespace(params={}), "dag_run": SimpleNamespace(conf={"mine": 1})}
    assert unknown_conf(context) == []


def test_the_form_offers_the_modes_that_the_job_knows() -> None:
    from airflow_provider_hubspot_deals.sync.request import MODES

    param = build_dag(parse_organization({"slug": "acme"})).params.get_param("mode")
    assert tuple(param.schema["enum"]) == MODES


def test_the_form_has_a_sentence_for_each_mode_that_it_offers() -> None:
    param = build_dag(parse_organization({"slug": "acme"})).params.get_param("mode")
    offered = [label.partition(":")[0] for label in param.schema["values_display"].values()]
    sentences = re.split(r"(?<=\.) ", param.description or "")
    assert [each.partition(":")[0] for each in sentences] == offered


def test_the_form_asks_for_times_as_airflows_date_picker_takes_them() -> None:
    params = build_dag(parse_organization({"slug": "acme"})).params
    for name in ("window_start", "window_end"):
        assert "In the time zone that Airflow shows; over REST with its offset" in (
            params.get_param(name).description or ""
        )


@pytest.mark.parametrize("name", ["window_start", "window_end"])
def test_the_form_says_at_each_time_that_a_window_needs_one_of_them(name: str) -> None:
    param = build_dag(parse_organization({"slug": "acme"})).params.get_param(name)
    assert "mode Window needs at least one of the two" in str(param.description)


def entries(count: int) -> str:
    return "".join(f'[[organizations]]\nslug = "organization-{number}"\n' for number in range(count))


def test_several_dag_files_share_the_organizations_of_one_file(path: Path) -> None:
    path.write_text(entries(40) + "zzz = 1\n", encoding="utf-8")
    whole = build_dags(path)
    parts = [build_dags(path, part=number, of=3) for number in (1, 2, 3)]
    ids = [dag_id for part in parts for dag_id in part]
    assert sorted(ids) == sorted(whole)
    assert min(len(part) for part in parts) > 5
    assert MAINTENANCE in parts[0]
    assert "hubspot_deals_organization-39" in parts[0]  # the one that says what is wrong with it


def test_the_part_of_an_organization_does_not_move_when_others_come(path: Path) -> None:
    before = set(of_organizations(built(path, entries(40)))) & set(build_dags(path, part=2, of=3))
    path.write_text(entries(80), encoding="utf-8")
    assert before <= set(build_dags(path, part=2, of=3))


@pytest.mark.parametrize(("part", "of"), [(0, 3), (4, 3), (1, 0)])
def test_a_part_that_does_not_exist_is_refused(path: Path, part: int, of: int) -> None:
    with pytest.raises(ValueError, match="must be a number from 1 to"):
        build_dags(path, part=part, of=of)


def test_a_starting_task_of_one_part_builds_its_own_dag_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(entries(9), encoding="utf-8")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "hubspot_deals_organization-4")
    found = [list(build_dags(path, part=number, of=2)) for number in (1, 2)]
    assert sorted(found) == [[], ["hubspot_deals_organization-4"]]


def contacted(*_: object) -> None:
    pytest.fail("a DAG file must reach nobody: it is parsed over and over")


def test_e31_five_thousand_organizations_in_one_file_get_advice_in_place_of_a_time_out(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(entries(5000), encoding="utf-8")
    monkeypatch.setattr("socket.socket.connect", contacted)
    began = process_time()  # of this process: others may be busy
    dags = build_dags(path)
    assert process_time() - began < IMPORT_TIMEOUT_S / 3
    advice = what_fails(dags.pop("hubspot_deals_configuration.part_1"))
    assert len(of_organizations(dags)) == 500
    for text in ("5,000 organizations", "Make 20 DAG files", "build_dags(part=2, of=20)", "have no DAG"):
        assert text in advice


def test_e31_as_many_dag_files_as_are_advised_build_a_dag_of_each_of_five_thousand_organizations(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    organizations = [parse_organization({"slug": f"organization-{number}"}) for number in range(5000)]
    shares = [Part(number, 20).share(organizations) for number in range(1, 21)]
    assert [share.left_out for share in shares] == [()] * 20
    assert sum(len(share.built) for share in shares) == 5000

    path.write_text(entries(5000), encoding="utf-8")
    monkeypatch.setattr("socket.socket.connect", contacted)
    began = process_time()
    assert len(of_organizations(build_dags(path, part=2, of=20))) == len(shares[1].built)
    assert process_time() - began < IMPORT_TIMEOUT_S / 3
