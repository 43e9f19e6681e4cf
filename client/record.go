package client

import (
	"context"
	"net/url"
)

// RecordEvents records events: all of them or, if one is not valid, none. When
// it returns they are on the server's disk and under a signed checkpoint.
func (c *Client) RecordEvents(ctx context.Context, events ...NewEvent) (*Recorded, error) {
	return send[Recorded](ctx, c, "/v1/events", events)
}

// StartExecution records that a run of an agent began.
func (c *Client) StartExecution(ctx context.Context, x NewExecution) (*Started, error) {
	return send[Started](ctx, c, "/v1/executions", x)
}

// RenewExecution records that a run is still going.
func (c *Client) RenewExecution(ctx context.Context, id string, r Renewal) (*RecordedEvent, error) {
	return send[RecordedEvent](ctx, c, "/v1/executions/"+url.PathEscape(id)+"/renew", r)
}

// FinishExecution records that a run ended, and how.
func (c *Client) FinishExecution(ctx context.Context, id string, f Finish) (*Finished, error) {
	return send[Finished](ctx, c, "/v1/executions/"+url.PathEscape(id)+"/finish", f)
}

// TagExecution tags a run, so that it can be found again.
func (c *Client) TagExecution(ctx context.Context, id string, tags map[string]string) (*RecordedEvent, error) {
	return send[RecordedEvent](ctx, c, "/v1/executions/"+url.PathEscape(id)+"/tags", NewTags{Tags: tags})
}

// RecordModelCall records one call of a model: tokens and cost.
func (c *Client) RecordModelCall(ctx context.Context, m NewModelCall) (*RecordedEvent, error) {
	return send[RecordedEvent](ctx, c, "/v1/model-calls", m)
}

// Sync sends a part of another trail, and returns what proves that the server's
// log holds it.
func (c *Client) Sync(ctx context.Context, batch *SyncBatch) (*SyncAnswer, error) {
	return send[SyncAnswer](ctx, c, "/v1/sync", batch)
}

func send[T any](ctx context.Context, c *Client, path string, v any) (*T, error) {
	r, err := post(path, v)
	if err != nil {
		return nil, err
	}
	out := new(T)
	if err := c.into(ctx, r, out); err != nil {
		return nil, err
	}
	return out, nil
}

// RequestApproval asks for an approval of an action of an agent. Each call makes a
// new request.
func (c *Client) RequestApproval(ctx context.Context, a NewApproval) (*Approval, error) {
	return send[Approval](ctx, c, "/v1/approvals", a)
}

// Approve approves what an agent wants to do, in the name of the person who is
// signed in.
func (c *Client) Approve(ctx context.Context, id string, d NewDecision) (*Approval, error) {
	return send[Approval](ctx, c, "/v1/approvals/"+url.PathEscape(id)+"/approve", d)
}

// Reject rejects what an agent wants to do, in the name of the person who is signed
// in.
func (c *Client) Reject(ctx context.Context, id string, d NewDecision) (*Approval, error) {
	return send[Approval](ctx, c, "/v1/approvals/"+url.PathEscape(id)+"/reject", d)
}

// CancelApproval withdraws a request that nobody has decided on.
func (c *Client) CancelApproval(ctx context.Context, id, reason string) (*Approval, error) {
	return send[Approval](ctx, c, "/v1/approvals/"+url.PathEscape(id)+"/cancel", Cancellation{Reason: reason})
}
