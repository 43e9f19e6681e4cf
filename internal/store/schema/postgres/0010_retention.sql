-- What was swept. An event that is gone leaves its hash in the tree, its id, so
-- that it does not come back when it is told again, and its place in the set of the
-- sweep that took it. What the sweeps were is told by events.

CREATE TABLE sweep (
    org    text  COLLATE "C" NOT NULL,
    id     text  COLLATE "C" NOT NULL,
    places bytea NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON sweep FOR EACH ROW EXECUTE FUNCTION whodid_append_only();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON sweep FOR EACH STATEMENT EXECUTE FUNCTION whodid_append_only();

-- The ids stay where they are, on SQLite in a table of this name.
CREATE VIEW gone_id AS
SELECT i.org, i.id, i.seq FROM event_id AS i
WHERE NOT EXISTS (SELECT 1 FROM event AS e WHERE e.org = i.org AND e.seq = i.seq);

-- The few events about retention.
CREATE INDEX event_of_retention ON event_permanent (org, seq) WHERE what IN ('hold.place', 'hold.release', 'retention.set', 'retention.sweep', 'retention.tally');
-- The calls that count for another execution than their own.
CREATE INDEX event_of_part ON event (org, execution) WHERE what IN ('model.call', 'model.reprice') AND (data ->> 'run') IS NOT NULL;

-- A month is swept in three steps of one transaction. whodid_sweep_copy keeps
-- others from writing into the month, which nobody does once it is over, and copies
-- what stays, of all organisations, into a new table. That takes its time and is
-- in nobody's way. Then whodid_sweep_lock takes the lock that everybody waits for,
-- and whodid_sweep_swap puts the new table into the place of the old one, or
-- nothing, if nothing stays, which takes a moment.
CREATE FUNCTION whodid_sweep_copy(month text, gone bigint[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    stay bigint;
    span text;
BEGIN
    IF month !~ '^event_(run|session)_[0-9]{6}$' THEN
        RAISE EXCEPTION '% is no month of the trail', month;
    END IF;
    EXECUTE format('LOCK TABLE %I IN SHARE MODE', month);
    EXECUTE format('SELECT count(*) FROM %I', month) INTO stay;
    stay := stay - cardinality(gone);
    IF stay = 0 THEN
        RETURN 0;
    END IF;
    IF stay > cardinality(gone) THEN
        RETURN -1; -- too little goes for all the rest to be copied
    END IF;
    SELECT pg_get_expr(relpartbound, oid) INTO span FROM pg_class WHERE oid = to_regclass(format('%I.%I', current_schema(), month));
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', month || '_stays', month);
    EXECUTE format('INSERT INTO %I SELECT * FROM %I WHERE org <> $1 OR NOT seq = ANY ($2)', month || '_stays', month)
        USING current_setting('whodid.org'), gone;
    EXECUTE format('SELECT count(*) FROM %I', month || '_stays') INTO stay;
    -- With this, nothing has to be read again when it takes its place.
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT of_month CHECK (class = %L AND recorded_at >= %s AND recorded_at < %s)', month || '_stays',
        split_part(month, '_', 2), (regexp_match(span, 'FROM \(''?(\d+)'))[1], (regexp_match(span, 'TO \(''?(\d+)'))[1]);
    RETURN stay;
END $$;

CREATE FUNCTION whodid_sweep_lock(months text[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE month text;
BEGIN
    FOREACH month IN ARRAY months LOOP
        IF month !~ '^event_(run|session)_[0-9]{6}$' THEN
            RAISE EXCEPTION '% is no month of the trail', month;
        END IF;
        EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', 'event_' || split_part(month, '_', 2));
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', month);
    END LOOP;
END $$;

CREATE FUNCTION whodid_sweep_swap(month text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    class text := 'event_' || split_part(month, '_', 2);
    span  text;
BEGIN
    IF month !~ '^event_(run|session)_[0-9]{6}$' THEN
        RAISE EXCEPTION '% is no month of the trail', month;
    END IF;
    SELECT pg_get_expr(relpartbound, oid) INTO span FROM pg_class WHERE oid = to_regclass(format('%I.%I', current_schema(), month));
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', class, month);
    EXECUTE format('DROP TABLE %I', month);
    IF to_regclass(format('%I.%I', current_schema(), month || '_stays')) IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE %I RENAME TO %I', month || '_stays', month);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I %s', class, month, span);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT of_month', month);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION whodid_append_only()', month);
END $$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['whodid_sweep_copy(text, bigint[])', 'whodid_sweep_lock(text[])', 'whodid_sweep_swap(text)'] LOOP
        -- Temporary tables come last, for anybody can make one with another's name.
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', name);
        IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_sweeper') THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO whodid_sweeper', name);
        END IF;
    END LOOP;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_sweeper') THEN
        GRANT SELECT, INSERT ON sweep TO whodid_sweeper;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
        GRANT SELECT ON sweep TO whodid_app;
    END IF;
END $$;
