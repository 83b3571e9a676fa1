"""What is mutated, and by which tests a mutant must be killed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "airflow_provider_hubspot_deals"


def _of(file: str, *names: str) -> tuple[str, ...]:
    """Tests of a file: those of these names, else all."""
    path = f"tests/{file}.py"
    return tuple(f"{path}::test_{name}" for name in names) or (path,)


_VALUES = tuple(
    f"tests/unit/deals/test_{name}.py"
    for name in ("values", "whole_columns", "parsing", "rows", "raw_json", "recoverable")
)
_KILL_POINTS = _of("integration/sync/test_kill_points")
_WRITING = (
    *_of("integration/test_loading_stages"),
    *_of("integration/test_loading"),
    *_of("integration/test_loading_absences"),
    *_of(
        "integration/test_loading_values",
        "c22_every_text_column_gives_back_exactly_what_it_was_given",
        "b20_a_deal_of_which_nobody_knows_how_new_it_is_replaces_any_and_is_replaced_by_any",
        "b20_within_a_batch_a_version_that_is_known_is_newer",
    ),
    *_of("integration/test_transaction_settings"),
    *_of("integration/test_retention", "a_record_that_comes_again_has_its_raw_bytes_again"),
    *_of("integration/test_loading_racing"),
    *_of(
        "integration/test_loading_plans",
        "deals_are_counted_without_reading_the_table",
        "the_merge_probes_the_key_also_where_the_planner_would_read_the_table",
    ),
    *_KILL_POINTS,
)
_CLAIMING = (
    *_of("integration/test_job_messages"),
    *_of("integration/test_job_counts"),
    *_of("integration/test_jobs"),
    *_of("integration/test_job_moments"),
    *_of("integration/test_waiting_and_lost_jobs"),
    *_of("integration/lifecycle/test_taking_up", "the_attempt_goes_on_with_the_same_job_and_a_new_epoch"),
    *_of(
        "integration/lifecycle/test_lost_commits",
        "d01_an_attempt_that_goes_on_ends_the_session_that_it_lost",
        "d02_d03_d04_a_job_whose_completion_is_lost_is_completed_once",
        "e16_a_session_stuck_in_copy_does_not_hold_the_fence_for_ever",
    ),
    *_of("integration/sync/test_split_roles", "it_switches_the_amount_check_of_its_leaf"),
    *_KILL_POINTS,
)
_LIFECYCLE = (
    *_of("integration/test_job_messages"),
    *_of("integration/test_job_counts"),
    *_of(
        "integration/test_jobs_fence",
        "e16_an_attempt_that_was_replaced_is_told_so_and_writes_nothing",
        "e16_nor_does_it_write_quietly",
        "e16_a_batch_that_began_before_the_takeover_holds_it_back",
        "e25_a_cancelled_job_stops_at_its_next_batch_and_writes_nothing",
        "a_heartbeat_is_heard",
        "i07_a_watermark_never_goes_back",
        "a_completed_full_run_is_remembered_with_its_selection",
        "other_runs_leave_the_last_full_one_alone",
        "a_portal_is_bound_once",
    ),
    *_of(
        "integration/test_waiting_and_lost_jobs",
        "a_released_job_says_from_when_on_it_may_be_resumed_and_one_of_somebody_else_says_nothing",
    ),
    *_of("integration/test_racing_claims", "the_end_of_a_job_waits_for_the_fence_before_it_touches_the_job"),
    *_KILL_POINTS,
)
_JOBS_SQL = (
    *_LIFECYCLE[:-1],
    *_CLAIMING[1:-1],
    *_of(
        "integration/lifecycle/test_lost_commits",
        "d04_a_transaction_in_progress_is_ended_before_it_is_looked_up",
        "d05_of_a_transaction_too_old_for_postgresql_the_ledger_tells",
        "d13_a_transaction_of_a_server_that_failed_over_is_lost",
        "e16_a_session_stuck_in_copy_does_not_hold_the_fence_for_ever",
        "e16_a_session_that_holds_the_fence_and_works_is_waited_for",
        "e16_the_frozen_session_of_another_role_is_named_until_ours_may_end_it",
    ),
    *_of("integration/lifecycle/test_unknown_commits"),
    *_of("integration/test_transaction_settings"),
    *_of(
        "integration/test_racing_claims",
        "a_job_cancelled_while_its_retry_claims_it_is_a_cancelled_one",
        "a_job_taken_for_dead_while_its_retry_claims_it_is_gone_on_with",
        "a_job_inserted_by_hand_and_cancelled_while_a_run_takes_it_on_is_nobodys",
    ),
    *_of("integration/sync/test_insecure_roles"),
)
_BATCHES = (
    *_of("unit/sync/test_batches"),
    *_of("integration/sync/test_batches"),
    *_of(
        "integration/values/test_value_faults",
        "c29_more_bad_records_than_an_accident_stop_the_job_and_nothing_is_written[20]",
        "c29_as_many_as_an_accident_may_bring_go_to_quarantine",
    ),
    *_of("integration/lifecycle/test_refused_statements", "d24_a_rule_that_refuses_every_deal_fails_the_job"),
    *_KILL_POINTS,
)
_COMMITTING = (*_of("integration/sync/test_committing"), *_KILL_POINTS)
_CHECKPOINT = (
    *_of("unit/sync/test_checkpoint"),
    *_of("integration/sync/test_lifecycle", "a_job_taken_for_dead_is_gone_on_with_from_its_checkpoint"),
)
_BOUNDS = _of("unit/test_reliability", "the_bounds_of_the_page_are_those_of_the_code")
_REFUSALS = (*_of("integration/test_refusals"), *_BOUNDS)
_RECOVERY = (*_of("integration/lifecycle/test_taking_up"), *_BOUNDS)
_UNKNOWN_COMMITS = (
    *_of("integration/lifecycle/test_unknown_commits"),
    *_of("integration/lifecycle/test_taking_up", "d04_a_session_that_does_not_end_is_named_with_what_to_do"),
    *_of(
        "integration/lifecycle/test_lost_commits",
        "d04_a_transaction_in_progress_is_ended_before_it_is_looked_up",
        "d05_of_a_transaction_too_old_for_postgresql_the_ledger_tells",
        "d13_a_transaction_of_a_server_that_failed_over_is_lost",
    ),
)
_READING_AHEAD = _of("unit/sync/test_reading_ahead")
_ALLOWANCE = _of("unit/sync/test_allowance")
_COPYING = (
    *_KILL_POINTS,
    *_of("integration/sync/test_copying"),
    *_of("integration/sync/test_lifecycle"),
    *_of("integration/sync/test_silence", "a_look_into_a_silent_database_ends_too"),
    *_of("integration/sync/test_read_again"),
    *_of("integration/sync/test_memory_ahead"),
    *_of("integration/sync/test_side_by_side"),
)
_COUNTING = (
    *_of("unit/sync/test_counting"),
    *_of("integration/sync/test_counting"),
    *_of(
        "integration/sync/test_side_by_side",
        "a_gap_that_the_window_does_not_explain_is_told_with_both_numbers",
        "what_is_archived_after_a_full_run_was_told_a_count_is_no_gap",
    ),
)
_HEARTBEAT = (
    *_of("integration/sync/test_heartbeat"),
    *_of("integration/lifecycle/test_processes"),
    *_of("integration/sync/test_silence"),
    *_BOUNDS,
)
_TRANSACTIONS = (
    *_of("unit/test_sql"),
    *_of("integration/test_transaction_settings"),
    *_of("integration/sync/test_silence"),
    *_BOUNDS,
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
    "reading_ahead": Target("sync/reading_ahead.py", _READING_AHEAD),
    "allowance": Target("sync/allowance.py", _ALLOWANCE),
    "copying": Target("sync/copying.py", _COPYING),
    "batches": Target("sync/batches.py", _BATCHES),
    "committing": Target("sync/committing.py", _COMMITTING),
    "checkpoint": Target("sync/checkpoint.py", _CHECKPOINT),
    "counting": Target("sync/counting.py", _COUNTING),
    "heartbeat": Target("sync/heartbeat.py", _HEARTBEAT),
    "refusals": Target("sync/refusals.py", _REFUSALS),
    "recovery": Target("sync/recovery.py", _RECOVERY),
    "unknown_commits": Target("jobs/unknown_commits.py", _UNKNOWN_COMMITS),
    "transactions": Target("sql/__init__.py", _TRANSACTIONS),
    "loading": Target("loading.py", _WRITING),
    "deals.sql": Target("sql/deals.sql", _WRITING),
    "claiming": Target("jobs/claiming.py", _CLAIMING),
    "rivals": Target("jobs/rivals.py", _CLAIMING),
    "lifecycle": Target("jobs/lifecycle.py", _LIFECYCLE),
    "jobs.sql": Target("sql/jobs.sql", _JOBS_SQL),
}

_PARSING = ("values", "whole_columns", "parsing", "raw_json", "bad_records", "copy_text")
GROUPS = {"value_parsing": _PARSING, "write_path": tuple(name for name in TARGETS if name not in _PARSING)}
