"""A worker that can write no file: all that a run needs is in memory, in HubSpot and in PostgreSQL."""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import resource
import sys
import tempfile
from pathlib import Path

import pytest

from tests.integration.transfers.conftest import ACME, Airflow


def run_without_a_disk(airflow: Airflow, folder: Path) -> None:
    """Each write to a file fails, as on a full disk or a read-only one; nor is there a folder for temporary files."""
    # A task's output goes to its supervisor through sockets; pytest's would go to a file.
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = io.StringIO()  # type: ignore[misc, assignment]  # this process ends here
    logging.disable()
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    tempfile.tempdir = str(folder / "missing")
    with pytest.raises(OSError, match="File too large"):
        (folder / "file").write_bytes(b"x")
    airflow.task(associations="contacts", history="dealstage").execute(airflow.context())
    os._exit(0)


def test_e36_a_task_whose_worker_can_write_no_file_loads_its_deals(airflow: Airflow, tmp_path: Path) -> None:
    worker = multiprocessing.get_context("fork").Process(target=run_without_a_disk, args=(airflow, tmp_path))
    worker.start()
    worker.join(60)
    worker.kill()

    assert worker.exitcode == 0
    assert [job["status"] for job in airflow.jobs()] == ["completed"]
    (count,) = airflow.query("SELECT count(*) FROM hubspot.hubspot_deals WHERE NOT archived")
    assert count["count"] == ACME.deals
