-- What witnesses gave for checkpoints of the log. It is evidence: it stays as it
-- is, and says nothing that the witness did not sign.
CREATE TABLE witnessed (
    org         text   COLLATE "C" NOT NULL,
    witness     text   COLLATE "C" NOT NULL,
    size        bigint NOT NULL,
    kind        text   NOT NULL,
    checkpoint  text   NOT NULL,
    evidence    text   NOT NULL,
    seen_at     bigint NOT NULL,
    recorded_at bigint NOT NULL,
    PRIMARY KEY (org, witness, size)
);
CREATE INDEX witnessed_by_size ON witnessed (org, size);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON witnessed FOR EACH ROW EXECUTE FUNCTION whodid_append_only();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON witnessed FOR EACH STATEMENT EXECUTE FUNCTION whodid_append_only();

-- How it went the last time that a witness was shown the log.
CREATE TABLE witness (
    org      text   COLLATE "C" NOT NULL,
    name     text   COLLATE "C" NOT NULL,
    size     bigint NOT NULL,
    tried_at bigint NOT NULL,
    failures bigint NOT NULL,
    refused  bigint NOT NULL,
    reason   text   NOT NULL,
    PRIMARY KEY (org, name)
) WITH (fillfactor = 50);

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
        GRANT SELECT, INSERT ON witnessed TO whodid_app;
        GRANT SELECT, INSERT, UPDATE ON witness TO whodid_app;
    END IF;
END $$;
