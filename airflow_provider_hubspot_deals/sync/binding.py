"""A token of another portal stops before the first write of a deal."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import jobs
from airflow_provider_hubspot_deals.deals.records import PortalFacts
from airflow_provider_hubspot_deals.exceptions import WrongPortalError
from airflow_provider_hubspot_deals.sync.request import SyncRequest


def check_portal(request: SyncRequest, connection: Connection[Any], job: jobs.Job, facts: PortalFacts) -> None:
    """Bind the organization to the first portal that its token opens, and refuse any other from then on.

    Raises:
        WrongPortalError: the token opens another portal than this organization's, or somebody else's.
    """
    for expected in (request.portal_id, job.portal_id):
        if expected is not None and expected != facts.portal_id:
            raise WrongPortalError(
                f"The HubSpot token of organization {request.organization!r} (type {request.type!r}) "
                f"opens portal {facts.portal_id}, but this organization's portal is {expected}. "
                "Put the right token into its connection."
            )
    if job.portal_id is None:
        jobs.bind_portal(connection, job, facts.portal_id)
