"""From words of the command line to values. A wrong one is never repeated: it may be a token in the wrong place."""

from __future__ import annotations

import argparse
from datetime import datetime
from uuid import UUID

from airflow_provider_hubspot_deals.deals.moments import moment_from

ROWS_MAX = 10_000
DAG_FILES_MAX = 100


def job_id(text: str) -> UUID:
    """The id of a job."""
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError("is no job id; `airflow hubspot-deals jobs list` shows them") from None


def row_limit(text: str) -> int:
    """How many rows to show."""
    return _number(text, ROWS_MAX)


def dag_file_count(text: str) -> int:
    """How many DAG files share the organizations."""
    return _number(text, DAG_FILES_MAX)


def _number(text: str, highest: int) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= highest):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {highest}")
    return int(text)


def moment(text: str) -> datetime:
    """A time; UTC when it names no zone."""
    try:
        return moment_from(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
