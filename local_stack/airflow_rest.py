"""The part of Airflow's REST API (v2) that the demo and the acceptance tests use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests
from tenacity import retry, retry_if_exception_message, stop_after_attempt, wait_fixed

from local_stack.exceptions import StackError
from local_stack.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REQUEST_TIMEOUT_S = 120.0  # the first task of an API server holds it up: by a minute where others use the cores
FINAL_STATES = ("success", "failed")
Json = dict[str, Any]


class AirflowClient:
    """Calls one Airflow as one user; every refusal is a StackError with Airflow's own words.

    Args:
        url: `http://127.0.0.1:8080`
        user, password: of the simple auth manager.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._login = {"username": user, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the caller cannot reach 127.0.0.1 here

    def health(self) -> dict[str, str]:
        """`{"scheduler": "healthy", …}`; empty while nobody answers."""
        try:
            answer = self._session.get(f"{self.url}/api/v2/monitor/health", timeout=REQUEST_TIMEOUT_S)
            answer.raise_for_status()  # an API server that is just starting may answer with what went wrong
            components: dict[str, dict[str, str | None]] = answer.json()
        except requests.RequestException:
            return {}
        return {name: str(facts.get("status")) for name, facts in components.items()}

    def is_healthy(self, component: str) -> bool:
        """Whether `scheduler`, `dag_processor` or `triggerer` says so."""
        return self.health().get(component) == "healthy"

    def get(self, path: str, **query: object) -> Json:
        """GET below /api/v2."""
        return self.call("GET", path, params=query)

    def call(self, method: str, path: str, **arguments: Any) -> Json:  # noqa: ANN401 - what requests takes
        """Any request below /api/v2; logs in first, and again when the token has expired."""
        if "Authorization" not in self._session.headers:
            self._log_in()
        answer = self._request(method, path, **arguments)
        if answer.status_code == requests.codes.unauthorized:
            self._log_in()
            answer = self._request(method, path, **arguments)
        if not answer.ok:
            msg = f"Airflow answered {answer.status_code} to {method} {path}: {answer.text[:500]}"
            raise StackError(msg)
        return answer.json() if answer.content else {}

    def _request(self, method: str, path: str, **arguments: Any) -> requests.Response:  # noqa: ANN401 - as above
        try:
            return self._session.request(method, f"{self.url}/api/v2{path}", timeout=REQUEST_TIMEOUT_S, **arguments)
        except requests.RequestException as error:
            msg = f"Airflow's API server did not answer {method} {path}: {type(error).__name__}"
            raise StackError(msg) from error

    def _log_in(self) -> None:
        answer = self._session.post(f"{self.url}/auth/token", json=self._login, timeout=REQUEST_TIMEOUT_S)
        if not answer.ok:
            msg = f"Airflow refused the login of {self._login['username']}: {answer.status_code}"
            raise StackError(msg)
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def wait_for_dags(self, dag_ids: Sequence[str], *, timeout_s: float = 120.0) -> None:
        """Until the DAG processor has stored all of them.

        Raises:
            StackError: some are missing; names them, with Airflow's import errors.
        """
        try:
            wait_until(lambda: set(dag_ids) <= self.dag_ids(), what="waiting for DAGs", timeout_s=timeout_s)
        except StackError:
            missing = sorted(set(dag_ids) - self.dag_ids())
            errors = [error["stack_trace"][-1000:] for error in self.get("/importErrors")["import_errors"]]
            msg = "\n".join([f"Airflow does not know these DAGs: {', '.join(missing)}", *errors])
            raise StackError(msg) from None

    def dag_ids(self) -> set[str]:
        """DAGs that are in their file now."""
        return {dag["dag_id"] for dag in self.get("/dags", limit=1000)["dags"]}

    def unpause(self, dag_id: str) -> None:
        """Let its runs start."""
        self.call("PATCH", f"/dags/{dag_id}", params={"update_mask": "is_paused"}, json={"is_paused": False})

    def trigger(self, dag_id: str, conf: Mapping[str, object] | None = None) -> str:
        """Queue a run; gives its run id."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        run_id: str = self.call("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"]
        return run_id

    def end_runs(self, dag_id: str) -> None:
        """Mark as failed whatever runs or waits; a task that waits for its retry would hold up the next run."""
        for run_id in self.active_runs(dag_id):
            self.mark_run(dag_id, run_id, "failed")

    def active_runs(self, dag_id: str) -> list[str]:
        """Ids of the runs that are queued or running."""
        runs = self.get(f"/dags/{dag_id}/dagRuns", state=["queued", "running"])["dag_runs"]
        return [run["dag_run_id"] for run in runs]

    @retry(
        retry=retry_if_exception_message(match=".*Database error"),
        stop=stop_after_attempt(3),
        wait=wait_fixed(0.5),
        reraise=True,
    )
    def mark_run(self, dag_id: str, run_id: str, state: str) -> None:
        """Set a run's state; again when Airflow's own transactions met in a deadlock, which it answers with 500."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}"
        self.call("PATCH", path, params={"update_mask": "state"}, json={"state": state})

    def run_state(self, dag_id: str, run_id: str) -> str:
        """`queued`, `running`, `success` or `failed`."""
        state: str = self.get(f"/dags/{dag_id}/dagRuns/{quote(run_id)}")["state"]
        return state

    def wait_for_run(self, dag_id: str, run_id: str, *, timeout_s: float = 300.0) -> str:
        """Until it is over; gives the final state."""
        what = f"waiting for run {run_id} of {dag_id}"
        wait_until(lambda: self.run_state(dag_id, run_id) in FINAL_STATES, what=what, timeout_s=timeout_s)
        return self.run_state(dag_id, run_id)

    def task_instances(self, dag_id: str, run_id: str) -> list[Json]:
        """The tasks of a run as Airflow describes them."""
        found: list[Json] = self.get(f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances")["task_instances"]
        return found

    def task_log(self, dag_id: str, run_id: str, task_id: str, *, try_number: int = 1, map_index: int = -1) -> str:
        """What the task logged, one line an event."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/logs/{try_number}"
        events = self.get(path, map_index=map_index, full_content=True)["content"]
        return "\n".join(event if isinstance(event, str) else str(event.get("event", event)) for event in events)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> object:
        """A value that the task returned."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.get(path, deserialize=True)["value"]

    def set_connections(self, connections: Sequence[Mapping[str, object]]) -> None:
        """Create or replace connections: `{"connection_id": …, "conn_type": …, "host": …, "password": …}`."""
        action = {"action": "create", "entities": list(connections), "action_on_existence": "overwrite"}
        outcome = self.call("PATCH", "/connections", json={"actions": [action]})
        if errors := outcome["create"]["errors"]:
            msg = f"Airflow did not store the connections: {errors}"
            raise StackError(msg)

    def test_connection(self, connection: Mapping[str, object]) -> tuple[bool, str]:
        """What the test button of the connection form says."""
        outcome = self.call("POST", "/connections/test", json=dict(connection))
        return outcome["status"], outcome["message"]
