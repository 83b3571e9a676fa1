"""Commands that a page's world is too small for: which test runs each of them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache

from tests.docs.blocks import ROOT

_LOCAL = "tests/unit/local_stack"
_INTEGRATION = "tests/integration"
_BENCH = f"{_INTEGRATION}/test_bench_pipeline.py"
_SCHEMA = f"{_INTEGRATION}/test_schema_docs.py"
_ACCEPTANCE = "tests/acceptance"
RUN_BY = {
    "./run demo": f"{_ACCEPTANCE}/test_demo.py::test_the_demo_loads_everything_and_then_exactly_what_changed",
    "./run test": f"{_LOCAL}/test_checks.py::test_all_layers_and_checks_run",
    "./run bench": f"{_BENCH}::test_ours_and_the_floor_are_measured_in_every_case_they_have",
    "./run simulate": "tests/simulation/test_bugs.py::test_planted_bugs_are_caught_and_named",
    "./run soak": f"{_INTEGRATION}/test_soak.py::test_g03_a_short_soak_finds_nothing_that_grows",
    "./run prove": f"{_LOCAL}/test_proof.py::test_what_fails_does_not_keep_the_others_from_being_run",
    "./run schema": f"{_SCHEMA}::test_the_command_writes_both_files_and_what_people_wrote_stays",
    "./run reference": f"{_LOCAL}/test_reference.py::test_an_outdated_page_fails_the_check_and_is_written_anew",
    "./run compatibility": f"{_LOCAL}/test_compatibility.py::test_the_wheel_is_tried_in_an_environment_of_its_own",
    "pip install .": f"{_INTEGRATION}/test_wheel.py::test_the_installed_package_is_the_one_from_the_wheel",
}

# Nothing runs it, since what it writes depends on the day; what it wrote last is looked at.
READ_BY = {"./run constraints": f"{_LOCAL}/test_run_script.py::test_the_constraints_name_versions_and_nothing_else"}

# Programs that nothing here can run, and why; their pages say so.
NOT_RUN = {"kubectl": "needs a cluster", "docker": "needs a daemon that starts containers"}


def test_that_runs(command: str) -> str | None:
    """The test of a command that is not run here."""
    return _test_in(RUN_BY, command)


def test_that_reads(command: str) -> str | None:
    """The test of what a command wrote, which is run by nobody."""
    return _test_in(READ_BY, command)


def _test_in(tests: Mapping[str, str], command: str) -> str | None:
    return next((test for start, test in tests.items() if (command + " ").startswith(start + " ")), None)


def missing(tests: str) -> list[str]:
    """Which of the named tests do not exist."""
    return [test for test in tests.split() if not _exists(test)]


@cache
def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    if not (ROOT / path).is_file():
        return False
    module = ast.parse((ROOT / path).read_text("utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in module.body)
