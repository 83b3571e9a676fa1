"""What PostgreSQL may answer to a statement: some of it passes, the rest ends the job with a code and a sentence."""

from __future__ import annotations

import json
import multiprocessing
import traceback
import zlib
from hashlib import sha256

import psycopg
import pytest

from airflow_provider_hubspot_deals import sql
from airflow_provider_hubspot_deals.exceptions import (
    DatabaseUnavailableError,
    FatalError,
    HubSpotDealsError,
    SchemaError,
    SystemicDataError,
)
from airflow_provider_hubspot_deals.sync import refusals
from local_stack.processes import wait_until
from tests.builders import a_row
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL
from tests.integration.sync.conftest import Organization
from tests.integration.tenant import Tenant, tables_of

SECRET = "Jane Roe's divorce"  # a customer's value, that a message of PostgreSQL's may quote


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def refuse(organization: Organization, sqlstate: str, *, first: int = 3, times: int = 1) -> None:
    """Let the leaf refuse statements, as a server in trouble does, from the ``first`` one on."""
    organization.sync(mode="full", **SMALL)
    organization.execute("DELETE FROM hubspot.jobs")
    leaf = f"hubspot.hubspot_deals_standard_{organization.id.hex}"
    organization.execute(f"TRUNCATE {leaf}")
    organization.execute("CREATE SEQUENCE hubspot.refusals")
    organization.execute(
        f"""
        CREATE FUNCTION hubspot.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE number bigint := nextval('hubspot.refusals');
        BEGIN
            IF number BETWEEN {first} AND {first + times - 1} THEN
                RAISE EXCEPTION {literal(SECRET)} USING ERRCODE = '{sqlstate}';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    organization.execute(
        f"CREATE TRIGGER refuse AFTER INSERT ON {leaf} FOR EACH STATEMENT EXECUTE FUNCTION hubspot.refuse()"
    )


def told(organization: Organization, error: BaseException) -> str:
    """All that an attempt leaves behind for people to read: its traceback, its job and the audit trail."""
    kept = organization.query(
        "SELECT jobs::text FROM hubspot.jobs UNION ALL SELECT job_events::text FROM hubspot.job_events"
    )
    return "".join(traceback.format_exception(error)) + "".join(row["jobs"] for row in kept)


@pytest.mark.parametrize(
    "sqlstate",
    ["40001", "40P01", "55P03", "57014", "57P01", "08006", "53300"],
    ids=["d06 serialization", "d06 deadlock", "d07 lock", "d07 statement", "d12 shutdown", "d01 lost", "d10 crowded"],
)
def test_d06_d07_d12_what_passes_is_tried_again_in_place(acme: Organization, sqlstate: str) -> None:
    refuse(acme, sqlstate)

    acme.sync(mode="full", origin=A_TRY, **SMALL)

    (job,) = acme.jobs()
    assert (job["status"], job["attempt"], job["records_inserted"]) == ("completed", 2, 245)
    assert acme.differences() == []


@pytest.mark.parametrize(
    ("sqlstate", "code", "said", "attempts"),
    [
        ("40P01", "DB_BUSY", "busy for organization 'acme': another session waits for us", 4),
        ("55P03", "DB_BUSY", "busy for organization 'acme': another session holds a lock", 4),
        ("57014", "DB_BUSY", "busy for organization 'acme': a statement took too long", 4),
        ("53100", "DB_STORAGE", "no disk space left", 1),
        ("53400", "DB_STORAGE", "raise temp_file_limit", 1),
        ("53200", "DB_MEMORY", "raise max_locks_per_transaction", 1),
    ],
    ids=["d06 deadlock", "d07 lock", "d07 statement", "d08 disk full", "d08 temp files", "d10 lock table"],
)
def test_d06_d07_d08_d10_what_stays_fails_the_attempt_with_its_code(
    acme: Organization, sqlstate: str, code: str, said: str, attempts: int
) -> None:
    refuse(acme, sqlstate, times=1000)

    with pytest.raises(DatabaseUnavailableError, match=said) as raised:
        acme.sync(mode="full", origin=A_TRY, **SMALL)

    (job,) = acme.jobs()
    assert (raised.value.code, job["error_code"], job["status"]) == (code, code, "pending")
    assert (job["attempt"], job["records_inserted"], len(acme.deals())) == (attempts, 115, 115)
    assert SECRET not in told(acme, raised.value)
    acme.execute("DROP TRIGGER refuse ON hubspot.hubspot_deals_standard_" + acme.id.hex)
    acme.sync(mode="full", origin=NEXT_TRY, **SMALL)
    assert acme.differences() == []


@pytest.mark.parametrize(
    "sqlstate", ["2F002", "23502", "38000", "42501", "42703", "53100", "54000", "55000", "58030", "AB123", "P0001"]
)
def test_d23_what_somebodys_function_says_of_a_customer_is_told_to_nobody(acme: Organization, sqlstate: str) -> None:
    quote = f"RAISE EXCEPTION USING MESSAGE = {literal(SECRET)}, ERRCODE = '{sqlstate}'"
    acme.execute(f"CREATE FUNCTION hubspot.quote() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {quote}; END $$")
    acme.execute("CREATE TRIGGER quote AFTER INSERT ON hubspot.job_batches EXECUTE FUNCTION hubspot.quote()")

    with pytest.raises(HubSpotDealsError) as raised:
        acme.sync(mode="full", origin=A_TRY, **SMALL)

    assert SECRET not in told(acme, raised.value)
    assert sqlstate in str(raised.value)


def test_d15_d24_a_row_that_is_refused_is_not_shown_in_the_log(acme: Organization) -> None:
    acme.sync(mode="full", **SMALL)
    leaf = f"hubspot.hubspot_deals_standard_{acme.id.hex}"
    acme.execute("ALTER TABLE hubspot.hubspot_deals ADD COLUMN theirs integer DEFAULT 1")
    acme.execute(f"ALTER TABLE {leaf} ALTER COLUMN theirs SET NOT NULL, ALTER COLUMN theirs DROP DEFAULT")
    acme.portal.create_deal({"dealname": SECRET})

    with pytest.raises(SchemaError, match="theirs") as raised:
        acme.sync(origin=A_TRY)

    assert SECRET not in told(acme, raised.value)


DRIFTS = {
    "a column dropped": ("ALTER TABLE hubspot.hubspot_deals DROP COLUMN dealname CASCADE", "dealname"),
    "a column retyped": (
        "ALTER TABLE hubspot.{leaf} ALTER COLUMN _page_number TYPE boolean USING true",
        "_page_number",
    ),
    "another NOT NULL": ("ALTER TABLE hubspot.{leaf} ADD COLUMN theirs integer NOT NULL DEFAULT 1", "theirs"),
    "a table dropped": ("DROP TABLE hubspot.deals_quarantine CASCADE", "deals_quarantine"),
    "a key dropped": ("ALTER TABLE hubspot.absent_deals DROP CONSTRAINT absent_deals_pkey", "ON CONFLICT"),
}


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS.keys())
def test_d15_a_schema_that_somebody_changed_ends_the_job_and_is_named(
    acme: Organization, drift: tuple[str, str]
) -> None:
    statement, named = drift
    acme.sync(mode="full", **SMALL)
    leaf = f"hubspot_deals_standard_{acme.id.hex}"
    if "PARTITION" not in statement and "{leaf}" in statement:
        acme.execute(f"ALTER TABLE hubspot.hubspot_deals_standard DETACH PARTITION hubspot.{leaf}")
    acme.execute(statement.format(leaf=leaf))
    if "DEFAULT" in statement:
        acme.execute(f"ALTER TABLE hubspot.{leaf} ALTER COLUMN theirs DROP DEFAULT")
    acme.portal.create_deal({"dealname": "so that there is something to write"})

    with pytest.raises(SchemaError) as raised:
        acme.sync(mode="full", origin=A_TRY)

    assert named in str(raised.value)
    assert (acme.jobs()[-1]["status"], acme.jobs()[-1]["error_code"]) == ("failed", "SCHEMA_MISMATCH")


TOO_LONG = "".join(sha256(bytes([number])).hexdigest() for number in range(200))  # for an index, however compressed
HOUSE_RULES = {
    "d23_trigger": (
        """
        CREATE FUNCTION hubspot.rule() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.dealname = 'Unwanted' THEN RAISE EXCEPTION 'no % here', NEW.dealname; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER rule BEFORE INSERT OR UPDATE ON hubspot.{leaf} FOR EACH ROW EXECUTE FUNCTION hubspot.rule()
        """,
        "Unwanted",
    ),
    "d23_silent_trigger": (
        """
        CREATE FUNCTION hubspot.rule() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RETURN CASE WHEN NEW.dealname = 'Unwanted' THEN NULL ELSE NEW END;
        END $$;
        CREATE TRIGGER rule BEFORE INSERT OR UPDATE ON hubspot.{leaf} FOR EACH ROW EXECUTE FUNCTION hubspot.rule()
        """,
        "Unwanted",
    ),
    "d24_constraint": (
        "ALTER TABLE hubspot.{leaf} ADD CONSTRAINT house_rule CHECK (dealname <> 'Unwanted')",
        "Unwanted",
    ),
    "d24_not_null": ("ALTER TABLE hubspot.{leaf} ALTER COLUMN dealname SET NOT NULL", ""),
    "d24_index": ("CREATE INDEX ON hubspot.{leaf} (dealname)", TOO_LONG),
}


@pytest.mark.parametrize(("rule", "unwanted"), HOUSE_RULES.values(), ids=HOUSE_RULES.keys())
def test_d23_d24_a_deal_that_somebody_elses_rule_refuses_goes_to_quarantine_alone(
    acme: Organization, rule: str, unwanted: str
) -> None:
    acme.sync(mode="full", **SMALL)
    acme.execute(rule.format(leaf=f"hubspot_deals_standard_{acme.id.hex}"))
    new = acme.portal.create_deal({"dealname": unwanted})
    changed, *others = sorted(acme.portal.live_deals())[:20]
    acme.portal.edit_deal(changed, {"dealname": unwanted})
    acme.portal.edit_deals(others, {"dealname": "Welcome"})

    acme.sync(mode="full")

    held = acme.query("SELECT deal_id_text, reason_code, raw FROM hubspot.deals_quarantine ORDER BY 1")
    assert {row["deal_id_text"] for row in held} == {str(new), str(changed)}
    assert {row["reason_code"] for row in held} == {"REFUSED_BY_DATABASE"}
    records = [json.loads(zlib.decompress(row["raw"])) for row in held]
    assert {record["properties"].get("dealname", "") for record in records} == {unwanted}
    assert set(acme.differences()) == {f"{new} is missing", f"{changed} has other properties"}

    acme.portal.edit_deals([new, changed], {"dealname": "Mended"})
    acme.sync()
    assert acme.differences() == []
    assert acme.query("SELECT FROM hubspot.deals_quarantine WHERE resolved_at IS NULL") == []


@pytest.mark.parametrize("stored", [True, False], ids=["one stored before", "both in one batch"])
def test_d24_of_two_deals_that_somebody_elses_unique_index_keeps_apart_one_goes_to_quarantine(
    acme: Organization, *, stored: bool
) -> None:
    acme.sync(mode="full", **SMALL)
    leaf = f"hubspot.hubspot_deals_standard_{acme.id.hex}"
    acme.execute(f"CREATE UNIQUE INDEX house_rule ON {leaf} (dealname) WHERE dealname = 'Only one'")
    first, second, third, *_ = sorted(acme.portal.live_deals())
    acme.portal.edit_deal(first, {"dealname": "Only one"})
    if stored:
        acme.sync()
    acme.portal.edit_deal(second, {"dealname": "Only one"})
    acme.portal.edit_deal(third, {"dealname": "Another"})

    assert acme.sync().status == "completed"

    (refused,) = acme.query("SELECT deal_id_text, reason_code, field_name FROM hubspot.deals_quarantine")
    assert (refused["reason_code"], refused["field_name"]) == ("REFUSED_BY_DATABASE", "house_rule")
    assert refused["deal_id_text"] in ({str(second)} if stored else {str(first), str(second)})
    assert acme.differences() == [f"{refused['deal_id_text']} has other properties"]


@pytest.mark.parametrize("later_is_refused", [True, False])
def test_d24_b06_of_a_deal_that_comes_twice_the_version_that_is_not_refused_is_stored(
    database_url: str, *, later_is_refused: bool
) -> None:
    tenant = Tenant(database_url)
    job = tenant.claim()
    tenant.execute(f"ALTER TABLE hubspot.{job.leaf} ADD CONSTRAINT house_rule CHECK (dealname <> 'Unwanted')")
    names = ("Welcome", "Unwanted") if later_is_refused else ("Unwanted", "Welcome")
    versions = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    twice = [
        a_row(1, dealname=name, hs_lastmodifieddate=version) for name, version in zip(names, versions, strict=True)
    ]

    with tenant.connect() as connection, sql.transaction(connection):
        stored = refusals.store(connection, tables_of(job), job.keys, [*twice, a_row(2)])

    written = stored.written
    counted = (written.inserted, written.updated, written.unchanged, written.stale, written.duplicate)
    assert sum(counted) + len(stored.refused) == 3  # else the ledger would not balance
    assert {deal_id: deal["dealname"] for deal_id, deal in tenant.deals().items()} == {1: "Welcome", 2: "Deal 2"}


def test_d24_a_rule_that_refuses_every_deal_fails_the_job(acme: Organization) -> None:
    acme.sync(mode="full", **SMALL)
    leaf = f"hubspot.hubspot_deals_standard_{acme.id.hex}"
    acme.execute(f"ALTER TABLE {leaf} ADD CONSTRAINT house_rule CHECK (dealname <> 'Unwanted') NOT VALID")
    acme.portal.edit_deals(sorted(acme.portal.live_deals())[:60], {"dealname": "Unwanted"})
    before = acme.deals()

    with pytest.raises(SystemicDataError, match="REFUSED_BY_DATABASE"):
        acme.sync()

    assert acme.deals() == before
    assert acme.jobs()[-1]["error_code"] == "SYSTEMIC_DATA"


@pytest.mark.parametrize(
    ("rule", "unwanted"),
    [
        ("ALTER TABLE {leaf} ADD CONSTRAINT house_rule CHECK (dealname <> 'Unwanted') NOT VALID", "Unwanted"),
        ("CREATE INDEX house_rule ON {leaf} (dealname)", TOO_LONG),
    ],
    ids=["constraint", "index"],
)
def test_d24_a_rule_that_refuses_more_deals_than_can_be_looked_for_is_named(
    acme: Organization, monkeypatch: pytest.MonkeyPatch, rule: str, unwanted: str
) -> None:
    monkeypatch.setattr(refusals, "REFUSED_MAX", 2)
    acme.sync(mode="full", **SMALL)
    acme.execute(rule.format(leaf=f"hubspot.hubspot_deals_standard_{acme.id.hex}"))
    acme.portal.edit_deals(sorted(acme.portal.live_deals())[:3], {"dealname": unwanted})

    with pytest.raises(FatalError, match=r"constraint house_rule|index row requires") as raised:
        acme.sync()

    assert raised.value.code == "DB_REFUSED"


def test_d21_d22_no_transaction_is_open_while_hubspot_is_asked(acme: Organization) -> None:
    others = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    seen: list[object] = []
    with psycopg.connect(acme.database_url, autocommit=True) as watcher:

        def watch(*_: object) -> None:
            question = f"SELECT state FROM pg_stat_activity WHERE xact_start IS NOT NULL AND {others}"  # noqa: S608 - ours
            seen.extend(watcher.execute(question).fetchall())

        acme.sync(before=watch, **SMALL)
    assert seen == []


def test_d28_a_statement_of_a_client_that_died_ends_within_seconds(acme: Organization) -> None:
    acme.sync(mode="full", **SMALL)
    leaf = f"hubspot.hubspot_deals_standard_{acme.id.hex}"
    acme.execute(
        """
        CREATE FUNCTION hubspot.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_sleep(50); RETURN NULL;
        END $$
        """
    )
    acme.execute(f"CREATE TRIGGER slow AFTER UPDATE ON {leaf} FOR EACH STATEMENT EXECUTE FUNCTION hubspot.slow()")
    acme.portal.edit_deals(sorted(acme.portal.live_deals())[:5], {"dealname": "changed"})
    worker = multiprocessing.get_context("fork").Process(target=acme.sync, kwargs={"mode": "full", **SMALL})
    worker.start()
    sleeping = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    wait_until(lambda: acme.query(sleeping) != [], what="the slow statement", timeout_s=30)
    worker.kill()
    worker.join()
    wait_until(lambda: acme.query(sleeping) == [], what="the end of the session", timeout_s=10)


# What counts within one job, event or value and cannot come far; and an id that HubSpot itself has in 32 bits.
COUNTED_WITHIN = {
    ("deal_associations", "association_type_id"),
    ("deal_property_history", "ordinal"),
    ("job_batches", "batch_number"),
    ("job_events", "sequence"),
    ("notification_deliveries", "attempt"),
}
# Of a partitioned table's keys the partitions' are copies.
KEYS_OF_32_BITS = """
    SELECT keyed.relname, attname
    FROM pg_index JOIN pg_class AS keyed ON keyed.oid = indrelid
        JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
    WHERE indisunique AND NOT relispartition AND relnamespace = 'hubspot'::regnamespace
        AND atttypid IN ('integer'::regtype, 'smallint'::regtype)
"""


def test_d29_nothing_that_grows_is_numbered_in_32_bits(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT sequence_name FROM information_schema.sequences "
            "WHERE sequence_schema = 'hubspot' AND data_type <> 'bigint'"
        ).fetchall()
        keys = connection.execute(KEYS_OF_32_BITS).fetchall()
    assert found == []
    assert set(keys) == COUNTED_WITHIN
