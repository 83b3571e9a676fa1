"""Retention and maintenance: what is due goes, what is not stays, and each step tells what it did."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals import jobs, loading, maintenance
from airflow_provider_hubspot_deals.deals.parsing import BadRecord
from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, SchemaError
from airflow_provider_hubspot_deals.jobs import Job
from tests.builders import a_deal_row
from tests.integration.tenant import Tenant, a_run, tables_of
