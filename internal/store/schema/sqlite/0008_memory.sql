-- The words of decisions, for searching. It is an index without a copy of the
-- text: what it says follows from the events, and the trigger keeps it so. All
-- punctuation of ASCII separates words, as on PostgreSQL.

CREATE VIRTUAL TABLE decision_text USING fts5 (
    org UNINDEXED, seq UNINDEXED, words,
    content = '', contentless_delete = 1, contentless_unindexed = 1,
    tokenize = "unicode61 remove_diacritics 0", prefix = '2 3'
);

CREATE TRIGGER decision_is_searchable AFTER INSERT ON event
WHEN NEW.what IN ('decision.record', 'decision.summarize') AND NEW.salt IS NOT NULL
BEGIN
    INSERT INTO decision_text (org, seq, words) VALUES (
        NEW.org, NEW.seq,
        NEW.target || ' ' || NEW.why || ' ' || COALESCE(NEW.data ->> 'decided', '') || ' ' || COALESCE(NEW.data ->> 'expected', '')
        || ' ' || COALESCE(NEW.data ->> 'alternatives', '') || ' ' || COALESCE(NEW.data ->> 'issue', '') || ' ' || COALESCE(NEW.data ->> 'path', '')
    );
END;

INSERT INTO decision_text (org, seq, words)
SELECT org, seq,
       target || ' ' || why || ' ' || COALESCE(data ->> 'decided', '') || ' ' || COALESCE(data ->> 'expected', '')
       || ' ' || COALESCE(data ->> 'alternatives', '') || ' ' || COALESCE(data ->> 'issue', '') || ' ' || COALESCE(data ->> 'path', '')
FROM event WHERE what IN ('decision.record', 'decision.summarize') AND salt IS NOT NULL ORDER BY seq;

-- The decisions about a subject, and what is said of decisions later.
CREATE INDEX event_decision ON event (org, seq) WHERE what IN ('decision.record', 'decision.summarize');
CREATE INDEX event_decision_by_subject ON event (org, target, seq) WHERE what IN ('decision.record', 'decision.summarize');
CREATE INDEX event_of_decision ON event (org, target, seq) WHERE what IN ('decision.supersede', 'decision.outcome');
CREATE INDEX event_superseding ON event (org, seq) WHERE what = 'decision.supersede';
