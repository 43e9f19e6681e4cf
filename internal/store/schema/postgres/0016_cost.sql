-- What agents brought about and forges confirm, runs that began outside of a
-- session, and what clients' telemetry says of how complete it is: each by time.
CREATE INDEX event_outcome ON event (org, at) WHERE what IN ('deploy.production', 'forge.commit.push', 'forge.deploy.status', 'forge.issue.close', 'forge.pr.merge', 'forge.release.publish', 'issue.close', 'release.publish');
CREATE INDEX event_run_start ON event (org, at) WHERE session = '' AND what = 'execution.start';
CREATE INDEX event_of_telemetry ON event (org, at) WHERE what IN ('hook.register', 'record.receive');

-- What comparing the trail with what agents do not control gave.
CREATE INDEX event_reconciled ON event_permanent (org, seq) WHERE what = 'reconcile.result';
