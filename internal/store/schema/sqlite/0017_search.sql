-- What finds events by their words. A block is a part of the log that was appended
-- together; a word is a keyless digest of a word of the block, or of its beginning.
-- Neither holds any text: a search reads the events of the blocks that may have the
-- words, and believes only those.

CREATE TABLE search_block (
    org            TEXT    NOT NULL,
    lane           INTEGER NOT NULL,
    first          INTEGER NOT NULL,
    last           INTEGER NOT NULL,
    since          INTEGER NOT NULL,
    until          INTEGER NOT NULL,
    recorded_since INTEGER NOT NULL,
    recorded_until INTEGER NOT NULL,
    PRIMARY KEY (org, lane, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE search_word (
    org   TEXT    NOT NULL,
    word  INTEGER NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (word, first, org)
) STRICT, WITHOUT ROWID;
