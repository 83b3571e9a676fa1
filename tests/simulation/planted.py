"""What breaks each invariant of a copy, as statements; ``%(name)s`` is filled in by ``Copied.plant``."""
# ruff: noqa: S608 - words of these tests alone

from __future__ import annotations

from uuid import UUID, uuid5

from tests.integration.sync.conftest import NAMESPACE

OTHER = UUID(int=9)
UNGUARDED_NUMBERS = "ALTER TABLE hubspot.hubspot_deals DROP CONSTRAINT chk_numbers_are_finite"
TO_COMPANY = """
    INSERT INTO hubspot.deal_associations
        (organization_id, type, hubspot_deal_id, to_object_type, to_object_id, category, association_type_id)
    VALUES (%(id)s, 'standard', {}, 'companies', 7, 'HUBSPOT_DEFINED', 341)
"""

# What the database itself refuses has to be switched off before.
UNGUARDED_JOBS = "ALTER TABLE hubspot.jobs DISABLE TRIGGER USER;"
UNGUARDED_EVENTS = "ALTER TABLE hubspot.job_events DISABLE TRIGGER USER;"
OLDEST = "(SELECT hubspot_deal_id FROM hubspot.hubspot_deals WHERE NOT archived ORDER BY hs_lastmodifieddate LIMIT 1)"
LEAF = f"hubspot.hubspot_deals_standard_{uuid5(NAMESPACE, 'acme').hex}"
JOB_OF_ANOTHER = """
    INSERT INTO hubspot.organizations (id, slug) VALUES (%(other)s, 'other');
    INSERT INTO hubspot.jobs (id, organization_id, scan_id, status, end_time)
    VALUES (%(other)s, %(other)s, 'other', 'cancelled', now());
"""
ACTIVE_JOB = "INSERT INTO hubspot.jobs (organization_id, scan_id) VALUES (%(id)s, '{}')"

# What is told, and the statements that bring it about.
PLANTED = {
    "archived deal lost": ("i1: no deal is lost", "DELETE FROM hubspot.hubspot_deals WHERE archived"),
    "deal marked for nothing": (
        "i2: what is gone is marked, and as what it is",
        (
            "UPDATE hubspot.hubspot_deals SET archived = true, _deleted_at = now(), _deleted_reason = 'missing'"
            " WHERE hubspot_deal_id = %(odd)s"
        ),
    ),
    "deal that is gone without a mark": (
        "i2: what is gone is marked, and as what it is",
        (
            "UPDATE hubspot.hubspot_deals SET archived = false, _deleted_at = NULL, _deleted_reason = NULL"
            " WHERE _deleted_reason = 'archived'"
        ),
    ),
    "other survivor": (
        "i2: a merged deal names its survivor",
        "UPDATE hubspot.hubspot_deals SET _merged_into = %(odd)s WHERE _deleted_reason = 'merged'",
    ),
    "name of yesterday": (
        "i3: no deal is stale",
        "UPDATE hubspot.hubspot_deals SET dealname = 'Yesterday' WHERE hubspot_deal_id = %(odd)s",
    ),
    "properties of yesterday": (
        "i3: no deal is stale",
        "UPDATE hubspot.hubspot_deals SET raw_properties = '{}' WHERE hubspot_deal_id = %(corrected)s",
    ),
    "live deal lost below the watermark": (
        "i6: the watermark never passes a deal",
        f"DELETE FROM hubspot.hubspot_deals WHERE hubspot_deal_id = {OLDEST}",
    ),
    "older version below the watermark": (
        "i6: the watermark never passes a deal",
        (
            "UPDATE hubspot.hubspot_deals SET hs_lastmodifieddate = hs_lastmodifieddate - interval '1 ms'"
            f" WHERE hubspot_deal_id = {OLDEST}"
        ),
    ),
    "job that nobody runs": ("i8: no job is stuck", ACTIVE_JOB.format("stuck")),
    "two jobs at once": (
        "i9: one active job",
        "DROP INDEX hubspot.jobs_one_active_per_organization_and_type;"
        + ";".join(ACTIVE_JOB.format(each) for each in ("first", "second")),
    ),
    "end of a job without its time": (
        "i10: ended exactly when it has an end",
        (
            "ALTER TABLE hubspot.jobs DROP CONSTRAINT jobs_end_time_says_terminal;"
            "UPDATE hubspot.jobs SET end_time = NULL"
        ),
    ),
    "page that no batch has": (
        "i11: a job counts what its batches count",
        UNGUARDED_JOBS + "UPDATE hubspot.jobs SET pages_read = pages_read + 1",
    ),
    "batch lost": ("i11: a job counts what its batches count", "DELETE FROM hubspot.job_batches"),
    "record of a batch that nothing became of": (
        "i12: a batch balances",
        (
            "ALTER TABLE hubspot.job_batches DROP CONSTRAINT job_batches_balance;"
            "UPDATE hubspot.job_batches SET received = received + 1"
        ),
    ),
    "deal of nobody's": (
        "i13: a deal is of the organization",
        "UPDATE hubspot.hubspot_deals SET hubspot_deal_id = 7, hs_object_id = 7 WHERE hubspot_deal_id = %(odd)s",
    ),
    "deal that another's job wrote": (
        "i13: the job that wrote a deal",
        JOB_OF_ANOTHER + "UPDATE hubspot.hubspot_deals SET _scan_id = %(other)s WHERE hubspot_deal_id = %(odd)s",
    ),
    "bad record that another's job wrote": (
        "i13: the job that wrote a bad record",
        JOB_OF_ANOTHER + "UPDATE hubspot.deals_quarantine SET job_id = %(other)s WHERE deal_id_text = %(bad_text)s",
    ),
    "bad record that another's job resolved": (
        "i13: the job that wrote a bad record",
        (
            JOB_OF_ANOTHER + "UPDATE hubspot.deals_quarantine SET resolved_by_job = %(other)s"
            " WHERE deal_id_text = %(corrected_text)s"
        ),
    ),
    "deal that is there twice": (
        "no deal twice",
        (
            f"ALTER TABLE {LEAF} DROP CONSTRAINT {LEAF.removeprefix('hubspot.')}_pkey;"
            f"INSERT INTO hubspot.hubspot_deals SELECT * FROM {LEAF} WHERE hubspot_deal_id = %(odd)s"
        ),
    ),
    "deal that was inserted twice": (
        "no deal inserted twice",
        "UPDATE hubspot.job_batches SET received = received + 1, inserted = inserted + 1",
    ),
    "first event lost": (
        "i17: events without gaps",
        UNGUARDED_EVENTS + "DELETE FROM hubspot.job_events WHERE sequence = 1",
    ),
    "event lost on the way": (
        "i17: events without gaps",
        UNGUARDED_EVENTS + "DELETE FROM hubspot.job_events WHERE kind = 'started'",
    ),
    "other end than told": (
        "i17: events tell the end once",
        UNGUARDED_EVENTS + "UPDATE hubspot.job_events SET kind = 'failed' WHERE kind = 'completed'",
    ),
    "end that is told twice": (
        "i17: events tell the end once",
        UNGUARDED_EVENTS + "UPDATE hubspot.job_events SET kind = 'completed' WHERE kind = 'started'",
    ),
    "end that nobody told": (
        "i17: events tell the end once",
        UNGUARDED_EVENTS + "DELETE FROM hubspot.job_events WHERE kind = 'completed'",
    ),
    "job that ended before it began": (
        "i22: a job ends after it began",
        UNGUARDED_JOBS + "UPDATE hubspot.jobs SET end_time = start_time - interval '1 s'",
    ),
    "job that began before it was there": (
        "i22: a job ends after it began",
        UNGUARDED_JOBS + "UPDATE hubspot.jobs SET start_time = created_at - interval '1 s'",
    ),
    "bad record lost": (
        "i4: a bad record is in quarantine",
        "DELETE FROM hubspot.deals_quarantine WHERE resolved_at IS NULL",
    ),
    "bad record lost below the watermark": (
        "i6: the watermark never passes a bad record",
        "DELETE FROM hubspot.deals_quarantine WHERE resolved_at IS NULL",
    ),
    "bad record resolved for nothing": (
        "i4: a bad record is in quarantine",
        "UPDATE hubspot.deals_quarantine SET resolved_at = now() WHERE deal_id_text = %(bad_text)s",
    ),
    "good version that resolves nothing": (
        "i4: a good version resolves",
        "UPDATE hubspot.deals_quarantine SET resolved_at = NULL WHERE deal_id_text = %(corrected_text)s",
    ),
    "bad record of a deal marked as gone": (
        "i4: a deal of which HubSpot has a bad record is not gone",
        (
            "UPDATE hubspot.hubspot_deals SET hubspot_deal_id = %(bad)s, hs_object_id = %(bad)s, archived = true,"
            " _deleted_at = now(), _deleted_reason = 'missing' WHERE hubspot_deal_id = %(odd)s"
        ),
    ),
    "value without its issue": (
        "i4: a bad value is an issue",
        "UPDATE hubspot.hubspot_deals SET _value_issues = NULL WHERE hubspot_deal_id = %(odd)s",
    ),
    "bad record of nobody's deal": (
        "i13: a bad record is of the organization",
        (
            "INSERT INTO hubspot.organizations (id, slug) VALUES (%(other)s, 'other');"
            "UPDATE hubspot.deals_quarantine SET organization_id = %(other)s WHERE deal_id_text = %(bad_text)s"
        ),
    ),
    "other bytes than hashed": (
        "i19: the hash of a bad record",
        "UPDATE hubspot.deals_quarantine SET raw_sha256 = sha256('other') WHERE deal_id_text = %(bad_text)s",
    ),
    "batch that another transaction wrote": ("i20: a batch names", "UPDATE hubspot.job_batches SET pages = pages"),
    "batch of a transaction that is still to come": (
        "i20: a batch names",
        "UPDATE hubspot.job_batches SET xid = (pg_current_xact_id()::text::bigint + 10000)::text::xid8",
    ),
    "amount that is none": (
        "i21: numbers are numbers",
        f"{UNGUARDED_NUMBERS}; UPDATE hubspot.hubspot_deals SET amount = 'NaN' WHERE hubspot_deal_id = %(corrected)s",
    ),
    "endless number": (
        "i21: numbers are numbers",
        (
            f"{UNGUARDED_NUMBERS}; UPDATE hubspot.hubspot_deals SET hs_forecast_probability = '-Infinity'"
            " WHERE hubspot_deal_id = %(corrected)s"
        ),
    ),
    "endless time": (
        "i22: times are of our centuries",
        "UPDATE hubspot.hubspot_deals SET closedate = 'infinity' WHERE hubspot_deal_id = %(corrected)s",
    ),
    "time of another age": (
        "i22: times are of our centuries",
        "UPDATE hubspot.hubspot_deals SET createdate = '0001-01-01Z' WHERE hubspot_deal_id = %(corrected)s",
    ),
    "watermark of tomorrow": (
        "i22: nothing has happened in the future",
        "UPDATE hubspot.sync_state SET watermark = now() + interval '2 days'",
    ),
    "association lost": (
        "i3: what is kept beside deals is complete",
        (
            "DELETE FROM hubspot.deal_associations WHERE to_object_id ="
            " (SELECT min(to_object_id) FROM hubspot.deal_associations WHERE hubspot_deal_id <> %(bad)s)"
        ),
    ),
    "association of yesterday": (
        "i3: beside deals nothing is kept",
        TO_COMPANY.format("%(odd)s"),
    ),
    "association of another's deal": (
        "i13: what is kept beside deals",
        TO_COMPANY.format(7),
    ),
    "history lost": (
        "i3: what is kept beside deals is complete",
        "DELETE FROM hubspot.deal_property_history WHERE hubspot_deal_id = %(corrected)s AND value = 'another'",
    ),
    "history of the future": (
        "i22: nothing has happened in the future",
        (
            "UPDATE hubspot.deal_property_history SET changed_at = '3000-01-01Z' WHERE hubspot_deal_id = %(corrected)s"
            " AND value = 'another'"
        ),
    ),
}
