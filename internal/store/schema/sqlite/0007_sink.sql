-- How far each sink has come. One process at a time sends for a sink: the one that
-- holds its lease.

CREATE TABLE sink (
    org        TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    next       INTEGER NOT NULL,
    holder     TEXT    NOT NULL,
    held_until INTEGER NOT NULL,
    sent_at    INTEGER,
    failures   INTEGER NOT NULL,
    failed_at  INTEGER,
    reason     TEXT    NOT NULL,
    PRIMARY KEY (org, name)
) STRICT, WITHOUT ROWID;
