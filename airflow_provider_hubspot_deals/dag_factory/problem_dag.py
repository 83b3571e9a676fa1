"""A DAG in the place of one that cannot be built: it says what is wrong, and fails so that alerts go off."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from airflow.providers.common.compat.sdk import DAG, AirflowFailException, BaseOperator

from airflow_provider_hubspot_deals.dag_factory.organization_dag import START_DATE
from airflow_provider_hubspot_deals.dag_factory.run_types import without_backfills
from airflow_provider_hubspot_deals.organizations import dag_id_of
from airflow_provider_hubspot_deals.organizations.organization import MISTAKE_TAG, TAG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

CONFIGURATION_DAG_ID = dag_id_of("configuration")


class ConfigurationErrorOperator(BaseOperator):
    """Fails, without retries, with what is wrong with the organizations file.

    Args:
        problems: one sentence each.
    """

    ui_color = "#f4b6b6"

    def __init__(self, *, problems: Sequence[str], **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # BaseOperator's own arguments
        self.problems = problems

    def execute(self, context: Context) -> NoReturn:  # noqa: ARG002 - Airflow's signature
        for problem in self.problems:
            self.log.error("%s", problem)
        raise AirflowFailException(" · ".join(self.problems))


def build_problem_dag(dag_id: str, problems: Sequence[str]) -> DAG:
    """Return a DAG that shows ``problems``, in its documentation, and in its one task, which fails once a day."""
    with DAG(
        dag_id=dag_id,
        description=problems[0],
        doc_md="\n".join(["### The organizations file needs a correction", "", *(f"- {each}" for each in problems)]),
        schedule="@daily",
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,  # Airflow's default is paused: it would never run, never fail, tell nobody
        tags={TAG, MISTAKE_TAG},
        **without_backfills(),
    ) as dag:
        ConfigurationErrorOperator(task_id="configuration_error", problems=list(problems))
    return dag
