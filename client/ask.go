package client

import (
	"context"
	"iter"
	"maps"
	"net/url"
	"strconv"

	"github.com/whodid/whodid/proof"
)

// List selects what a list shows.
type List struct {
	// Filter is in the filter language, such as
	// `agent:engineering/* status:failed since:7d`; empty is everything.
	Filter string
	// Page is how many rows are asked for at once; 0 leaves it to the server.
	Page int
}

func (l List) values() url.Values {
	v := url.Values{}
	if l.Filter != "" {
		v.Set("q", l.Filter)
	}
	if l.Page > 0 {
		v.Set("limit", strconv.Itoa(l.Page))
	}
	return v
}

// Events yields events in the order of the log, from the index on. It ends where
// the log ends now; an error is the last that it yields.
func (c *Client) Events(ctx context.Context, l List, from uint64) iter.Seq2[Event, error] {
	v := l.values()
	v.Set("from", strconv.FormatUint(from, 10))
	return pages(ctx, c, "/v1/events", v, func(p *EventPage) ([]Event, *string) { return p.Events, p.Cursor })
}

// Executions yields runs, the last started first.
func (c *Client) Executions(ctx context.Context, l List) iter.Seq2[Execution, error] {
	return pages(ctx, c, "/v1/executions", l.values(), func(p *ExecutionPage) ([]Execution, *string) { return p.Executions, p.Cursor })
}

// Actions yields what was done, the newest first.
func (c *Client) Actions(ctx context.Context, l List) iter.Seq2[Action, error] {
	return pages(ctx, c, "/v1/actions", l.values(), func(p *ActionPage) ([]Action, *string) { return p.Actions, p.Cursor })
}

// pages yields the rows of one page after the other.
func pages[P, R any](ctx context.Context, c *Client, path string, query url.Values, rows func(*P) ([]R, *string)) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		query := maps.Clone(query) // the sequence may be gone through again
		for {
			page := new(P)
			if err := c.into(ctx, get(path, query), page); err != nil {
				var none R
				yield(none, err)
				return
			}
			found, cursor := rows(page)
			for _, r := range found {
				if !yield(r, nil) {
					return
				}
			}
			if cursor == nil {
				return
			}
			query.Set("cursor", *cursor)
		}
	}
}

// Event returns one event; the id may be a unique beginning.
func (c *Client) Event(ctx context.Context, id string) (*Event, error) {
	return ask[Event](ctx, c, "/v1/events/"+url.PathEscape(id), nil)
}

// Execution returns one run with all that it did; the id may be a unique
// beginning.
func (c *Client) Execution(ctx context.Context, id string) (*Show, error) {
	return ask[Show](ctx, c, "/v1/executions/"+url.PathEscape(id), nil)
}

// Period selects the runs that are counted. Zero fields are left to the server.
type Period struct {
	// Since and Until are times as people write them: 7d, yesterday, RFC 3339.
	Since, Until         string
	Agent, Squad, Status string
	// Filter is in the filter language, and holds beside the others.
	Filter string
}

func (p Period) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"since": p.Since, "until": p.Until, "agent": p.Agent, "squad": p.Squad, "status": p.Status, "q": p.Filter} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// History returns what each agent's runs add up to, with the single runs if they
// are asked for.
func (c *Client) History(ctx context.Context, p Period, runs bool) (*History, error) {
	v := p.values()
	if runs {
		v.Set("runs", "true")
	}
	return ask[History](ctx, c, "/v1/history", v)
}

// Stats returns what the selected runs add up to.
func (c *Client) Stats(ctx context.Context, p Period) (*Stats, error) {
	return ask[Stats](ctx, c, "/v1/stats", p.values())
}

// Sessions yields the sessions of agents' clients, the last begun or resumed
// first, of one client or, where it is empty, of all; an error is the last that
// it yields. Of the period, the squad, the status and the filter say nothing of
// sessions.
func (c *Client) Sessions(ctx context.Context, p Period, client string) iter.Seq2[Session, error] {
	v := p.values()
	for _, name := range []string{"squad", "status", "q"} {
		v.Del(name)
	}
	if client != "" {
		v.Set("client", client)
	}
	return pages(ctx, c, "/v1/sessions", v, func(p *SessionPage) ([]Session, *string) { return p.Sessions, p.Cursor })
}

// Session returns one session; the id may be a unique beginning.
func (c *Client) Session(ctx context.Context, id string) (*Session, error) {
	return ask[Session](ctx, c, "/v1/sessions/"+url.PathEscape(id), nil)
}

// Why returns which runs made a commit, as the trail knows it.
func (c *Client) Why(ctx context.Context, commit string) (*Why, error) {
	return ask[Why](ctx, c, "/v1/commits/"+url.PathEscape(commit)+"/why", nil)
}

// Catalogue returns what kinds of events there are.
func (c *Client) Catalogue(ctx context.Context) (*Catalogue, error) {
	return ask[Catalogue](ctx, c, "/v1/catalogue", nil)
}

// Schema returns the JSON Schema of an answer, by the name of its command, such
// as "exec-show".
func (c *Client) Schema(ctx context.Context, name string) ([]byte, error) {
	return c.bytes(ctx, get("/v1/schemas/"+url.PathEscape(name), nil))
}

// OpenAPI returns the document that describes the API.
func (c *Client) OpenAPI(ctx context.Context) ([]byte, error) {
	return c.bytes(ctx, get("/v1/openapi.json", nil))
}

// Identity is whom a token stands for, and what it may do.
type Identity struct {
	Org        string   `json:"org"`
	Actor      string   `json:"actor"`
	ActorAuth  string   `json:"actor_auth"`
	Role       string   `json:"role"`
	Squads     []string `json:"squads"`
	Credential string   `json:"credential"`
}

// WhoAmI asks whom the server takes the token for.
func (c *Client) WhoAmI(ctx context.Context) (*Identity, error) {
	return ask[Identity](ctx, c, "/auth/whoami", nil)
}

// Verify asks the server to verify its trail. That is the server's own word:
// who does not trust it reads the log ([Client.Tile]) or a proof.
func (c *Client) Verify(ctx context.Context) (*Verification, error) {
	return ask[Verification](ctx, c, "/v1/verify", nil)
}

// Proof returns the bundle that proves one event.
func (c *Client) Proof(ctx context.Context, id string) (*proof.Bundle, error) {
	return ask[proof.Bundle](ctx, c, "/v1/events/"+url.PathEscape(id)+"/proof", nil)
}

// LogHead returns the log's name, its public key and where it stands.
func (c *Client) LogHead(ctx context.Context) (*LogHead, error) {
	return ask[LogHead](ctx, c, "/v1/log", nil)
}

// Checkpoint returns the signed checkpoint (C2SP tlog-checkpoint).
func (c *Client) Checkpoint(ctx context.Context) (string, error) {
	b, err := c.bytes(ctx, get("/v1/log/checkpoint", nil))
	return string(b), err
}

// Tile returns a tile of the log or a bundle of its entries, by the path that
// C2SP tlog-tiles gives it after "tile/".
func (c *Client) Tile(ctx context.Context, path string) ([]byte, error) {
	return c.bytes(ctx, get("/v1/log/tile/"+path, nil))
}

func ask[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	out := new(T)
	if err := c.into(ctx, get(path, query), out); err != nil {
		return nil, err
	}
	return out, nil
}

// Approvals lists approvals in a state, or all of them, the last that was asked for
// first.
func (c *Client) Approvals(ctx context.Context, state string) (*ApprovalList, error) {
	v := url.Values{}
	if state != "" {
		v.Set("state", state)
	}
	return ask[ApprovalList](ctx, c, "/v1/approvals", v)
}

// Approval returns one approval and what was done under it; the id may be a unique
// beginning.
func (c *Client) Approval(ctx context.Context, id string) (*ShownApproval, error) {
	return ask[ShownApproval](ctx, c, "/v1/approvals/"+url.PathEscape(id), nil)
}

// WaitApproval waits until a person has decided, for less than half a minute; an
// approval that is pending still can be waited for again.
func (c *Client) WaitApproval(ctx context.Context, id string) (*Approval, error) {
	return ask[Approval](ctx, c, "/v1/approvals/"+url.PathEscape(id)+"/wait", nil)
}
