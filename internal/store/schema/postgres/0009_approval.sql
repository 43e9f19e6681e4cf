-- The parts of an approval, what was done under it, and the requests for the
-- same arguments.
CREATE INDEX event_by_approval ON event (org, approval, seq) WHERE approval <> '';
CREATE INDEX event_approval_request ON event_permanent (org, seq) WHERE what = 'approval.request';
CREATE INDEX event_approval_digest ON event_permanent (org, (data ->> 'digest'), seq) WHERE what = 'approval.request';
