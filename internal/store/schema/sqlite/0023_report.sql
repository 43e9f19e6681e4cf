-- What a report would otherwise have to find out for every pull request and every
-- approval of a week. Triggers keep it, so that nothing can change an event and
-- forget it, and verify finds all of it out again. Neither table has a word of what
-- people wrote.

-- Every merge that a forge told of, and which agent opened the pull request: the
-- first that says so, whenever it was recorded. The opener is the place of that
-- event in the log, -1 if no agent's is there. Merges of one pull request have one
-- opener.
CREATE TABLE merge (
    org       TEXT NOT NULL,
    at        INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    opener    INTEGER NOT NULL,
    agent     TEXT NOT NULL,
    execution TEXT NOT NULL,
    PRIMARY KEY (org, at, seq)
) STRICT, WITHOUT ROWID;

-- What the events say. A sum keeps SQLite from reading events by their time in
-- search of those with a target.
CREATE VIEW merge_told AS
SELECT f.org, f.at, f.seq, COALESCE(a.seq, -1) AS opener, COALESCE(substr(a.actor, 7), '') AS agent, COALESCE(a.execution, '') AS execution,
       lower(f.target) AS pull
FROM event AS f INDEXED BY event_of_forge
LEFT JOIN event AS a ON a.org = f.org AND a.seq = (
    SELECT c.seq FROM event AS c INDEXED BY event_of_pull
    WHERE c.org = f.org AND lower(c.target) = lower(f.target)
      AND c.what >= 'pr.' AND c.what < 'pr/' AND c.what = 'pr.create' AND c.action = 1 AND c.result IN ('success', 'attempted')
      AND c.actor >= 'agent:' AND c.actor < 'agent;'
    ORDER BY c.at + 0, c.seq LIMIT 1)
WHERE f.what >= 'forge.' AND f.what < 'forge/' AND f.what = 'forge.pr.merge';

CREATE TRIGGER merge_told_insert AFTER INSERT ON event WHEN new.what IN ('forge.pr.merge', 'pr.create') BEGIN
    INSERT INTO merge (org, at, seq, opener, agent, execution)
    SELECT org, at, seq, opener, agent, execution FROM merge_told WHERE org = new.org AND pull = lower(new.target)
    ON CONFLICT (org, at, seq) DO UPDATE SET opener = excluded.opener, agent = excluded.agent, execution = excluded.execution;
END;

CREATE TRIGGER merge_told_update AFTER UPDATE ON event WHEN old.what IN ('forge.pr.merge', 'pr.create') BEGIN
    DELETE FROM merge WHERE org = old.org AND at = old.at AND seq = old.seq;
    INSERT INTO merge (org, at, seq, opener, agent, execution)
    SELECT org, at, seq, opener, agent, execution FROM merge_told WHERE org = old.org AND pull IN (lower(old.target), lower(new.target))
    ON CONFLICT (org, at, seq) DO UPDATE SET opener = excluded.opener, agent = excluded.agent, execution = excluded.execution;
END;

CREATE TRIGGER merge_told_delete AFTER DELETE ON event WHEN old.what IN ('forge.pr.merge', 'pr.create') BEGIN
    DELETE FROM merge WHERE org = old.org AND at = old.at AND seq = old.seq;
    INSERT INTO merge (org, at, seq, opener, agent, execution)
    SELECT org, at, seq, opener, agent, execution FROM merge_told WHERE org = old.org AND pull = lower(old.target)
    ON CONFLICT (org, at, seq) DO UPDATE SET opener = excluded.opener, agent = excluded.agent, execution = excluded.execution;
END;

-- When an approval was asked for and decided on, by the trail's clock, and whether it
-- was plainly granted: a person who may decided on just that, in time. What is not
-- plain is looked at closely when somebody asks. Of parts that are there more than
-- once, which their keys forbid, the last counts.
CREATE TABLE approval_end (
    org       TEXT NOT NULL,
    approval  TEXT NOT NULL,
    requested INTEGER NOT NULL,
    decided   INTEGER,
    granted   INTEGER NOT NULL,
    PRIMARY KEY (org, approval)
) STRICT, WITHOUT ROWID;
CREATE INDEX approval_end_by_time ON approval_end (org, decided);

CREATE VIEW approval_told AS
SELECT r.org, r.approval, r.recorded_at AS requested, d.recorded_at AS decided,
       CASE WHEN d.what = 'approval.grant' AND d.actor >= 'human:' AND d.actor < 'human;' AND d.actor <> r.actor
             AND (r.data ->> 'four_eyes' IS NULL OR d.actor <> r.on_behalf_of)
             AND r.data ->> 'digest' <> '' AND d.data ->> 'digest' = r.data ->> 'digest'
             AND (r.data ->> 'signature_required' IS NULL OR d.data -> 'signature' ->> 0 <> '')
             AND (r.data ->> 'expires' IS NULL OR r.data ->> 'expires' LIKE '____-__-__T__:__:__%Z'
                 AND strftime('%Y-%m-%dT%H:%M:%S', d.recorded_at / 1000000, 'unixepoch') < r.data ->> 'expires')
            THEN 1 ELSE 0 END AS granted
FROM event AS r
LEFT JOIN event AS d ON d.org = r.org AND d.class = 'permanent' AND d.seq = (
    SELECT MAX(x.seq) FROM event AS x WHERE x.org = r.org AND x.class = 'permanent' AND x.approval <> '' AND x.approval = r.approval
      AND x.what IN ('approval.grant', 'approval.reject', 'approval.cancel', 'approval.expire'))
WHERE r.class = 'permanent' AND r.approval <> '' AND r.what = 'approval.request' AND r.seq = (
    SELECT MAX(x.seq) FROM event AS x WHERE x.org = r.org AND x.class = 'permanent' AND x.approval <> '' AND x.approval = r.approval
      AND x.what = 'approval.request');

CREATE TRIGGER approval_end_insert AFTER INSERT ON event
WHEN new.what IN ('approval.request', 'approval.grant', 'approval.reject', 'approval.cancel', 'approval.expire') BEGIN
    INSERT INTO approval_end (org, approval, requested, decided, granted)
    SELECT org, approval, requested, decided, granted FROM approval_told WHERE org = new.org AND approval = new.approval
    ON CONFLICT (org, approval) DO UPDATE SET requested = excluded.requested, decided = excluded.decided, granted = excluded.granted;
END;

CREATE TRIGGER approval_end_update AFTER UPDATE ON event
WHEN new.what IN ('approval.request', 'approval.grant', 'approval.reject', 'approval.cancel', 'approval.expire') BEGIN
    INSERT INTO approval_end (org, approval, requested, decided, granted)
    SELECT org, approval, requested, decided, granted FROM approval_told WHERE org = new.org AND approval = new.approval
    ON CONFLICT (org, approval) DO UPDATE SET requested = excluded.requested, decided = excluded.decided, granted = excluded.granted;
END;

INSERT INTO merge (org, at, seq, opener, agent, execution) SELECT org, at, seq, opener, agent, execution FROM merge_told;
INSERT INTO approval_end (org, approval, requested, decided, granted) SELECT org, approval, requested, decided, granted FROM approval_told;

-- The same index as before by verb, so that a few events of one kind are found among
-- many of another.
DROP INDEX event_of_report;
CREATE INDEX event_of_report ON event (org, what, at)
WHERE what IN ('forge.deploy.status', 'forge.issue.close', 'forge.issue.reopen', 'forge.pr.merge', 'forge.release.publish', 'issue.close', 'pr.merge', 'record.gap')
   OR what >= 'budget.' AND what < 'budget/' OR what >= 'deploy.' AND what < 'deploy/' OR what >= 'infra.' AND what < 'infra/' OR what >= 'release.' AND what < 'release/' OR what >= 'schema.' AND what < 'schema/' OR what >= 'secret.' AND what < 'secret/';

-- How many actions of a kind had a result in an hour, by when they were done, so that
-- those of a week need not be counted one by one. An append adds to it, a sweep takes
-- away, and verify counts again. Attempts are not in it, for what becomes of them is
-- known later; they have an index.
CREATE TABLE action_hour (
    org    TEXT NOT NULL,
    hour   INTEGER NOT NULL,
    what   TEXT NOT NULL,
    result TEXT NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (org, hour, what, result)
) STRICT, WITHOUT ROWID;
INSERT INTO action_hour (org, hour, what, result, n)
SELECT org, at / 3600000000, what, result, COUNT(*) FROM event WHERE action = 1 AND NOT (id >= 'try-' AND id < 'try.') GROUP BY 1, 2, 3, 4;
CREATE INDEX event_attempt ON event (org, at) WHERE action = 1 AND id >= 'try-' AND id < 'try.';
