"""What is mutated, by which tests a mutant must be killed, and which mutants nobody can tell from the original."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "airflow_provider_hubspot_deals"

_VALUES = tuple(
    f"tests/unit/deals/test_{name}.py"
    for name in ("values", "whole_columns", "parsing", "rows", "raw_json", "recoverable")
)
_WRITING = (
    "tests/integration/test_loading.py",
    "tests/integration/test_loading_absences.py",
    "tests/integration/values/test_value_faults.py",
    "tests/integration/test_loading_plans.py",
    "tests/integration/test_loading_racing.py",
    "tests/integration/test_loading_values.py",
)
_JOBS = (
    "tests/integration/test_jobs.py",
    "tests/integration/test_jobs_fence.py",
    "tests/integration/test_waiting_and_lost_jobs.py",
    "tests/integration/test_racing_claims.py",
    "tests/integration/test_usage_records.py",
    "tests/integration/test_job_events.py",
    "tests/integration/sync/test_insecure_roles.py",
)


@dataclass(frozen=True, slots=True)
class Target:
    """A file, and the tests that answer for it: the quickest first."""

    file: str
    tests: tuple[str, ...]

    @property
    def path(self) -> Path:
        return ROOT / PACKAGE / self.file


TARGETS = {
    "values": Target("deals/values.py", _VALUES),
    "whole_columns": Target("deals/whole_columns.py", _VALUES),
    "parsing": Target("deals/parsing.py", _VALUES),
    "raw_json": Target("deals/raw_json.py", _VALUES),
    "bad_records": Target("deals/bad_records.py", _VALUES),
    "copy_text": Target("deals/copy_text.py", _VALUES),
    "loading": Target("loading.py", _WRITING),
    "deals.sql": Target("sql/deals.sql", _WRITING),
    "claiming": Target("jobs/claiming.py", _JOBS),
    "lifecycle": Target("jobs/lifecycle.py", _JOBS),
    "jobs.sql": Target("sql/jobs.sql", _JOBS),
}

EQUIVALENT: dict[tuple[str, str], str] = {
    ("values", "'[1-9][0-9]{0,18}' -> '[1-9][0-9]{0,19}'"): "a number of 20 digits is over bigint, which is asked next",
    (
        "values",
        "len(value) * 4 > INDEXED_BYTES_MAX -> len(value) * 4 >= INDEXED_BYTES_MAX",
    ): "its bytes count next",
    ("values", "4 -> 5"): "likewise: it only spares the counting",
    ("values", "'0.01' -> '1.01'"): "quantize looks at the exponent alone",
    ("values", "len(value) <= len(str(_INTEGER_MAX)) - 1 -> len(value) < len(str(_INTEGER_MAX)) - 1"): "a short cut",
}
"""(target, change) → why it changes nothing that anybody could see. They count neither as killed nor as survivors."""
