-- Tables whose files may still hold what was erased: noted in the transaction that
-- erases, and struck out when the files were rewritten, by whoever gets to it.
CREATE TABLE unclean (
    org  TEXT NOT NULL,
    id   TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (org, id, name)
) STRICT;
