-- Who may use the trail. A token is kept as its hash; who made and who revoked
-- it is in the log too, as events.

CREATE TABLE token (
    org          TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    hash         BLOB    NOT NULL,
    role         TEXT    NOT NULL,
    squads       TEXT    NOT NULL,
    agent        TEXT    NOT NULL,
    person       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    created_by   TEXT    NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER,
    revoked_by   TEXT    NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;

CREATE INDEX token_by_hash ON token (hash);
CREATE UNIQUE INDEX token_by_name ON token (org, name) WHERE revoked_at IS NULL;

-- A token is what it was made as, but for its use and its end.
CREATE TRIGGER token_is_kept BEFORE DELETE ON token BEGIN
    SELECT RAISE(ABORT, 'tokens are append-only: they are revoked, and cannot be deleted');
END;
CREATE TRIGGER token_is_fixed BEFORE UPDATE OF org, id, name, hash, role, squads, agent, person, created_at, created_by, expires_at ON token BEGIN
    SELECT RAISE(ABORT, 'tokens are append-only: what a token may do cannot be changed');
END;
CREATE TRIGGER token_stays_revoked BEFORE UPDATE ON token WHEN OLD.revoked_at IS NOT NULL BEGIN
    SELECT RAISE(ABORT, 'tokens are append-only: one that is revoked stays so');
END;

-- The same as before in words that PostgreSQL uses an index for under its
-- policies; both engines must have the expression alike.
DROP INDEX execution_by_end;
CREATE INDEX execution_by_end ON execution (org, CASE WHEN status = 'running' THEN 9223372036854775807 WHEN completed_at IS NOT NULL THEN completed_at WHEN lease_until IS NOT NULL THEN lease_until WHEN started_at IS NOT NULL THEN started_at ELSE 0 END);
