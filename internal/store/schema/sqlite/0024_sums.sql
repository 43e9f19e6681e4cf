-- What runs add up to, by all that questions narrow runs by, so that a question about
-- a month of a million runs adds up some thousand rows. What ended on one day and began
-- on one is in run_day, with what each model used; what did so in one hour is in
-- run_hour, for the edges of a time and for stretches shorter than a day. The minutes at
-- the edges are read run by run, and so are the runs at work, which are in neither. A
-- start that nobody told is on day, and in hour, -1000000000. Sub-agents are parts of
-- their runs. Triggers keep both, so that nothing can change an execution and forget
-- them, and verify adds all of it up again.

DROP TRIGGER run_hour_insert;
DROP TRIGGER run_hour_change;
DROP TRIGGER run_hour_changed;
DROP TRIGGER run_hour_delete;
DROP VIEW run_in_hour;
DROP TABLE run_hour;

-- Where a run worked, how many calls of models it made, and what each model used where
-- its own model did not do all.
ALTER TABLE execution ADD COLUMN repository TEXT NOT NULL DEFAULT '';
ALTER TABLE execution ADD COLUMN calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN parts TEXT NOT NULL DEFAULT '';

UPDATE execution AS x SET
    repository = COALESCE((SELECT e.data ->> 'repository' FROM event AS e WHERE e.org = x.org AND e.id = x.folded ->> '$.start.id'), ''),
    calls = COALESCE(x.folded ->> '$.finish.stated.calls', (SELECT SUM(c.value ->> 'calls') FROM json_each(x.folded, '$.calls') AS c), 0),
    parts = CASE WHEN x.folded -> '$.finish.stated' IS NOT NULL THEN '' ELSE (
        SELECT CASE WHEN COUNT(*) = 0 OR COUNT(*) = 1 AND (MIN(model) = '' OR MIN(model) = x.model) THEN '' ELSE '[' || group_concat(
            '{"model":' || json_quote(model) ||
            ',"state":"' || CASE WHEN calls = 0 OR nc > 0 THEN 'unknown' WHEN cc > 0 THEN 'computed' ELSE 'measured' END ||
            '","calls":' || calls || ',"cost":' || cost ||
            ',"in":' || CASE WHEN calls = 0 OR ni > 0 THEN 'null' ELSE tin END || ',"out":' || CASE WHEN calls = 0 OR no > 0 THEN 'null' ELSE tout END ||
            ',"cr":' || CASE WHEN calls = 0 OR nr > 0 THEN 'null' ELSE cr END || ',"cw":' || CASE WHEN calls = 0 OR nw > 0 THEN 'null' ELSE cw END ||
            '}', ',' ORDER BY model) || ']' END
        FROM (
            SELECT c.key AS model, c.value ->> 'calls' AS calls,
                c.value ->> 'in' AS tin, c.value ->> 'out' AS tout, c.value ->> 'cr' AS cr, c.value ->> 'cw' AS cw,
                COALESCE(c.value ->> 'ni', 0) AS ni, COALESCE(c.value ->> 'no', 0) AS no,
                COALESCE(c.value ->> 'nr', 0) AS nr, COALESCE(c.value ->> 'nw', 0) AS nw,
                (c.value ->> 'cost') + COALESCE(r.value ->> 'cost', 0) AS cost,
                COALESCE(c.value ->> 'nc', 0) + COALESCE(r.value ->> 'nc', 0) AS nc,
                COALESCE(c.value ->> 'cc', 0) + COALESCE(r.value ->> 'cc', 0) AS cc
            FROM json_each(x.folded, '$.calls') AS c LEFT JOIN json_each(x.folded, '$.repriced') AS r ON r.key = c.key
        ) AS u) END;

CREATE TABLE run_hour (
    org                TEXT NOT NULL,
    ended              INTEGER NOT NULL,
    began              INTEGER NOT NULL,
    agent              TEXT NOT NULL,
    squad              TEXT NOT NULL,
    status             TEXT NOT NULL,
    trigger            TEXT NOT NULL,
    model              TEXT NOT NULL,
    cost_state         TEXT NOT NULL,
    repository         TEXT NOT NULL,
    runs               INTEGER NOT NULL,
    cost_micros        INTEGER NOT NULL,
    tokens_in          INTEGER NOT NULL,
    tokens_out         INTEGER NOT NULL,
    tokens_cache_read  INTEGER NOT NULL,
    tokens_cache_write INTEGER NOT NULL,
    tokens_unknown     INTEGER NOT NULL,
    micros             INTEGER NOT NULL,
    PRIMARY KEY (org, ended, began, agent, squad, status, trigger, model, cost_state, repository)
) STRICT;

CREATE TABLE run_day (
    org                 TEXT NOT NULL,
    ended               INTEGER NOT NULL,
    began               INTEGER NOT NULL,
    agent               TEXT NOT NULL,
    squad               TEXT NOT NULL,
    status              TEXT NOT NULL,
    trigger             TEXT NOT NULL,
    model               TEXT NOT NULL,
    cost_state          TEXT NOT NULL,
    repository          TEXT NOT NULL,
    part                INTEGER NOT NULL,
    used                TEXT NOT NULL,
    used_state          TEXT NOT NULL,
    runs                INTEGER NOT NULL,
    cost_micros         INTEGER NOT NULL,
    tokens_in           INTEGER NOT NULL,
    tokens_out          INTEGER NOT NULL,
    tokens_cache_read   INTEGER NOT NULL,
    tokens_cache_write  INTEGER NOT NULL,
    tokens_unknown      INTEGER NOT NULL,
    micros              INTEGER NOT NULL,
    calls               INTEGER NOT NULL,
    uncalled            INTEGER NOT NULL,
    out_unknown         INTEGER NOT NULL,
    cache_read_unknown  INTEGER NOT NULL,
    cache_write_unknown INTEGER NOT NULL,
    PRIMARY KEY (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state)
) STRICT;

-- What began in an hour, or on a day.
CREATE INDEX run_hour_by_start ON run_hour (org, began);
CREATE INDEX run_day_by_start ON run_day (org, began);

-- What each run that ended adds.
CREATE VIEW run_sum AS
SELECT id, org, (CASE WHEN completed_at IS NOT NULL THEN completed_at WHEN lease_until IS NOT NULL THEN lease_until WHEN started_at IS NOT NULL THEN started_at ELSE 0 END) AS ended_at,
       started_at, agent, squad, status, trigger, model, cost_state, repository, CASE WHEN parts = '' THEN 0 ELSE 1 END AS part, '' AS used, '' AS used_state,
       1 AS runs, cost_known AS cost_micros, COALESCE(tokens_in, 0) AS tokens_in, COALESCE(tokens_out, 0) AS tokens_out,
       COALESCE(tokens_cache_read, 0) AS tokens_cache_read, COALESCE(tokens_cache_write, 0) AS tokens_cache_write,
       CASE WHEN tokens_in IS NULL THEN 1 ELSE 0 END AS tokens_unknown, COALESCE(completed_at - started_at, 0) AS micros,
       calls, CASE WHEN calls = 0 THEN 1 ELSE 0 END AS uncalled, CASE WHEN tokens_out IS NULL THEN 1 ELSE 0 END AS out_unknown,
       CASE WHEN tokens_cache_read IS NULL THEN 1 ELSE 0 END AS cache_read_unknown, CASE WHEN tokens_cache_write IS NULL THEN 1 ELSE 0 END AS cache_write_unknown
FROM execution WHERE subagent = '' AND status <> 'running'
UNION ALL
SELECT x.id, org, (CASE WHEN completed_at IS NOT NULL THEN completed_at WHEN lease_until IS NOT NULL THEN lease_until WHEN started_at IS NOT NULL THEN started_at ELSE 0 END),
       started_at, agent, squad, status, trigger, model, cost_state, repository, 2, p.value ->> 'model', p.value ->> 'state',
       1, p.value ->> 'cost', COALESCE(p.value ->> 'in', 0), COALESCE(p.value ->> 'out', 0), COALESCE(p.value ->> 'cr', 0), COALESCE(p.value ->> 'cw', 0),
       CASE WHEN p.value ->> 'in' IS NULL THEN 1 ELSE 0 END, 0,
       p.value ->> 'calls', CASE WHEN p.value ->> 'calls' = 0 THEN 1 ELSE 0 END, CASE WHEN p.value ->> 'out' IS NULL THEN 1 ELSE 0 END,
       CASE WHEN p.value ->> 'cr' IS NULL THEN 1 ELSE 0 END, CASE WHEN p.value ->> 'cw' IS NULL THEN 1 ELSE 0 END
FROM execution AS x, json_each(CASE WHEN parts = '' THEN '[]' ELSE parts END) AS p
WHERE subagent = '' AND status <> 'running' AND parts <> '';

CREATE TRIGGER run_sums_insert AFTER INSERT ON execution WHEN new.subagent = '' AND new.status <> 'running' BEGIN
    INSERT INTO run_hour (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
    SELECT org, (ended_at - (ended_at % 3600000000 + 3600000000) % 3600000000) / 3600000000, COALESCE((started_at - (started_at % 3600000000 + 3600000000) % 3600000000) / 3600000000, -1000000000), agent, squad, status, trigger, model, cost_state, repository, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros
    FROM run_sum WHERE org = new.org AND id = new.id AND part < 2
    ON CONFLICT (org, ended, began, agent, squad, status, trigger, model, cost_state, repository) DO UPDATE SET
        runs = run_hour.runs + excluded.runs,
        cost_micros = run_hour.cost_micros + excluded.cost_micros,
        tokens_in = run_hour.tokens_in + excluded.tokens_in,
        tokens_out = run_hour.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_hour.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_hour.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_hour.tokens_unknown + excluded.tokens_unknown,
        micros = run_hour.micros + excluded.micros;
    INSERT INTO run_day (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros, calls, uncalled, out_unknown, cache_read_unknown, cache_write_unknown)
    SELECT org, (ended_at - (ended_at % 86400000000 + 86400000000) % 86400000000) / 86400000000, COALESCE((started_at - (started_at % 86400000000 + 86400000000) % 86400000000) / 86400000000, -1000000000), agent, squad, status, trigger, model, cost_state, repository, part, used, used_state, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros, calls, uncalled, out_unknown, cache_read_unknown, cache_write_unknown
    FROM run_sum WHERE org = new.org AND id = new.id
    ON CONFLICT (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state) DO UPDATE SET
        runs = run_day.runs + excluded.runs,
        cost_micros = run_day.cost_micros + excluded.cost_micros,
        tokens_in = run_day.tokens_in + excluded.tokens_in,
        tokens_out = run_day.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_day.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_day.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_day.tokens_unknown + excluded.tokens_unknown,
        micros = run_day.micros + excluded.micros,
        calls = run_day.calls + excluded.calls,
        uncalled = run_day.uncalled + excluded.uncalled,
        out_unknown = run_day.out_unknown + excluded.out_unknown,
        cache_read_unknown = run_day.cache_read_unknown + excluded.cache_read_unknown,
        cache_write_unknown = run_day.cache_write_unknown + excluded.cache_write_unknown;
END;

CREATE TRIGGER run_sums_change BEFORE UPDATE ON execution WHEN old.subagent = '' AND old.status <> 'running' BEGIN
    INSERT INTO run_hour (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
    SELECT org, (ended_at - (ended_at % 3600000000 + 3600000000) % 3600000000) / 3600000000, COALESCE((started_at - (started_at % 3600000000 + 3600000000) % 3600000000) / 3600000000, -1000000000), agent, squad, status, trigger, model, cost_state, repository, -runs, -cost_micros, -tokens_in, -tokens_out, -tokens_cache_read, -tokens_cache_write, -tokens_unknown, -micros
    FROM run_sum WHERE org = old.org AND id = old.id AND part < 2
    ON CONFLICT (org, ended, began, agent, squad, status, trigger, model, cost_state, repository) DO UPDATE SET
        runs = run_hour.runs + excluded.runs,
        cost_micros = run_hour.cost_micros + excluded.cost_micros,
        tokens_in = run_hour.tokens_in + excluded.tokens_in,
        tokens_out = run_hour.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_hour.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_hour.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_hour.tokens_unknown + excluded.tokens_unknown,
        micros = run_hour.micros + excluded.micros;
    INSERT INTO run_day (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros, calls, uncalled, out_unknown, cache_read_unknown, cache_write_unknown)
    SELECT org, (ended_at - (ended_at % 86400000000 + 86400000000) % 86400000000) / 86400000000, COALESCE((started_at - (started_at % 86400000000 + 86400000000) % 86400000000) / 86400000000, -1000000000), agent, squad, status, trigger, model, cost_state, repository, part, used, used_state, -runs, -cost_micros, -tokens_in, -tokens_out, -tokens_cache_read, -tokens_cache_write, -tokens_unknown, -micros, -calls, -uncalled, -out_unknown, -cache_read_unknown, -cache_write_unknown
    FROM run_sum WHERE org = old.org AND id = old.id
    ON CONFLICT (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state) DO UPDATE SET
        runs = run_day.runs + excluded.runs,
        cost_micros = run_day.cost_micros + excluded.cost_micros,
        tokens_in = run_day.tokens_in + excluded.tokens_in,
        tokens_out = run_day.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_day.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_day.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_day.tokens_unknown + excluded.tokens_unknown,
        micros = run_day.micros + excluded.micros,
        calls = run_day.calls + excluded.calls,
        uncalled = run_day.uncalled + excluded.uncalled,
        out_unknown = run_day.out_unknown + excluded.out_unknown,
        cache_read_unknown = run_day.cache_read_unknown + excluded.cache_read_unknown,
        cache_write_unknown = run_day.cache_write_unknown + excluded.cache_write_unknown;
END;

CREATE TRIGGER run_sums_changed AFTER UPDATE ON execution WHEN new.subagent = '' AND new.status <> 'running' BEGIN
    INSERT INTO run_hour (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
    SELECT org, (ended_at - (ended_at % 3600000000 + 3600000000) % 3600000000) / 3600000000, COALESCE((started_at - (started_at % 3600000000 + 3600000000) % 3600000000) / 3600000000, -1000000000), agent, squad, status, trigger, model, cost_state, repository, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros
    FROM run_sum WHERE org = new.org AND id = new.id AND part < 2
    ON CONFLICT (org, ended, began, agent, squad, status, trigger, model, cost_state, repository) DO UPDATE SET
        runs = run_hour.runs + excluded.runs,
        cost_micros = run_hour.cost_micros + excluded.cost_micros,
        tokens_in = run_hour.tokens_in + excluded.tokens_in,
        tokens_out = run_hour.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_hour.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_hour.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_hour.tokens_unknown + excluded.tokens_unknown,
        micros = run_hour.micros + excluded.micros;
    INSERT INTO run_day (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros, calls, uncalled, out_unknown, cache_read_unknown, cache_write_unknown)
    SELECT org, (ended_at - (ended_at % 86400000000 + 86400000000) % 86400000000) / 86400000000, COALESCE((started_at - (started_at % 86400000000 + 86400000000) % 86400000000) / 86400000000, -1000000000), agent, squad, status, trigger, model, cost_state, repository, part, used, used_state, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros, calls, uncalled, out_unknown, cache_read_unknown, cache_write_unknown
    FROM run_sum WHERE org = new.org AND id = new.id
    ON CONFLICT (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state) DO UPDATE SET
        runs = run_day.runs + excluded.runs,
        cost_micros = run_day.cost_micros + excluded.cost_micros,
        tokens_in = run_day.tokens_in + excluded.tokens_in,
        tokens_out = run_day.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_day.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_day.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_day.tokens_unknown + excluded.tokens_unknown,
        micros = run_day.micros + excluded.micros,
        calls = run_day.calls + excluded.calls,
        uncalled = run_day.uncalled + excluded.uncalled,
        out_unknown = run_day.out_unknown + excluded.out_unknown,
        cache_read_unknown = run_day.cache_read_unknown + excluded.cache_read_unknown,
        cache_write_unknown = run_day.cache_write_unknown + excluded.cache_write_unknown;
END;

CREATE TRIGGER run_sums_tidy AFTER UPDATE ON execution WHEN old.subagent = '' AND old.status <> 'running' BEGIN
    DELETE FROM run_hour WHERE org = old.org AND agent = old.agent AND runs = 0
      AND ended = ((CASE WHEN old.completed_at IS NOT NULL THEN old.completed_at WHEN old.lease_until IS NOT NULL THEN old.lease_until WHEN old.started_at IS NOT NULL THEN old.started_at ELSE 0 END) - ((CASE WHEN old.completed_at IS NOT NULL THEN old.completed_at WHEN old.lease_until IS NOT NULL THEN old.lease_until WHEN old.started_at IS NOT NULL THEN old.started_at ELSE 0 END) % 3600000000 + 3600000000) % 3600000000) / 3600000000;
    DELETE FROM run_day WHERE org = old.org AND agent = old.agent AND runs = 0
      AND ended = ((CASE WHEN old.completed_at IS NOT NULL THEN old.completed_at WHEN old.lease_until IS NOT NULL THEN old.lease_until WHEN old.started_at IS NOT NULL THEN old.started_at ELSE 0 END) - ((CASE WHEN old.completed_at IS NOT NULL THEN old.completed_at WHEN old.lease_until IS NOT NULL THEN old.lease_until WHEN old.started_at IS NOT NULL THEN old.started_at ELSE 0 END) % 86400000000 + 86400000000) % 86400000000) / 86400000000;
END;

CREATE TRIGGER run_sums_delete BEFORE DELETE ON execution WHEN old.subagent = '' AND old.status <> 'running' BEGIN
    INSERT INTO run_hour (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
    SELECT org, (ended_at - (ended_at % 3600000000 + 3600000000) % 3600000000) / 3600000000, COALESCE((started_at - (started_at % 3600000000 + 3600000000) % 3600000000) / 3600000000, -1000000000), agent, squad, status, trigger, model, cost_state, repository, -runs, -cost_micros, -tokens_in, -tokens_out, -tokens_cache_read, -tokens_cache_write, -tokens_unknown, -micros
    FROM run_sum WHERE org = old.org AND id = old.id AND part < 2
    ON CONFLICT (org, ended, began, agent, squad, status, trigger, model, cost_state, repository) DO UPDATE SET
        runs = run_hour.runs + excluded.runs,
        cost_micros = run_hour.cost_micros + excluded.cost_micros,
        tokens_in = run_hour.tokens_in + excluded.tokens_in,
        tokens_out = run_hour.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_hour.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_hour.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_hour.tokens_unknown + excluded.tokens_unknown,
        micros = run_hour.micros + excluded.micros;
    INSERT INTO run_day (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros, calls, uncalled, out_unknown, cache_read_unknown, cache_write_unknown)
    SELECT org, (ended_at - (ended_at % 86400000000 + 86400000000) % 86400000000) / 86400000000, COALESCE((started_at - (started_at % 86400000000 + 86400000000) % 86400000000) / 86400000000, -1000000000), agent, squad, status, trigger, model, cost_state, repository, part, used, used_state, -runs, -cost_micros, -tokens_in, -tokens_out, -tokens_cache_read, -tokens_cache_write, -tokens_unknown, -micros, -calls, -uncalled, -out_unknown, -cache_read_unknown, -cache_write_unknown
    FROM run_sum WHERE org = old.org AND id = old.id
    ON CONFLICT (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state) DO UPDATE SET
        runs = run_day.runs + excluded.runs,
        cost_micros = run_day.cost_micros + excluded.cost_micros,
        tokens_in = run_day.tokens_in + excluded.tokens_in,
        tokens_out = run_day.tokens_out + excluded.tokens_out,
        tokens_cache_read = run_day.tokens_cache_read + excluded.tokens_cache_read,
        tokens_cache_write = run_day.tokens_cache_write + excluded.tokens_cache_write,
        tokens_unknown = run_day.tokens_unknown + excluded.tokens_unknown,
        micros = run_day.micros + excluded.micros,
        calls = run_day.calls + excluded.calls,
        uncalled = run_day.uncalled + excluded.uncalled,
        out_unknown = run_day.out_unknown + excluded.out_unknown,
        cache_read_unknown = run_day.cache_read_unknown + excluded.cache_read_unknown,
        cache_write_unknown = run_day.cache_write_unknown + excluded.cache_write_unknown;
    DELETE FROM run_hour WHERE org = old.org AND agent = old.agent AND runs = 0
      AND ended = ((CASE WHEN old.completed_at IS NOT NULL THEN old.completed_at WHEN old.lease_until IS NOT NULL THEN old.lease_until WHEN old.started_at IS NOT NULL THEN old.started_at ELSE 0 END) - ((CASE WHEN old.completed_at IS NOT NULL THEN old.completed_at WHEN old.lease_until IS NOT NULL THEN old.lease_until WHEN old.started_at IS NOT NULL THEN old.started_at ELSE 0 END) % 3600000000 + 3600000000) % 3600000000) / 3600000000;
    DELETE FROM run_day WHERE org = old.org AND agent = old.agent AND runs = 0
      AND ended = ((CASE WHEN old.completed_at IS NOT NULL THEN old.completed_at WHEN old.lease_until IS NOT NULL THEN old.lease_until WHEN old.started_at IS NOT NULL THEN old.started_at ELSE 0 END) - ((CASE WHEN old.completed_at IS NOT NULL THEN old.completed_at WHEN old.lease_until IS NOT NULL THEN old.lease_until WHEN old.started_at IS NOT NULL THEN old.started_at ELSE 0 END) % 86400000000 + 86400000000) % 86400000000) / 86400000000;
END;

INSERT INTO run_hour (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
SELECT org, (ended_at - (ended_at % 3600000000 + 3600000000) % 3600000000) / 3600000000, COALESCE((started_at - (started_at % 3600000000 + 3600000000) % 3600000000) / 3600000000, -1000000000), agent, squad, status, trigger, model, cost_state, repository, SUM(runs), SUM(cost_micros), SUM(tokens_in), SUM(tokens_out), SUM(tokens_cache_read), SUM(tokens_cache_write), SUM(tokens_unknown), SUM(micros)
FROM run_sum WHERE true AND part < 2 GROUP BY org, 2, 3, agent, squad, status, trigger, model, cost_state, repository;
INSERT INTO run_day (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros, calls, uncalled, out_unknown, cache_read_unknown, cache_write_unknown)
SELECT org, (ended_at - (ended_at % 86400000000 + 86400000000) % 86400000000) / 86400000000, COALESCE((started_at - (started_at % 86400000000 + 86400000000) % 86400000000) / 86400000000, -1000000000), agent, squad, status, trigger, model, cost_state, repository, part, used, used_state, SUM(runs), SUM(cost_micros), SUM(tokens_in), SUM(tokens_out), SUM(tokens_cache_read), SUM(tokens_cache_write), SUM(tokens_unknown), SUM(micros), SUM(calls), SUM(uncalled), SUM(out_unknown), SUM(cache_read_unknown), SUM(cache_write_unknown)
FROM run_sum WHERE true GROUP BY org, 2, 3, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state;
