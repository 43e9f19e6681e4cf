-- What counting merges would otherwise have to read them for, 600,000 of a month: who
-- ran the run that opened the pull request, as its start says, and whether nothing but
-- that run had a part in it, so that it counts once and for nobody else. Triggers keep
-- it, and verify finds all of it out again.
ALTER TABLE merge
    ADD COLUMN runner text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN sole   smallint NOT NULL DEFAULT 0;

CREATE OR REPLACE VIEW merge_told AS
SELECT f.org, f.at, f.seq, COALESCE(a.seq, -1) AS opener, COALESCE(substr(a.actor, 7), '') AS agent, COALESCE(a.execution, '') AS execution,
       lower(f.target COLLATE "C") AS pull, COALESCE(x.agent, '') AS runner,
       (CASE WHEN a.execution <> '' AND COALESCE(f.data ->> 'executions', '[]') IN ('[]', '["' || a.execution || '"]') AND NOT EXISTS (
            SELECT 1 FROM event AS o
            WHERE o.org = f.org AND o.class = 'run' AND lower(o.target COLLATE "C") = lower(f.target COLLATE "C")
              AND o.what >= 'forge.' AND o.what < 'forge/' AND o.what = 'forge.pr.merge' AND o.seq <> f.seq
        ) THEN 1 ELSE 0 END)::smallint AS sole
FROM event AS f
LEFT JOIN LATERAL (
    SELECT c.seq, c.actor, c.execution FROM event AS c
    WHERE c.org = f.org AND c.class = 'run' AND lower(c.target COLLATE "C") = lower(f.target COLLATE "C")
      AND c.what >= 'pr.' AND c.what < 'pr/' AND c.what = 'pr.create' AND c.action = 1 AND c.result IN ('success', 'attempted')
      AND starts_with(c.actor, 'agent:')
    ORDER BY c.at + 0, c.seq LIMIT 1
) AS a ON true
LEFT JOIN execution AS x ON x.org = f.org AND x.id = a.execution
WHERE f.class = 'run' AND f.what >= 'forge.' AND f.what < 'forge/' AND f.what = 'forge.pr.merge';

CREATE OR REPLACE FUNCTION whodid_merge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM merge AS m WHERE m.org = OLD.org AND m.at = OLD.at AND m.seq = OLD.seq;
        INSERT INTO merge (org, at, seq, opener, agent, execution, runner, sole)
        SELECT t.org, t.at, t.seq, t.opener, t.agent, t.execution, t.runner, t.sole FROM merge_told AS t WHERE t.org = OLD.org AND t.pull = lower(OLD.target COLLATE "C")
        ON CONFLICT (org, at, seq) DO UPDATE SET opener = excluded.opener, agent = excluded.agent, execution = excluded.execution, runner = excluded.runner, sole = excluded.sole;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO merge (org, at, seq, opener, agent, execution, runner, sole)
        SELECT t.org, t.at, t.seq, t.opener, t.agent, t.execution, t.runner, t.sole FROM merge_told AS t WHERE t.org = NEW.org AND t.pull = lower(NEW.target COLLATE "C")
        ON CONFLICT (org, at, seq) DO UPDATE SET opener = excluded.opener, agent = excluded.agent, execution = excluded.execution, runner = excluded.runner, sole = excluded.sole;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION whodid_sweep_merges(gone bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    mine    text := current_setting('whodid.org');
    openers bigint[];
    facts   bigint[];
BEGIN
    WITH swept AS (DELETE FROM merge WHERE org = mine AND seq = ANY (gone) RETURNING opener)
    SELECT array_agg(opener) INTO openers FROM swept WHERE opener >= 0;
    SELECT array_agg(seq) INTO facts FROM merge WHERE org = mine AND (opener = ANY (gone) OR opener = ANY (openers));
    IF facts IS NOT NULL THEN
        UPDATE merge AS m SET opener = t.opener, agent = t.agent, execution = t.execution, runner = t.runner, sole = t.sole
        FROM merge_told AS t WHERE t.org = mine AND t.seq = ANY (facts) AND m.org = t.org AND m.at = t.at AND m.seq = t.seq;
    END IF;
END $$;

-- A policy that is forced would hide all events and executions from this.
ALTER TABLE event NO FORCE ROW LEVEL SECURITY;
ALTER TABLE execution NO FORCE ROW LEVEL SECURITY;
UPDATE merge AS m SET runner = k.runner,
    sole = CASE WHEN COALESCE(f.data ->> 'executions', '[]') IN ('[]', '["' || m.execution || '"]') AND k.merges = 1 THEN 1 ELSE 0 END
FROM (
    SELECT p.org, p.at, p.seq, COALESCE(x.agent, '') AS runner, COUNT(*) OVER (PARTITION BY p.org, p.opener) AS merges
    FROM merge AS p LEFT JOIN execution AS x ON x.org = p.org AND x.id = p.execution WHERE p.execution <> ''
) AS k, event AS f
WHERE m.org = k.org AND m.at = k.at AND m.seq = k.seq AND f.org = k.org AND f.seq = k.seq
  AND f.class = 'run' AND f.what >= 'forge.' AND f.what < 'forge/' AND f.what = 'forge.pr.merge';
CREATE INDEX merge_by_execution ON merge (execution, org) WHERE execution <> '';

CREATE FUNCTION whodid_merge_runner() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    UPDATE merge SET runner = NEW.agent WHERE org = NEW.org AND execution = NEW.id AND execution <> '' AND runner <> NEW.agent;
    RETURN NULL;
END $$;

CREATE FUNCTION whodid_merge_no_runner() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    UPDATE merge AS m SET runner = '' FROM gone AS g WHERE m.org = g.org AND m.execution = g.id AND m.execution <> '' AND m.runner <> '';
    RETURN NULL;
END $$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['whodid_merge()', 'whodid_sweep_merges(bigint[])', 'whodid_merge_runner()', 'whodid_merge_no_runner()'] LOOP
        -- Temporary tables come last, for anybody can make one with another's name.
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', name);
    END LOOP;
END $$;

CREATE TRIGGER merge_runner_insert AFTER INSERT ON execution FOR EACH ROW EXECUTE FUNCTION whodid_merge_runner();
CREATE TRIGGER merge_runner_update AFTER UPDATE ON execution FOR EACH ROW WHEN (OLD.agent <> NEW.agent) EXECUTE FUNCTION whodid_merge_runner();
CREATE TRIGGER merge_runner_delete AFTER DELETE ON execution REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION whodid_merge_no_runner();

-- How long runs took is read for each of them: out of this index, of which the table
-- itself is the tenfold. Only pages that were vacuumed need not be looked at there, and
-- the newest runs are asked about the most.
DROP INDEX execution_by_end;
CREATE INDEX execution_by_end ON execution (org, (CASE WHEN status = 'running' THEN 9223372036854775807 WHEN completed_at IS NOT NULL THEN completed_at WHEN lease_until IS NOT NULL THEN lease_until WHEN started_at IS NOT NULL THEN started_at ELSE 0 END))
    INCLUDE (status, completed_at, lease_until, started_at, subagent, agent, squad);
ALTER TABLE execution SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);

-- Which commit a test was of is looked for among the commits of its run, and was among
-- all that a run did: 4 ms for each test of a run with ten thousand actions.
CREATE INDEX event_of_commit ON event (execution, org) WHERE execution <> '' AND what IN ('commit.create', 'commit.push');
