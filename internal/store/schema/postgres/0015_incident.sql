-- Incidents are what their events add up to, and there are few of them.
CREATE INDEX event_of_incident ON event_permanent (org, seq) WHERE what IN ('incident.open', 'incident.note', 'incident.view', 'incident.export', 'incident.close');

-- Who wrote or read a file, and when: what an incident begins and ends with. The
-- path comes first, for it tells the keys apart.
CREATE INDEX event_of_file ON event (target, org, at) WHERE what IN ('file.read', 'file.write', 'file.edit', 'file.delete', 'file.move');

-- What changes the world outside of a working tree, and what people and forges said
-- of it: few events among many, by their time.
CREATE INDEX event_of_change ON event (org, at) WHERE what IN ('approval.grant', 'approval.reject', 'branch.merge', 'budget.exceed', 'exception.add', 'forge.ci.run', 'forge.commit.push', 'forge.deploy', 'forge.deploy.status', 'forge.pr.merge', 'forge.release.publish', 'infra.change', 'pr.merge', 'record.gap', 'release.publish', 'retention.sweep', 'schema.migrate', 'secret.rotate', 'workflow.run') OR what >= 'deploy.' AND what < 'deploy/';

-- What is known of a pull request or issue, and no more of it than is wanted; else as
-- whodid_facts.
CREATE FUNCTION whodid_some_facts(about text, most bigint) RETURNS SETOF event LANGUAGE sql STABLE SECURITY DEFINER AS $$
    (SELECT e.* FROM event AS e WHERE e.org = current_setting('whodid.org', true) AND lower(e.target COLLATE "C") = lower(about) AND e.what >= 'forge.' AND e.what < 'forge/' LIMIT most)
    UNION ALL
    (SELECT e.* FROM event AS e WHERE e.org = current_setting('whodid.org', true) AND lower(e.target COLLATE "C") = lower(about) AND e.what >= 'pr.' AND e.what < 'pr/' LIMIT most)
$$;
REVOKE ALL ON FUNCTION whodid_some_facts(text, bigint) FROM PUBLIC;
-- Temporary tables come last, for anybody can make one with another's name.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION whodid_some_facts(text, bigint) SET search_path = %I, pg_temp', current_schema());
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
        GRANT EXECUTE ON FUNCTION whodid_some_facts(text, bigint) TO whodid_app;
    END IF;
END $$;
