"""What the operator asks the loader for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_hubspot_deals.organizations.organization import STANDARD_TYPE
from airflow_provider_hubspot_deals.transfers.arguments import KEPT, added_of, given_or_none, moment_of, origin_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_hubspot_deals.organizations import Organization
    from airflow_provider_hubspot_deals.sync import SyncRequest
    from airflow_provider_hubspot_deals.transfers.hubspot_deals_to_postgres import HubSpotDealsToPostgresOperator


def request_of(operator: HubSpotDealsToPostgresOperator, organization: Organization, context: Context) -> SyncRequest:
    """Return one run of the operator, whose templates are rendered.

    Raises:
        ConfigurationError: a window's end is no time, or an additional property no name.
    """
    from airflow_provider_hubspot_deals.sync import SyncRequest

    batch: dict[str, Any] = {} if operator.batch_rows is None else {"batch_rows": operator.batch_rows}
    kept = {name: getattr(organization, name) for name in KEPT if given_or_none(getattr(operator, name))}
    # An organization has one name, and an entry for each of its portals.
    has_name = operator.organization_name is not None and organization.type == STANDARD_TYPE
    return SyncRequest(
        organization_id=organization.id,
        organization=organization.slug,
        type=organization.type,
        portal_id=organization.portal_id,
        mode=str(given_or_none(operator.mode) or "auto"),
        window_start=moment_of("window_start", operator.window_start),
        window_end=moment_of("window_end", operator.window_end),
        properties=organization.properties,
        additional_properties=added_of(operator.additional_properties),
        sensitive_properties=organization.sensitive_properties,
        associations=organization.associations,
        history=organization.history,
        full_refresh_every=timedelta(days=organization.full_refresh_every_days),
        search_lag=timedelta(minutes=organization.search_lag_minutes),
        overlap=timedelta(minutes=organization.overlap_minutes),
        dimensions_every=timedelta(hours=organization.dimensions_every_hours),
        allow_negative_amounts=organization.allow_negative_amounts,
        origin=origin_of(context),
        name=organization.name if has_name else None,
        **kept,
        **batch,
    )
