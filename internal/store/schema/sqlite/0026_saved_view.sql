-- Questions about runs that people gave names to. They are no facts about agents,
-- so they are not in the log: they can be changed, and are gone when they are deleted.

CREATE TABLE saved_view (
    org      TEXT    NOT NULL,
    owner    TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    query    TEXT    NOT NULL,
    shared   INTEGER NOT NULL,
    saved_at INTEGER NOT NULL,
    PRIMARY KEY (org, owner, name)
) STRICT;
