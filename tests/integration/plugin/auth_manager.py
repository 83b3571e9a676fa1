"""Airflow's simple auth manager, in which a user named ``only:<DAG id>`` has its role for that DAG and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

ONLY = "only:"


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
        if not user.username.startswith(ONLY):
            return allowed
        return allowed and details is not None and details.id == user.username.removeprefix(ONLY)
