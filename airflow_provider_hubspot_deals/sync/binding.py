"""Before the first write of a deal: whose portal the token opens, and whether policies hold for the role that loads."""

from __future__ import annotations

import logging
from typing import Any

from psycopg import Connection

from airflow_provider_hubspot_deals import jobs, sql
from airflow_provider_hubspot_deals.deals.records import PortalFacts
from airflow_provider_hubspot_deals.exceptions import WrongPortalError
from airflow_provider_hubspot_deals.sync.request import SyncRequest

log = logging.getLogger(__name__)

INSECURE_ROLE = "insecure_role"  # a kind of event


def check_portal(request: SyncRequest, connection: Connection[Any], job: jobs.Job, facts: PortalFacts) -> None:
    """Bind the organization to the first portal that its token opens, and refuse any other from then on.

    Raises:
        WrongPortalError: the token opens another portal than this organization's, or somebody else's.
    """
    remedies = {  # of one and the same portal the latter: what was bound has been right once
        request.portal_id: "Correct whichever is wrong: the token in its connection, or its portal_id.",
        job.portal_id: "Put the right token into its connection.",
    }
    for expected, remedy in remedies.items():
        if expected is not None and expected != facts.portal_id:
            raise WrongPortalError(
                f"The HubSpot token of organization {request.organization!r} (type {request.type!r}) "
                f"opens portal {facts.portal_id}, but this organization's portal is {expected}. {remedy}"
            )
    if job.portal_id is None:
        jobs.bind_portal(connection, job, facts.portal_id)


def tell_insecure_role(connection: Connection[Any], job: jobs.Job) -> None:
    """Say so when the role that loads passes by every policy: it could write what our statements never would.

    Raises:
        JobSuperseded: a newer attempt has taken over.
    """
    with sql.transaction(connection):
        if sql.column(connection, "jobs.passes_by_policies", {}) != [True]:
            return
        jobs.lock_fence(connection, job)
        jobs.tell(connection, job, INSECURE_ROLE, {"role": connection.info.user})
    log.warning(
        "Job %s: role %r is a superuser or has BYPASSRLS, so row-level security does not hold for what it loads. Load "
        "with a role that owns nothing: SELECT %s.grant_loader('…')",
        *(job.id, connection.info.user, job.schema),
    )
