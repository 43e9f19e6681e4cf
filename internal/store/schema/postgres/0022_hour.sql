-- What the runs that began in one hour and ended in one add up to, by agent and how they
-- ended, so that history and reports of a week add up some thousand rows and not a
-- million runs. A start that nobody told is in the hour -1. Triggers
-- keep it, so that nothing can change an execution and forget it, and verify adds all
-- of it up again. Runs that are at work are in no hour. Sub-agents are parts of their
-- runs. A row whose runs are none is one whose runs moved.

CREATE TABLE run_hour (
    org                text COLLATE "C" NOT NULL,
    hour               bigint NOT NULL,
    began              bigint NOT NULL,
    agent              text COLLATE "C" NOT NULL,
    squad              text COLLATE "C" NOT NULL,
    status             text COLLATE "C" NOT NULL,
    runs               bigint NOT NULL,
    cost_micros        bigint NOT NULL,
    cost_unknown       bigint NOT NULL,
    tokens_in          bigint NOT NULL,
    tokens_out         bigint NOT NULL,
    tokens_cache_read  bigint NOT NULL,
    tokens_cache_write bigint NOT NULL,
    tokens_unknown     bigint NOT NULL,
    micros             bigint NOT NULL,
    PRIMARY KEY (org, hour, began, agent, squad, status)
);

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

-- One function for each of the three ways in which executions change.
DO $$
DECLARE way record;
BEGIN
    FOR way IN SELECT * FROM (VALUES
        ('insert', 'REFERENCING NEW TABLE AS arrived', 'SELECT 1 AS sign, * FROM arrived', ''),
        ('update', 'REFERENCING OLD TABLE AS gone NEW TABLE AS arrived', 'SELECT 1 AS sign, * FROM arrived UNION ALL SELECT -1, * FROM gone', ''),
        ('delete', 'REFERENCING OLD TABLE AS gone', 'SELECT -1 AS sign, * FROM gone', 'DELETE FROM run_hour WHERE runs = 0;')
    ) AS ways (name, tables, changed, finally) LOOP
        EXECUTE format($f$
            CREATE FUNCTION whodid_run_hour_%1$s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $body$
            BEGIN
                INSERT INTO run_hour (org, hour, began, agent, squad, status, runs, cost_micros, cost_unknown, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
                SELECT org, (CASE WHEN completed_at IS NOT NULL THEN completed_at WHEN lease_until IS NOT NULL THEN lease_until WHEN started_at IS NOT NULL THEN started_at ELSE 0 END) / 3600000000,
                    COALESCE(started_at / 3600000000, -1), agent, squad, status,
                    SUM(sign * (1)),
                    SUM(sign * (cost_known)),
                    SUM(sign * (CASE WHEN cost_state = 'unknown' THEN 1 ELSE 0 END)),
                    SUM(sign * (COALESCE(tokens_in, 0))),
                    SUM(sign * (COALESCE(tokens_out, 0))),
                    SUM(sign * (COALESCE(tokens_cache_read, 0))),
                    SUM(sign * (COALESCE(tokens_cache_write, 0))),
                    SUM(sign * (CASE WHEN tokens_in IS NULL THEN 1 ELSE 0 END)),
                    SUM(sign * (COALESCE(completed_at - started_at, 0)))
                FROM (%3$s) AS x
                WHERE subagent = '' AND status <> 'running'
                GROUP BY 1, 2, 3, 4, 5, 6
                ORDER BY 1, 2, 3, 4, 5, 6
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
                %5$s
                RETURN NULL;
            END $body$;
            -- Temporary tables come last, for anybody can make one with another's name.
            ALTER FUNCTION whodid_run_hour_%1$s() SET search_path = %4$I, pg_temp;
            REVOKE ALL ON FUNCTION whodid_run_hour_%1$s() FROM PUBLIC;
            CREATE TRIGGER run_hour_%1$s AFTER %1$s ON execution %2$s FOR EACH STATEMENT EXECUTE FUNCTION whodid_run_hour_%1$s();
        $f$, way.name, way.tables, way.changed, current_schema(), way.finally);
    END LOOP;
END $$;

-- A policy that is forced would hide all executions from this.
ALTER TABLE execution NO FORCE ROW LEVEL SECURITY;
INSERT INTO run_hour (org, hour, began, agent, squad, status, runs, cost_micros, cost_unknown, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros)
SELECT org, hour, began, agent, squad, status, SUM(runs), SUM(cost_micros), SUM(cost_unknown), SUM(tokens_in), SUM(tokens_out), SUM(tokens_cache_read), SUM(tokens_cache_write), SUM(tokens_unknown), SUM(micros) FROM run_in_hour GROUP BY org, hour, began, agent, squad, status;

-- The last run of an agent. The agent comes first, for it tells the keys apart.
CREATE INDEX execution_by_agent ON execution (agent, org, started_at);

DO $$
DECLARE role text;
BEGIN
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('whodid_app', 'whodid_sweeper') LOOP
        EXECUTE format('GRANT SELECT ON run_hour TO %I', role);
    END LOOP;
END $$;
