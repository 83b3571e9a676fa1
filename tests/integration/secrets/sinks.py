"""Everything that a run leaves behind or shows while it lasts, as text to be searched."""

from __future__ import annotations

import io
import json
import logging
import pickle
import threading
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from airflow.providers.openlineage.extractors.base import DefaultExtractor, OperatorLineage
from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter
from airflow.sdk._shared.secrets_masker import SecretsMasker
from psycopg import sql
from psycopg.rows import dict_row

RUNNER = ("_pytest", "pluggy")  # whose frames are no part of a run


def unfolded(error: BaseException) -> str:
    """An exception with all that hangs on it: causes and contexts, suppressed ones too, and variables of frames."""
    seen: dict[int, BaseException] = {}
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen[id(each)] = each
            waiting += [each.__cause__, each.__context__, *(part for part in each.args if _is_error(part))]
    return "\n".join(_shown(each) for each in seen.values())


def _is_error(part: object) -> bool:
    return isinstance(part, BaseException)


def _shown(error: BaseException) -> str:
    told = [str(error), repr(error), repr(error.args), repr(error.__dict__), *traceback.format_exception_only(error)]
    with suppress(Exception):  # not every exception can be pickled, as Airflow may do
        told.append(repr(pickle.dumps(error)))
    return "\n".join([*told, *_variables(error.__traceback__)])


def _variables(trace: TracebackType | None) -> Iterator[str]:
    for frame, line in traceback.walk_tb(trace):
        where = frame.f_code.co_filename
        if any(part in where for part in RUNNER):
            continue
        for name, value in frame.f_locals.items():
            yield f"{where}:{line} {name} = {_represented(value)}"


def _represented(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - an object half made
        return f"<{type(error).__name__}>"


class Logs:
    """Every log record of every logger, formatted, from DEBUG on, with the variables of logged exceptions."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self._handler = logging.StreamHandler(self._stream)
        self._handler.setFormatter(_Unfolding("%(name)s %(levelname)s %(threadName)s %(message)s"))
        self._handler.setLevel(logging.DEBUG)

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @contextmanager
    def captured(self) -> Iterator[Logs]:
        root = logging.getLogger()
        names = ["", "urllib3", "psycopg", "airflow", "airflow_provider_hubspot_deals", "requests", "sqlalchemy"]
        before = {name: logging.getLogger(name).level for name in names}
        for name in names:
            logging.getLogger(name).setLevel(logging.DEBUG)
        root.addHandler(self._handler)
        try:
            yield self
        finally:
            root.removeHandler(self._handler)
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)


class _Unfolding(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        return super().format(record) + repr(record.args) + (unfolded(error) if error else "")


class Lineage:
    """What a lineage backend receives of a run: the provider's own events, from Airflow's adapter into a file.

    Without the masker that would hide a secret that Airflow knows of.
    """

    def __init__(self, file: Path, environment: pytest.MonkeyPatch) -> None:
        self._file = file
        transport = {"type": "file", "log_file_path": str(file), "append": True}
        environment.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))

    def events(self, task: Any, error: BaseException | None) -> str:
        """The events of a task that has run, as JSON lines."""
        extractor, adapter = DefaultExtractor(task), OpenLineageAdapter(secrets_masker=SecretsMasker())  # type: ignore[no-untyped-call]  # Airflow's
        about: dict[str, Any] = {"run_id": str(uuid4()), "job_name": f"{task.dag_id}.{task.task_id}", "owners": []}
        about |= dict.fromkeys(("nominal_start_time", "nominal_end_time", "tags", "job_description"))
        now = datetime.now(UTC).isoformat()
        adapter.start_task(event_time=now, task=extractor.extract(), **about)
        if error is None:
            adapter.complete_task(end_time=now, task=extractor.extract_on_complete(None) or OperatorLineage(), **about)
        else:
            adapter.fail_task(
                end_time=now, task=extractor.extract_on_failure(None) or OperatorLineage(), error=error, **about
            )
        return self._file.read_text()


def database(url: str) -> str:
    """Every row of every table of the schema, quarantined bytes unpacked."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        tables = connection.execute(
            "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'hubspot' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        ).fetchall()
        return "\n".join(_rows(connection, table["relname"]) for table in tables)


def _rows(connection: psycopg.Connection[Any], table: str) -> str:
    statement = sql.SQL("SELECT * FROM hubspot.{}").format(sql.Identifier(table))
    return "\n".join(
        json.dumps({table: {name: _text_of(value) for name, value in row.items()}}, ensure_ascii=False)
        for row in connection.execute(statement)
    )


def _text_of(value: object) -> str:
    if isinstance(value, bytes):
        with suppress(zlib.error):
            return zlib.decompress(value).decode(errors="replace") + value.hex()
        return value.hex()
    return json.dumps(value, default=str, ensure_ascii=False)


class Activity:
    """What other sessions of the server can see of ours, looked at again and again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.seen: set[str] = set()
        self._is_over = threading.Event()

    @contextmanager
    def watched(self) -> Iterator[Activity]:
        watcher = threading.Thread(target=self._watch, name="activity", daemon=True)
        watcher.start()
        try:
            yield self
        finally:
            self._is_over.set()
            watcher.join()

    def _watch(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while True:
                rows = connection.execute("SELECT to_jsonb(a)::text FROM pg_stat_activity AS a")
                self.seen.update(row[0] for row in rows)
                if self._is_over.wait(0.02):
                    return
