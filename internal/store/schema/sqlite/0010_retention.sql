-- What was swept. An event that is gone leaves its hash in the tree, its id, so
-- that it does not come back when it is told again, and its place in the set of the
-- sweep that took it. What the sweeps were is told by events.

CREATE TABLE gone_id (
    org TEXT    NOT NULL,
    id  TEXT    NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sweep (
    org    TEXT NOT NULL,
    id     TEXT NOT NULL,
    places BLOB NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;

DROP VIEW event_id;
CREATE VIEW event_id AS SELECT org, id, seq FROM event UNION ALL SELECT org, id, seq FROM gone_id;

-- An event can be deleted once it is noted that it is gone, for which the
-- application has no rights.
DROP TRIGGER event_is_kept;
CREATE TRIGGER event_is_kept BEFORE DELETE ON event
WHEN NOT EXISTS (SELECT 1 FROM gone_id AS g WHERE g.org = OLD.org AND g.id = OLD.id AND g.seq = OLD.seq) BEGIN
    SELECT RAISE(ABORT, 'events are append-only: they cannot be deleted');
END;
CREATE TRIGGER gone_id_is_kept BEFORE DELETE ON gone_id BEGIN
    SELECT RAISE(ABORT, 'what is gone is append-only: it cannot be deleted');
END;
CREATE TRIGGER gone_id_is_fixed BEFORE UPDATE ON gone_id BEGIN
    SELECT RAISE(ABORT, 'what is gone is append-only: it cannot be updated');
END;
CREATE TRIGGER sweep_is_kept BEFORE DELETE ON sweep BEGIN
    SELECT RAISE(ABORT, 'sweeps are append-only: they cannot be deleted');
END;
CREATE TRIGGER sweep_is_fixed BEFORE UPDATE ON sweep BEGIN
    SELECT RAISE(ABORT, 'sweeps are append-only: they cannot be updated');
END;

-- The few events about retention.
CREATE INDEX event_of_retention ON event (org, seq) WHERE what IN ('hold.place', 'hold.release', 'retention.set', 'retention.sweep', 'retention.tally');
-- The calls that count for another execution than their own.
CREATE INDEX event_of_part ON event (org, execution) WHERE what IN ('model.call', 'model.reprice') AND (data ->> 'run') IS NOT NULL;
