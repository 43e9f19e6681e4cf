-- What git tells of the commits of repositories. These tables are an index: git
-- is the source, "whodid git index --rebuild" writes them anew, and what they say
-- of an agent's commit is in the log too, as an event that can be proved.

CREATE TABLE git_repository (
    org        text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    tips       json NOT NULL,
    notes      json NOT NULL,
    indexed_at bigint NOT NULL,
    PRIMARY KEY (org, name)
);

CREATE TABLE git_commit (
    org           text COLLATE "C" NOT NULL,
    sha           text COLLATE "C" NOT NULL,
    repository    text COLLATE "C" NOT NULL,
    parents       bigint NOT NULL,
    authored_at   bigint,
    committed_at  bigint,
    kind          text COLLATE "C" NOT NULL,
    evidence      json NOT NULL,
    form          text NOT NULL,
    author        text COLLATE "C" NOT NULL,
    agent         text COLLATE "C" NOT NULL,
    squad         text COLLATE "C" NOT NULL,
    model         text COLLATE "C" NOT NULL,
    credits       json NOT NULL,
    pull          bigint,
    files_changed bigint,
    lines_added   bigint,
    lines_removed bigint,
    files         json NOT NULL,
    related       json NOT NULL,
    event         text COLLATE "C" NOT NULL,
    PRIMARY KEY (org, sha, repository)
);

CREATE INDEX git_commit_by_time ON git_commit (org, committed_at);
-- A commit that was rewritten keeps its author and the time of its writing.
CREATE INDEX git_commit_by_author ON git_commit (org, author, authored_at);
CREATE INDEX git_commit_by_pull ON git_commit (org, pull) WHERE pull IS NOT NULL;

-- One row for each run that a commit names: a squash names several.
CREATE TABLE git_origin (
    org        text COLLATE "C" NOT NULL,
    sha        text COLLATE "C" NOT NULL,
    repository text COLLATE "C" NOT NULL,
    n          bigint NOT NULL,
    agent      text COLLATE "C" NOT NULL,
    squad      text COLLATE "C" NOT NULL,
    trigger    text NOT NULL,
    execution  text COLLATE "C" NOT NULL,
    model      text COLLATE "C" NOT NULL,
    PRIMARY KEY (org, sha, repository, n)
);

CREATE INDEX git_origin_by_execution ON git_origin (org, execution) WHERE execution <> '';

-- Which commit names which other, perhaps by the first digits of its id.
CREATE TABLE git_related (
    org        text COLLATE "C" NOT NULL,
    target     text COLLATE "C" NOT NULL,
    sha        text COLLATE "C" NOT NULL,
    repository text COLLATE "C" NOT NULL,
    relation   text COLLATE "C" NOT NULL,
    PRIMARY KEY (org, target, sha, repository)
);

-- What leads from git to the trail: the actions on commits and pull requests.
CREATE INDEX event_of_git ON event (org, at) WHERE what IN ('commit.create', 'commit.push', 'pr.create', 'pr.merge');

-- The relation for people.
CREATE VIEW commits AS
SELECT c.sha, c.repository, c.kind, c.evidence, c.agent, c.squad, c.author, o.execution AS execution_id, o.trigger,
       timestamptz 'epoch' + c.authored_at * interval '1 microsecond' AS authored_at,
       timestamptz 'epoch' + c.committed_at * interval '1 microsecond' AS committed_at,
       COALESCE(NULLIF(o.model, ''), c.model) AS model, c.credits, c.pull, c.parents, c.files_changed, c.lines_added, c.lines_removed,
       c.files, c.event AS event_id, c.org
FROM git_commit AS c
LEFT JOIN git_origin AS o ON o.org = c.org AND o.sha = c.sha AND o.repository = c.repository;

-- To the roles, where the first migration could make them.
DO $$
DECLARE role text;
BEGIN
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('whodid_app', 'whodid_sweeper') LOOP
        EXECUTE format('GRANT SELECT ON git_repository, git_commit, git_origin, git_related, commits TO %I', role);
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON git_repository, git_commit, git_origin, git_related TO %I', role);
    END LOOP;
END $$;
