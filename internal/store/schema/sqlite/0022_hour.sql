-- What the runs that began in one hour and ended in one add up to, by agent and how they
-- ended, so that history and reports of a week add up some thousand rows and not a
-- million runs. A start that nobody told is in the hour -1. Triggers
-- keep it, so that nothing can change an execution and forget it, and verify adds all
-- of it up again. Runs that are at work are in no hour. Sub-agents are parts of their
-- runs. A row whose runs are none is one whose runs moved.

CREATE TABLE run_hour (
    org                TEXT NOT NULL,
    hour               INTEGER NOT NULL,
    began              INTEGER NOT NULL,
    agent              TEXT NOT NULL,
    squad              TEXT NOT NULL,
    status             TEXT NOT NULL,
    runs               INTEGER NOT NULL,
    cost_micros        INTEGER NOT NULL,
    cost_unknown       INTEGER NOT NULL,
    tokens_in          INTEGER NOT NULL,
    tokens_out         INTEGER NOT NULL,
    tokens_cache_read  INTEGER NOT NULL,
    tokens_cache_write INTEGER NOT NULL,
    tokens_unknown     INTEGER NOT NULL,
    micros             INTEGER NOT NULL,
    PRIMARY KEY (org, hour, began, agent, squad, status)
) STRICT, WITHOUT ROWID;

-- What began in an hour.
CREATE INDEX run_hour_by_start ON run_hour (org, began);

-- What each run that ended adds.
CREATE VIEW run_in_hour AS
SELECT org, (CASE WHEN completed_at IS NOT NULL THEN completed_at WHEN lease_until IS NOT NULL THEN lease_until WHEN started_at IS NOT NULL THEN started_at ELSE 0 END) / 3600000000 AS hour,
       COALESCE(started_at / 3600000000, -1) AS began, agent, squad, status,
       1 AS runs,
       cost_known AS cost_micros,
       CASE WHEN cost_state = 'unknown' THEN 1 ELSE 0 END AS cost_unknown,
       COALESCE(tokens_in, 0) AS tokens_in,
       COALESCE(tokens_out, 0) AS tokens_out,
       COALESCE(tokens_cache_read, 0) AS tokens_cache_read,
       COALESCE(tokens_cache_write, 0) AS tokens_cache_write,
       CASE WHEN tokens_in IS NULL THEN 1 ELSE 0 END AS tokens_unknown,
       COALESCE(completed_at - started_at, 0) AS micros, id
FROM execution
WHERE subagent = '' AND status <> 'running';

CREATE TRIGGER run_hour_insert AFTER INSERT ON execution WHEN new.subagent = '' AND new.status <> 'running' BEGIN
    INSERT INTO run_hour (org, hour, began, agent, squad, status, runs, cost_micros, cost_unknown, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
    SELECT org, hour, began, agent, squad, status, runs, cost_micros, cost_unknown, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros
    FROM run_in_hour WHERE org = new.org AND id = new.id
    ON CONFLICT (org, hour, began, agent, squad, status) DO UPDATE SET
        runs = run_hour.runs + excluded.runs,
        cost_micros = run_hour.cost_micros + excluded.cost_micros,
        cost_unknown = run_hour.cost_unknown + excluded.cost_unknown,
        tokens_in = run_hour.tokens_in + excluded.tokens_in,
        tokens_out = run_hour.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_hour.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_hour.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_hour.tokens_unknown + excluded.tokens_unknown,
        micros = run_hour.micros + excluded.micros;
END;

CREATE TRIGGER run_hour_change BEFORE UPDATE ON execution WHEN old.subagent = '' AND old.status <> 'running' BEGIN
    INSERT INTO run_hour (org, hour, began, agent, squad, status, runs, cost_micros, cost_unknown, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
    SELECT org, hour, began, agent, squad, status, -runs, -cost_micros, -cost_unknown, -tokens_in, -tokens_out, -tokens_cache_read, -tokens_cache_write, -tokens_unknown, -micros
    FROM run_in_hour WHERE org = old.org AND id = old.id
    ON CONFLICT (org, hour, began, agent, squad, status) DO UPDATE SET
        runs = run_hour.runs + excluded.runs,
        cost_micros = run_hour.cost_micros + excluded.cost_micros,
        cost_unknown = run_hour.cost_unknown + excluded.cost_unknown,
        tokens_in = run_hour.tokens_in + excluded.tokens_in,
        tokens_out = run_hour.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_hour.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_hour.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_hour.tokens_unknown + excluded.tokens_unknown,
        micros = run_hour.micros + excluded.micros;
END;

CREATE TRIGGER run_hour_changed AFTER UPDATE ON execution WHEN new.subagent = '' AND new.status <> 'running' BEGIN
    INSERT INTO run_hour (org, hour, began, agent, squad, status, runs, cost_micros, cost_unknown, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
    SELECT org, hour, began, agent, squad, status, runs, cost_micros, cost_unknown, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros
    FROM run_in_hour WHERE org = new.org AND id = new.id
    ON CONFLICT (org, hour, began, agent, squad, status) DO UPDATE SET
        runs = run_hour.runs + excluded.runs,
        cost_micros = run_hour.cost_micros + excluded.cost_micros,
        cost_unknown = run_hour.cost_unknown + excluded.cost_unknown,
        tokens_in = run_hour.tokens_in + excluded.tokens_in,
        tokens_out = run_hour.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_hour.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_hour.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_hour.tokens_unknown + excluded.tokens_unknown,
        micros = run_hour.micros + excluded.micros;
END;

CREATE TRIGGER run_hour_delete BEFORE DELETE ON execution WHEN old.subagent = '' AND old.status <> 'running' BEGIN
    INSERT INTO run_hour (org, hour, began, agent, squad, status, runs, cost_micros, cost_unknown, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
    SELECT org, hour, began, agent, squad, status, -runs, -cost_micros, -cost_unknown, -tokens_in, -tokens_out, -tokens_cache_read, -tokens_cache_write, -tokens_unknown, -micros
    FROM run_in_hour WHERE org = old.org AND id = old.id
    ON CONFLICT (org, hour, began, agent, squad, status) DO UPDATE SET
        runs = run_hour.runs + excluded.runs,
        cost_micros = run_hour.cost_micros + excluded.cost_micros,
        cost_unknown = run_hour.cost_unknown + excluded.cost_unknown,
        tokens_in = run_hour.tokens_in + excluded.tokens_in,
        tokens_out = run_hour.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_hour.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_hour.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_hour.tokens_unknown + excluded.tokens_unknown,
        micros = run_hour.micros + excluded.micros;
    DELETE FROM run_hour WHERE org = old.org AND agent = old.agent AND runs = 0
      AND hour = (CASE WHEN old.completed_at IS NOT NULL THEN old.completed_at WHEN old.lease_until IS NOT NULL THEN old.lease_until WHEN old.started_at IS NOT NULL THEN old.started_at ELSE 0 END) / 3600000000;
END;

INSERT INTO run_hour (org, hour, began, agent, squad, status, runs, cost_micros, cost_unknown, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
SELECT org, hour, began, agent, squad, status, SUM(runs), SUM(cost_micros), SUM(cost_unknown), SUM(tokens_in), SUM(tokens_out), SUM(tokens_cache_read), SUM(tokens_cache_write), SUM(tokens_unknown), SUM(micros) FROM run_in_hour GROUP BY org, hour, began, agent, squad, status;

-- The last run of an agent. The agent comes first, for it tells the keys apart.
CREATE INDEX execution_by_agent ON execution (agent, org, started_at);
