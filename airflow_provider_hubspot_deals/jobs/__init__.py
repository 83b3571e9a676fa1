"""The jobs table: claim, heartbeat, progress, and the ways in which a job ends.

A job is one extraction run. Its attempts (Airflow's tries) share its row and go on from its checkpoint. Claiming it
takes a new epoch from ``sync_state``; every later write names that epoch, so an attempt that was replaced while it
slept writes nothing.
"""

from airflow_provider_hubspot_deals.jobs.claiming import being_claimed, being_taken_up, claim
from airflow_provider_hubspot_deals.jobs.lifecycle import (
    EVENT_NAMES_MAX,
    advance_watermark,
    bind_portal,
    complete,
    count_usage,
    database_time,
    fail,
    heartbeat,
    lock_fence,
    record_batch,
    release,
    stopped,
    tell,
)
from airflow_provider_hubspot_deals.jobs.model import COUNTS, SILENCE_MAX, Job, JobOrder, JobOrigin
from airflow_provider_hubspot_deals.jobs.unknown_commits import settle, was_committed

__all__ = [
    "COUNTS",
    "EVENT_NAMES_MAX",
    "SILENCE_MAX",
    "Job",
    "JobOrder",
    "JobOrigin",
    "advance_watermark",
    "being_claimed",
    "being_taken_up",
    "bind_portal",
    "claim",
    "complete",
    "count_usage",
    "database_time",
    "fail",
    "heartbeat",
    "lock_fence",
    "record_batch",
    "release",
    "settle",
    "stopped",
    "tell",
    "was_committed",
]
