-- What the code under test cannot see: who wrote what, noted by triggers in the transaction that wrote it.
-- Every attempt connects under an application_name of its own; the epoch that it took when it claimed its job is noted
-- here, and whatever it writes under another epoch is a violation.
CREATE SCHEMA audit;

CREATE TABLE audit.attempts (application text PRIMARY KEY, organization_id uuid, epoch bigint);
CREATE TABLE audit.violations (invariant text NOT NULL, details text NOT NULL);
CREATE TABLE audit.commits (application text NOT NULL, committed_at timestamptz NOT NULL);

CREATE FUNCTION audit.check_writer(organization uuid, what text) RETURNS void LANGUAGE sql SET search_path = pg_catalog AS $$
    INSERT INTO audit.violations
    SELECT 'i14: nothing is written under another epoch than the current one',
           format('%s of %s by %s, epoch %s of %s', what, organization, attempt.application, attempt.epoch, state.epoch)
    FROM audit.attempts AS attempt
    JOIN hubspot.sync_state AS state ON state.organization_id = organization
    WHERE attempt.application = current_setting('application_name')
      AND (attempt.organization_id, attempt.epoch) IS DISTINCT FROM (organization, state.epoch)
$$;

-- A claim takes a new epoch; deals and watermarks are written by nobody who did not claim.
CREATE FUNCTION audit.check_claimed(organization uuid, what text) RETURNS void LANGUAGE sql SET search_path = pg_catalog AS $$
    INSERT INTO audit.violations
    SELECT 'i14: whoever writes took an epoch of its own before',
           format('%s of %s by %s', what, organization, current_setting('application_name'))
    WHERE NOT EXISTS (SELECT FROM audit.attempts WHERE application = current_setting('application_name'))
$$;

CREATE FUNCTION audit.see_sync_state() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF new.epoch < old.epoch OR new.watermark < old.watermark OR (new.watermark IS NULL AND old.watermark IS NOT NULL) THEN
        INSERT INTO audit.violations VALUES ('i7: watermark and epoch never go back', format('%s -> %s', old, new));
    END IF;
    IF new.epoch > old.epoch THEN
        INSERT INTO audit.violations
        SELECT 'i14: whoever was replaced takes no epoch again',
               format('%s by %s, after %s', new.organization_id, mine.application, other.application)
        FROM audit.attempts AS mine JOIN audit.attempts AS other USING (organization_id)
        WHERE mine.application = current_setting('application_name') AND other.epoch > mine.epoch;
        INSERT INTO audit.attempts VALUES (current_setting('application_name'), new.organization_id, new.epoch)
        ON CONFLICT (application) DO UPDATE SET epoch = excluded.epoch, organization_id = excluded.organization_id;
    ELSE
        PERFORM audit.check_claimed(new.organization_id, 'sync_state');
        PERFORM audit.check_writer(new.organization_id, 'sync_state');
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION audit.see_job() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM audit.check_writer(new.organization_id, format('job %s (%s)', new.id, new.status));
    IF tg_op = 'UPDATE' AND new.batches > old.batches AND old.status <> 'running' THEN
        INSERT INTO audit.violations VALUES ('i10: a batch belongs to a running job', format('%s is %s', new.id, old.status));
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION audit.see_deal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM audit.check_claimed(new._organization_id, format('deal %s', new.hubspot_deal_id));
    PERFORM audit.check_writer(new._organization_id, format('deal %s', new.hubspot_deal_id));
    IF tg_op = 'UPDATE' AND new.hs_lastmodifieddate < old.hs_lastmodifieddate THEN
        INSERT INTO audit.violations VALUES (
            'i5: the version of a deal never goes back',
            format('%s: %s -> %s', new.hubspot_deal_id, old.hs_lastmodifieddate, new.hs_lastmodifieddate));
    END IF;
    RETURN NULL;
END $$;

-- Whatever else belongs to an organization is written by whoever has its job.
CREATE FUNCTION audit.see_row() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM audit.check_claimed(coalesce(new.organization_id, old.organization_id), tg_table_name);
    PERFORM audit.check_writer(coalesce(new.organization_id, old.organization_id), tg_table_name);
    RETURN NULL;
END $$;

-- Whoever has lost its job tells nothing of it any more. People, who have no epoch, may cancel one, and that is told.
CREATE FUNCTION audit.see_event() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM audit.check_writer(new.organization_id, format('event %s', new.kind));
    RETURN NULL;
END $$;

CREATE FUNCTION audit.see_commit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO audit.commits VALUES (current_setting('application_name'), clock_timestamp());
    RETURN NULL;
END $$;

CREATE TRIGGER audit AFTER UPDATE ON hubspot.sync_state FOR EACH ROW EXECUTE FUNCTION audit.see_sync_state();
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON hubspot.jobs FOR EACH ROW EXECUTE FUNCTION audit.see_job();
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON hubspot.hubspot_deals FOR EACH ROW EXECUTE FUNCTION audit.see_deal();
-- Deferred: at the COMMIT itself.
CREATE CONSTRAINT TRIGGER audit AFTER INSERT ON hubspot.job_batches DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION audit.see_commit();
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON hubspot.deals_quarantine FOR EACH ROW EXECUTE FUNCTION audit.see_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON hubspot.pipelines FOR EACH ROW EXECUTE FUNCTION audit.see_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON hubspot.pipeline_stages FOR EACH ROW EXECUTE FUNCTION audit.see_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON hubspot.owners FOR EACH ROW EXECUTE FUNCTION audit.see_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON hubspot.deal_properties FOR EACH ROW EXECUTE FUNCTION audit.see_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON hubspot.deal_associations
    FOR EACH ROW EXECUTE FUNCTION audit.see_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON hubspot.deal_property_history
    FOR EACH ROW EXECUTE FUNCTION audit.see_row();
CREATE TRIGGER audit AFTER INSERT ON hubspot.job_events FOR EACH ROW EXECUTE FUNCTION audit.see_event();
