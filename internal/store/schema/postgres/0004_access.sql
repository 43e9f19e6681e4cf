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
        IF (OLD.org, OLD.id, OLD.name, OLD.hash, OLD.role, OLD.squads::text, OLD.agent, OLD.created_at, OLD.created_by, OLD.expires_at)
            IS NOT DISTINCT FROM
            (NEW.org, NEW.id, NEW.name, NEW.hash, NEW.role, NEW.squads::text, NEW.agent, NEW.created_at, NEW.created_by, NEW.expires_at) THEN
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
