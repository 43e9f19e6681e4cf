-- The trail on PostgreSQL. Times are microseconds since 1970 in UTC, money is
-- millionths of a US dollar; the views at the end show both as people read
-- them. docs/schema.md describes every column.
--
-- Columns that are compared or sorted have the collation "C", so that a prefix
-- is a range and an order the same as on SQLite, whatever the database's own.

CREATE TABLE log (
    org        text   COLLATE "C" NOT NULL PRIMARY KEY,
    origin     text   NOT NULL UNIQUE,
    public_key text   NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE head (
    org        text   COLLATE "C" NOT NULL PRIMARY KEY REFERENCES log (org),
    size       bigint NOT NULL,
    frontier   bytea  NOT NULL,
    edge       bytea  NOT NULL,
    checkpoint text   NOT NULL
) WITH (fillfactor = 10);
ALTER TABLE head ALTER COLUMN edge SET STORAGE EXTERNAL; -- hashes do not compress

-- Partitioned by retention class, then by month, so that retention drops
-- whole partitions.
CREATE TABLE event (
    org            text     COLLATE "C" NOT NULL,
    seq            bigint   NOT NULL,
    id             text     COLLATE "C" NOT NULL,
    key            text     NOT NULL,
    what           text     COLLATE "C" NOT NULL,
    class          text     COLLATE "C" NOT NULL,
    action         smallint NOT NULL,
    actor          text     COLLATE "C" NOT NULL,
    actor_auth     text     NOT NULL,
    on_behalf_of   text     NOT NULL,
    on_behalf_auth text     NOT NULL,
    target         text     NOT NULL,
    at             bigint   NOT NULL,
    recorded_at    bigint   NOT NULL,
    why            text     NOT NULL,
    result         text     COLLATE "C" NOT NULL,
    execution      text     COLLATE "C" NOT NULL,
    session        text     COLLATE "C" NOT NULL,
    approval       text     NOT NULL,
    source         text     NOT NULL,
    data           json     NOT NULL,
    salt           bytea,
    leaf           bytea    NOT NULL,
    commitments    bytea,
    erased_by      text,
    PRIMARY KEY (org, seq, class, recorded_at)
) PARTITION BY LIST (class);

CREATE INDEX event_by_execution ON event (org, execution, seq) WHERE execution <> '';
CREATE INDEX event_by_time ON event (org, at, seq);

CREATE TABLE event_run PARTITION OF event FOR VALUES IN ('run') PARTITION BY RANGE (recorded_at);
CREATE TABLE event_session PARTITION OF event FOR VALUES IN ('session') PARTITION BY RANGE (recorded_at);
CREATE TABLE event_permanent PARTITION OF event FOR VALUES IN ('permanent');

-- Append only. Grants say so for roles without ownership; the triggers say so
-- for owners and superusers too, who would have to take them away first.
CREATE FUNCTION whodid_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('whodid.sweeping', true) = 'on' AND pg_has_role(current_user, 'whodid_sweeper', 'MEMBER') THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    RAISE EXCEPTION '% is append-only: % is not possible', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE FUNCTION whodid_head_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'the head of a log only grows' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RAISE EXCEPTION 'the head of a log cannot be deleted' USING ERRCODE = 'insufficient_privilege';
END $$;

-- whodid_partitions makes the monthly partitions from the month of the first
-- time to the month of the last (microseconds since 1970), and the one after
-- it ahead of time. The application's role may call it, and only so may it
-- make tables.
CREATE FUNCTION whodid_partitions(first bigint, last bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    month timestamp := date_trunc('month', to_timestamp(first / 1000000) AT TIME ZONE 'UTC');
    until timestamp := date_trunc('month', to_timestamp(last / 1000000) AT TIME ZONE 'UTC');
    class text;
    name  text;
    span  text;
BEGIN
    IF until > month + interval '10 years' THEN
        RAISE EXCEPTION 'no trail records ten years at once: the clock must be wrong' USING ERRCODE = 'datetime_field_overflow';
    END IF;
    WHILE month <= until + interval '1 month' LOOP
        FOREACH class IN ARRAY ARRAY['run', 'session'] LOOP
            name := format('event_%s_%s', class, to_char(month, 'YYYYMM'));
            CONTINUE WHEN to_regclass(format('%I.%I', current_schema(), name)) IS NOT NULL;
            PERFORM pg_advisory_xact_lock(7738147, 1);
            -- Asked of the catalogue itself: to_regclass remembers what was
            -- not there before the lock was waited for.
            CONTINUE WHEN EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = current_schema()::regnamespace);
            span := format('FOR VALUES FROM (%s) TO (%s)', (extract(epoch FROM month) * 1000000)::bigint,
                (extract(epoch FROM month + interval '1 month') * 1000000)::bigint);
            IF month <= until THEN
                -- What is appended next goes in here. This waits for readers
                -- and lets them wait: one that was planned before would look
                -- past it, and miss events of a log that it sees the head of.
                EXECUTE format('CREATE TABLE %I PARTITION OF %I %s', name, 'event_' || class, span);
            ELSE
                -- Nothing goes in here for days, so that nobody has to wait.
                EXECUTE format('CREATE TABLE %I (LIKE event INCLUDING DEFAULTS)', name);
                EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I %s', 'event_' || class, name, span);
            END IF;
            EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION whodid_append_only()', name);
        END LOOP;
        month := month + interval '1 month';
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION whodid_partitions(bigint, bigint) FROM PUBLIC;
-- Temporary tables come last, for anybody can make one with another's name.
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION whodid_partitions(bigint, bigint) SET search_path = %I, pg_temp', current_schema());
END $$;

-- A partitioned table can't hold an id unique by itself; this table does.
CREATE TABLE event_id (
    org text   COLLATE "C" NOT NULL,
    id  text   COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (org, id)
);

CREATE TABLE tile (
    org    text     COLLATE "C" NOT NULL,
    level  smallint NOT NULL,
    n      bigint   NOT NULL,
    hashes bytea    NOT NULL,
    PRIMARY KEY (org, level, n)
);
ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL; -- hashes do not compress

CREATE TABLE execution (
    org                text   COLLATE "C" NOT NULL,
    id                 text   COLLATE "C" NOT NULL,
    agent              text   COLLATE "C" NOT NULL,
    squad              text   COLLATE "C" NOT NULL,
    trigger            text   NOT NULL,
    trigger_detail     text   NOT NULL,
    why                text   NOT NULL,
    started_at         bigint,
    completed_at       bigint,
    status             text   COLLATE "C" NOT NULL,
    status_reason      text   NOT NULL,
    model              text   NOT NULL,
    tokens_in          bigint,
    tokens_out         bigint,
    tokens_cache_read  bigint,
    tokens_cache_write bigint,
    cost_micros        bigint,
    cost_known         bigint NOT NULL,
    cost_state         text   NOT NULL,
    session            text   COLLATE "C" NOT NULL,
    parent             text   COLLATE "C" NOT NULL,
    subagent           text   COLLATE "C" NOT NULL,
    on_behalf_of       text   NOT NULL,
    on_behalf_auth     text   NOT NULL,
    source             text   NOT NULL,
    lease_until        bigint,
    tags               json   NOT NULL,
    folded             json   NOT NULL,
    PRIMARY KEY (org, id)
) WITH (fillfactor = 70);

-- Read backwards it gives the last started first, by id where they are equal,
-- and those whose start is not known at the end, as on SQLite.
CREATE INDEX execution_by_start ON execution (org, started_at NULLS FIRST, id DESC);
-- When an execution was last at work, for selecting by overlap.
CREATE INDEX execution_by_end ON execution (org, (CASE WHEN status = 'running' THEN 9223372036854775807 ELSE COALESCE(completed_at, lease_until, started_at, 0) END));
CREATE INDEX execution_by_parent ON execution (org, parent) WHERE parent <> '';
CREATE INDEX execution_running ON execution (org, lease_until) WHERE status = 'running';

-- The founding relations.
CREATE VIEW executions AS
SELECT id AS execution_id, agent, squad, trigger, trigger_detail, why,
       timestamptz 'epoch' + started_at * interval '1 microsecond' AS started_at,
       timestamptz 'epoch' + completed_at * interval '1 microsecond' AS completed_at,
       status, status_reason, model, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write,
       (cost_micros / 1000000.0)::numeric(20, 6) AS cost, cost_state,
       session AS session_id, parent, subagent, on_behalf_of, source, tags, org
FROM execution;

CREATE VIEW actions AS
SELECT execution AS execution_id, what AS action_type, target, result, approval AS approval_id, data AS metadata,
       timestamptz 'epoch' + at * interval '1 microsecond' AS at,
       actor, why, session AS session_id, source, id AS event_id, seq, org
FROM event AS e
WHERE action = 1
  AND NOT (starts_with(id, 'try-') AND EXISTS (
      SELECT 1 FROM event_id AS settled WHERE settled.org = e.org AND settled.id = 'evt-' || substr(e.id, 5)));

-- What psql shows with \d+, word for word as docs/schema.md has it.
COMMENT ON VIEW executions IS 'One row for each run of an agent, and for each sub-agent as a part of its parent''s run.';
COMMENT ON COLUMN executions.execution_id IS 'The run. whodid exec show takes it, or its first characters.';
COMMENT ON COLUMN executions.agent IS 'Full name of the agent, squad/name; empty if nobody told of the start.';
COMMENT ON COLUMN executions.squad IS 'The part of agent before the slash.';
COMMENT ON COLUMN executions.trigger IS 'What started it: manual, scheduled, event or smart; empty if unknown.';
COMMENT ON COLUMN executions.trigger_detail IS 'The event, schedule or condition behind the trigger.';
COMMENT ON COLUMN executions.why IS 'The reason that was given for the run.';
COMMENT ON COLUMN executions.started_at IS 'When it began; NULL if nobody told.';
COMMENT ON COLUMN executions.completed_at IS 'When it ended; NULL while it runs, and where the end is not known.';
COMMENT ON COLUMN executions.status IS 'running, success, failed, timeout, cancelled, or lost: it stopped reporting.';
COMMENT ON COLUMN executions.status_reason IS 'What the status rests on, in a few words.';
COMMENT ON COLUMN executions.model IS 'The model that gave most of the output, or the one asked for if no answer is known.';
COMMENT ON COLUMN executions.tokens_in IS 'Input tokens, sub-agents included, without those of a cache; NULL is unknown, never zero.';
COMMENT ON COLUMN executions.tokens_out IS 'Output tokens; NULL is unknown.';
COMMENT ON COLUMN executions.tokens_cache_read IS 'Input tokens read from a cache; NULL is unknown.';
COMMENT ON COLUMN executions.tokens_cache_write IS 'Input tokens written to a cache; NULL is unknown.';
COMMENT ON COLUMN executions.cost IS 'What the model calls cost; NULL if the cost of at least one of them is unknown.';
COMMENT ON COLUMN executions.cost_state IS 'measured (the source said so), computed (from a price table) or unknown.';
COMMENT ON COLUMN executions.session_id IS 'The client''s id of its session.';
COMMENT ON COLUMN executions.parent IS 'The execution that started this one; empty if none did.';
COMMENT ON COLUMN executions.subagent IS 'Kind of sub-agent, if this is a part of its parent''s run and no run of its own; else empty.';
COMMENT ON COLUMN executions.on_behalf_of IS 'The person behind it, as human: and a pseudonym; empty if none is known.';
COMMENT ON COLUMN executions.source IS 'Who told of its start: hook:claude-code, cli, api …';
COMMENT ON COLUMN executions.tags IS 'Tags that people and scripts have put on it.';
COMMENT ON COLUMN executions.org IS 'The organisation; default where there is only one.';
COMMENT ON VIEW actions IS 'One row for each thing that an agent did.';
COMMENT ON COLUMN actions.execution_id IS 'The execution that acted; empty if none is known.';
COMMENT ON COLUMN actions.action_type IS 'The dotted verb: file.write, pr.merge … The catalogue lists them.';
COMMENT ON COLUMN actions.target IS 'What was acted upon: a path, a URL, acme/shop#44.';
COMMENT ON COLUMN actions.result IS 'success only where the action''s own result proves it; failed, blocked, rejected, approved, cancelled, timeout, or attempted: begun, and the end is not known.';
COMMENT ON COLUMN actions.approval_id IS 'The approval that it was done under; empty if none is known.';
COMMENT ON COLUMN actions.metadata IS 'Details that the catalogue allows for the verb, such as lines_added.';
COMMENT ON COLUMN actions.at IS 'When it happened, by its source''s clock.';
COMMENT ON COLUMN actions.actor IS 'Who acted: agent:squad/name, human: and a pseudonym, or system:whodid.';
COMMENT ON COLUMN actions.why IS 'The reason that was given.';
COMMENT ON COLUMN actions.session_id IS 'The client''s id of its session.';
COMMENT ON COLUMN actions.source IS 'Who told of it: hook:claude-code, import:claude-code, cli …';
COMMENT ON COLUMN actions.event_id IS 'The event that tells it. whodid prove takes it.';
COMMENT ON COLUMN actions.seq IS 'Its place in the log.';
COMMENT ON COLUMN actions.org IS 'The organisation.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION whodid_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON event_id FOR EACH ROW EXECUTE FUNCTION whodid_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON tile FOR EACH ROW EXECUTE FUNCTION whodid_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON log FOR EACH ROW EXECUTE FUNCTION whodid_append_only();
CREATE TRIGGER only_grows BEFORE UPDATE ON head FOR EACH ROW WHEN (NEW.size < OLD.size OR NEW.org <> OLD.org) EXECUTE FUNCTION whodid_head_only_grows();
CREATE TRIGGER is_kept BEFORE DELETE ON head FOR EACH ROW EXECUTE FUNCTION whodid_head_only_grows();
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['event', 'event_run', 'event_session', 'event_permanent', 'event_id', 'tile', 'log', 'head'] LOOP
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION whodid_append_only()', name);
    END LOOP;
END $$;

-- The roles. The application works as whodid_app whoever it connected as; the
-- sweeper's rights are apart. Roles belong to the whole server, so that they
-- may be there already, made by another database's trail. An owner who may
-- neither make nor grant them keeps his own rights, and the triggers stay.
DO $$
DECLARE
    role text;
    -- Since PostgreSQL 16 whoever makes a role is a member without its rights.
    membership text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    PERFORM pg_advisory_xact_lock(7738147, 2);
    FOREACH role IN ARRAY ARRAY['whodid_app', 'whodid_sweeper'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
        END;
        CONTINUE WHEN NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role);
        BEGIN
            IF NOT pg_has_role(current_user, role, membership) THEN
                EXECUTE format('GRANT %I TO %I', role, current_user);
            END IF;
        EXCEPTION WHEN insufficient_privilege THEN NULL;
        END;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', current_schema(), role);
        IF role = 'whodid_app' THEN
            GRANT INSERT ON log, event, event_id, tile TO whodid_app;
            GRANT INSERT, UPDATE ON head, execution TO whodid_app;
            GRANT EXECUTE ON FUNCTION whodid_partitions(bigint, bigint) TO whodid_app;
        ELSE
            GRANT INSERT, UPDATE, DELETE ON event, event_id, tile, head, execution TO whodid_sweeper;
        END IF;
    END LOOP;
END $$;
