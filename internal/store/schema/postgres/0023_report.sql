-- What a report would otherwise have to find out for every pull request and every
-- approval of a week. Triggers keep it, so that nothing can change an event and
-- forget it, and verify finds all of it out again. Neither table has a word of what
-- people wrote.

-- Every merge that a forge told of, and which agent opened the pull request: the
-- first that says so, whenever it was recorded. The opener is the place of that
-- event in the log, -1 if no agent's is there. Merges of one pull request have one
-- opener.
CREATE TABLE merge (
    org       text COLLATE "C" NOT NULL,
    at        bigint NOT NULL,
    seq       bigint NOT NULL,
    opener    bigint NOT NULL,
    agent     text COLLATE "C" NOT NULL,
    execution text COLLATE "C" NOT NULL,
    PRIMARY KEY (org, at, seq)
);

-- What the events say. A sum keeps the planner from reading events by their time in
-- search of those with a target.
CREATE VIEW merge_told AS
SELECT f.org, f.at, f.seq, COALESCE(a.seq, -1) AS opener, COALESCE(substr(a.actor, 7), '') AS agent, COALESCE(a.execution, '') AS execution,
       lower(f.target COLLATE "C") AS pull
FROM event AS f
LEFT JOIN LATERAL (
    SELECT c.seq, c.actor, c.execution FROM event AS c
    WHERE c.org = f.org AND c.class = 'run' AND lower(c.target COLLATE "C") = lower(f.target COLLATE "C")
      AND c.what >= 'pr.' AND c.what < 'pr/' AND c.what = 'pr.create' AND c.action = 1 AND c.result IN ('success', 'attempted')
      AND starts_with(c.actor, 'agent:')
    ORDER BY c.at + 0, c.seq LIMIT 1
) AS a ON true
WHERE f.class = 'run' AND f.what >= 'forge.' AND f.what < 'forge/' AND f.what = 'forge.pr.merge';

CREATE FUNCTION whodid_merge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM merge AS m WHERE m.org = OLD.org AND m.at = OLD.at AND m.seq = OLD.seq;
        INSERT INTO merge (org, at, seq, opener, agent, execution)
        SELECT t.org, t.at, t.seq, t.opener, t.agent, t.execution FROM merge_told AS t WHERE t.org = OLD.org AND t.pull = lower(OLD.target COLLATE "C")
        ON CONFLICT (org, at, seq) DO UPDATE SET opener = excluded.opener, agent = excluded.agent, execution = excluded.execution;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO merge (org, at, seq, opener, agent, execution)
        SELECT t.org, t.at, t.seq, t.opener, t.agent, t.execution FROM merge_told AS t WHERE t.org = NEW.org AND t.pull = lower(NEW.target COLLATE "C")
        ON CONFLICT (org, at, seq) DO UPDATE SET opener = excluded.opener, agent = excluded.agent, execution = excluded.execution;
    END IF;
    RETURN NULL;
END $$;

-- A month that goes as a whole tells no trigger.
CREATE FUNCTION whodid_sweep_merges(gone bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    mine  text := current_setting('whodid.org');
    facts bigint[];
BEGIN
    DELETE FROM merge WHERE org = mine AND seq = ANY (gone);
    SELECT array_agg(seq) INTO facts FROM merge WHERE org = mine AND opener = ANY (gone);
    IF facts IS NOT NULL THEN
        UPDATE merge AS m SET opener = t.opener, agent = t.agent, execution = t.execution
        FROM merge_told AS t WHERE t.org = mine AND t.seq = ANY (facts) AND m.org = t.org AND m.at = t.at AND m.seq = t.seq;
    END IF;
END $$;

-- The merges in a time of pull requests that agents say they merged. Letters match
-- without case, and PostgreSQL uses no index for that under a policy: this function
-- belongs to the tables' owner and asks for the caller's own organisation and no other.
CREATE FUNCTION whodid_claimed_merges(since bigint, until bigint, patience bigint) RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT DISTINCT f.seq FROM event AS c
    CROSS JOIN LATERAL (
        SELECT m.seq, m.at FROM event AS m
        WHERE m.org = c.org AND m.class = 'run' AND lower(m.target COLLATE "C") = lower(c.target COLLATE "C")
          AND m.what >= 'forge.' AND m.what < 'forge/' AND m.what = 'forge.pr.merge'
        OFFSET 0
    ) AS f
    WHERE c.org = current_setting('whodid.org', true) AND c.class = 'run' AND c.what = 'pr.merge' AND c.at >= since - patience AND c.at < until + patience
      AND c.action = 1 AND f.at >= since AND f.at < until
$$;
DROP FUNCTION whodid_pull_openers(bigint, bigint);

-- When an approval was asked for and decided on, by the trail's clock, and whether it
-- was plainly granted: a person who may decided on just that, in time. What is not
-- plain is looked at closely when somebody asks. Of parts that are there more than
-- once, which their keys forbid, the last counts.
CREATE TABLE approval_end (
    org       text COLLATE "C" NOT NULL,
    approval  text COLLATE "C" NOT NULL,
    requested bigint NOT NULL,
    decided   bigint,
    granted   smallint NOT NULL,
    PRIMARY KEY (org, approval)
);
CREATE INDEX approval_end_by_time ON approval_end (org, decided);

CREATE VIEW approval_told AS
SELECT r.org, r.approval, r.recorded_at AS requested, d.recorded_at AS decided,
       CASE WHEN d.what = 'approval.grant' AND starts_with(d.actor, 'human:') AND d.actor <> r.actor
             AND (r.data ->> 'four_eyes' IS NULL OR d.actor <> r.on_behalf_of)
             AND r.data ->> 'digest' <> '' AND d.data ->> 'digest' = r.data ->> 'digest'
             AND (r.data ->> 'signature_required' IS NULL OR d.data -> 'signature' ->> 0 <> '')
             AND (r.data ->> 'expires' IS NULL OR r.data ->> 'expires' LIKE '____-__-__T__:__:__%Z'
                 AND to_char(timestamp 'epoch' + d.recorded_at * interval '1 microsecond', 'YYYY-MM-DD"T"HH24:MI:SS') < r.data ->> 'expires')
            THEN 1 ELSE 0 END AS granted
FROM event AS r
LEFT JOIN event AS d ON d.org = r.org AND d.class = 'permanent' AND d.seq = (
    SELECT MAX(x.seq) FROM event AS x WHERE x.org = r.org AND x.class = 'permanent' AND x.approval <> '' AND x.approval = r.approval
      AND x.what IN ('approval.grant', 'approval.reject', 'approval.cancel', 'approval.expire'))
WHERE r.class = 'permanent' AND r.approval <> '' AND r.what = 'approval.request' AND r.seq = (
    SELECT MAX(x.seq) FROM event AS x WHERE x.org = r.org AND x.class = 'permanent' AND x.approval <> '' AND x.approval = r.approval
      AND x.what = 'approval.request');

CREATE FUNCTION whodid_approval_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO approval_end (org, approval, requested, decided, granted)
    SELECT t.org, t.approval, t.requested, t.decided, t.granted FROM approval_told AS t WHERE t.org = NEW.org AND t.approval = NEW.approval
    ON CONFLICT (org, approval) DO UPDATE SET requested = excluded.requested, decided = excluded.decided, granted = excluded.granted;
    RETURN NULL;
END $$;

DO $$
DECLARE
    name text;
    role text;
BEGIN
    FOREACH name IN ARRAY ARRAY['whodid_merge()', 'whodid_approval_end()', 'whodid_sweep_merges(bigint[])', 'whodid_claimed_merges(bigint, bigint, bigint)'] LOOP
        -- Temporary tables come last, for anybody can make one with another's name.
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', name);
    END LOOP;
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('whodid_app', 'whodid_sweeper') LOOP
        EXECUTE format('GRANT SELECT ON merge, approval_end TO %I', role);
    END LOOP;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
        GRANT EXECUTE ON FUNCTION whodid_claimed_merges(bigint, bigint, bigint) TO whodid_app;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_sweeper') THEN
        GRANT EXECUTE ON FUNCTION whodid_sweep_merges(bigint[]) TO whodid_sweeper;
    END IF;
END $$;

CREATE TRIGGER merge_told AFTER INSERT ON event_run FOR EACH ROW
WHEN (NEW.what IN ('forge.pr.merge', 'pr.create')) EXECUTE FUNCTION whodid_merge();
CREATE TRIGGER merge_changed AFTER UPDATE OR DELETE ON event_run FOR EACH ROW
WHEN (OLD.what IN ('forge.pr.merge', 'pr.create')) EXECUTE FUNCTION whodid_merge();
CREATE TRIGGER approval_told AFTER INSERT OR UPDATE ON event_permanent FOR EACH ROW
WHEN (NEW.what IN ('approval.request', 'approval.grant', 'approval.reject', 'approval.cancel', 'approval.expire')) EXECUTE FUNCTION whodid_approval_end();

-- Policies that are forced would hide all events from this.
ALTER TABLE event NO FORCE ROW LEVEL SECURITY;
INSERT INTO merge (org, at, seq, opener, agent, execution) SELECT org, at, seq, opener, agent, execution FROM merge_told ORDER BY at, seq;
INSERT INTO approval_end (org, approval, requested, decided, granted) SELECT org, approval, requested, decided, granted FROM approval_told ORDER BY requested;

-- The same index as before by verb, so that a few events of one kind are found among
-- many of another.
DROP INDEX event_of_report;
CREATE INDEX event_of_report ON event (org, what, at)
WHERE what IN ('forge.deploy.status', 'forge.issue.close', 'forge.issue.reopen', 'forge.pr.merge', 'forge.release.publish', 'issue.close', 'pr.merge', 'record.gap')
   OR what >= 'budget.' AND what < 'budget/' OR what >= 'deploy.' AND what < 'deploy/' OR what >= 'infra.' AND what < 'infra/' OR what >= 'release.' AND what < 'release/' OR what >= 'schema.' AND what < 'schema/' OR what >= 'secret.' AND what < 'secret/';

-- Of words that are everywhere the last few thousand decisions have enough, and the
-- others need not be read and sorted. The planner does not know which words are
-- everywhere; here it has to ask both indexes before it reads any row.
CREATE OR REPLACE FUNCTION whodid_recent_decisions_with(org_of text, words tsquery, newest bigint, since bigint) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_indexscan = off SET cpu_tuple_cost = 100 AS $$
BEGIN
    RETURN ARRAY (
        SELECT e.seq FROM event_permanent AS e
        WHERE e.org = org_of AND e.what IN ('decision.record', 'decision.summarize') AND e.salt IS NOT NULL
          AND whodid_decision_words(e.target, e.why, e.data) @@ words AND e.seq >= since
        ORDER BY e.seq DESC LIMIT newest);
END $$;
CREATE OR REPLACE FUNCTION whodid_decisions_with(org_of text, words tsquery, newest bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    since  bigint;
    recent bigint[];
BEGIN
    IF org_of IS DISTINCT FROM current_setting('whodid.org', true) THEN
        RAISE EXCEPTION 'this connection is not that of the organisation' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF newest IS NOT NULL THEN
        SELECT e.seq INTO since FROM event_permanent AS e
        WHERE e.org = org_of AND e.what IN ('decision.record', 'decision.summarize') ORDER BY e.seq DESC OFFSET 10 * newest LIMIT 1;
    END IF;
    IF since IS NOT NULL THEN
        recent := whodid_recent_decisions_with(org_of, words, newest, since);
        IF cardinality(recent) = newest THEN
            RETURN QUERY SELECT unnest(recent);
            RETURN;
        END IF;
    END IF;
    RETURN QUERY
        SELECT e.seq FROM event_permanent AS e
        WHERE e.org = org_of AND e.what IN ('decision.record', 'decision.summarize') AND e.salt IS NOT NULL
          AND whodid_decision_words(e.target, e.why, e.data) @@ words
        ORDER BY e.seq DESC LIMIT newest;
END $$;
DO $$
BEGIN
    -- Temporary tables come last, for anybody can make one with another's name.
    EXECUTE format('ALTER FUNCTION whodid_recent_decisions_with(text, tsquery, bigint, bigint) SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION whodid_decisions_with(text, tsquery, bigint) SET search_path = %I, pg_temp', current_schema());
    REVOKE ALL ON FUNCTION whodid_recent_decisions_with(text, tsquery, bigint, bigint) FROM PUBLIC;
END $$;

-- How many actions of a kind had a result in an hour, by when they were done, so that
-- those of a week need not be counted one by one. An append adds to it, a sweep takes
-- away, and verify counts again. Attempts are not in it, for what becomes of them is
-- known later; they have an index.
CREATE TABLE action_hour (
    org    text COLLATE "C" NOT NULL,
    hour   bigint NOT NULL,
    what   text COLLATE "C" NOT NULL,
    result text COLLATE "C" NOT NULL,
    n      bigint NOT NULL,
    PRIMARY KEY (org, hour, what, result)
) WITH (fillfactor = 50);
INSERT INTO action_hour (org, hour, what, result, n)
SELECT org, at / 3600000000, what, result, COUNT(*) FROM event WHERE action = 1 AND NOT (id >= 'try-' AND id < 'try.') GROUP BY 1, 2, 3, 4;
CREATE INDEX event_attempt ON event (org, at) WHERE action = 1 AND id >= 'try-' AND id < 'try.';

CREATE FUNCTION whodid_sweep_actions(month text, gone bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF month !~ '^event_(run|session)_[0-9]{6}$' THEN
        RAISE EXCEPTION '% is no month of the trail', month;
    END IF;
    EXECUTE format('INSERT INTO action_hour (org, hour, what, result, n) SELECT org, at / 3600000000, what, result, -COUNT(*) FROM %I '
        'WHERE org = $1 AND seq = ANY ($2) AND action = 1 AND NOT (id >= ''try-'' AND id < ''try.'') GROUP BY 1, 2, 3, 4 '
        'ON CONFLICT (org, hour, what, result) DO UPDATE SET n = action_hour.n + excluded.n', month)
        USING current_setting('whodid.org'), gone;
END $$;
DO $$
DECLARE role text;
BEGIN
    -- Temporary tables come last, for anybody can make one with another's name.
    EXECUTE format('ALTER FUNCTION whodid_sweep_actions(text, bigint[]) SET search_path = %I, pg_temp', current_schema());
    REVOKE ALL ON FUNCTION whodid_sweep_actions(text, bigint[]) FROM PUBLIC;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_sweeper') THEN
        GRANT EXECUTE ON FUNCTION whodid_sweep_actions(text, bigint[]) TO whodid_sweeper;
    END IF;
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('whodid_app', 'whodid_sweeper') LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON action_hour TO %I', role);
    END LOOP;
END $$;
