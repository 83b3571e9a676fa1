"""`airflow hubspot-deals dag-files N`: one number, and every organization is in exactly one DAG file."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest

from airflow_provider_hubspot_deals.cli.commands import dag_files

OF_THE_REPOSITORY = (Path(__file__).parents[3] / "dags" / "hubspot_deals.py").read_text()
ORGANIZATIONS = "".join(f'[[organizations]]\nslug = "organization-{number}"\n' for number in range(30))


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("HUBSPOT_DEALS_ORGANIZATIONS", raising=False)


def write(folder: Path, number: int) -> int:
    with pytest.raises(SystemExit) as ended:
        dag_files.write(Namespace(number=number, folder=str(folder), output="json"))
    return int(ended.value.code or 0)


def dag_ids(folder: Path) -> list[str]:
    found: list[str] = []
    for path in sorted(folder.glob("*.py")):
        variables: dict[str, object] = {"__name__": path.stem, "__file__": str(path)}
        exec(compile(path.read_text(), str(path), "exec"), variables)  # noqa: S102 - as Airflow does
        found += [name for name in variables if name.startswith("hubspot_deals_organization-")]
    return found


@pytest.mark.parametrize("number", [1, 2, 5])
def test_every_organization_is_in_one_of_the_files(tmp_path: Path, number: int) -> None:
    (tmp_path / "organizations.toml").write_text(ORGANIZATIONS)
    assert write(tmp_path, number) == 0
    assert len(list(tmp_path.glob("*.py"))) == number
    assert sorted(dag_ids(tmp_path)) == sorted(f"hubspot_deals_organization-{each}" for each in range(30))


def test_a_single_file_is_the_one_that_the_repository_has(tmp_path: Path) -> None:
    write(tmp_path, 1)
    assert (tmp_path / "hubspot_deals.py").read_text() == OF_THE_REPOSITORY


def test_a_smaller_number_takes_away_what_is_left_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, 3)
    capsys.readouterr()
    assert write(tmp_path, 1) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["hubspot_deals.py"]
    done = {row["file"]: row["done"] for row in json.loads(capsys.readouterr().out)}
    assert done == {"hubspot_deals.py": "written", "hubspot_deals_2.py": "removed", "hubspot_deals_3.py": "removed"}


def test_a_file_with_something_else_in_it_is_left_alone_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = OF_THE_REPOSITORY + "print('mine')\n"
    (tmp_path / "hubspot_deals_2.py").write_text(mine)
    assert write(tmp_path, 1) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["hubspot_deals_2.py"]
    assert (tmp_path / "hubspot_deals_2.py").read_text() == mine
    assert "hubspot_deals_2.py holds more" in capsys.readouterr().err


def test_other_dags_of_the_folder_are_none_of_its_business(tmp_path: Path) -> None:
    (tmp_path / "hubspot_deals_report.py").write_text("report = 1\n")
    assert write(tmp_path, 2) == 0
    assert (tmp_path / "hubspot_deals_report.py").read_text() == "report = 1\n"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert write(tmp_path / "missing", 2) == 1
    assert "There is no folder" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to_is_named_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hubspot_deals.new").mkdir()  # where the command writes before it replaces: nobody may, root included
    assert write(tmp_path, 2) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"The DAG files in {tmp_path} cannot be written: Is a directory.")
    assert "--folder" in said


def test_a_file_in_another_encoding_is_somebody_elses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hubspot_deals_2.py").write_bytes(b"# -*- coding: latin-1 -*-\nname = 'caf\xe9'\n")
    assert write(tmp_path, 1) == 1
    assert "hubspot_deals_2.py holds more" in capsys.readouterr().err


def test_what_is_as_it_should_be_is_not_written_again(tmp_path: Path) -> None:
    write(tmp_path, 2)
    (tmp_path / "hubspot_deals.new").mkdir()
    assert write(tmp_path, 2) == 0
