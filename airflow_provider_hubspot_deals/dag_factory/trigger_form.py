"""The form that a person fills in to trigger a DAG by hand. Airflow checks the values against it, over REST too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import Param

if TYPE_CHECKING:
    from airflow_provider_hubspot_deals.organizations import Organization

_MODES = {
    "auto": "Automatic: everything when due, else what changed",
    "full": "Full: read everything again",
    "incremental": "Incremental: what changed since the last run",
    "window": "Window: what was modified between two times",
}
_YEARS = "(?=19[7-9]|[2-9])(?!9999)"  # what lies outside of these in UTC alone is refused as the run begins
_WINDOW_SECTION = "Window (only with mode Window)"
# `format` alone checks nothing unless jsonschema's optional validators happen to be installed.
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
_PROPERTY_LIST_MAX = 5_000  # characters; patterns say more than anybody types
_PROPERTY_LIST = r"^\s*!?[\w.*?\-]+(\s*,\s*!?[\w.*?\-]+)*\s*$"


def trigger_form(organization: Organization) -> dict[str, Param]:
    """Return the DAG's params with their defaults: what a scheduled run does."""
    return {
        "mode": Param(
            "auto",
            type="string",
            title="Mode",
            description="Automatic: what a scheduled run does, which reads what changed and every "
            f"{organization.full_refresh_every_days} days everything. Full: everything now; what was calculated "
            "anew or purged shows in such a run alone. Incremental: what changed since the last run, even when "
            "everything is due. Window: deals modified between the two times below; the next run begins where it would "
            "have without.",
            section="What to read",
            enum=list(_MODES),
            values_display=_MODES,
        ),
        "window_start": _moment("Modified from", "Deals modified at or after this time."),
        "window_end": _moment("Modified until", "Deals modified at or before this time."),
        "properties": Param(
            None,
            type=["null", "string"],
            title="Further properties",
            description=f"{_own_properties(organization)} What stands here is read besides, in this run alone: "
            "HubSpot's internal property names with commas between them, such as closed_lost_reason,hs_tcv; hs_* "
            "chooses all that begin so, !hs_analytics_* takes away from these, all is every one. A name or pattern "
            "that nothing in the portal answers to fails the run. Later runs read without them, and each deal that "
            "they read again loses these values; whoever wants to keep them names them in the organizations file.",
            pattern=_PROPERTY_LIST,
            maxLength=_PROPERTY_LIST_MAX,
            section="Properties",
        ),
    }


def _own_properties(organization: Organization) -> str:
    if organization.properties is None:
        return "This organization reads every property, so nothing is left to add."
    return f"This organization always reads {', '.join(organization.properties)}."


def _moment(title: str, description: str) -> Param:
    return Param(
        None,
        type=["null", "string"],
        format="date-time",
        pattern=_YEARS + _MOMENT,
        title=title,
        description=f"{description} In the time zone that Airflow shows; over REST with its offset, such as "
        "2026-11-21T08:00:00Z. Empty: no limit on this side; mode Window needs at least one of the two.",
        section=_WINDOW_SECTION,
    )
