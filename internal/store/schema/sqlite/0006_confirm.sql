-- What a forge says of what agents say they did. Nothing is kept for it: both are
-- events of the log, and the view finds the one for the other, whichever came
-- first. Numbers are microseconds: an hour around what can happen again and
-- again, two minutes for clocks that differ. A plus keeps SQLite from reading all
-- events by their time in search of those with a target.

CREATE INDEX event_of_forge ON event (org, lower(target), what) WHERE what >= 'forge.' AND what < 'forge/';
CREATE INDEX event_of_pull ON event (org, lower(target)) WHERE what >= 'pr.' AND what < 'pr/';
CREATE INDEX event_of_ci ON event (org, ((data ->> 'sha'))) WHERE what = 'forge.ci.run';

CREATE VIEW confirmations AS
SELECT j.event_id, j.execution_id,
       CASE WHEN j.confirmed IS NOT NULL THEN 'confirmed'
            WHEN j.contradicted IS NOT NULL THEN 'contradicted'
            WHEN j.expected = 1 AND j.at < unixepoch() * 1000000 - 3600000000 THEN 'unconfirmed'
       END AS state,
       f.id AS fact_id, f.what AS fact, f.actor AS fact_actor, f.source, f.data ->> 'delivery' AS delivery,
       strftime('%Y-%m-%dT%H:%M:%S', f.at / 1000000, 'unixepoch') || printf('.%06dZ', f.at % 1000000) AS told_at,
       j.expected, j.seq, f.seq AS fact_seq, j.org
FROM (
    SELECT e.org, e.seq, e.at, e.id AS event_id, e.execution AS execution_id,
           CASE WHEN e.what = 'test.run' THEN (
               SELECT r.seq FROM event AS r
               WHERE r.org = e.org AND r.what = 'forge.ci.run' AND r.result IN ('success', 'failed')
                 AND (lower(COALESCE(r.data ->> 'name', 'ci')) LIKE '%test%' OR lower(COALESCE(r.data ->> 'name', 'ci')) LIKE '%ci%')
                 AND (r.data ->> 'sha') >= e.sha AND (r.data ->> 'sha') < e.sha || 'g' AND r.result = 'success'
                 AND NOT EXISTS (SELECT 1 FROM event AS l
                   WHERE l.org = e.org AND l.what = 'forge.ci.run' AND l.result IN ('success', 'failed')
                 AND (lower(COALESCE(l.data ->> 'name', 'ci')) LIKE '%test%' OR lower(COALESCE(l.data ->> 'name', 'ci')) LIKE '%ci%')
                 AND (l.data ->> 'sha') >= e.sha AND (l.data ->> 'sha') < e.sha || 'g' AND (l.at > r.at OR l.at = r.at AND l.seq > r.seq))
               LIMIT 1)
           ELSE (
               SELECT f.seq FROM event AS f
               WHERE f.org = e.org AND f.what >= 'forge.' AND f.what < 'forge/' AND lower(f.target) = lower(e.target)
                 AND CASE
                     WHEN e.what IN ('pr.create', 'issue.create', 'release.publish') THEN f.what = 'forge.' || e.what
                     WHEN e.what IN ('pr.merge', 'pr.close', 'pr.review', 'pr.comment', 'issue.close', 'issue.comment') THEN
                       f.what = 'forge.' || e.what AND f.at >= e.at - 3600000000 AND (f.at <= e.at + 3600000000 OR e.what = 'pr.merge' AND e.result = 'attempted')
                     WHEN e.what = 'commit.push' AND length(lower(e.data ->> 'sha')) >= 7 THEN f.what = 'forge.commit.push' AND (substr(f.data ->> 'sha', 1, length(lower(e.data ->> 'sha'))) = lower(e.data ->> 'sha') OR substr(f.data ->> 'before', 1, length(lower(e.data ->> 'sha'))) = lower(e.data ->> 'sha')
                       OR instr(f.data ->> 'shas', '"' || lower(e.data ->> 'sha')) > 0)
                     WHEN e.what = 'commit.push' THEN f.what = 'forge.commit.push' AND f.at BETWEEN e.at - 600000000 AND e.at + 600000000
                     ELSE f.what = 'forge.deploy.status' AND f.result = 'success' AND f.at BETWEEN e.at - 3600000000 AND e.at + 3600000000
                       AND lower(f.data ->> 'environment') = substr(e.what, 8)
                 END
               ORDER BY +f.at, f.seq LIMIT 1
           ) END AS confirmed,
           CASE WHEN e.result <> 'success' THEN NULL
           WHEN e.what = 'test.run' THEN (
               SELECT r.seq FROM event AS r
               WHERE r.org = e.org AND r.what = 'forge.ci.run' AND r.result IN ('success', 'failed')
                 AND (lower(COALESCE(r.data ->> 'name', 'ci')) LIKE '%test%' OR lower(COALESCE(r.data ->> 'name', 'ci')) LIKE '%ci%')
                 AND (r.data ->> 'sha') >= e.sha AND (r.data ->> 'sha') < e.sha || 'g' AND r.result = 'failed'
                 AND NOT EXISTS (SELECT 1 FROM event AS l
                   WHERE l.org = e.org AND l.what = 'forge.ci.run' AND l.result IN ('success', 'failed')
                 AND (lower(COALESCE(l.data ->> 'name', 'ci')) LIKE '%test%' OR lower(COALESCE(l.data ->> 'name', 'ci')) LIKE '%ci%')
                 AND (l.data ->> 'sha') >= e.sha AND (l.data ->> 'sha') < e.sha || 'g' AND (l.at > r.at OR l.at = r.at AND l.seq > r.seq))
               LIMIT 1)
           ELSE (
               SELECT f.seq FROM event AS f
               WHERE f.org = e.org AND f.what >= 'forge.' AND f.what < 'forge/' AND lower(f.target) = lower(e.target)
                 AND CASE
                     WHEN e.what = 'pr.merge' THEN f.what = 'forge.pr.close' AND f.at >= e.at - 120000000
                       OR f.what IN ('forge.pr.update', 'forge.pr.merge') AND f.at > e.at + 3600000000
                     WHEN e.what = 'pr.close' THEN f.what = 'forge.pr.merge' AND f.at <= e.at + 3600000000
                     WHEN e.what = 'commit.push' AND length(lower(e.data ->> 'sha')) >= 7 THEN
                       f.what = 'forge.commit.push' AND f.at BETWEEN e.at - 120000000 AND e.at + 3600000000
                     WHEN e.what LIKE 'deploy.%' THEN f.what = 'forge.deploy.status' AND f.result = 'failed' AND f.at BETWEEN e.at - 120000000 AND e.at + 3600000000
                       AND lower(f.data ->> 'environment') = substr(e.what, 8)
                 END
               ORDER BY +f.at, f.seq LIMIT 1
           ) END AS contradicted,
           CASE WHEN e.result = 'success' AND e.what <> 'test.run' AND EXISTS (
               SELECT 1 FROM event AS h
               WHERE h.org = e.org AND h.what >= 'forge.' AND h.what < 'forge/' AND h.what = 'forge.hook' AND +h.at <= e.at
                 AND lower(h.target) = substr(lower(e.target), 1, min(instr(e.target || '#', '#'), instr(e.target || '!', '!'), instr(e.target || '@', '@')) - 1)
                 -- One that was taken away by the time that it should have told says nothing by its silence, unless it was heard again since.
                 AND NOT EXISTS (
                   SELECT 1 FROM event AS u
                   WHERE u.org = h.org AND u.what >= 'forge.' AND u.what < 'forge/' AND u.what = 'forge.unhook' AND lower(u.target) = lower(h.target)
                     AND u.data ->> 'hook' IS h.data ->> 'hook' AND +u.at >= h.at AND +u.at <= e.at + 3600000000
                     AND NOT EXISTS (
                       SELECT 1 FROM event AS f
                       WHERE f.org = h.org AND f.what >= 'forge.' AND f.what < 'forge/' AND f.what <> 'forge.unhook' AND f.source = h.source
                         AND lower(f.data ->> 'repository') = lower(h.target) AND f.data ->> 'hook' IS h.data ->> 'hook' AND +f.at > u.at AND +f.at <= e.at))
           ) THEN 1 ELSE 0 END AS expected
    FROM (
        SELECT a.org, a.seq, a.at, a.id, a.execution, a.what, a.result, a.target, a.data,
               CASE WHEN a.what = 'test.run' THEN COALESCE(lower(a.data ->> 'sha'), (
                   SELECT lower(c.data ->> 'sha') FROM event AS c
                   WHERE c.org = a.org AND c.execution <> '' AND c.execution = a.execution AND +c.at >= a.at
                     AND c.what IN ('commit.create', 'commit.push') AND length(c.data ->> 'sha') >= 7
                   ORDER BY +c.at, c.seq LIMIT 1)) END AS sha
        FROM event AS a
        WHERE a.action = 1 AND a.result IN ('success', 'attempted')
          AND (a.what IN ('pr.create', 'pr.merge', 'pr.close', 'pr.review', 'pr.comment', 'issue.create', 'issue.close', 'issue.comment',
                          'commit.push', 'release.publish', 'test.run') OR a.what >= 'deploy.' AND a.what < 'deploy/')
    ) AS e
) AS j
LEFT JOIN event AS f ON f.org = j.org AND f.seq = COALESCE(j.confirmed, j.contradicted);

DROP VIEW actions;
CREATE VIEW actions AS
SELECT execution AS execution_id, what AS action_type, target, result, approval AS approval_id, data AS metadata,
       strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch') || printf('.%06dZ', at % 1000000) AS at,
       actor, why, session AS session_id, source, id AS event_id, seq, org,
       CASE WHEN result IN ('success', 'attempted') THEN (SELECT c.state FROM confirmations AS c WHERE c.org = e.org AND c.seq = e.seq) END AS confirmation
FROM event AS e
WHERE action = 1
  AND NOT (id LIKE 'try-%' AND EXISTS (
      SELECT 1 FROM event AS settled WHERE settled.org = e.org AND settled.id = 'evt-' || substr(e.id, 5)));
