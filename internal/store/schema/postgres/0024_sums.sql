-- What runs add up to, by all that questions narrow runs by, so that a question about
-- a month of a million runs adds up some thousand rows. What ended on one day and began
-- on one is in run_day, with what each model used; what did so in one hour is in
-- run_hour, for the edges of a time and for stretches shorter than a day. The minutes at
-- the edges are read run by run, and so are the runs at work, which are in neither. A
-- start that nobody told is on day, and in hour, -1000000000. Sub-agents are parts of
-- their runs. Triggers keep both, so that nothing can change an execution and forget
-- them, and verify adds all of it up again.

DROP TRIGGER run_hour_insert ON execution;
DROP TRIGGER run_hour_update ON execution;
DROP TRIGGER run_hour_delete ON execution;
DROP FUNCTION whodid_run_hour_insert();
DROP FUNCTION whodid_run_hour_update();
DROP FUNCTION whodid_run_hour_delete();
DROP VIEW run_in_hour;
DROP TABLE run_hour;

-- Where a run worked, how many calls of models it made, and what each model used where
-- its own model did not do all.
ALTER TABLE execution
    ADD COLUMN repository text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN calls      bigint NOT NULL DEFAULT 0,
    ADD COLUMN parts      text NOT NULL DEFAULT '';

-- A policy that is forced would hide all executions from this.
ALTER TABLE execution NO FORCE ROW LEVEL SECURITY;
UPDATE execution AS x SET
    repository = COALESCE((SELECT e.data ->> 'repository' FROM event_id AS i JOIN event AS e ON e.org = i.org AND e.seq = i.seq
                           WHERE i.org = x.org AND i.id = x.folded -> 'start' ->> 'id'), ''),
    calls = COALESCE((x.folded -> 'finish' -> 'stated' ->> 'calls')::bigint,
                     (SELECT SUM((c.value ->> 'calls')::bigint) FROM json_each(x.folded -> 'calls') AS c), 0),
    parts = CASE WHEN x.folded -> 'finish' -> 'stated' IS NOT NULL THEN '' ELSE (
        SELECT CASE WHEN COUNT(*) = 0 OR COUNT(*) = 1 AND (MIN(model) = '' OR MIN(model) = x.model) THEN '' ELSE '[' || string_agg(
            '{"model":' || to_json(model) ||
            ',"state":"' || CASE WHEN calls = 0 OR nc > 0 THEN 'unknown' WHEN cc > 0 THEN 'computed' ELSE 'measured' END ||
            '","calls":' || calls || ',"cost":' || cost ||
            ',"in":' || CASE WHEN calls = 0 OR ni > 0 THEN 'null' ELSE tin::text END || ',"out":' || CASE WHEN calls = 0 OR no > 0 THEN 'null' ELSE tout::text END ||
            ',"cr":' || CASE WHEN calls = 0 OR nr > 0 THEN 'null' ELSE cr::text END || ',"cw":' || CASE WHEN calls = 0 OR nw > 0 THEN 'null' ELSE cw::text END ||
            '}', ',' ORDER BY model COLLATE "C") || ']' END
        FROM (
            SELECT c.key AS model, (c.value ->> 'calls')::bigint AS calls,
                (c.value ->> 'in')::bigint AS tin, (c.value ->> 'out')::bigint AS tout, (c.value ->> 'cr')::bigint AS cr, (c.value ->> 'cw')::bigint AS cw,
                COALESCE((c.value ->> 'ni')::bigint, 0) AS ni, COALESCE((c.value ->> 'no')::bigint, 0) AS no,
                COALESCE((c.value ->> 'nr')::bigint, 0) AS nr, COALESCE((c.value ->> 'nw')::bigint, 0) AS nw,
                (c.value ->> 'cost')::bigint + COALESCE((r.value ->> 'cost')::bigint, 0) AS cost,
                COALESCE((c.value ->> 'nc')::bigint, 0) + COALESCE((r.value ->> 'nc')::bigint, 0) AS nc,
                COALESCE((c.value ->> 'cc')::bigint, 0) + COALESCE((r.value ->> 'cc')::bigint, 0) AS cc
            FROM json_each(x.folded -> 'calls') AS c LEFT JOIN json_each(x.folded -> 'repriced') AS r ON r.key = c.key
        ) AS u) END;

CREATE TABLE run_hour (
    org                text COLLATE "C" NOT NULL,
    ended              bigint NOT NULL,
    began              bigint NOT NULL,
    agent              text COLLATE "C" NOT NULL,
    squad              text COLLATE "C" NOT NULL,
    status             text COLLATE "C" NOT NULL,
    trigger            text NOT NULL,
    model              text NOT NULL,
    cost_state         text NOT NULL,
    repository         text COLLATE "C" NOT NULL,
    runs               bigint NOT NULL,
    cost_micros        bigint NOT NULL,
    tokens_in          bigint NOT NULL,
    tokens_out         bigint NOT NULL,
    tokens_cache_read  bigint NOT NULL,
    tokens_cache_write bigint NOT NULL,
    tokens_unknown     bigint NOT NULL,
    micros             bigint NOT NULL,
    PRIMARY KEY (org, ended, began, agent, squad, status, trigger, model, cost_state, repository)
);

CREATE TABLE run_day (
    org                 text COLLATE "C" NOT NULL,
    ended               bigint NOT NULL,
    began               bigint NOT NULL,
    agent               text COLLATE "C" NOT NULL,
    squad               text COLLATE "C" NOT NULL,
    status              text COLLATE "C" NOT NULL,
    trigger             text NOT NULL,
    model               text NOT NULL,
    cost_state          text NOT NULL,
    repository          text COLLATE "C" NOT NULL,
    part                smallint NOT NULL,
    used                text NOT NULL,
    used_state          text NOT NULL,
    runs                bigint NOT NULL,
    cost_micros         bigint NOT NULL,
    tokens_in           bigint NOT NULL,
    tokens_out          bigint NOT NULL,
    tokens_cache_read   bigint NOT NULL,
    tokens_cache_write  bigint NOT NULL,
    tokens_unknown      bigint NOT NULL,
    micros              bigint NOT NULL,
    calls               bigint NOT NULL,
    uncalled            bigint NOT NULL,
    out_unknown         bigint NOT NULL,
    cache_read_unknown  bigint NOT NULL,
    cache_write_unknown bigint NOT NULL,
    PRIMARY KEY (org, ended, began, agent, squad, status, trigger, model, cost_state, repository, part, used, used_state)
);

-- What began in an hour, or on a day.
CREATE INDEX run_hour_by_start ON run_hour (org, began);
CREATE INDEX run_day_by_start ON run_day (org, began);

-- The view of what each run that ended adds, one function for each of the three ways in
-- which executions change, and the sums of what is there.
DO $$
DECLARE
    added constant text := $f$
        SELECT %1$s, org, (CASE WHEN completed_at IS NOT NULL THEN completed_at WHEN lease_until IS NOT NULL THEN lease_until WHEN started_at IS NOT NULL THEN started_at ELSE 0 END) AS ended_at,
            started_at, agent, squad, status, trigger, model, cost_state, repository, (CASE WHEN parts = '' THEN 0 ELSE 1 END)::smallint AS part, '' AS used, '' AS used_state,
            1 AS runs, cost_known AS cost_micros, COALESCE(tokens_in, 0) AS tokens_in, COALESCE(tokens_out, 0) AS tokens_out,
            COALESCE(tokens_cache_read, 0) AS tokens_cache_read, COALESCE(tokens_cache_write, 0) AS tokens_cache_write,
            CASE WHEN tokens_in IS NULL THEN 1 ELSE 0 END AS tokens_unknown, COALESCE(completed_at - started_at, 0) AS micros,
            calls, CASE WHEN calls = 0 THEN 1 ELSE 0 END AS uncalled, CASE WHEN tokens_out IS NULL THEN 1 ELSE 0 END AS out_unknown,
            CASE WHEN tokens_cache_read IS NULL THEN 1 ELSE 0 END AS cache_read_unknown, CASE WHEN tokens_cache_write IS NULL THEN 1 ELSE 0 END AS cache_write_unknown
        FROM %2$s WHERE subagent = '' AND status <> 'running'
        UNION ALL
        SELECT %1$s, org, (CASE WHEN completed_at IS NOT NULL THEN completed_at WHEN lease_until IS NOT NULL THEN lease_until WHEN started_at IS NOT NULL THEN started_at ELSE 0 END),
            started_at, agent, squad, status, trigger, x.model, cost_state, repository, 2::smallint, p.model, p.state,
            1, p.cost, COALESCE(p."in", 0), COALESCE(p."out", 0), COALESCE(p.cr, 0), COALESCE(p.cw, 0),
            CASE WHEN p."in" IS NULL THEN 1 ELSE 0 END, 0,
            p.calls, CASE WHEN p.calls = 0 THEN 1 ELSE 0 END, CASE WHEN p."out" IS NULL THEN 1 ELSE 0 END,
            CASE WHEN p.cr IS NULL THEN 1 ELSE 0 END, CASE WHEN p.cw IS NULL THEN 1 ELSE 0 END
        FROM %2$s AS x, json_to_recordset(CASE WHEN parts = '' THEN '[]' ELSE parts END::json) AS p(model text, state text, calls bigint, cost bigint, "in" bigint, "out" bigint, cr bigint, cw bigint)
        WHERE subagent = '' AND status <> 'running' AND parts <> '' $f$;
    -- Whole hours and days, of times before 1970 too.
    unit constant text := '(%1$s - (%1$s %% %2$s + %2$s) %% %2$s) / %2$s';
    way   record;
    level record;
    adds  text := '';
    tidy  text := '';
    fill  text;
BEGIN
    EXECUTE 'CREATE VIEW run_sum AS ' || format(added, 'id', 'execution');
    FOR level IN SELECT * FROM (VALUES
        ('run_hour', '3600000000', 'agent, squad, status, trigger, model, cost_state, repository', 'part < 2',
            'runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros'),
        ('run_day', '86400000000', 'agent, squad, status, trigger, model, cost_state, repository, part, used, used_state', 'true',
            'runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros, calls, uncalled, out_unknown, cache_read_unknown, cache_write_unknown')
    ) AS levels (name, long, dims, which, sums) LOOP
        fill := format('INSERT INTO %1$I AS t (org, ended, began, %2$s, %3$s) SELECT org, %4$s, COALESCE(%5$s, -1000000000), %2$s, %6$s FROM ',
            level.name, level.dims, level.sums, format(unit, 'ended_at', level.long), format(unit, 'started_at', level.long),
            (SELECT string_agg(format('SUM(sign * %s)', s), ', ') FROM unnest(string_to_array(level.sums, ', ')) AS s));
        EXECUTE fill || format('(SELECT 1 AS sign, * FROM run_sum) AS s WHERE %2$s GROUP BY org, 2, 3, %1$s', level.dims, level.which);
        adds := adds || fill || format('added WHERE %3$s GROUP BY org, 2, 3, %1$s ORDER BY org, 2, 3, %1$s ON CONFLICT (org, ended, began, %1$s) DO UPDATE SET %2$s; ',
            level.dims, (SELECT string_agg(format('%1$s = t.%1$s + excluded.%1$s', s), ', ') FROM unnest(string_to_array(level.sums, ', ')) AS s), level.which);
        tidy := tidy || format('DELETE FROM %1$I AS t USING (SELECT DISTINCT org, %2$s AS ended, agent FROM (SELECT *, (CASE WHEN completed_at IS NOT NULL THEN completed_at WHEN lease_until IS NOT NULL THEN lease_until WHEN started_at IS NOT NULL THEN started_at ELSE 0 END) AS ended_at FROM gone WHERE subagent = '''' AND status <> ''running'') AS g) AS g '
            'WHERE t.org = g.org AND t.ended = g.ended AND t.agent = g.agent AND t.runs = 0; ', level.name, format(unit, 'ended_at', level.long));
    END LOOP;
    FOR way IN SELECT * FROM (VALUES
        ('insert', 'REFERENCING NEW TABLE AS arrived', format(added, '1 AS sign', 'arrived'), ''),
        ('update', 'REFERENCING OLD TABLE AS gone NEW TABLE AS arrived', format(added, '1 AS sign', 'arrived') || ' UNION ALL ' || format(added, '-1 AS sign', 'gone'), tidy),
        ('delete', 'REFERENCING OLD TABLE AS gone', format(added, '-1 AS sign', 'gone'), tidy)
    ) AS ways (name, tables, changed, finally) LOOP
        EXECUTE format('CREATE FUNCTION whodid_run_sums_%1$s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS %2$L',
            way.name, 'BEGIN ' || replace(adds, 'FROM added', 'FROM (' || way.changed || ') AS added') || way.finally || ' RETURN NULL; END');
        -- Temporary tables come last, for anybody can make one with another's name.
        EXECUTE format('ALTER FUNCTION whodid_run_sums_%1$s() SET search_path = %2$I, pg_temp', way.name, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION whodid_run_sums_%1$s() FROM PUBLIC', way.name);
        EXECUTE format('CREATE TRIGGER run_sums_%1$s AFTER %1$s ON execution %2$s FOR EACH STATEMENT EXECUTE FUNCTION whodid_run_sums_%1$s()', way.name, way.tables);
    END LOOP;
END $$;

DO $$
DECLARE role text;
BEGIN
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('whodid_app', 'whodid_sweeper') LOOP
        EXECUTE format('GRANT SELECT ON run_hour, run_day TO %I', role);
    END LOOP;
END $$;
