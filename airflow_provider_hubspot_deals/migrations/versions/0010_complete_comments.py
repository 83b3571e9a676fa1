"""A meaning for everything that earlier revisions left without one; docs/database.md is made from these.

COMMENT takes SHARE UPDATE EXCLUSIVE, which neither readers nor writers notice. Leaves stay as they are: what their
parent says holds for thousands of them.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
readers_wait = False

ORGANIZATION = "The tenant: organizations.id."
TYPE = "Label of the portal: standard, sandbox or another, lower case, up to 15 characters. An organization may have several portals."
MADE = "When the row was made (UTC)."
CHANGED = "When the row was last changed (UTC); set by a trigger."

DEALS = {
    "hubspot_deal_id": "HubSpot's id of the deal (record id, hs_object_id): positive, unique in its portal, the key of the leaf.",
    "hs_object_id": "The same number as hubspot_deal_id; both schema documents name it.",
    "dealname": "Name of the deal. Not unique, and often longer than 500 characters allow.",
    "amount": "Amount in the currency of deal_currency_code, else in the portal's own. NULL when HubSpot has none or when it would not fit: see _value_issues. Negative only where the organization allows it.",
    "dealstage": "Id of the pipeline stage, not its label: a name such as closedwon in HubSpot's default pipeline, digits elsewhere. NULL on deals made through the API without one.",
    "pipeline": "Id of the pipeline, not its label: default, or digits.",
    "closedate": "When the deal was or is expected to be closed (UTC). People pick a day, in the portal's time zone.",
    "createdate": "When the deal was created in HubSpot (UTC, milliseconds). Imports may set it back.",
    "hs_lastmodifieddate": "When HubSpot last changed the deal (UTC, milliseconds): the version of the row, which never goes back. Associations, archiving and calculated properties need not move it.",
    "archived": "Whether HubSpot no longer has the deal among the live ones. True exactly when _deleted_reason says why.",
    "hubspot_owner_id": "Id of the owner (a user of the portal), as text; owners may be archived.",
    "dealtype": "Deal type: newbusiness, existingbusiness, or what the portal defined.",
    "description": "Description; free text of any length.",
    "hs_deal_stage_probability": "Probability that the deal is won, 0 to 1, from its stage unless somebody set it. HubSpot sends doubles with up to 50 decimals; nothing is rounded.",
    "hs_analytics_source": "Where the deal's first contact came from, such as ORGANIC_SEARCH or OFFLINE.",
    "hs_analytics_source_data_1": "First detail of hs_analytics_source, such as the campaign or the import.",
    "hs_analytics_source_data_2": "Second detail of hs_analytics_source.",
    "num_associated_contacts": "Number of contacts associated with the deal, as HubSpot counts them.",
    "hs_priority": "Priority: low, medium, high, or what the portal defined.",
    "hs_next_step": "Next step; free text.",
    "hs_forecast_amount": "Amount times forecast probability, as HubSpot calculates it, in the deal's currency; nothing is rounded.",
    "hs_forecast_probability": "Probability that somebody set for the forecast, as HubSpot sends it.",
    "deal_currency_code": "ISO 4217 code of the amount's currency. NULL in portals with one currency.",
    "raw_properties": "Every property that HubSpot sent with a value: name → exact text. Properties without a value are left out. What a typed column could not hold is here.",
    "custom_properties": "The part of raw_properties that the portal defined itself; NULL when there is none.",
    "associations": "Associated records as HubSpot lists them with the deal, by object type; NULL when they were not asked for or there are none.",
    "_extracted_at": "When this version of the row was written (UTC): the start of the batch's transaction.",
    "_scan_id": "Job that wrote this version: jobs.id, also after that job was archived or purged.",
    "_organization_id": "The tenant: organizations.id. Decides the leaf.",
    "_tenant_id": "The same as _organization_id; a constraint keeps them equal.",
    "_page_number": "Page of the job on which the deal came, counted from 1. NULL for rows written by hand.",
    "_source_service": "Where the row came from: hubspot_api. Whoever inserts rows by hand says what they like.",
    "_dlt_load_id": "The attempt of the job that wrote this version: jobs.load_id. Named as in dlt.",
    "_dlt_id": "Identifies the row; kept when the deal changes. Named as in dlt.",
    "_type": "Label of the portal, as in sync_state.type. Decides the branch.",
    "_value_issues": 'Values that their columns could not hold: [{"field", "code"}, …], at most 20; the column is NULL and the exact text is in raw_properties. NULL when all fit.',
    "_deleted_at": "When the deal was archived by HubSpot's word, else when we noticed that it was gone (UTC).",
    "_deleted_reason": "archived: HubSpot lists it as archived. merged: into another deal, see _merged_into. missing: HubSpot knows it no more. NULL: it lives.",
    "_merged_into": "hubspot_deal_id of the deal that HubSpot merged this one into.",
    "_content_hash": "128 bits over everything that the row is made from: an equal one spares the write. NULL after the row was marked or written by hand, so that the next read writes it anew.",
}

COLUMNS = {
    "organizations": {
        "id": "The tenant id everywhere: as given in the organizations file, else the version 5 UUID of the slug.",
        "slug": "Name of the organization in the organizations file and in DAG ids: lower-case letters, digits, _ and -.",
        "name": "Name for people. Nothing of ours fills it.",
        "created_at": "When the organization was first claimed for (UTC).",
        "updated_at": CHANGED,
    },
    "sync_state": {
        "organization_id": ORGANIZATION,
        "type": TYPE,
        "portal_id": "HubSpot's id of the portal (account) that the token opened first. A token of another portal is refused from then on. NULL before the first run.",
        "epoch": "Fencing token: each attempt that claims raises it by one, and only the attempt that holds the newest may write.",
        "last_full_sync_at": "HubSpot's clock when the last completed full run began (UTC).",
        "last_sync_at": "When the last run that brought everything up to date was completed (UTC); windows read by hand do not count.",
        "created_at": MADE,
        "updated_at": CHANGED,
    },
    "jobs": {
        "id": "Identifies the job; deals carry it as _scan_id.",
        "organization_id": ORGANIZATION,
        "type": "hubspot_deals, or hubspot_deals_<label> for a portal of another label than standard.",
        "status": "pending (waits for its first or next attempt), running, completed, failed, cancelled. The last three are final. UPDATE … SET status = 'cancelled' stops a run at its next batch.",
        "start_time": "When the first attempt began (UTC).",
        "end_time": "When the job was completed, failed or cancelled (UTC); NULL until then.",
        "last_heartbeat": "When the running attempt was last heard of (UTC). A running job that has been silent for 120 s is taken for dead.",
        "records_extracted": "Records received from HubSpot in committed batches, over all attempts: the sum of inserted, updated, unchanged, duplicate, stale and quarantined.",
        "error_message": "What went wrong and what to do, in a sentence without secrets and without values of deals. On a pending job: why the last attempt ended.",
        "job_metadata": "What others noted about the job. Key reported: counts given through the view scan_jobs.",
        "created_at": MADE,
        "updated_at": CHANGED,
        "scan_id": "The caller's name for the job, unique; the id as text unless one was given.",
        "error_code": "Stable code of error_message, such as AUTH_INVALID or RATE_LIMITED.",
        "mode": "full (reads everything), incremental (what changed since the watermark) or window (what changed in the given time). NULL until claimed.",
        "phase": "What the last committed batch belonged to: archived, live, changed, fresh, archived_again or absent. NULL before the first batch and once completed.",
        "checkpoint": 'Where the next attempt goes on: {"started_at", "phase", "cursor", "windows"}.',
        "resume_at": "Not to be resumed before this time (UTC), because HubSpot said so.",
        "window_start": "Begin of the window of hs_lastmodifieddate that the job reads (UTC, included).",
        "window_end": "End of that window (UTC, included); becomes the watermark when an incremental or full run has read it.",
        "attempt": "Attempts begun; 0 while nobody has claimed the job.",
        "epoch": "Fencing token of the newest attempt; see sync_state.epoch.",
        "load_id": "Identifies the newest attempt; the deals it writes carry it as _dlt_load_id.",
        "records_expected": "Records that HubSpot announced for the lists read so far: a forecast for progress, not a promise.",
        "records_inserted": "Rows that were new.",
        "records_updated": "Rows rewritten because the deal had changed.",
        "records_unchanged": "Records equal to the stored row, which was not rewritten.",
        "records_duplicate": "Records that came again within one batch.",
        "records_stale": "Records older than the stored row, which was kept.",
        "records_quarantined": "Records that could not be stored; see deals_quarantine.",
        "records_deleted": "Rows newly marked as archived, merged or missing. Not part of the sum: most of these are counted as updated, or were never received.",
        "value_issues": "Values that their columns could not hold; see hubspot_deals._value_issues.",
        "batches": "Batches committed; each has a row in job_batches.",
        "pages_read": "Pages of HubSpot's answers in committed batches.",
        "api_calls": "HTTP requests sent to HubSpot, retries included.",
        "rate_limit_hits": "Answers with status 429.",
        "bytes_received": "Bytes of HubSpot's answers on the wire, before decompression.",
        "dag_id": "Airflow DAG. This and the next columns are NULL for jobs that Airflow did not start.",
        "run_id": "Airflow DAG run.",
        "task_id": "Airflow task.",
        "map_index": "Index of the mapped task, -1 for one that is not mapped.",
        "try_number": "Airflow's number of the newest attempt, from 1; clearing a task goes on counting.",
        "clear_number": "How often the DAG run had been cleared: a retry continues its job, a cleared task begins another one.",
        "trigger": "How the DAG run came about: scheduled, manual, backfill, …",
    },
    "job_batches": {
        "job_id": "The job.",
        "batch_number": "Number of the batch in its job: 1, 2, 3, … without gaps.",
        "epoch": "Fencing token of the attempt that wrote it.",
        "phase": "Phase that the batch belongs to; see jobs.phase.",
        "pages": "Pages of HubSpot's answers in it.",
        "received": "Records received: the sum of the next six.",
        "inserted": "Rows that were new.",
        "updated": "Rows rewritten because the deal had changed.",
        "unchanged": "Records equal to the stored row.",
        "duplicate": "Records that came again within the batch.",
        "stale": "Records older than the stored row.",
        "quarantined": "Records that could not be stored.",
        "deleted": "Rows newly marked as archived, merged or missing.",
        "xid": "Transaction that wrote the batch; pg_xact_status(xid) tells whether it was committed.",
        "written_at": "When the batch was written (UTC).",
    },
    "hubspot_deals": DEALS,
    "deals_quarantine": {
        "id": "Identifies the row.",
        "organization_id": ORGANIZATION,
        "type": TYPE,
        "deal_id_text": "What stood where the deal's id belongs, if it was printable and had at most 64 characters.",
        "reason_code": "Why: BAD_ID, BAD_VERSION (no usable hs_lastmodifieddate), BAD_RECORD (not a record), TOO_LARGE (over 8 MiB) or TOO_DEEP.",
        "field_name": "The field that the reason is about; NULL when it is the whole record.",
        "raw_is_cut": "Whether raw was cut at 1 MiB, compressed.",
        "raw_sha256": "SHA-256 of the whole JSON, by which the same record is known again.",
        "job_id": "Job that saw the record last; it may have been archived or purged since.",
        "page_number": "Page of the job that first saw the record, counted from 1.",
        "first_seen": "When the record came first (UTC).",
        "last_seen": "When it came last (UTC).",
        "times_seen": "How often it came.",
        "resolved_at": "When a version of the deal that could be stored arrived (UTC). NULL: still open.",
        "resolved_by_job": "The job that brought that version.",
    },
    "absent_deals": {
        "organization_id": ORGANIZATION,
        "type": TYPE,
        "hubspot_deal_id": "The deal to ask for.",
        "job_id": "Job that noted it.",
        "noticed_at": "When it was noted (UTC).",
    },
    "scan_jobs": {
        "id": "jobs.id.",
        "scan_id": "jobs.scan_id: the caller's name for the job, unique.",
        "organization_id": ORGANIZATION,
        "status": "jobs.status: pending, running, completed, failed, cancelled. An UPDATE obeys the same transitions.",
        "scan_type": "jobs.type.",
        "config": "jobs.config. Keys that name a secret are left out when a row is inserted or updated.",
        "error_message": "jobs.error_message.",
        "started_at": "jobs.start_time (UTC).",
        "completed_at": "jobs.end_time (UTC): also of failed and cancelled jobs.",
        "last_heartbeat": "jobs.last_heartbeat (UTC).",
        "total_deals": "The same as total_items.",
        "processed_deals": "The same as processed_items.",
        "failed_deals": "The same as failed_items.",
        "api_calls_made": "jobs.api_calls.",
        "created_at": MADE,
        "updated_at": CHANGED,
    },
}

REPORTING_ALIASES = {
    "organization_id": "_organization_id",
    "tenant_id": "_organization_id",
    "deal_id": "hubspot_deal_id",
    "deal_name": "dealname",
    "deal_stage": "dealstage",
    "close_date": "closedate",
    "hubspot_created_at": "createdate",
    "hubspot_updated_at": "hs_lastmodifieddate",
    "deal_type": "dealtype",
    "deal_stage_probability": "hs_deal_stage_probability",
    "analytics_source": "hs_analytics_source",
    "priority": "hs_priority",
    "next_step": "hs_next_step",
    "forecast_amount": "hs_forecast_amount",
    "forecast_probability": "hs_forecast_probability",
}
REPORTING_LACKS = {"_content_hash"}  # the loader's own business

FUNCTIONS = {
    "set_updated_at()": "Trigger: sets updated_at.",
    "insert_scan_job()": "Trigger: an INSERT into scan_jobs becomes one into jobs, without secrets in config.",
    "update_scan_job()": "Trigger: an UPDATE of scan_jobs writes into jobs what its statement set, and keeps reported counts in job_metadata.",
    "delete_scan_job()": "Trigger: a DELETE from scan_jobs removes the job, never deals.",
    "insert_deal()": "Trigger: an INSERT into the reporting view goes to the organization's own leaf, made if need be.",
    "add_percentage(numeric[], text)": "Step of avg(text): adds one percentage to the sum and count so far.",
    "average_percentage(numeric[])": "Last step of avg(text): the mean, or NULL of nothing.",
}

INDEXES = {
    "sync_state_one_tenant_per_portal": "A portal belongs to one organization and type: its deals cannot be loaded under two tenants.",
    "idx_jobs_org": "Jobs of one organization.",
    "idx_jobs_status": "Jobs by status.",
    "idx_jobs_type": "Jobs by type; demanded by the schema document.",
    "idx_jobs_start_time": "Jobs of a time.",
    "idx_jobs_run": "The job of an Airflow task instance, which a retry looks for.",
    "jobs_one_active_per_organization_and_type": "At most one pending or running job per organization and type; decides who wins when two claim at once.",
    "idx_deals_createdate": "Deals created in a time.",
    "idx_deals_closedate": "Deals that close in a time.",
    "idx_deals_stage": "Deals in a stage.",
    "idx_deals_pipeline": "Deals in a pipeline.",
    "idx_deals_lastmodified": "Deals changed in a time.",
    "idx_deals_scan": "Deals that a job wrote last.",
    "idx_job_events_organization": "What happened to one organization, by time.",
    "idx_associations_to_object": "Deals of a contact, company or other record: the other direction.",
    "idx_quarantine_open": "Open records of a deal, when a version of it arrives that can be stored.",
}

CONSTRAINTS = {
    ("jobs_end_time_says_terminal", "jobs"): "An ended job has an end, and no other has one.",
    ("jobs_started_when_running_or_completed", "jobs"): "What runs or is completed has begun.",
    ("jobs_counts_balance", "jobs"): "Every record received is accounted for.",
    ("job_batches_balance", "job_batches"): "Every record received is accounted for.",
    ("chk_tenant_eq_org", "hubspot_deals"): "Tenant and organization are the same thing.",
    ("chk_deleted_says_why", "hubspot_deals"): "Archived deals say why, and no others do.",
    (
        "chk_numbers_are_finite",
        "hubspot_deals",
    ): "NaN and Infinity are refused: PostgreSQL sorts them above every number, so amount >= 0 lets them pass.",
}


def upgrade() -> None:
    op.execute("\n".join(f"COMMENT ON {target} IS {_literal(text)};" for target, text in _comments().items()))


def downgrade() -> None:
    op.execute("\n".join(f"COMMENT ON {target} IS NULL;" for target in _comments()))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _comments() -> dict[str, str]:
    schema = str(op.get_context().version_table_schema)
    reporting = f'"{schema[:53]}_reporting".hubspot_deals'
    return {
        **{f"COLUMN {table}.{name}": text for table, columns in COLUMNS.items() for name, text in columns.items()},
        **{f"COLUMN {reporting}.{name}": text for name, text in DEALS.items() if name not in REPORTING_LACKS},
        **{f"COLUMN {reporting}.{name}": f"The same as {column}." for name, column in REPORTING_ALIASES.items()},
        **{f"FUNCTION {signature}": text for signature, text in FUNCTIONS.items()},
        **{f"INDEX {name}": text for name, text in INDEXES.items()},
        **{f"CONSTRAINT {name} ON {table}": text for (name, table), text in CONSTRAINTS.items()},
    }
