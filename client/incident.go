package client

import (
	"context"
	"net/url"
)

// Incidents lists incidents in a state, or all of them, the last opened first.
func (c *Client) Incidents(ctx context.Context, state string) (*IncidentList, error) {
	v := url.Values{}
	if state != "" {
		v.Set("state", state)
	}
	return ask[IncidentList](ctx, c, "/v1/incidents", v)
}

// Incident returns one incident with what the trail tells of it now; the id may be a
// unique beginning. That it was looked at is recorded.
func (c *Client) Incident(ctx context.Context, id string) (*IncidentShow, error) {
	return ask[IncidentShow](ctx, c, "/v1/incidents/"+url.PathEscape(id), nil)
}

// OpenIncident looks into what went wrong, opens an incident about it, and holds the
// runs that are suspected.
func (c *Client) OpenIncident(ctx context.Context, in NewIncident) (*IncidentShow, error) {
	return send[IncidentShow](ctx, c, "/v1/incidents", in)
}

// NoteIncident adds a note to an incident.
func (c *Client) NoteIncident(ctx context.Context, id, text string) (*RecordedEvent, error) {
	return send[RecordedEvent](ctx, c, "/v1/incidents/"+url.PathEscape(id)+"/notes", NewIncidentNote{Text: text})
}

// CloseIncident closes an incident, in the name of the person who is signed in.
func (c *Client) CloseIncident(ctx context.Context, id string, end IncidentEnd) (*Incident, error) {
	return send[Incident](ctx, c, "/v1/incidents/"+url.PathEscape(id)+"/close", end)
}
