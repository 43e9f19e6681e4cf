-- The passkeys of people, and what was done with a key.
CREATE INDEX event_passkey ON event_permanent (org, seq) WHERE what IN ('passkey.register', 'passkey.revoke');
CREATE INDEX event_signed ON event_permanent (org, (data ->> 'signing_key'), seq) WHERE what IN ('approval.grant', 'approval.reject', 'passkey.register', 'passkey.revoke');
