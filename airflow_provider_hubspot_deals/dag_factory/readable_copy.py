"""The organizations file, or its last readable copy when it cannot be read.

Somebody who saves a file with a missing quote must not make all organizations' DAGs disappear.
"""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from airflow_provider_hubspot_deals.exceptions import ConfigurationError
from airflow_provider_hubspot_deals.organizations import OrganizationsFile, parse_organizations, read_text

log = logging.getLogger(__name__)


def read_organizations(source: Path) -> tuple[OrganizationsFile | None, str | None]:
    """Return what the file says, and what is wrong with it as a whole, or None.

    With something wrong, the first is what the last readable copy says; None when there is none.
    """
    copy = _copy_of(source)
    try:
        text = read_text(source)
        file = parse_organizations(text, source)
    except ConfigurationError as error:
        return _read_copy(copy, str(error))
    _keep(text, copy)
    return file, None


def _read_copy(copy: Path, problem: str) -> tuple[OrganizationsFile | None, str]:
    try:
        file = parse_organizations(read_text(copy), copy)
    except ConfigurationError:
        log.warning("%s; no earlier copy of it is at hand, so no organization has a DAG", problem)
        return None, f"{problem}. No earlier copy is at hand: no organization has a DAG until this is mended."
    log.warning("%s; using the last readable copy, %s", problem, copy)
    return file, f"{problem}. Until this is mended, the organizations are those of the last readable copy, {copy}."


def _copy_of(source: Path) -> Path:
    # As airflow.configuration finds it; that module is not public.
    home = Path(os.path.expandvars(os.environ.get("AIRFLOW_HOME") or "~/airflow")).expanduser()
    name = sha256(os.fsencode(source.absolute())).hexdigest()[:16]
    return home / "hubspot_deals" / f"organizations-{name}.toml"


def _keep(text: str, copy: Path) -> None:
    """Write the copy when it would differ. Best effort: a read-only home costs the fallback, not the DAGs."""
    with suppress(OSError, UnicodeDecodeError):
        if copy.read_text(encoding="utf-8") == text:
            return
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        _replace(copy, text)
    except OSError as error:
        log.warning("Cannot keep a copy of the organizations file in %s: %s", copy.parent, error.strerror)


def _replace(target: Path, text: str) -> None:
    """Write beside the target and rename: several processes parse the same DAG file at the same time."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(temporary).replace(target)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
