-- What a forge says of what agents say they did. Nothing is kept for it: both are
-- events of the log, and the view finds the one for the other, whichever came
-- first. Numbers are microseconds: an hour around what can happen again and
-- again, two minutes for clocks that differ.
--
-- Planning is what this costs: every table that is read is read in every
-- partition. Therefore each question is asked once, beside the action (LATERAL),
-- and only where such facts can lie (class).

CREATE INDEX event_of_forge ON event (org, lower(target COLLATE "C"), what) WHERE what >= 'forge.' AND what < 'forge/';
CREATE INDEX event_of_pull ON event (org, lower(target COLLATE "C")) WHERE what >= 'pr.' AND what < 'pr/';
CREATE INDEX event_of_ci ON event (org, ((data ->> 'sha') COLLATE "C")) WHERE what = 'forge.ci.run';

CREATE VIEW confirmations AS
SELECT e.id AS event_id, e.execution AS execution_id,
       CASE WHEN e.what = 'test.run' THEN CASE WHEN ci.result = 'success' THEN 'confirmed' WHEN ci.result = 'failed' THEN 'contradicted' END
            WHEN yes.id IS NOT NULL THEN 'confirmed'
            WHEN no.id IS NOT NULL THEN 'contradicted'
            WHEN hook.heard = 1 AND e.at < (extract(epoch FROM now()) * 1000000)::bigint - 3600000000 THEN 'unconfirmed'
       END AS state,
       COALESCE(yes.id, no.id, ci.id) AS fact_id, COALESCE(yes.what, no.what, ci.what) AS fact, COALESCE(yes.actor, no.actor, ci.actor) AS fact_actor,
       COALESCE(yes.source, no.source, ci.source) AS source, COALESCE(yes.data, no.data, ci.data) ->> 'delivery' AS delivery,
       timestamptz 'epoch' + COALESCE(yes.at, no.at, ci.at) * interval '1 microsecond' AS told_at,
       COALESCE(hook.heard, 0) AS expected, e.seq, COALESCE(yes.seq, no.seq, ci.seq) AS fact_seq, e.org
FROM event AS e
LEFT JOIN LATERAL (
    SELECT f.id, f.what, f.actor, f.source, f.data, f.at, f.seq FROM event AS f
    WHERE e.what <> 'test.run' AND f.org = e.org AND f.class = 'run'
      AND f.what >= 'forge.' AND f.what < 'forge/' AND lower(f.target COLLATE "C") = lower(e.target COLLATE "C")
      AND CASE
          WHEN e.what IN ('pr.create', 'issue.create', 'release.publish') THEN f.what = 'forge.' || e.what
          WHEN e.what IN ('pr.merge', 'pr.close', 'pr.review', 'pr.comment', 'issue.close', 'issue.comment') THEN
            f.what = 'forge.' || e.what AND f.at >= e.at - 3600000000 AND (f.at <= e.at + 3600000000 OR e.what = 'pr.merge' AND e.result = 'attempted')
          WHEN e.what = 'commit.push' AND length(lower(e.data ->> 'sha')) >= 7 THEN f.what = 'forge.commit.push' AND (substr(f.data ->> 'sha', 1, length(lower(e.data ->> 'sha'))) = lower(e.data ->> 'sha') OR substr(f.data ->> 'before', 1, length(lower(e.data ->> 'sha'))) = lower(e.data ->> 'sha')
            OR strpos(f.data ->> 'shas', '"' || lower(e.data ->> 'sha')) > 0)
          WHEN e.what = 'commit.push' THEN f.what = 'forge.commit.push' AND f.at BETWEEN e.at - 600000000 AND e.at + 600000000
          ELSE f.what = 'forge.deploy.status' AND f.result = 'success' AND f.at BETWEEN e.at - 3600000000 AND e.at + 3600000000
            AND lower(f.data ->> 'environment') = substr(e.what, 8)
      END
    ORDER BY +f.at, f.seq LIMIT 1
) AS yes ON true
LEFT JOIN LATERAL (
    SELECT f.id, f.what, f.actor, f.source, f.data, f.at, f.seq FROM event AS f
    WHERE yes.id IS NULL AND e.result = 'success' AND e.what <> 'test.run' AND f.org = e.org AND f.class = 'run'
      AND f.what >= 'forge.' AND f.what < 'forge/' AND lower(f.target COLLATE "C") = lower(e.target COLLATE "C")
      AND CASE
          WHEN e.what = 'pr.merge' THEN f.what = 'forge.pr.close' AND f.at >= e.at - 120000000
            OR f.what IN ('forge.pr.update', 'forge.pr.merge') AND f.at > e.at + 3600000000
          WHEN e.what = 'pr.close' THEN f.what = 'forge.pr.merge' AND f.at <= e.at + 3600000000
          WHEN e.what = 'commit.push' AND length(lower(e.data ->> 'sha')) >= 7 THEN
            f.what = 'forge.commit.push' AND f.at BETWEEN e.at - 120000000 AND e.at + 3600000000
          WHEN e.what LIKE 'deploy.%' THEN f.what = 'forge.deploy.status' AND f.result = 'failed' AND f.at BETWEEN e.at - 120000000 AND e.at + 3600000000
            AND lower(f.data ->> 'environment') = substr(e.what, 8)
      END
    ORDER BY +f.at, f.seq LIMIT 1
) AS no ON true
LEFT JOIN LATERAL (
    -- The commit that was tested: named by the run itself, or the next one of its execution.
    SELECT COALESCE(lower(e.data ->> 'sha'), (
        SELECT lower(c.data ->> 'sha') FROM event AS c
        WHERE c.org = e.org AND c.class = 'run' AND c.execution <> '' AND c.execution = e.execution AND +c.at >= e.at
          AND c.what IN ('commit.create', 'commit.push') AND length(c.data ->> 'sha') >= 7
        ORDER BY +c.at, c.seq LIMIT 1)) AS sha
    WHERE e.what = 'test.run' LIMIT 1
) AS tested ON true
LEFT JOIN LATERAL (
    SELECT r.id, r.what, r.actor, r.source, r.data, r.at, r.seq, r.result FROM event AS r
    WHERE r.org = e.org AND r.class = 'run' AND r.what = 'forge.ci.run' AND r.result IN ('success', 'failed')
      AND (lower(COALESCE(r.data ->> 'name', 'ci')) LIKE '%test%' OR lower(COALESCE(r.data ->> 'name', 'ci')) LIKE '%ci%')
      AND (r.data ->> 'sha') COLLATE "C" >= tested.sha AND (r.data ->> 'sha') COLLATE "C" < tested.sha || 'g'
    ORDER BY +r.at DESC, r.seq DESC LIMIT 1
) AS ci ON ci.result = 'success' OR e.result = 'success'
LEFT JOIN LATERAL (
    SELECT 1 AS heard FROM event AS h
    WHERE e.result = 'success' AND e.what <> 'test.run' AND h.org = e.org AND h.class = 'run' AND h.what = 'forge.hook' AND +h.at <= e.at
      AND lower(h.target COLLATE "C") = split_part(split_part(split_part(lower(e.target COLLATE "C"), '#', 1), '!', 1), '@', 1)
      -- One that was taken away by the time that it should have told says nothing by its silence, unless it was heard again since.
      AND NOT EXISTS (
          SELECT 1 FROM event AS u
          WHERE u.org = h.org AND u.class = 'run' AND u.what = 'forge.unhook' AND lower(u.target COLLATE "C") = lower(h.target COLLATE "C")
            AND u.data ->> 'hook' IS NOT DISTINCT FROM h.data ->> 'hook' AND +u.at >= h.at AND +u.at <= e.at + 3600000000
            AND NOT EXISTS (
                SELECT 1 FROM event AS f
                WHERE f.org = h.org AND f.class = 'run' AND f.what >= 'forge.' AND f.what < 'forge/' AND f.what <> 'forge.unhook' AND f.source = h.source
                  AND lower(f.data ->> 'repository') = lower(h.target) AND f.data ->> 'hook' IS NOT DISTINCT FROM h.data ->> 'hook' AND f.at > u.at AND f.at <= e.at))
    LIMIT 1
) AS hook ON true
WHERE e.action = 1 AND e.class = 'run' AND e.result IN ('success', 'attempted')
  AND (e.what IN ('pr.create', 'pr.merge', 'pr.close', 'pr.review', 'pr.comment', 'issue.create', 'issue.close', 'issue.comment',
                  'commit.push', 'release.publish', 'test.run') OR e.what >= 'deploy.' AND e.what < 'deploy/');

CREATE OR REPLACE VIEW actions AS
SELECT execution AS execution_id, what AS action_type, target, result, approval AS approval_id, data AS metadata,
       timestamptz 'epoch' + at * interval '1 microsecond' AS at,
       actor, why, session AS session_id, source, id AS event_id, seq, org,
       CASE WHEN result IN ('success', 'attempted') THEN (SELECT c.state FROM confirmations AS c WHERE c.org = e.org AND c.seq = e.seq) END AS confirmation
FROM event AS e
WHERE action = 1
  AND NOT (starts_with(id, 'try-') AND EXISTS (
      SELECT 1 FROM event_id AS settled WHERE settled.org = e.org AND settled.id = 'evt-' || substr(e.id, 5)));

COMMENT ON COLUMN actions.confirmation IS 'What the forge says of it: confirmed, contradicted, unconfirmed; NULL is unknown.';
COMMENT ON VIEW confirmations IS 'One row for each action that a forge could confirm.';
COMMENT ON COLUMN confirmations.event_id IS 'The action.';
COMMENT ON COLUMN confirmations.execution_id IS 'The execution that acted; empty if none is known.';
COMMENT ON COLUMN confirmations.state IS 'confirmed, contradicted, unconfirmed (a webhook should have told of it within an hour and did not); NULL is unknown.';
COMMENT ON COLUMN confirmations.fact_id IS 'The event of the forge that says so.';
COMMENT ON COLUMN confirmations.fact IS 'What the forge says happened.';
COMMENT ON COLUMN confirmations.fact_actor IS 'Who did it, as the forge says.';
COMMENT ON COLUMN confirmations.source IS 'Who told: webhook:github, or import:github if it was read from the forge''s API.';
COMMENT ON COLUMN confirmations.delivery IS 'The forge''s id of the delivery.';
COMMENT ON COLUMN confirmations.told_at IS 'When it happened, by the forge''s clock.';
COMMENT ON COLUMN confirmations.expected IS '1 if a webhook of the repository was heard of before the action, and was not taken away.';
COMMENT ON COLUMN confirmations.seq IS 'The action''s place in the log.';
COMMENT ON COLUMN confirmations.fact_seq IS 'The forge''s fact''s place in the log.';
COMMENT ON COLUMN confirmations.org IS 'The organisation.';

-- The application sees the rows of one organisation only, by a policy before which
-- no index over an expression may be used. These functions use them; each answers
-- for the organisation that the connection is set to, and for no other.
--
-- The first keeps its plan, for making it takes ten times as long as its work; a
-- plan that reads no whole table is as good when the trail has grown.
CREATE FUNCTION whodid_confirmations(wanted bigint[]) RETURNS SETOF confirmations LANGUAGE plpgsql STABLE SECURITY DEFINER
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
BEGIN
    RETURN QUERY SELECT c.* FROM confirmations AS c WHERE c.org = current_setting('whodid.org', true) AND c.seq = ANY (wanted);
END $$;
CREATE FUNCTION whodid_facts(about text) RETURNS SETOF event LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT e.* FROM event AS e WHERE e.org = current_setting('whodid.org', true) AND lower(e.target COLLATE "C") = lower(about) AND e.what >= 'forge.' AND e.what < 'forge/'
    UNION ALL
    SELECT e.* FROM event AS e WHERE e.org = current_setting('whodid.org', true) AND lower(e.target COLLATE "C") = lower(about) AND e.what >= 'pr.' AND e.what < 'pr/'
$$;
CREATE FUNCTION whodid_facts_within(repository text, teller text) RETURNS SETOF event LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT e.* FROM event AS e
    WHERE e.org = current_setting('whodid.org', true) AND e.what >= 'forge.' AND e.what < 'forge/' AND e.what NOT IN ('forge.hook', 'forge.unhook') AND e.source = teller
      AND (lower(e.target COLLATE "C") = lower(repository)
        OR lower(e.target COLLATE "C") >= lower(repository) || '!' AND lower(e.target COLLATE "C") < lower(repository) || '$'
        OR lower(e.target COLLATE "C") >= lower(repository) || '@' AND lower(e.target COLLATE "C") < lower(repository) || 'A')
    ORDER BY e.seq DESC LIMIT 1
$$;
CREATE FUNCTION whodid_runs(commit_id text) RETURNS SETOF event LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT e.* FROM event AS e WHERE e.org = current_setting('whodid.org', true) AND e.what = 'forge.ci.run' AND ((e.data ->> 'sha') COLLATE "C") = commit_id
$$;
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['whodid_confirmations(bigint[])', 'whodid_facts(text)', 'whodid_facts_within(text, text)', 'whodid_runs(text)'] LOOP
        -- Temporary tables come last, for anybody can make one with another's name.
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', name);
        IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO whodid_app', name);
        END IF;
    END LOOP;
END $$;
