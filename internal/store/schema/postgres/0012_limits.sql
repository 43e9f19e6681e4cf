-- How often each rule took something out of what was recorded, by the day on
-- which it was. What it was is nowhere.

CREATE TABLE redacted (
    org  text   COLLATE "C" NOT NULL,
    day  bigint NOT NULL,
    rule text   COLLATE "C" NOT NULL,
    n    bigint NOT NULL,
    PRIMARY KEY (org, day, rule)
) WITH (fillfactor = 50);

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app') THEN
        GRANT SELECT, INSERT, UPDATE ON redacted TO whodid_app;
    END IF;
END $$;

-- Who signed off on what agents did, and what was excused.
CREATE INDEX event_review ON event_permanent (org, seq) WHERE what = 'review.sign';
CREATE INDEX event_exception ON event_permanent (org, seq) WHERE what = 'exception.add';
