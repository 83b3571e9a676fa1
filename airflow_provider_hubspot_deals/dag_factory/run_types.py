"""Which kinds of runs our DAGs take."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS


def without_backfills() -> dict[str, Any]:
    """The DAG's argument that keeps Airflow from offering *Backfill*; Airflow 3.1 knows none.

    A run reads what is due now, whatever date it carries: three months of an hourly DAG would be 2,000 runs of now.
    """
    if not AIRFLOW_V_3_2_PLUS:
        return {}
    from airflow.utils.types import DagRunType

    return {"allowed_run_types": [each for each in DagRunType if each != DagRunType.BACKFILL_JOB]}
