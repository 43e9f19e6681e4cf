-- How far each sink has come. One process at a time sends for a sink: the one that
-- holds its lease.

CREATE TABLE sink (
    org        text   COLLATE "C" NOT NULL,
    name       text   COLLATE "C" NOT NULL,
    next       bigint NOT NULL,
    holder     text   NOT NULL,
    held_until bigint NOT NULL,
    sent_at    bigint,
    failures   bigint NOT NULL,
    failed_at  bigint,
    reason     text   NOT NULL,
    PRIMARY KEY (org, name)
) WITH (fillfactor = 50);

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
        GRANT SELECT, INSERT, UPDATE ON sink TO whodid_app;
    END IF;
END $$;
