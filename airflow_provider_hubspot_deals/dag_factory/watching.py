"""Runs between the scheduled ones, when somebody has changed a deal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.organizations import Organization


def when_due_or_changed(organization: Organization) -> Any:  # noqa: ANN401 - whatever a DAG takes as its schedule
    """The organization's schedule; with ``watch_every_seconds`` its DAG runs as well when deals changed.

    Raises:
        ValueError: ``@once`` cannot be combined with watching.
    """
    if not organization.watch_every_seconds:
        return organization.schedule
    changes = changes_asset(organization)
    if organization.schedule is None:
        return [changes]
    if organization.schedule.startswith("@"):
        raise ValueError(f"watch_every_seconds needs a schedule that repeats, or none, not {organization.schedule}")
    return _either(organization.schedule, organization.timezone, changes)


def changes_asset(organization: Organization) -> Asset:
    """The asset that HubSpot's search is asked about; its events say how many deals changed, at least."""
    from airflow.sdk import AssetWatcher

    from airflow_provider_hubspot_deals.triggers.deals_changed import HubSpotDealsChangedEventTrigger

    trigger = HubSpotDealsChangedEventTrigger(
        organization.hubspot_conn_id, poll_interval_s=organization.watch_every_seconds
    )
    return Asset(
        name=f"hubspot_changes_{organization.dag_id.removeprefix('hubspot_deals_')}",
        uri=f"x-hubspot-changes://{organization.slug}/{organization.type}",
        watchers=[AssetWatcher(name=organization.hubspot_conn_id, trigger=trigger)],
    )


def _either(cron: str, timezone: str, asset: Asset) -> Any:  # noqa: ANN401 - a timetable of one Airflow or the other
    if AIRFLOW_V_3_2_PLUS:
        from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable
    else:  # where timetables were not yet told apart from their serialized form
        from airflow.timetables.assets import AssetOrTimeSchedule  # type: ignore[assignment]  # the same for us
        from airflow.timetables.trigger import CronTriggerTimetable  # type: ignore[assignment]  # as above
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(cron, timezone=timezone), assets=[asset])
