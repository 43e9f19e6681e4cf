-- Tables whose files may still hold what was erased: noted in the transaction that
-- erases, and struck out when the files were rewritten, by whoever gets to it.
CREATE TABLE unclean (
    org  text COLLATE "C" NOT NULL,
    id   text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    PRIMARY KEY (org, id, name)
);

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
        GRANT SELECT, INSERT ON unclean TO whodid_app;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_sweeper') THEN
        GRANT SELECT, INSERT ON unclean TO whodid_sweeper;
    END IF;
END $$;

-- whodid_sweep_keep does what whodid_sweep_copy does, for a month of which it is
-- known what is kept, which is less than what goes. If something else is there too,
-- it was not planned, and nothing is done.
CREATE FUNCTION whodid_sweep_keep(month text, gone bigint, kept bigint[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    stay   bigint;
    copied bigint;
    span   text;
BEGIN
    IF month !~ '^event_(run|session)_[0-9]{6}$' THEN
        RAISE EXCEPTION '% is no month of the trail', month;
    END IF;
    EXECUTE format('LOCK TABLE %I IN SHARE MODE', month);
    EXECUTE format('SELECT count(*) FROM %I', month) INTO stay;
    stay := stay - gone;
    IF stay = 0 AND cardinality(kept) = 0 THEN
        RETURN 0;
    END IF;
    IF stay > gone THEN
        RETURN -1; -- too little goes for all the rest to be copied
    END IF;
    SELECT pg_get_expr(relpartbound, oid) INTO span FROM pg_class WHERE oid = to_regclass(format('%I.%I', current_schema(), month));
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', month || '_stays', month);
    EXECUTE format('INSERT INTO %I SELECT * FROM %I WHERE org <> $1 OR seq = ANY ($2)', month || '_stays', month)
        USING current_setting('whodid.org'), kept;
    GET DIAGNOSTICS copied = ROW_COUNT;
    IF copied <> stay THEN
        RAISE EXCEPTION 'in % there are % events that nobody planned for', month, stay - copied USING ERRCODE = 'serialization_failure';
    END IF;
    -- With this, nothing has to be read again when it takes its place.
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT of_month CHECK (class = %L AND recorded_at >= %s AND recorded_at < %s)', month || '_stays',
        split_part(month, '_', 2), (regexp_match(span, 'FROM \(''?(\d+)'))[1], (regexp_match(span, 'TO \(''?(\d+)'))[1]);
    RETURN stay;
END $$;

DO $$
BEGIN
    -- Temporary tables come last, for anybody can make one with another's name.
    EXECUTE format('ALTER FUNCTION whodid_sweep_keep(text, bigint, bigint[]) SET search_path = %I, pg_temp', current_schema());
    REVOKE ALL ON FUNCTION whodid_sweep_keep(text, bigint, bigint[]) FROM PUBLIC;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_sweeper') THEN
        GRANT EXECUTE ON FUNCTION whodid_sweep_keep(text, bigint, bigint[]) TO whodid_sweeper;
    END IF;
END $$;
