-- What finds events by their words. A block is a part of the log that was appended
-- together; a word is a keyless digest of a word of the block, or of its beginning.
-- Neither holds any text: a search reads the events of the blocks that may have the
-- words, and believes only those. All is compared for equality, which the policy
-- that keeps organisations apart lets use an index.

CREATE TABLE search_block (
    org            text   COLLATE "C" NOT NULL,
    lane           bigint NOT NULL,
    first          bigint NOT NULL,
    last           bigint NOT NULL,
    since          bigint NOT NULL,
    until          bigint NOT NULL,
    recorded_since bigint NOT NULL,
    recorded_until bigint NOT NULL,
    PRIMARY KEY (org, lane, first)
);

CREATE TABLE search_word (
    org   text   COLLATE "C" NOT NULL,
    word  bigint NOT NULL,
    first bigint NOT NULL,
    PRIMARY KEY (word, first, org)
);

DO $$
DECLARE role text;
BEGIN
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('whodid_app', 'whodid_sweeper') LOOP
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON search_block, search_word TO %I', role);
    END LOOP;
END $$;
