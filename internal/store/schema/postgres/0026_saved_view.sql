-- Questions about runs that people gave names to. They are no facts about agents,
-- so they are not in the log: they can be changed, and are gone when they are deleted.

CREATE TABLE saved_view (
    org      text   COLLATE "C" NOT NULL,
    owner    text   COLLATE "C" NOT NULL,
    name     text   COLLATE "C" NOT NULL,
    query    text   NOT NULL,
    shared   bigint NOT NULL,
    saved_at bigint NOT NULL,
    PRIMARY KEY (org, owner, name)
);

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON saved_view TO whodid_app;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_sweeper') THEN
        GRANT SELECT, DELETE ON saved_view TO whodid_sweeper;
    END IF;
END $$;
