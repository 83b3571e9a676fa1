"""From values to HTML, with everything escaped, and the headers that keep a browser from running anything else."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from airflow_provider_hubspot_deals.plugin import wording

ASSETS = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "icon-dark.svg": "image/svg+xml",
}
_YEAR_S = 365 * 24 * 3600
HEADERS = {
    # Nothing from elsewhere, nothing inline; framed by Airflow's own UI and nobody else.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def render(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401 - what the template names
    """A page."""
    text = _environment().get_template(template).render(values, versions=_versions())
    return HTMLResponse(text, status_code=status, headers=HEADERS)


def asset(name: str) -> Response:
    """One of ``ASSETS``."""
    kept = {**HEADERS, "Cache-Control": f"private, max-age={_YEAR_S}, immutable"}
    return Response(_content(name), media_type=ASSETS[name], headers=kept)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("airflow_provider_hubspot_deals.plugin"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": wording.duration,
        "number": wording.number,
        "moment": wording.moment,
        "size": wording.size,
        "took": wording.took,
    }
    return environment


@cache
def _content(name: str) -> bytes:
    return files("airflow_provider_hubspot_deals.plugin").joinpath("assets", name).read_bytes()


@cache
def _versions() -> dict[str, str]:
    return {name: sha256(_content(name)).hexdigest()[:12] for name in ASSETS}
