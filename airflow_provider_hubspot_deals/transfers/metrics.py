"""What a run tells Airflow's metrics, whatever takes them: StatsD, Datadog or OpenTelemetry.

Each metric goes out twice, as Airflow's own do: ``hubspot_deals.<metric>`` with the tags organization and type, and,
since plain StatsD knows no tags, ``hubspot_deals.<organization>.<type>.<metric>``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_hubspot_deals.exceptions import DeferredError, HubSpotDealsError, JobAlreadyRunning

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.organizations import Organization

log = logging.getLogger(__name__)

_PREFIX = "hubspot_deals"

# Counter → the count of a job that it adds up.
COUNTERS = {
    "deals_read": "records_extracted",
    "deals_inserted": "records_inserted",
    "deals_updated": "records_updated",
    "deals_unchanged": "records_unchanged",
    "deals_deleted": "records_deleted",
    "deals_quarantined": "records_quarantined",
    "value_issues": "value_issues",
    "api_calls": "api_calls",
    "rate_limit_hits": "rate_limit_hits",
}


@contextmanager
def failures_counted(organization: Organization) -> Iterator[None]:
    """Count how a run ends that does not end well: deferred, skipped or failed, the last with its error code."""
    try:
        yield
    except DeferredError:
        _increment(organization, "runs.deferred")
        raise
    except JobAlreadyRunning:
        _increment(organization, "runs.skipped")
        raise
    except HubSpotDealsError as error:
        _increment(organization, "runs.failed", error_code=error.code)
        raise
    except Exception:
        _increment(organization, "runs.failed", error_code="UNEXPECTED")
        raise
    except BaseException:  # as its job has it: somebody stopped the task
        _increment(organization, "runs.failed", error_code="KILLED")
        raise


def tell(organization: Organization, summary: Mapping[str, Any]) -> None:
    """Tell what a completed run did: counters, ``duration``, and the gauges ``lag_seconds`` and ``live_deals``.

    A job that an earlier attempt completed is not counted again.
    """
    if not summary["was_finished_already"]:
        _increment(organization, "runs.completed")
        for metric, count in COUNTERS.items():
            _increment(organization, metric, summary[count])
        _send("timing", organization, "duration", timedelta(seconds=summary["seconds"]))
    for metric, value in (("lag_seconds", _lag_s(summary["watermark"])), ("live_deals", summary["live_deals"])):
        if value is not None:
            _send("gauge", organization, metric, value)


def _lag_s(watermark: str | None) -> int | None:
    """Seconds that the stored deals are behind HubSpot at most."""
    return None if watermark is None else round((datetime.now(UTC) - datetime.fromisoformat(watermark)).total_seconds())


def _increment(organization: Organization, metric: str, count: int = 1, **more_tags: str) -> None:
    if count:
        _send("incr", organization, metric, count, **more_tags)


def _send(kind: str, organization: Organization, metric: str, value: float | timedelta, **more_tags: str) -> None:
    from airflow.providers.common.compat.sdk import Stats

    tags = {"organization": organization.slug, "type": organization.type, **more_tags}
    try:
        getattr(Stats, kind)(f"{_PREFIX}.{metric}", value, tags=tags)
        getattr(Stats, kind)(f"{_PREFIX}.{organization.slug}.{organization.type}.{metric}", value)
    except Exception as error:  # noqa: BLE001 - a run does not fail for its metrics, whatever takes them
        log.warning("Metric %s could not be sent (%s).", metric, type(error).__name__)
