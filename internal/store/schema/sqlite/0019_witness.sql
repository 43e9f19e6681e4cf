-- What witnesses gave for checkpoints of the log. It is evidence: it stays as it
-- is, and says nothing that the witness did not sign.
CREATE TABLE witnessed (
    org         TEXT    NOT NULL,
    witness     TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    checkpoint  TEXT    NOT NULL,
    evidence    TEXT    NOT NULL,
    seen_at     INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (org, witness, size)
) STRICT, WITHOUT ROWID;
CREATE INDEX witnessed_by_size ON witnessed (org, size);
CREATE TRIGGER witnessed_no_delete BEFORE DELETE ON witnessed BEGIN
    SELECT RAISE(ABORT, 'what a witness gave cannot be deleted');
END;
CREATE TRIGGER witnessed_no_update BEFORE UPDATE ON witnessed BEGIN
    SELECT RAISE(ABORT, 'what a witness gave cannot be changed');
END;

-- How it went the last time that a witness was shown the log.
CREATE TABLE witness (
    org      TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    size     INTEGER NOT NULL,
    tried_at INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    refused  INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (org, name)
) STRICT, WITHOUT ROWID;
