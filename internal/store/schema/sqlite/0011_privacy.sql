-- The one table that names people. It is filled on purpose only, events know
-- people by pseudonyms alone, and a row that goes leaves no trace in them.
CREATE TABLE person (
    org       TEXT    NOT NULL,
    pseudonym TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    email     TEXT    NOT NULL,
    login     TEXT    NOT NULL,
    source    TEXT    NOT NULL,
    added_at  INTEGER NOT NULL,
    PRIMARY KEY (org, pseudonym)
) STRICT;

-- The requests to erase that this trail has carried out. The same list is kept
-- outside of the trail: what is missing here, an older copy has not erased yet.
CREATE TABLE erasure (
    org     TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    done_at INTEGER NOT NULL,
    request TEXT    NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;
CREATE TRIGGER erasure_is_kept BEFORE DELETE ON erasure BEGIN
    SELECT RAISE(ABORT, 'a request to erase cannot be deleted');
END;
CREATE TRIGGER erasure_is_fixed BEFORE UPDATE ON erasure BEGIN
    SELECT RAISE(ABORT, 'a request to erase cannot be changed');
END;
