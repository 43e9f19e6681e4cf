-- Incidents are what their events add up to, and there are few of them.
CREATE INDEX event_of_incident ON event (org, seq) WHERE what IN ('incident.open', 'incident.note', 'incident.view', 'incident.export', 'incident.close');

-- Who wrote or read a file, and when: what an incident begins and ends with. The
-- path comes first, for it tells the keys apart.
CREATE INDEX event_of_file ON event (target, org, at) WHERE what IN ('file.read', 'file.write', 'file.edit', 'file.delete', 'file.move');

-- What changes the world outside of a working tree, and what people and forges said
-- of it: few events among many, by their time.
CREATE INDEX event_of_change ON event (org, at) WHERE what IN ('approval.grant', 'approval.reject', 'branch.merge', 'budget.exceed', 'exception.add', 'forge.ci.run', 'forge.commit.push', 'forge.deploy', 'forge.deploy.status', 'forge.pr.merge', 'forge.release.publish', 'infra.change', 'pr.merge', 'record.gap', 'release.publish', 'retention.sweep', 'schema.migrate', 'secret.rotate', 'workflow.run') OR what >= 'deploy.' AND what < 'deploy/';
