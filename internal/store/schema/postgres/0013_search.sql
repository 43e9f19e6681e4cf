-- Under row-level security PostgreSQL asks the policy first, and an index only
-- for conditions that can't tell what rows hold; the match of words is none of
-- these. This function belongs to the tables' owner, to whom the policy does
-- not apply, and asks for the caller's own organisation and no other.
CREATE FUNCTION whodid_decisions_with(org_of text, words tsquery, newest bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    IF org_of IS DISTINCT FROM current_setting('whodid.org', true) THEN
        RAISE EXCEPTION 'this connection is not that of the organisation' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
        SELECT e.seq FROM event_permanent AS e
        WHERE e.org = org_of AND e.what IN ('decision.record', 'decision.summarize') AND e.salt IS NOT NULL
          AND whodid_decision_words(e.target, e.why, e.data) @@ words
        ORDER BY e.seq DESC LIMIT newest;
END $$;
REVOKE ALL ON FUNCTION whodid_decisions_with(text, tsquery, bigint) FROM PUBLIC;
-- Temporary tables come last, for anybody can make one with another's name.
DO $$
DECLARE role text;
BEGIN
    EXECUTE format('ALTER FUNCTION whodid_decisions_with(text, tsquery, bigint) SET search_path = %I, pg_temp', current_schema());
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname = 'whodid_app' LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION whodid_decisions_with(text, tsquery, bigint) TO %I', role);
    END LOOP;
END $$;
