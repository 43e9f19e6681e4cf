-- What git tells of the commits of repositories. These tables are an index: git
-- is the source, "whodid git index --rebuild" writes them anew, and what they say
-- of an agent's commit is in the log too, as an event that can be proved.

CREATE TABLE git_repository (
    org        TEXT NOT NULL,
    name       TEXT NOT NULL,
    tips       TEXT NOT NULL,
    notes      TEXT NOT NULL,
    indexed_at INTEGER NOT NULL,
    PRIMARY KEY (org, name)
) STRICT;

CREATE TABLE git_commit (
    org           TEXT NOT NULL,
    sha           TEXT NOT NULL,
    repository    TEXT NOT NULL,
    parents       INTEGER NOT NULL,
    authored_at   INTEGER,
    committed_at  INTEGER,
    kind          TEXT NOT NULL,
    evidence      TEXT NOT NULL,
    form          TEXT NOT NULL,
    author        TEXT NOT NULL,
    agent         TEXT NOT NULL,
    squad         TEXT NOT NULL,
    model         TEXT NOT NULL,
    credits       TEXT NOT NULL,
    pull          INTEGER,
    files_changed INTEGER,
    lines_added   INTEGER,
    lines_removed INTEGER,
    files         TEXT NOT NULL,
    related       TEXT NOT NULL,
    event         TEXT NOT NULL,
    PRIMARY KEY (org, sha, repository)
) STRICT;

CREATE INDEX git_commit_by_time ON git_commit (org, committed_at);
-- A commit that was rewritten keeps its author and the time of its writing.
CREATE INDEX git_commit_by_author ON git_commit (org, author, authored_at);
CREATE INDEX git_commit_by_pull ON git_commit (org, pull) WHERE pull IS NOT NULL;

-- One row for each run that a commit names: a squash names several.
CREATE TABLE git_origin (
    org        TEXT NOT NULL,
    sha        TEXT NOT NULL,
    repository TEXT NOT NULL,
    n          INTEGER NOT NULL,
    agent      TEXT NOT NULL,
    squad      TEXT NOT NULL,
    trigger    TEXT NOT NULL,
    execution  TEXT NOT NULL,
    model      TEXT NOT NULL,
    PRIMARY KEY (org, sha, repository, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX git_origin_by_execution ON git_origin (org, execution) WHERE execution <> '';

-- Which commit names which other, perhaps by the first digits of its id.
CREATE TABLE git_related (
    org        TEXT NOT NULL,
    target     TEXT NOT NULL,
    sha        TEXT NOT NULL,
    repository TEXT NOT NULL,
    relation   TEXT NOT NULL,
    PRIMARY KEY (org, target, sha, repository)
) STRICT, WITHOUT ROWID;

-- What leads from git to the trail: the actions on commits and pull requests.
CREATE INDEX event_of_git ON event (org, at) WHERE what IN ('commit.create', 'commit.push', 'pr.create', 'pr.merge');

-- The relation for people.
CREATE VIEW commits AS
SELECT c.sha, c.repository, c.kind, c.evidence, c.agent, c.squad, c.author, o.execution AS execution_id, o.trigger,
       strftime('%Y-%m-%dT%H:%M:%S', c.authored_at / 1000000, 'unixepoch') || printf('.%06dZ', c.authored_at % 1000000) AS authored_at,
       strftime('%Y-%m-%dT%H:%M:%S', c.committed_at / 1000000, 'unixepoch') || printf('.%06dZ', c.committed_at % 1000000) AS committed_at,
       COALESCE(NULLIF(o.model, ''), c.model) AS model, c.credits, c.pull, c.parents, c.files_changed, c.lines_added, c.lines_removed,
       c.files, c.event AS event_id, c.org
FROM git_commit AS c
LEFT JOIN git_origin AS o ON o.org = c.org AND o.sha = c.sha AND o.repository = c.repository;
