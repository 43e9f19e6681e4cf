-- The trail on SQLite. Times are microseconds since 1970 in UTC, money is
-- millionths of a US dollar; the views at the end show both as people read
-- them. docs/schema.md describes every column.

CREATE TABLE log (
    org        TEXT    NOT NULL PRIMARY KEY,
    origin     TEXT    NOT NULL UNIQUE,
    public_key TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE head (
    org        TEXT    NOT NULL PRIMARY KEY REFERENCES log (org),
    size       INTEGER NOT NULL,
    frontier   BLOB    NOT NULL,
    edge       BLOB    NOT NULL,
    checkpoint TEXT    NOT NULL
) STRICT;

CREATE TABLE event (
    org            TEXT    NOT NULL,
    seq            INTEGER NOT NULL,
    id             TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    what           TEXT    NOT NULL,
    class          TEXT    NOT NULL,
    action         INTEGER NOT NULL,
    actor          TEXT    NOT NULL,
    actor_auth     TEXT    NOT NULL,
    on_behalf_of   TEXT    NOT NULL,
    on_behalf_auth TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    at             INTEGER NOT NULL,
    recorded_at    INTEGER NOT NULL,
    why            TEXT    NOT NULL,
    result         TEXT    NOT NULL,
    execution      TEXT    NOT NULL,
    session        TEXT    NOT NULL,
    approval       TEXT    NOT NULL,
    source         TEXT    NOT NULL,
    data           TEXT    NOT NULL,
    salt           BLOB,
    leaf           BLOB    NOT NULL,
    commitments    BLOB,
    erased_by      TEXT,
    PRIMARY KEY (org, seq)
) STRICT;

CREATE UNIQUE INDEX event_by_id ON event (org, id);
CREATE INDEX event_by_execution ON event (org, execution, seq) WHERE execution <> '';
CREATE INDEX event_by_time ON event (org, at, seq);

CREATE TABLE tile (
    org    TEXT    NOT NULL,
    level  INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    hashes BLOB    NOT NULL,
    PRIMARY KEY (org, level, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE execution (
    org                TEXT    NOT NULL,
    id                 TEXT    NOT NULL,
    agent              TEXT    NOT NULL,
    squad              TEXT    NOT NULL,
    trigger            TEXT    NOT NULL,
    trigger_detail     TEXT    NOT NULL,
    why                TEXT    NOT NULL,
    started_at         INTEGER,
    completed_at       INTEGER,
    status             TEXT    NOT NULL,
    status_reason      TEXT    NOT NULL,
    model              TEXT    NOT NULL,
    tokens_in          INTEGER,
    tokens_out         INTEGER,
    tokens_cache_read  INTEGER,
    tokens_cache_write INTEGER,
    cost_micros        INTEGER,
    cost_known         INTEGER NOT NULL,
    cost_state         TEXT    NOT NULL,
    session            TEXT    NOT NULL,
    parent             TEXT    NOT NULL,
    subagent           TEXT    NOT NULL,
    on_behalf_of       TEXT    NOT NULL,
    on_behalf_auth     TEXT    NOT NULL,
    source             TEXT    NOT NULL,
    lease_until        INTEGER,
    tags               TEXT    NOT NULL,
    folded             TEXT    NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;

CREATE INDEX execution_by_start ON execution (org, started_at DESC, id);
-- When an execution was last at work, for selecting by overlap.
CREATE INDEX execution_by_end ON execution (org, CASE WHEN status = 'running' THEN 9223372036854775807 ELSE COALESCE(completed_at, lease_until, started_at, 0) END);
CREATE INDEX execution_by_parent ON execution (org, parent) WHERE parent <> '';
CREATE INDEX execution_running ON execution (org, lease_until) WHERE status = 'running';

-- The name under which an event's id is looked up on both engines.
CREATE VIEW event_id AS SELECT org, id, seq FROM event;

-- Append only: an attempt to change what is in the log fails. The sweeper
-- takes these away inside its own transaction and puts them back.
CREATE TRIGGER event_is_kept BEFORE DELETE ON event BEGIN
    SELECT RAISE(ABORT, 'events are append-only: they cannot be deleted');
END;
CREATE TRIGGER event_is_fixed BEFORE UPDATE ON event BEGIN
    SELECT RAISE(ABORT, 'events are append-only: they cannot be updated');
END;
CREATE TRIGGER tile_is_kept BEFORE DELETE ON tile BEGIN
    SELECT RAISE(ABORT, 'tiles are append-only: they cannot be deleted');
END;
CREATE TRIGGER tile_is_fixed BEFORE UPDATE ON tile BEGIN
    SELECT RAISE(ABORT, 'tiles are append-only: they cannot be updated');
END;
CREATE TRIGGER log_is_kept BEFORE DELETE ON log BEGIN
    SELECT RAISE(ABORT, 'the identity of a log cannot be deleted');
END;
CREATE TRIGGER log_is_fixed BEFORE UPDATE ON log BEGIN
    SELECT RAISE(ABORT, 'the identity of a log cannot be changed');
END;
CREATE TRIGGER head_only_grows BEFORE UPDATE ON head WHEN NEW.size < OLD.size OR NEW.org <> OLD.org BEGIN
    SELECT RAISE(ABORT, 'the head of a log only grows');
END;
CREATE TRIGGER head_is_kept BEFORE DELETE ON head BEGIN
    SELECT RAISE(ABORT, 'the head of a log cannot be deleted');
END;

-- The founding relations.
CREATE VIEW executions AS
SELECT id AS execution_id, agent, squad, trigger, trigger_detail, why,
       strftime('%Y-%m-%dT%H:%M:%S', started_at / 1000000, 'unixepoch') || printf('.%06dZ', started_at % 1000000) AS started_at,
       strftime('%Y-%m-%dT%H:%M:%S', completed_at / 1000000, 'unixepoch') || printf('.%06dZ', completed_at % 1000000) AS completed_at,
       status, status_reason, model, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write,
       cost_micros / 1000000.0 AS cost, cost_state,
       session AS session_id, parent, subagent, on_behalf_of, source, tags, org
FROM execution;

CREATE VIEW actions AS
SELECT execution AS execution_id, what AS action_type, target, result, approval AS approval_id, data AS metadata,
       strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch') || printf('.%06dZ', at % 1000000) AS at,
       actor, why, session AS session_id, source, id AS event_id, seq, org
FROM event AS e
WHERE action = 1
  AND NOT (id LIKE 'try-%' AND EXISTS (
      SELECT 1 FROM event AS settled WHERE settled.org = e.org AND settled.id = 'evt-' || substr(e.id, 5)));
