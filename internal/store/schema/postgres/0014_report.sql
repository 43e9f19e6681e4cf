-- What a report tells of, by time: what forges say was achieved and what agents
-- say of it, what went wrong, and what seldom happens and weighs much. It holds
-- few events and costs the others nothing. Questions have its condition to the
-- letter, which SQLite asks for.
CREATE INDEX event_of_report ON event (org, at)
WHERE what IN ('forge.deploy.status', 'forge.issue.close', 'forge.issue.reopen', 'forge.pr.merge', 'forge.release.publish', 'issue.close', 'pr.merge', 'record.gap')
   OR what >= 'budget.' AND what < 'budget/' OR what >= 'deploy.' AND what < 'deploy/' OR what >= 'infra.' AND what < 'infra/' OR what >= 'release.' AND what < 'release/' OR what >= 'schema.' AND what < 'schema/' OR what >= 'secret.' AND what < 'secret/';

-- Which agent opened the pull requests that a forge says were merged. Letters
-- match without case, and PostgreSQL uses no index for that under a policy: this
-- function belongs to the tables' owner and asks for the caller's own
-- organisation and no other. A sum keeps the planner from reading events by their
-- time in search of those with a target.
CREATE FUNCTION whodid_pull_openers(since bigint, until bigint)
RETURNS TABLE (fact bigint, id text, actor text, execution text) LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT f.seq, a.id, a.actor, a.execution
    FROM event AS f
    CROSS JOIN LATERAL (
        SELECT c.id, c.actor, c.execution FROM event AS c
        WHERE c.org = f.org AND c.class = 'run' AND lower(c.target COLLATE "C") = lower(f.target COLLATE "C")
          AND c.what >= 'pr.' AND c.what < 'pr/' AND c.what = 'pr.create' AND c.action = 1 AND c.result IN ('success', 'attempted')
          AND starts_with(c.actor, 'agent:')
        ORDER BY c.at + 0, c.seq LIMIT 1
    ) AS a
    WHERE f.org = current_setting('whodid.org', true) AND f.class = 'run' AND f.at >= since AND f.at < until AND f.what = 'forge.pr.merge'
      AND (f.what IN ('forge.deploy.status', 'forge.issue.close', 'forge.issue.reopen', 'forge.pr.merge', 'forge.release.publish', 'issue.close', 'pr.merge', 'record.gap') OR f.what >= 'budget.' AND f.what < 'budget/' OR f.what >= 'deploy.' AND f.what < 'deploy/' OR f.what >= 'infra.' AND f.what < 'infra/' OR f.what >= 'release.' AND f.what < 'release/' OR f.what >= 'schema.' AND f.what < 'schema/' OR f.what >= 'secret.' AND f.what < 'secret/')
$$;
DO $$
DECLARE role text;
BEGIN
    REVOKE ALL ON FUNCTION whodid_pull_openers(bigint, bigint) FROM PUBLIC;
    -- Temporary tables come last, for anybody can make one with another's name.
    EXECUTE format('ALTER FUNCTION whodid_pull_openers(bigint, bigint) SET search_path = %I, pg_temp', current_schema());
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname = 'whodid_app' LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION whodid_pull_openers(bigint, bigint) TO %I', role);
    END LOOP;
END $$;
