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
