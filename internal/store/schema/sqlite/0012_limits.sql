-- How often each rule took something out of what was recorded, by the day on
-- which it was. What it was is nowhere.

CREATE TABLE redacted (
    org  TEXT    NOT NULL,
    day  INTEGER NOT NULL,
    rule TEXT    NOT NULL,
    n    INTEGER NOT NULL,
    PRIMARY KEY (org, day, rule)
) STRICT, WITHOUT ROWID;

-- Who signed off on what agents did, and what was excused.
CREATE INDEX event_review ON event (org, seq) WHERE what = 'review.sign';
CREATE INDEX event_exception ON event (org, seq) WHERE what = 'exception.add';
