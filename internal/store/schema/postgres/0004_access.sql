-- Who may use the trail. A token is kept as its hash; who made and who revoked
-- it is in the log too, as events.

CREATE TABLE token (
    org          text   COLLATE "C" NOT NULL,
    id           text   COLLATE "C" NOT NULL,
    name         text   COLLATE "C" NOT NULL,
    hash         bytea  NOT NULL,
    role         text   NOT NULL,
    squads       json   NOT NULL,
    agent        text   COLLATE "C" NOT NULL,
    person       text   COLLATE "C" NOT NULL,
    created_at   bigint NOT NULL,
    created_by   text   NOT NULL,
    expires_at   bigint,
    last_used_at bigint,
    revoked_at   bigint,
    revoked_by   text   NOT NULL,
    PRIMARY KEY (org, id)
);

-- Not unique, for a unique one would have to begin with the organisation.
CREATE INDEX token_by_hash ON token (hash);
CREATE UNIQUE INDEX token_by_name ON token (org, name) WHERE revoked_at IS NULL;

-- A token is what it was made as, but for its use and its end.
CREATE FUNCTION whodid_token_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.revoked_at IS NOT NULL THEN
            RAISE EXCEPTION 'a token that is revoked stays so' USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF (OLD.org, OLD.id, OLD.name, OLD.hash, OLD.role, OLD.squads::text, OLD.agent, OLD.person, OLD.created_at, OLD.created_by, OLD.expires_at)
            IS NOT DISTINCT FROM
            (NEW.org, NEW.id, NEW.name, NEW.hash, NEW.role, NEW.squads::text, NEW.agent, NEW.person, NEW.created_at, NEW.created_by, NEW.expires_at) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'what a token may do cannot be changed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RAISE EXCEPTION 'a token is revoked, and cannot be deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER is_fixed BEFORE UPDATE OR DELETE ON token FOR EACH ROW EXECUTE FUNCTION whodid_token_is_fixed();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON token FOR EACH STATEMENT EXECUTE FUNCTION whodid_token_is_fixed();

-- To the application, where the first migration could make its role. The
-- sweeper has nothing to do here.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
        GRANT SELECT, INSERT ON token TO whodid_app;
        GRANT UPDATE (last_used_at, revoked_at, revoked_by) ON token TO whodid_app;
    END IF;
END $$;

-- The same as before in words that PostgreSQL uses an index for under its
-- policies; both engines must have the expression alike.
DROP INDEX execution_by_end;
CREATE INDEX execution_by_end ON execution (org, (CASE WHEN status = 'running' THEN 9223372036854775807 WHEN completed_at IS NOT NULL THEN completed_at WHEN lease_until IS NOT NULL THEN lease_until WHEN started_at IS NOT NULL THEN started_at ELSE 0 END));

-- Organisations are kept apart by the database itself: a connection sees and
-- writes only rows of the organisation that its setting whodid.org names, and
-- none while it names none. The setting '*' shows which organisations there
-- are, '#' and the hash of a token that token.
--
-- whodid_keep_apart sees to all tables that belong to organisations. It runs
-- after every migration, so that what a later one adds is covered too. A
-- partition is reached only through its table, which has the policy.
CREATE FUNCTION whodid_keep_apart() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r record;
    application boolean := EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app' AND pg_has_role(current_user, oid, 'MEMBER'));
BEGIN
    FOR r IN
        SELECT c.oid::regclass AS name, c.relname, c.relkind, c.relispartition, c.relrowsecurity
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'org' AND NOT a.attisdropped
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
    LOOP
        IF r.relkind IN ('v', 'm') OR r.relispartition THEN
            -- A view has the rights of its owner, who sees everything. The
            -- application asks the tables.
            IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
                EXECUTE format('REVOKE ALL ON %s FROM whodid_app', r.name);
            END IF;
            CONTINUE;
        END IF;
        IF NOT r.relrowsecurity THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', r.name);
            EXECUTE format('CREATE POLICY organisation ON %s USING (org = current_setting(''whodid.org'', true))', r.name);
        END IF;
        -- Where there is no role to become, the product works as the owner.
        IF NOT application THEN
            EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', r.name);
        END IF;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION whodid_keep_apart() FROM PUBLIC;
SELECT whodid_keep_apart();
CREATE POLICY everywhere ON log FOR SELECT USING (current_setting('whodid.org', true) = '*');
CREATE POLICY by_hash ON token FOR SELECT USING ('#' || encode(hash, 'hex') = current_setting('whodid.org', true));
