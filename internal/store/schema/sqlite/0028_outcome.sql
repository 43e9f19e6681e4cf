-- What counting merges would otherwise have to read them for: who ran the run that
-- opened the pull request, as its start says, and whether nothing but that run had a
-- part in it, so that it counts once and for nobody else. Triggers keep it, and verify
-- finds all of it out again.
DROP TRIGGER merge_told_insert;
DROP TRIGGER merge_told_update;
DROP TRIGGER merge_told_delete;
DROP VIEW merge_told;
ALTER TABLE merge ADD COLUMN runner TEXT NOT NULL DEFAULT '';
ALTER TABLE merge ADD COLUMN sole INTEGER NOT NULL DEFAULT 0;

CREATE VIEW merge_told AS
SELECT f.org, f.at, f.seq, COALESCE(a.seq, -1) AS opener, COALESCE(substr(a.actor, 7), '') AS agent, COALESCE(a.execution, '') AS execution,
       lower(f.target) AS pull, COALESCE(x.agent, '') AS runner,
       CASE WHEN a.execution <> '' AND COALESCE(f.data ->> 'executions', '[]') IN ('[]', '["' || a.execution || '"]') AND NOT EXISTS (
            SELECT 1 FROM event AS o INDEXED BY event_of_forge
            WHERE o.org = f.org AND lower(o.target) = lower(f.target)
              AND o.what >= 'forge.' AND o.what < 'forge/' AND o.what = 'forge.pr.merge' AND o.seq <> f.seq
       ) THEN 1 ELSE 0 END AS sole
FROM event AS f INDEXED BY event_of_forge
LEFT JOIN event AS a ON a.org = f.org AND a.seq = (
    SELECT c.seq FROM event AS c INDEXED BY event_of_pull
    WHERE c.org = f.org AND lower(c.target) = lower(f.target)
      AND c.what >= 'pr.' AND c.what < 'pr/' AND c.what = 'pr.create' AND c.action = 1 AND c.result IN ('success', 'attempted')
      AND c.actor >= 'agent:' AND c.actor < 'agent;'
    ORDER BY c.at + 0, c.seq LIMIT 1)
LEFT JOIN execution AS x ON x.org = f.org AND x.id = a.execution
WHERE f.what >= 'forge.' AND f.what < 'forge/' AND f.what = 'forge.pr.merge';

CREATE TRIGGER merge_told_insert AFTER INSERT ON event WHEN new.what IN ('forge.pr.merge', 'pr.create') BEGIN
    INSERT INTO merge (org, at, seq, opener, agent, execution, runner, sole)
    SELECT org, at, seq, opener, agent, execution, runner, sole FROM merge_told WHERE org = new.org AND pull = lower(new.target)
    ON CONFLICT (org, at, seq) DO UPDATE SET opener = excluded.opener, agent = excluded.agent, execution = excluded.execution, runner = excluded.runner, sole = excluded.sole;
END;

CREATE TRIGGER merge_told_update AFTER UPDATE ON event WHEN old.what IN ('forge.pr.merge', 'pr.create') BEGIN
    DELETE FROM merge WHERE org = old.org AND at = old.at AND seq = old.seq;
    INSERT INTO merge (org, at, seq, opener, agent, execution, runner, sole)
    SELECT org, at, seq, opener, agent, execution, runner, sole FROM merge_told WHERE org = old.org AND pull IN (lower(old.target), lower(new.target))
    ON CONFLICT (org, at, seq) DO UPDATE SET opener = excluded.opener, agent = excluded.agent, execution = excluded.execution, runner = excluded.runner, sole = excluded.sole;
END;

CREATE TRIGGER merge_told_delete AFTER DELETE ON event WHEN old.what IN ('forge.pr.merge', 'pr.create') BEGIN
    DELETE FROM merge WHERE org = old.org AND at = old.at AND seq = old.seq;
    INSERT INTO merge (org, at, seq, opener, agent, execution, runner, sole)
    SELECT org, at, seq, opener, agent, execution, runner, sole FROM merge_told WHERE org = old.org AND pull = lower(old.target)
    ON CONFLICT (org, at, seq) DO UPDATE SET opener = excluded.opener, agent = excluded.agent, execution = excluded.execution, runner = excluded.runner, sole = excluded.sole;
END;

DELETE FROM merge;
INSERT INTO merge (org, at, seq, opener, agent, execution, runner, sole) SELECT org, at, seq, opener, agent, execution, runner, sole FROM merge_told;
CREATE INDEX merge_by_execution ON merge (execution, org) WHERE execution <> '';

CREATE TRIGGER merge_told_runner AFTER INSERT ON execution BEGIN
    UPDATE merge SET runner = new.agent WHERE org = new.org AND execution = new.id AND execution <> '' AND runner <> new.agent;
END;

CREATE TRIGGER merge_told_other_runner AFTER UPDATE ON execution WHEN old.agent <> new.agent BEGIN
    UPDATE merge SET runner = new.agent WHERE org = new.org AND execution = new.id AND execution <> '' AND runner <> new.agent;
END;

CREATE TRIGGER merge_told_no_runner AFTER DELETE ON execution BEGIN
    UPDATE merge SET runner = '' WHERE org = old.org AND execution = old.id AND execution <> '' AND runner <> '';
END;

-- Which commit a test was of is looked for among the commits of its run, and was among
-- all that a run did.
CREATE INDEX event_of_commit ON event (execution, org) WHERE execution <> '' AND what IN ('commit.create', 'commit.push');
