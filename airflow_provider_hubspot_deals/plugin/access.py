"""Who may see and do what: Airflow's own users, permissions and audit log.

Airflow mounts a plugin's application without any authentication, so each route of ours names what it requires.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.tokens import get_signing_key
from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from airflow.api_fastapi.logging.decorators import action_logging
from airflow.models.dag import DagModel, DagTag
from airflow.utils.session import create_session
from fastapi import Depends, Header, HTTPException, Request, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import case, func, or_, select

from airflow_provider_hubspot_deals.organizations.organization import MISTAKE_TAG, TAG, dag_id_of
from airflow_provider_hubspot_deals.plugin.overview import NO_DAG, NO_SCHEDULE, PAUSED

TOKEN_MAX_AGE_S = 24 * 3600
# What Airflow notes of DAGs that no clock starts, or none a second time.
_WITHOUT_CLOCK = ("None", "@once", "Asset", "Partitioned Asset", "PartitionedAtRuntime")
_MAINTENANCE = re.compile(rf"{dag_id_of('maintenance')}(\.|$)")  # no organization's
_TOKEN_SALT = "hubspot-deals-page"  # noqa: S105 - tells our signatures from Airflow's own, no secret

signed_in = Depends(get_user)
may_read_runs = Depends(requires_access_dag("GET", DagAccessEntity.RUN))
may_change_runs = Depends(requires_access_dag("PUT", DagAccessEntity.RUN))
cancel_is_audited = Depends(action_logging("hubspot_deals.cancel_job"))


def readable_dags(user: GetUserDep) -> frozenset[str]:
    """DAGs that the user may read; the page shows organizations of these and no others."""
    return frozenset(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))


def idle_dags() -> Mapping[str, str]:
    """DAGs that no clock starts, and why: no file builds it any more, it is paused, or it has no schedule.

    A DAG whose organization was taken out of the file stays in Airflow's tables, and among those that one may read.
    """
    why = case((DagModel.is_stale, NO_DAG), (DagModel.is_paused, PAUSED), else_=NO_SCHEDULE).label("why")
    has_no_clock = DagModel.timetable_summary.in_(_WITHOUT_CLOCK)
    idle = select(DagModel.dag_id, why).where(or_(DagModel.is_stale, DagModel.is_paused, has_no_clock))
    with create_session() as session:
        return {each.dag_id: each.why for each in session.execute(idle)}


def is_paused(dag_id: str) -> bool:
    """Whether runs of the DAG wait until somebody switches it on."""
    with create_session() as session:
        return bool(session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == dag_id)))


def next_runs() -> Mapping[str, datetime]:
    """When a clock starts the next run of a DAG, as Airflow has worked it out; of idle ones too, which will not run."""
    at = DagModel.next_dagrun_create_after.label("at")
    coming = select(DagModel.dag_id, at).where(DagModel.next_dagrun_create_after.is_not(None))
    with create_session() as session:
        return {each.dag_id: each.at for each in session.execute(coming)}


def built_dags() -> Mapping[str, bool]:
    """DAGs of the organizations that a file has now, and whether each only says what is wrong with its entry."""
    is_mistaken = func.max(case((DagTag.name == MISTAKE_TAG, 1), else_=0)).label("is_mistaken")
    built = (
        select(DagTag.dag_id, is_mistaken)
        .join(DagModel, DagModel.dag_id == DagTag.dag_id)
        .where(DagTag.name.in_((TAG, MISTAKE_TAG)), DagTag.dag_id.startswith(dag_id_of(""), autoescape=True))
        .where(DagModel.is_stale.is_(False))
        .group_by(DagTag.dag_id)
    )
    with create_session() as session:
        found = {each.dag_id: bool(each.is_mistaken) for each in session.execute(built)}
    return {dag_id: is_mistaken for dag_id, is_mistaken in found.items() if not _MAINTENANCE.match(dag_id)}


ReadableDags = Annotated[frozenset[str], Depends(readable_dags)]
IdleDags = Annotated[Mapping[str, str], Depends(idle_dags)]
NextRuns = Annotated[Mapping[str, datetime], Depends(next_runs)]
BuiltDags = Annotated[Mapping[str, bool], Depends(built_dags)]


def may_change(request: Request, user: GetUserDep) -> bool:
    """Whether the user may end runs of the DAG in the request's path, asked as Airflow's own routes ask."""
    return _allows(request, user, "PUT")


def may_trigger(request: Request, user: GetUserDep) -> bool:
    """Whether the user may trigger that DAG."""
    return _allows(request, user, "POST")


def _allows(request: Request, user: GetUserDep, method: str) -> bool:
    try:
        requires_access_dag(method, DagAccessEntity.RUN)(request, user)  # type: ignore[arg-type]  # its literals
    except HTTPException:
        return False
    return True


def form_token(user: GetUserDep) -> str:
    """What a page gives to its buttons, so that only pages of ours can press them for this user.

    Airflow's cookie is SameSite=Lax: a browser still sends it with what another program on the same site asks for, one
    on another port of this host, say. Such a program cannot read our pages, and cannot send a header of its own either
    unless Airflow's CORS settings let it.
    """
    return _signer().dumps(user.get_id())


def pressed_by_our_page(
    user: GetUserDep,
    own_header: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
    token: Annotated[str, Header(alias="X-HubSpot-Deals-Token")] = "",
) -> None:
    """Refuse what a browser sent from anywhere but a page of ours.

    A program that authenticates itself by a bearer token needs none of ours: no foreign page can make a browser add
    one. Other schemes a browser adds by itself, such as ``Basic`` for a proxy before Airflow; the user is the cookie's.
    """
    if own_header is not None:
        return
    try:
        owner = _signer().loads(token, max_age=TOKEN_MAX_AGE_S)
    except BadSignature:
        owner = None
    if owner is None or owner != user.get_id():
        raise HTTPException(status.HTTP_403_FORBIDDEN, "This page is too old. Reload it, then press the button again.")


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(get_signing_key("api", "secret_key"), salt=_TOKEN_SALT)
