"""The routes of the page. Airflow mounts them below one path of its API server."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.organizations.organization import TYPE_PATTERN
from airflow_provider_hubspot_deals.organizations.stores import Store
from airflow_provider_hubspot_deals.plugin import access, pages
from airflow_provider_hubspot_deals.plugin.hubspot_deals_plugin import URL_PREFIX
from airflow_provider_hubspot_deals.plugin.job_page import JOBS_MAX, read_job, read_jobs
from airflow_provider_hubspot_deals.plugin.links import Links, deals_board
from airflow_provider_hubspot_deals.plugin.other_stores import dags_of_other_stores
from airflow_provider_hubspot_deals.plugin.overview import SORTS, Choice, Dags, read_overview
from airflow_provider_hubspot_deals.plugin.reading import PageUnavailableError, reading, stores, writing

log = logging.getLogger(__name__)

_PAGE_MAX = 1_000_000
_SIGN_IN = "You are not signed in to Airflow, or no longer."
_NO_JOB = "There is no such job."
_NO_JOBS = "This DAG has no job of that organization and type here; its older ones are in the archive."
_NO_JOB_OF_TASK = (
    "This task has no job here: it ended before it began one, as its log says, or the job is in the archive by now."
)


def create_app() -> FastAPI:
    """The application; whoever is not signed in to Airflow gets its assets and nothing else of it."""
    app = FastAPI(title="HubSpot deals", openapi_url=None)
    app.get("/assets/{name}")(asset)  # which the page needs that says where to sign in
    app.include_router(_behind_the_login())
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(PageUnavailableError, _refused)
    return app


def _behind_the_login() -> APIRouter:
    router = APIRouter(dependencies=[access.signed_in, Depends(without_nul)])
    router.get("/", dependencies=[access.may_read_runs])(overview)
    router.get("/dags/{dag_id}/organizations/{organization_id}/{type_}", dependencies=[access.may_read_runs])(jobs)
    router.get("/dags/{dag_id}/jobs/{job_id}", dependencies=[access.may_read_runs])(job)
    router.get("/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/{map_index}", dependencies=[access.may_read_runs])(
        job_of_task
    )
    router.post(
        "/dags/{dag_id}/jobs/{job_id}/cancel",
        dependencies=[Depends(access.pressed_by_our_page), access.may_change_runs, access.cancel_is_audited],
    )(cancel)
    return router


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which store an address means, and the links that stay in it."""

    stores: tuple[Store, ...]
    store: Store
    links: Links


def without_nul(request: Request) -> None:
    """No id that PostgreSQL can hold has a NUL; asked for one, it would be said not to work."""
    if any("\0" in str(each) for each in request.path_params.values()):
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is no such page.")


def place_of(request: Request, store: int = 0) -> Place:
    """The store of this number among those that Airflow's option names."""
    known = stores()
    if not 0 <= store < len(known):
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is no such store.")
    return Place(stores=known, store=known[store], links=links_of(request, store))


def dags_of(
    readable: access.ReadableDags, idle: access.IdleDags, next_runs: access.NextRuns, built: access.BuiltDags
) -> Dags:
    """The DAGs that the user may read, which of them run, and when next."""
    mistaken = {dag_id for dag_id, is_mistaken in built.items() if is_mistaken}
    return Dags(readable=readable, idle=idle, next_runs=next_runs, built=built, mistaken=mistaken)


PlaceDep = Annotated[Place, Depends(place_of)]
DagsDep = Annotated[Dags, Depends(dags_of)]
Type = Annotated[str, Path(pattern=f"^{TYPE_PATTERN}$")]


def links_of(request: Request, store: int = 0) -> Links:
    """Paths as this request found them: an Airflow below a path, or a proxy that takes one away, shows here."""
    ours = str(request.scope.get("root_path", "")).rstrip("/")
    return Links(ours=ours, airflow=ours.removesuffix(URL_PREFIX), store=store)


def overview(place: PlaceDep, dags: DagsDep, q: str = "", sort: str = SORTS[0], page: str = "1") -> Response:
    """The table of the organizations whose DAGs the user may read."""
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < len(str(_PAGE_MAX)) else 1
    choice = Choice(search=q.replace("\0", ""), sort=sort, page=number)
    dags = replace(dags, built=set(dags.built) - dags_of_other_stores(place.stores, place.store))
    with reading(place.store) as connection:
        found = read_overview(connection, place.store.schema, dags, choice)
    return pages.render("overview.html", place=place, links=place.links, overview=found, deals_board=deals_board)


def jobs(place: PlaceDep, dag_id: str, organization_id: UUID, type_: Type) -> Response:
    """The newest jobs of one organization and type, for who may read the runs of this DAG."""
    keys = {"dag_id": dag_id, "organization_id": organization_id, "type": type_}
    with reading(place.store) as connection:
        lines = read_jobs(connection, place.store.schema, keys)
    if not lines:
        raise HTTPException(HTTPStatus.NOT_FOUND, _NO_JOBS)
    are_all = len(lines) < JOBS_MAX
    return pages.render(
        "jobs.html", place=place, links=place.links, lines=lines, are_all=are_all, dag_id=dag_id, type=type_
    )


def job(request: Request, place: PlaceDep, user: GetUserDep, dag_id: str, job_id: UUID) -> Response:
    """One job, for who may read the runs of its DAG."""
    with reading(place.store) as connection:
        found = read_job(connection, place.store.schema, dag_id, job_id)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, _NO_JOB)
    return pages.render(
        "job.html",
        place=place,
        links=place.links,
        job=found,
        dag_id=dag_id,
        board=deals_board(found.row["portal_id"], found.row["ui_domain"]),
        may_cancel=found.progress.is_active and access.may_change(request, user),
        may_run_again=not found.progress.is_active and access.may_trigger(request, user),
        is_paused=access.is_paused(dag_id),
        token=access.form_token(user),
    )


def job_of_task(request: Request, dag_id: str, run_id: str, task_id: str, map_index: int) -> Response:
    """To the job that a task made, whichever store it is in: the task itself knows no more than its own name."""
    keys = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}
    unavailable = None
    for number, store in enumerate(stores()):
        try:
            with reading(store) as connection:
                found = sql.one(connection, "board.job_of_task", keys, schema=store.schema)
        except PageUnavailableError as error:  # the job may be in another one
            unavailable, found = error, None
        if found is not None:
            address = links_of(request, number).job(dag_id, found["id"])
            return RedirectResponse(address, HTTPStatus.SEE_OTHER, headers=pages.HEADERS)
    raise unavailable or HTTPException(HTTPStatus.NOT_FOUND, _NO_JOB_OF_TASK)


def cancel(place: PlaceDep, user: GetUserDep, dag_id: str, job_id: UUID) -> Response:
    """Cancel a job as the documents show it; its task stops at the next batch and everything committed stays."""
    keys = {"job_id": job_id, "dag_id": dag_id, "by": user.get_name()}
    schema = place.store.schema
    with writing(place.store) as connection:
        is_told = sql.execute(connection, "board.tell_cancel", keys, schema=schema)
        if not (is_told and sql.execute(connection, "board.cancel", keys, schema=schema)):
            is_known = sql.one(connection, "board.job", keys, schema=schema) is not None
            status, why = (HTTPStatus.CONFLICT, "The job has ended.") if is_known else (HTTPStatus.NOT_FOUND, _NO_JOB)
            raise HTTPException(status, why)
    log.info("%s cancelled job %s of DAG %s on the page", user.get_name(), job_id, dag_id)
    return JSONResponse({"message": "Cancelled. The task stops at its next batch."}, headers=pages.HEADERS)


def asset(name: str) -> Response:
    """Style, script and icons: the same for everybody, so for those without a login too."""
    if name not in pages.ASSETS:
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is no such file.")
    return pages.asset(name)


def _refused(request: Request, error: Exception) -> Response:
    status, message = _status_and_message(error)
    if request.method != "GET":
        return JSONResponse({"detail": message}, status_code=status, headers=pages.HEADERS)
    return pages.render(
        "problem.html",
        status=status,
        links=links_of(request),
        message=message,
        must_sign_in=status == HTTPStatus.UNAUTHORIZED,
    )


def _status_and_message(error: Exception) -> tuple[int, str]:
    if isinstance(error, PageUnavailableError):
        return HTTPStatus.SERVICE_UNAVAILABLE, str(error)
    if isinstance(error, RequestValidationError):  # its text repeats what was sent
        return HTTPStatus.NOT_FOUND, "There is no such page."
    status = error.status_code if isinstance(error, StarletteHTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    detail = str(getattr(error, "detail", "Something went wrong."))
    if status == HTTPStatus.UNAUTHORIZED or detail == "Invalid JWT token":  # a 403 of Airflow's get_user
        return HTTPStatus.UNAUTHORIZED, _SIGN_IN
    if status == HTTPStatus.FORBIDDEN and detail == "Forbidden":
        return status, "Your Airflow user may not do this: it takes the permission for the runs of this DAG."
    return status, detail
