-- What a report tells of, by time: what forges say was achieved and what agents
-- say of it, what went wrong, and what seldom happens and weighs much. It holds
-- few events and costs the others nothing. Questions have its condition to the
-- letter, which SQLite asks for.
CREATE INDEX event_of_report ON event (org, at)
WHERE what IN ('forge.deploy.status', 'forge.issue.close', 'forge.issue.reopen', 'forge.pr.merge', 'forge.release.publish', 'issue.close', 'pr.merge', 'record.gap')
   OR what >= 'budget.' AND what < 'budget/' OR what >= 'deploy.' AND what < 'deploy/' OR what >= 'infra.' AND what < 'infra/' OR what >= 'release.' AND what < 'release/' OR what >= 'schema.' AND what < 'schema/' OR what >= 'secret.' AND what < 'secret/';
