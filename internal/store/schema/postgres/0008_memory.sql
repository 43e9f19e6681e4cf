-- The words of decisions, for searching: an index over the events themselves,
-- which can't say anything else than they do. All punctuation of ASCII
-- separates words, as on SQLite, and no dictionary changes them.

CREATE FUNCTION whodid_decision_words(target text, why text, data json) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 2000 AS $$
    SELECT to_tsvector('pg_catalog.simple'::regconfig, translate(
        target || ' ' || why || ' ' || COALESCE(data ->> 'decided', '') || ' ' || COALESCE(data ->> 'expected', '')
        || ' ' || COALESCE(data ->> 'alternatives', '') || ' ' || COALESCE(data ->> 'issue', '') || ' ' || COALESCE(data ->> 'path', ''),
        '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)))
$$;

CREATE INDEX event_decision_words ON event_permanent USING gin (whodid_decision_words(target, why, data))
WHERE what IN ('decision.record', 'decision.summarize') AND salt IS NOT NULL;

-- The decisions about a subject, and what is said of decisions later.
CREATE INDEX event_decision ON event_permanent (org, seq) WHERE what IN ('decision.record', 'decision.summarize');
CREATE INDEX event_decision_by_subject ON event_permanent (org, target, seq) WHERE what IN ('decision.record', 'decision.summarize');
CREATE INDEX event_of_decision ON event_permanent (org, target, seq) WHERE what IN ('decision.supersede', 'decision.outcome');
CREATE INDEX event_superseding ON event_permanent (org, seq) WHERE what = 'decision.supersede';
