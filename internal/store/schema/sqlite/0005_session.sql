-- The sessions of clients are what their events add up to. These indexes hold
-- the few events by which a session is found, and cost the others nothing.
CREATE INDEX event_of_session ON event (org, session, at) WHERE session <> '' AND what IN ('session.start', 'execution.start');
CREATE INDEX event_of_session_start ON event (org, at) WHERE session <> '' AND what IN ('session.start', 'execution.start');
