"""Jobs and deals in the words of the two schema documents: scan_jobs, and hubspot_deals in a reporting schema."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
CREATE FUNCTION count_in(document jsonb, name text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN jsonb_typeof(document -> name) = 'number' THEN (document ->> name)::numeric::integer END
$$;
COMMENT ON FUNCTION count_in IS 'A number of a JSON object, or NULL: whatever else people put there must not break a view.';

CREATE VIEW scan_jobs WITH (security_invoker = true) AS
SELECT job.id,
       job.scan_id,
       job.organization_id,
       job.organization_id AS tenant_id,
       job.status,
       job.type AS scan_type,
       job.config,
       job.error_message,
       job.start_time AS started_at,
       job.end_time AS completed_at,
       job.last_heartbeat,
       done.total AS total_items,
       done.processed AS processed_items,
       done.failed AS failed_items,
       done.total AS total_deals,
       done.processed AS processed_deals,
       done.failed AS failed_deals,
       coalesce(
           job.job_metadata #>> '{reported,success_rate}',
           CASE WHEN done.processed + done.failed > 0
                THEN round(done.processed * 100.0 / (done.processed + done.failed), 2)::text || '%'
                WHEN job.status = 'completed' THEN '100%'
           END
       ) AS success_rate,
       coalesce(count_in(job.job_metadata -> 'reported', 'batch_size'), count_in(job.config, 'batch_rows')) AS batch_size,
       job.api_calls AS api_calls_made,
       job.created_at,
       job.updated_at
FROM jobs AS job
CROSS JOIN LATERAL (
    SELECT greatest(job.records_expected, job.records_extracted)
               + coalesce(count_in(job.job_metadata -> 'reported', 'total'), 0) AS total,
           job.records_extracted - job.records_quarantined
               + coalesce(count_in(job.job_metadata -> 'reported', 'processed'), 0) AS processed,
           job.records_quarantined
               + coalesce(count_in(job.job_metadata -> 'reported', 'failed'), 0) AS failed
) AS done;
COMMENT ON VIEW scan_jobs IS 'jobs in the words of the schema documents. Rows can be inserted, updated and deleted; progress reported through it is kept in job_metadata, beside the loader''s own counters.';
COMMENT ON COLUMN scan_jobs.tenant_id IS 'The same as organization_id.';
COMMENT ON COLUMN scan_jobs.total_items IS 'Records announced by HubSpot or received, whichever is more, plus what was reported by hand. total_deals is the same.';
COMMENT ON COLUMN scan_jobs.processed_items IS 'Records received and not quarantined, plus what was reported by hand. processed_deals is the same.';
COMMENT ON COLUMN scan_jobs.failed_items IS 'Records quarantined, plus what was reported by hand. failed_deals is the same.';
COMMENT ON COLUMN scan_jobs.success_rate IS 'Share of the records handled so far that could be stored, as text with a percent sign; NULL before the first one. avg(success_rate) is a number.';
COMMENT ON COLUMN scan_jobs.batch_size IS 'As reported when the job was inserted, else batch_rows of its config.';
ALTER VIEW scan_jobs ALTER status SET DEFAULT 'pending', ALTER scan_type SET DEFAULT 'hubspot_deals', ALTER batch_size SET DEFAULT 50;

-- The documents print success_rate with a percent sign and also take its average.
CREATE FUNCTION add_percentage(total numeric[], percentage text) RETURNS numeric[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ARRAY[total[1] + rtrim(percentage, ' %')::numeric, total[2] + 1]
$$;
CREATE FUNCTION average_percentage(total numeric[]) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT total[1] / nullif(total[2], 0)
$$;
CREATE AGGREGATE avg(text) (
    SFUNC = add_percentage, STYPE = numeric[], INITCOND = '{0,0}', FINALFUNC = average_percentage, PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(text) IS 'Mean of percentages such as 97.50%.';

CREATE FUNCTION without_secrets(document jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE SET search_path FROM CURRENT AS $$
BEGIN
    CASE jsonb_typeof(document)
        WHEN 'object' THEN
            RETURN (SELECT coalesce(jsonb_object_agg(key, without_secrets(value)), '{}') FROM jsonb_each(document)
                    WHERE key !~* '(token|secret|password|passwd|api_?key|authorization)');
        WHEN 'array' THEN
            RETURN (SELECT coalesce(jsonb_agg(without_secrets(item)), '[]') FROM jsonb_array_elements(document) AS item);
        ELSE
            RETURN document;
    END CASE;
END $$;
COMMENT ON FUNCTION without_secrets IS 'The document without every key that names a secret, at any depth: the documents'' examples put tokens into config, which everybody who sees jobs can read.';

CREATE FUNCTION with_reports(job_metadata jsonb, counts jsonb, facts jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT CASE WHEN added = '{}' THEN job_metadata
                ELSE coalesce(job_metadata, '{}')
                     || jsonb_build_object('reported', coalesce(job_metadata -> 'reported', '{}') || added) END
    FROM (
        SELECT jsonb_strip_nulls(facts) || coalesce(
            jsonb_object_agg(key, coalesce(count_in(job_metadata -> 'reported', key), 0) + count_in(counts, key))
                FILTER (WHERE count_in(counts, key) <> 0),
            '{}') AS added
        FROM jsonb_object_keys(counts) AS key
    ) AS reports
$$;
COMMENT ON FUNCTION with_reports IS 'job_metadata with counts added to those reported before, and facts replaced. The counters of jobs balance by constraint and belong to the loader.';

CREATE FUNCTION changed(old_value anycompatible, new_value anycompatible, stored anycompatible) RETURNS anycompatible
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN new_value IS DISTINCT FROM old_value THEN new_value ELSE stored END
$$;
COMMENT ON FUNCTION changed IS 'What an UPDATE through a view writes: only what its statement set. The view''s old row may be older than the stored one.';

CREATE FUNCTION insert_scan_job() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    total     integer := coalesce(NEW.total_items, NEW.total_deals);
    processed integer := coalesce(NEW.processed_items, NEW.processed_deals);
    failed    integer := coalesce(NEW.failed_items, NEW.failed_deals);
BEGIN
    NEW.id := coalesce(NEW.id, gen_random_uuid());
    IF least(total, processed, failed) < 0 THEN
        RAISE EXCEPTION 'counts of job % cannot be negative', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.tenant_id <> NEW.organization_id THEN
        RAISE EXCEPTION 'tenant_id % is not organization_id %: they are the same thing', NEW.tenant_id, NEW.organization_id
            USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO jobs (
        id, scan_id, organization_id, type, status, config, error_message, start_time, end_time, api_calls, job_metadata
    ) VALUES (
        NEW.id, coalesce(NEW.scan_id, NEW.id::text), coalesce(NEW.organization_id, NEW.tenant_id), NEW.scan_type, NEW.status,
        without_secrets(NEW.config), NEW.error_message, NEW.started_at, NEW.completed_at, coalesce(NEW.api_calls_made, 0),
        with_reports(
            NULL,
            jsonb_build_object('total', total, 'processed', processed, 'failed', failed),
            jsonb_build_object('batch_size', NEW.batch_size, 'success_rate', NEW.success_rate)
        )
    );
    SELECT * INTO NEW FROM scan_jobs WHERE id = NEW.id;
    RETURN NEW;
END $$;

CREATE FUNCTION update_scan_job() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    total     integer := changed(OLD.total_items, NEW.total_items, NEW.total_deals);
    processed integer := changed(OLD.processed_items, NEW.processed_items, NEW.processed_deals);
    failed    integer := changed(OLD.failed_items, NEW.failed_items, NEW.failed_deals);
BEGIN
    IF (NEW.id, NEW.organization_id, NEW.tenant_id) IS DISTINCT FROM (OLD.id, OLD.organization_id, OLD.tenant_id) THEN
        RAISE EXCEPTION 'job % keeps its id and its organization', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF least(total, processed, failed) < 0 THEN
        RAISE EXCEPTION 'counts of job % cannot be negative', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    UPDATE jobs SET
        scan_id = changed(OLD.scan_id, NEW.scan_id, scan_id),
        status = changed(OLD.status, NEW.status, status),
        type = changed(OLD.scan_type, NEW.scan_type, type),
        config = without_secrets(changed(OLD.config, NEW.config, config)),
        error_message = changed(OLD.error_message, NEW.error_message, error_message),
        start_time = changed(OLD.started_at, NEW.started_at, start_time),
        end_time = changed(OLD.completed_at, NEW.completed_at, end_time),
        api_calls = api_calls + NEW.api_calls_made - OLD.api_calls_made,
        job_metadata = with_reports(
            job_metadata,
            jsonb_build_object(
                'total', total - OLD.total_items, 'processed', processed - OLD.processed_items, 'failed', failed - OLD.failed_items
            ),
            jsonb_build_object(
                'batch_size', nullif(NEW.batch_size, OLD.batch_size), 'success_rate', nullif(NEW.success_rate, OLD.success_rate)
            )
        )
    -- As in a table: a job whose status somebody else changed meanwhile is no longer what the statement looked for.
    WHERE id = OLD.id AND (NEW.status = OLD.status OR status = OLD.status);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO NEW FROM scan_jobs WHERE id = OLD.id;
    RETURN NEW;
END $$;

CREATE FUNCTION delete_scan_job() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM jobs WHERE id = OLD.id AND status = OLD.status;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER scan_jobs_insert INSTEAD OF INSERT ON scan_jobs FOR EACH ROW EXECUTE FUNCTION insert_scan_job();
CREATE TRIGGER scan_jobs_update INSTEAD OF UPDATE ON scan_jobs FOR EACH ROW EXECUTE FUNCTION update_scan_job();
CREATE TRIGGER scan_jobs_delete INSTEAD OF DELETE ON scan_jobs FOR EACH ROW EXECUTE FUNCTION delete_scan_job();
    """)
    op.execute("""
-- Tenant columns are all _organization_id, the partition key: a filter on any of them reads one leaf.
CREATE VIEW deals_in_both_vocabularies WITH (security_invoker = true) AS
SELECT _dlt_id AS id,
       _scan_id AS scan_job_id,
       _organization_id AS organization_id,
       _organization_id AS tenant_id,
       hubspot_deal_id,
       hubspot_deal_id AS deal_id,
       hs_object_id,
       dealname,
       dealname AS deal_name,
       amount,
       dealstage,
       dealstage AS deal_stage,
       pipeline,
       closedate,
       closedate AS close_date,
       createdate,
       createdate AS hubspot_created_at,
       hs_lastmodifieddate,
       hs_lastmodifieddate AS hubspot_updated_at,
       archived,
       hubspot_owner_id,
       dealtype,
       dealtype AS deal_type,
       description,
       hs_deal_stage_probability,
       hs_deal_stage_probability AS deal_stage_probability,
       hs_analytics_source,
       hs_analytics_source AS analytics_source,
       hs_analytics_source_data_1,
       hs_analytics_source_data_2,
       num_associated_contacts,
       hs_priority,
       hs_priority AS priority,
       hs_next_step,
       hs_next_step AS next_step,
       hs_forecast_amount,
       hs_forecast_amount AS forecast_amount,
       hs_forecast_probability,
       hs_forecast_probability AS forecast_probability,
       deal_currency_code,
       raw_properties,
       custom_properties,
       associations,
       _extracted_at,
       _extracted_at AS created_at,
       _extracted_at AS updated_at,
       _scan_id,
       _organization_id,
       _organization_id AS _tenant_id,
       _page_number,
       _source_service,
       _dlt_load_id,
       _dlt_id,
       _type,
       _value_issues,
       _deleted_at,
       _deleted_reason,
       _merged_into
FROM hubspot_deals;
COMMENT ON VIEW deals_in_both_vocabularies IS 'Deals of all organizations with every column under the names of both schema documents. Rows can be inserted; each goes to its organization''s own table.';
COMMENT ON COLUMN deals_in_both_vocabularies.id IS 'The same as _dlt_id: one per deal, kept when the deal changes.';
COMMENT ON COLUMN deals_in_both_vocabularies.scan_job_id IS 'The same as _scan_id: the job that wrote this row last.';
COMMENT ON COLUMN deals_in_both_vocabularies.created_at IS 'The same as _extracted_at: when this version of the row was written. createdate says when the deal was created in HubSpot.';
COMMENT ON COLUMN deals_in_both_vocabularies.updated_at IS 'The same as _extracted_at: when this version of the row was written.';
ALTER VIEW deals_in_both_vocabularies ALTER archived SET DEFAULT false, ALTER _type SET DEFAULT 'standard';

CREATE FUNCTION one_of(VARIADIC spellings anycompatiblearray) RETURNS anycompatible LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    given spellings%TYPE := array_remove(spellings, NULL);
BEGIN
    IF given[1] <> ANY (given) THEN
        RAISE EXCEPTION 'columns that mean the same have different values' USING ERRCODE = 'check_violation';
    END IF;
    RETURN given[1];
END $$;
COMMENT ON FUNCTION one_of IS 'The value of a column that has several names, whichever of them an INSERT used.';

CREATE FUNCTION insert_deal() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    organization uuid := one_of(NEW._organization_id, NEW._tenant_id, NEW.organization_id, NEW.tenant_id);
BEGIN
    IF NOT EXISTS (SELECT FROM organizations WHERE id = organization) THEN
        RAISE EXCEPTION 'organization % is not registered', organization USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF to_regclass(deals_partition(organization, NEW._type)) IS NULL THEN
        PERFORM ensure_deals_partition(organization, NEW._type);
        PERFORM allow_negative_amounts(organization, NEW._type, false);
    END IF;
    NEW.hubspot_deal_id := one_of(NEW.hubspot_deal_id, NEW.deal_id);
    NEW._dlt_id := coalesce(one_of(NEW._dlt_id, NEW.id), gen_random_uuid());
    -- Without _content_hash: the loader replaces such a row with HubSpot's when it next reads the deal.
    INSERT INTO hubspot_deals (
        hubspot_deal_id, hs_object_id, dealname, amount, dealstage, pipeline,
        closedate, createdate, hs_lastmodifieddate,
        hubspot_owner_id, dealtype, description, hs_deal_stage_probability,
        hs_analytics_source, hs_analytics_source_data_1, hs_analytics_source_data_2,
        num_associated_contacts, hs_priority, hs_next_step, hs_forecast_amount, hs_forecast_probability, deal_currency_code,
        raw_properties, custom_properties, associations,
        _extracted_at, _scan_id, _organization_id, _tenant_id, _page_number, _source_service, _dlt_load_id, _dlt_id, _type,
        _value_issues, archived, _deleted_at, _deleted_reason, _merged_into
    ) VALUES (
        NEW.hubspot_deal_id, coalesce(NEW.hs_object_id, NEW.hubspot_deal_id),
        one_of(NEW.dealname, NEW.deal_name), NEW.amount, one_of(NEW.dealstage, NEW.deal_stage), NEW.pipeline,
        one_of(NEW.closedate, NEW.close_date), one_of(NEW.createdate, NEW.hubspot_created_at),
        one_of(NEW.hs_lastmodifieddate, NEW.hubspot_updated_at),
        NEW.hubspot_owner_id, one_of(NEW.dealtype, NEW.deal_type), NEW.description,
        one_of(NEW.hs_deal_stage_probability, NEW.deal_stage_probability),
        one_of(NEW.hs_analytics_source, NEW.analytics_source), NEW.hs_analytics_source_data_1, NEW.hs_analytics_source_data_2,
        NEW.num_associated_contacts, one_of(NEW.hs_priority, NEW.priority), one_of(NEW.hs_next_step, NEW.next_step),
        one_of(NEW.hs_forecast_amount, NEW.forecast_amount), one_of(NEW.hs_forecast_probability, NEW.forecast_probability),
        NEW.deal_currency_code, NEW.raw_properties, NEW.custom_properties, NEW.associations,
        coalesce(NEW._extracted_at, now()), one_of(NEW._scan_id, NEW.scan_job_id), organization, organization,
        NEW._page_number, NEW._source_service, NEW._dlt_load_id, NEW._dlt_id, NEW._type,
        NEW._value_issues, NEW.archived,
        CASE WHEN NEW.archived THEN coalesce(NEW._deleted_at, now()) END,
        CASE WHEN NEW.archived THEN coalesce(NEW._deleted_reason, 'archived') END, NEW._merged_into
    );
    RETURN NEW;
END $$;

CREATE TRIGGER deals_insert INSTEAD OF INSERT ON deals_in_both_vocabularies FOR EACH ROW EXECUTE FUNCTION insert_deal();

-- The documents query it as hubspot_deals, which is the table's name here. In the other schema it has that name, and
-- search_path chooses. Generated columns on the table would be stored, in PostgreSQL 15, with every row once more.
DO $$
DECLARE
    reporting text := left(current_schema(), 53) || '_reporting';
BEGIN
    IF to_regnamespace(quote_ident(reporting)) IS NULL THEN
        EXECUTE format('CREATE SCHEMA %I', reporting);
    END IF;
    EXECUTE format('ALTER VIEW deals_in_both_vocabularies SET SCHEMA %I', reporting);
    EXECUTE format('ALTER VIEW %I.deals_in_both_vocabularies RENAME TO hubspot_deals', reporting);
END $$;
    """)


def downgrade() -> None:
    op.execute("""
DO $$
BEGIN
    -- The schema stays, as the main one does: others may keep things in it, or own it.
    EXECUTE format('DROP VIEW %I.hubspot_deals', left(current_schema(), 53) || '_reporting');
END $$;
DROP FUNCTION insert_deal();
DROP FUNCTION one_of(anycompatiblearray);
DROP VIEW scan_jobs;
DROP FUNCTION delete_scan_job();
DROP FUNCTION update_scan_job();
DROP FUNCTION insert_scan_job();
DROP FUNCTION changed(anycompatible, anycompatible, anycompatible);
DROP FUNCTION with_reports(jsonb, jsonb, jsonb);
DROP FUNCTION without_secrets(jsonb);
DROP AGGREGATE avg(text);
DROP FUNCTION average_percentage(numeric[]);
DROP FUNCTION add_percentage(numeric[], text);
DROP FUNCTION count_in(jsonb, text);
    """)
