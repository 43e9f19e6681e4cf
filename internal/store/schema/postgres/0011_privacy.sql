-- The one table that names people. It is filled on purpose only, events know
-- people by pseudonyms alone, and a row that goes leaves no trace in them.
CREATE TABLE person (
    org       text   COLLATE "C" NOT NULL,
    pseudonym text   COLLATE "C" NOT NULL,
    name      text   NOT NULL,
    email     text   NOT NULL,
    login     text   NOT NULL,
    source    text   NOT NULL,
    added_at  bigint NOT NULL,
    PRIMARY KEY (org, pseudonym)
);

-- The requests to erase that this trail has carried out. The same list is kept
-- outside of the trail: what is missing here, an older copy has not erased yet.
CREATE TABLE erasure (
    org     text   COLLATE "C" NOT NULL,
    id      text   COLLATE "C" NOT NULL,
    done_at bigint NOT NULL,
    request text   NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON erasure FOR EACH ROW EXECUTE FUNCTION whodid_append_only();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON erasure FOR EACH STATEMENT EXECUTE FUNCTION whodid_append_only();

-- As before, but that the sweeper may take the person out of a token.
CREATE OR REPLACE FUNCTION whodid_token_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF current_setting('whodid.sweeping', true) = 'on' AND pg_has_role(current_user, 'whodid_sweeper', 'MEMBER')
            AND (OLD.org, OLD.id, OLD.hash, OLD.role, OLD.squads::text, OLD.agent, OLD.created_at, OLD.expires_at)
                IS NOT DISTINCT FROM (NEW.org, NEW.id, NEW.hash, NEW.role, NEW.squads::text, NEW.agent, NEW.created_at, NEW.expires_at)
            AND (NEW.revoked_at IS NOT NULL OR NEW.person = OLD.person) THEN
            RETURN NEW;
        END IF;
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

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON person TO whodid_app;
        GRANT SELECT, INSERT ON erasure TO whodid_app;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_sweeper') THEN
        GRANT SELECT, DELETE ON person TO whodid_sweeper;
        GRANT SELECT, INSERT ON erasure TO whodid_sweeper;
        GRANT SELECT, UPDATE ON token TO whodid_sweeper;
    END IF;
END $$;
