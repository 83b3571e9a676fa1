"""Which organizations have no DAG, by the DAG files in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_hubspot_deals.cli.dag_folder import gaps_in, warnings_in
from airflow_provider_hubspot_deals.dag_factory import parts
from airflow_provider_hubspot_deals.dag_factory.parts import Part
from airflow_provider_hubspot_deals.organizations import Organization, parse_organization

ORGANIZATIONS = [parse_organization({"slug": f"organization-{number}"}) for number in range(30)]
IN_THE_SECOND_OF_THREE = {each.slug for each in ORGANIZATIONS if Part(2, 3).has(each.dag_id)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "organizations.toml"


def write(file: Path, **calls: str) -> None:
    for name, arguments in calls.items():
        source = "from airflow_provider_hubspot_deals import dag_factory\n"
        file.with_name(f"{name}.py").write_text(f"{source}globals().update(dag_factory.build_dags({arguments}))\n")


def without_dag(file: Path, organizations: list[Organization] = ORGANIZATIONS) -> set[str]:
    return {each.slug for gap in gaps_in(file.parent, file, organizations) for each in gap.organizations}


@pytest.mark.parametrize(
    "calls",
    [
        {},
        {"one": ""},
        {"one": "part=1, of=3", "two": "part=2, of=3", "three": "part=3, of=3"},
        {"one": "part=1, of=3", "all": ""},
        {"one": "part=1, of=3", "reckoned": "part=int(__name__[-1]), of=3"},
        {"one": "part=1, of=3", "given": "**settings"},
    ],
    ids=["no file", "one file", "every part", "one for all", "a part that is reckoned", "settings"],
)
def test_nobody_is_left_out(file: Path, calls: dict[str, str]) -> None:
    write(file, **calls)
    assert without_dag(file) == set()


def test_a_part_that_no_file_has_leaves_its_organizations_out(file: Path) -> None:
    write(file, one="part=1, of=3", three="part=3, of=3")
    (gap,) = gaps_in(file.parent, file, ORGANIZATIONS)
    assert {each.slug for each in gap.organizations} == IN_THE_SECOND_OF_THREE
    assert f"{gap.organizations[0].slug!r} and {len(gap.organizations) - 1} more have no DAG" in gap.what
    assert f"in {file.parent}. `airflow hubspot-deals dag-files 3` writes" in gap.what


def test_files_in_folders_below_count_and_those_that_are_no_python_do_not(file: Path) -> None:
    (file.parent / "below").mkdir()
    write(file.parent / "below" / file.name, two="part=2, of=3")
    write(file, one="part=1, of=3", broken="part=3, of=3) = (", nonsense="part=4, of=3")
    assert without_dag(file) == {each.slug for each in ORGANIZATIONS if Part(3, 3).has(each.dag_id)}


@pytest.mark.parametrize("named", ['"{here}/other.toml"', 'path="other.toml"', 'path="/elsewhere/organizations.toml"'])
def test_a_file_for_other_organizations_does_not_count(file: Path, named: str) -> None:
    write(file, one="part=1, of=3", three="part=3, of=3", other=named.format(here=file.parent))
    assert without_dag(file) == IN_THE_SECOND_OF_THREE


@pytest.mark.parametrize("named", ['"{here}/organizations.toml"', 'path="organizations.toml"', "HERE / NAME"])
def test_a_file_that_names_these_organizations_counts(file: Path, named: str) -> None:
    write(file, one="part=1, of=3", all=named.format(here=file.parent))
    assert without_dag(file) == set()


@pytest.mark.parametrize("folder", ["", "nowhere"], ids=["without a DAG file", "that is missing"])
def test_of_a_folder_without_dag_files_it_is_as_if_there_were_one(
    file: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "ORGANIZATIONS_MAX", 20)
    (gap,) = gaps_in(file.parent / folder, file, ORGANIZATIONS)
    assert [each.slug for each in gap.organizations] == [each.slug for each in ORGANIZATIONS[20:]]
    assert gap.what.startswith("One DAG file has 30 organizations")
    assert "`airflow hubspot-deals dag-files 3` does" in gap.what


def test_what_is_too_many_for_one_file_is_not_for_several(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "ORGANIZATIONS_MAX", 20)
    write(file, one="part=1, of=3", two="part=2, of=3", three="part=3, of=3")
    assert without_dag(file) == set()


def test_one_part_that_is_too_full_is_told_beside_one_that_is_missing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "ORGANIZATIONS_MAX", 4)
    write(file, one="part=1, of=3", three="part=3, of=3")
    assert len(gaps_in(file.parent, file, ORGANIZATIONS)) == 3
    assert without_dag(file) > IN_THE_SECOND_OF_THREE


def test_an_organization_that_is_switched_off_needs_no_dag(file: Path) -> None:
    write(file, one="part=1, of=1000")
    off = [parse_organization({"slug": "acme", "enabled": False})]
    assert without_dag(file, off) == set()


@pytest.mark.parametrize(("number", "is_told"), [(449, False), (450, True), (500, True), (501, False)])
def test_a_dag_file_that_is_all_but_full_is_told_before_anybody_is_left_out(
    file: Path, number: int, *, is_told: bool
) -> None:
    organizations = [parse_organization({"slug": f"organization-{each}"}) for each in range(number)]
    assert bool(without_dag(file, organizations)) == (number > parts.ORGANIZATIONS_MAX)
    told = (
        f"One DAG file has {number} organizations of the 500 that it can build at most. Before there are more, "
        "make 2 DAG files of it, which `airflow hubspot-deals dag-files 2` does."
    )
    assert warnings_in(file.parent, file, organizations) == [told] * is_told


def test_each_of_several_dag_files_is_told_alone_and_what_to_do_is_what_there_is_to_do(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuller = max(sum(Part(number, 2).has(each.dag_id) for each in ORGANIZATIONS) for number in (1, 2))
    monkeypatch.setattr(parts, "ORGANIZATIONS_MANY", fuller)
    write(file, one="part=1, of=2", two="part=2, of=2")
    (told,) = warnings_in(file.parent, file, ORGANIZATIONS)
    assert "dag-files 4" in told
    write(file, one="part=1, of=4", two="part=2, of=4", three="part=3, of=4", four="part=4, of=4")
    assert warnings_in(file.parent, file, ORGANIZATIONS) == []


def test_of_a_part_that_is_reckoned_nothing_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "ORGANIZATIONS_MANY", 1)
    write(file, one="part=1, of=3", reckoned="part=int(__name__[-1]), of=3")
    assert warnings_in(file.parent, file, ORGANIZATIONS) == []
