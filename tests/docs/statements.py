"""SQL blocks."""

from __future__ import annotations

import psycopg
import sqlparse

from tests.docs.blocks import Block
from tests.docs.story import SUPERUSER, Story

# Statements that find nothing in the pages' world, and why.
MAY_FIND_NOTHING = {
    "to_object_id, label FROM hubspot.deal_associations": "its deal is number 1",
    "company.association_type_id = 5": "simulated deals rarely have a primary company",
    "webhook_conn_id": "nobody is notified in this world",
    "hubspot.notification_deliveries": "nobody is notified in this world",
    "requeue_quarantine": "the next run has nothing to ask for",
    "close_day >=": "depends on the day",
    "tenant_deals('sandbox')": "the sandbox has few deals",
}

ALERTS = "docs/operations.md"  # whose queries find nothing as long as all is well


def run_sql(block: Block, story: Story) -> None:
    """Run its statements in one session, as the role that the page names; each query must find something."""
    role = block.notes.get("as")
    database = "warehouse" if role not in (None, SUPERUSER) else None
    with psycopg.connect(story.url_for(role, database), autocommit=True) as connection:
        for statement in sqlparse.split(block.text):
            cursor = connection.execute(story.with_ids(statement).encode())
            if cursor.description and not cursor.fetchall() and block.document != ALERTS and role != "deals_reader":
                assert any(words in statement for words in MAY_FIND_NOTHING), f"finds nothing:\n{statement}"
