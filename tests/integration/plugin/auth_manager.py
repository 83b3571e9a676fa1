"""Airflow's simple auth manager, with users whose names say what they may not.

``only:<DAG id>`` has its role for that DAG and no other, ``no_runs:<name>`` for DAGs and not for their runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
    from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

ONLY = "only:"
NO_RUNS = "no_runs:"


class PerDagAuthManager(SimpleAuthManager):
    """As the auth managers of larger installations: permissions by DAG."""

    def is_authorized_dag(
        self,
        *,
        method: ResourceMethod,
        user: SimpleAuthManagerUser,
        access_entity: DagAccessEntity | None = None,
        details: DagDetails | None = None,
    ) -> bool:
        allowed = super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details)
        if user.username.startswith(NO_RUNS):
            return allowed and access_entity is not DagAccessEntity.RUN
        # Without a DAG, what is asked is whether the user may read any runs at all.
        if not user.username.startswith(ONLY) or details is None or details.id is None:
            return allowed
        return allowed and details.id == user.username.removeprefix(ONLY)
