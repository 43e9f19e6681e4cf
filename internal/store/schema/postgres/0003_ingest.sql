-- What tells keys apart comes first in the indexes that grow at random places:
-- thousands of rows have the same organisation, and looking for a place compared
-- it over and over. To look something up it makes no difference, for both columns
-- are given.

ALTER TABLE event_id DROP CONSTRAINT event_id_pkey;
ALTER TABLE event_id ADD CONSTRAINT event_id_pkey PRIMARY KEY (id, org);

DROP INDEX event_by_execution;
CREATE INDEX event_by_execution ON event (execution, org, seq) WHERE execution <> '';
