"""What PostgreSQL may answer to a statement: some of it passes, the rest ends the job with a code and a sentence."""

from __future__ import annotations

import json
import multiprocessing
import zlib

import psycopg
import pytest

from airflow_provider_hubspot_deals.exceptions import DatabaseUnavailableError, SchemaError, SystemicDataError
from local_stack.processes import wait_until
from tests.integration.lifecycle.conftest import A_TRY, NEXT_TRY, SMALL
from tests.integration.sync.conftest import Organization

SECRET = "a customer's value"  # what PostgreSQL's own message might quote


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
                RAISE EXCEPTION '{SECRET.replace("'", "''")}' USING ERRCODE = '{sqlstate}';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    organization.execute(
        f"CREATE TRIGGER refuse AFTER INSERT ON {leaf} FOR EACH STATEMENT EXECUTE FUNCTION hubspot.refuse()"
    )


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
    acme.execute("DROP TRIGGER refuse ON hubspot.hubspot_deals_standard_" + acme.id.hex)
    acme.sync(mode="full", origin=NEXT_TRY, **SMALL)
    assert acme.differences() == []


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


def test_d15_a_leaf_that_somebody_dropped_is_made_and_filled_again(acme: Organization) -> None:
    acme.sync(mode="full", **SMALL)
    acme.execute(f"DROP TABLE hubspot.hubspot_deals_standard_{acme.id.hex}")
    acme.sync(mode="full", **SMALL)
    assert acme.differences() == []


HOUSE_RULES = {
    "d23_trigger": """
        CREATE FUNCTION hubspot.rule() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.dealname = 'Unwanted' THEN RAISE EXCEPTION 'no % here', NEW.dealname; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER rule BEFORE INSERT OR UPDATE ON hubspot.{leaf} FOR EACH ROW EXECUTE FUNCTION hubspot.rule()
    """,
    "d24_constraint": "ALTER TABLE hubspot.{leaf} ADD CONSTRAINT house_rule CHECK (dealname <> 'Unwanted')",
}


@pytest.mark.parametrize("rule", HOUSE_RULES.values(), ids=HOUSE_RULES.keys())
def test_d23_d24_a_deal_that_somebody_elses_rule_refuses_goes_to_quarantine_alone(
    acme: Organization, rule: str
) -> None:
    acme.sync(mode="full", **SMALL)
    acme.execute(rule.format(leaf=f"hubspot_deals_standard_{acme.id.hex}"))
    new = acme.portal.create_deal({"dealname": "Unwanted"})
    changed, *others = sorted(acme.portal.live_deals())[:20]
    acme.portal.edit_deal(changed, {"dealname": "Unwanted"})
    acme.portal.edit_deals(others, {"dealname": "Welcome"})

    acme.sync(mode="full")

    held = acme.query("SELECT deal_id_text, reason_code, raw FROM hubspot.deals_quarantine ORDER BY 1")
    assert {row["deal_id_text"] for row in held} == {str(new), str(changed)}
    assert {row["reason_code"] for row in held} == {"REFUSED_BY_DATABASE"}
    records = [json.loads(zlib.decompress(row["raw"])) for row in held]
    assert {record["properties"]["dealname"] for record in records} == {"Unwanted"}
    assert set(acme.differences()) == {f"{new} is missing", f"{changed} has other properties"}

    acme.portal.edit_deals([new, changed], {"dealname": "Mended"})
    acme.sync()
    assert acme.differences() == []
    assert acme.query("SELECT FROM hubspot.deals_quarantine WHERE resolved_at IS NULL") == []


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


def test_d29_nothing_that_grows_is_numbered_in_32_bits(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT sequence_name FROM information_schema.sequences "
            "WHERE sequence_schema = 'hubspot' AND data_type <> 'bigint'"
        ).fetchall()
    assert found == []
