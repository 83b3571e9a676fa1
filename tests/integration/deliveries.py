"""Rows of the delivery log, as a notification leaves them."""

from __future__ import annotations

from tests.integration.tenant import Tenant

ROW = """
INSERT INTO hubspot.notification_deliveries (
    organization_id, event_id, webhook_conn_id, attempt, event_type, host, payload, next_attempt_at, started_at
)
VALUES (%s, %s, 'crm', 1, 'hubspot_deals.job.failed', %s, %s, now(), now() - make_interval(days => %s))
"""


def note_delivery(tenant: Tenant, host: str, *, event_id: str = "msg_1", days_ago: int = 0) -> None:
    """An attempt that was begun and has not ended, with the host in what it would say."""
    tenant.execute(ROW, tenant.id, event_id, host, f'{{"host":"{host}"}}', days_ago)
