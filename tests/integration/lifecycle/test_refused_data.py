"""What no run may quietly swallow, and what a reader may not learn from the catalog."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from airflow_provider_hubspot_deals.client.hubspot_client import HubSpotClient
from airflow_provider_hubspot_deals.exceptions import SystemicDataError
from tests.integration.lifecycle.conftest import SMALL
from tests.integration.roles import Roles, seen
from tests.integration.sync.conftest import Organization


def test_c29_a_page_of_bad_records_fails_the_job_and_nothing_of_its_batch_is_written(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_deals = HubSpotClient.list_deals

    def damaged(self: HubSpotClient, **arguments: Any) -> Any:
        page = list_deals(self, **arguments)
        for record in page.records[:60]:
            record["id"] = "none"
        return page

    monkeypatch.setattr(HubSpotClient, "list_deals", damaged)
    with pytest.raises(SystemicDataError, match=r"of 100 deals of organization 'acme' cannot be stored \(BAD_ID\)"):
        acme.sync(mode="full", **SMALL)
    (job,) = acme.jobs()
    assert (job["status"], job["error_code"]) == ("failed", "SYSTEMIC_DATA")
    assert len(acme.deals()) + job["records_quarantined"] == job["records_extracted"] == 15


def test_f03_no_table_of_deals_jobs_or_events_is_open_to_its_owner(acme: Organization) -> None:
    acme.sync(mode="full", **SMALL)
    unforced = acme.query(
        """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'hubspot'::regnamespace AND relkind IN ('r', 'p')
          AND NOT (relrowsecurity AND relforcerowsecurity)
          AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname ~ '^_?organization_id$')
        """
    )
    assert unforced == []


def test_f13_statistics_tell_a_reader_nothing(acme: Organization, roles: Roles) -> None:
    acme.sync(mode="full", **SMALL)
    with psycopg.connect(acme.database_url, autocommit=True) as owner:
        owner.execute("ANALYZE")
    for reader in (roles.reader(), roles.bound(acme.id)):
        with roles.connected(reader) as connection:
            assert seen(connection, "SELECT tablename FROM pg_stats WHERE schemaname = 'hubspot'") == set()
