package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/server"
)

// Options are what the door needs.
type Options struct {
	// Now is the server's clock.
	Now     func() time.Time
	Version string
}

// maxRequest bounds a request, in bytes.
const maxRequest = 1 << 20

// source says of an event that it came in here.
const source = "mcp"

// Routes are the doors for agents: one that answers, for who may read, and one
// that records, for who may record. Roles do not contain each other.
func Routes(o Options) []server.Route {
	questions, recording := o.handler(o.reader), o.handler(o.recorder)
	return []server.Route{
		{Pattern: "POST /mcp", Needs: auth.Read, MaxBody: maxRequest, Handle: questions},
		{Pattern: "POST /mcp/record", Needs: auth.Record, MaxBody: maxRequest, Handle: recording},
	}
}

type deskKey struct{}

func (o *Options) handler(desk func(id *auth.Identity, t *server.Tenant) *Desk) server.Handler {
	cache := mcp.NewSchemaCache()
	h := mcp.NewStreamableHTTPHandler(func(r *http.Request) *mcp.Server {
		d, ok := r.Context().Value(deskKey{}).(*Desk)
		if !ok {
			return nil
		}
		return newServer(d, o.Version, cache)
	}, &mcp.StreamableHTTPOptions{
		// Each request stands for itself, on however many servers, and its answer is
		// one document.
		Stateless: true, JSONResponse: true, MaxRequestBodyBytes: maxRequest,
		// Behind a proxy the address is local and the name is not. What protects is
		// that each request shows a token, which a page of the web does not have.
		DisableLocalhostProtection: true, PropagateRequestCancellation: true,
	})
	// A page of another origin may not ask in the name of who is signed in.
	guarded := http.NewCrossOriginProtection().Handler(h)
	return func(w http.ResponseWriter, r *http.Request, t *server.Tenant) {
		id, _ := auth.IdentityFrom(r.Context())
		guarded.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), deskKey{}, desk(&id, t))))
	}
}

// reader is what somebody may ask.
func (o *Options) reader(id *auth.Identity, t *server.Tenant) *Desk {
	return &Desk{
		Now: o.Now, Squads: id.Squads,
		Ask: func(_ context.Context, do func(*ask.Asker) error) error { return do(t.Asker) },
		Why: func(ctx context.Context, subject string) (*ask.Why, error) {
			found, err := t.Asker.WhyCommit(ctx, subject, id.Squads)
			if errors.Is(err, ask.ErrNoSubject) {
				err = fmt.Errorf("%w; a server has no repository at hand, so that no line can be asked about here", err)
			}
			return found, err
		},
		Rules: func() (policy.Rules, error) {
			rules := t.Rules()
			return rules, rules.Broken
		},
		Look: o.look(id, t),
	}
}

// errNoAgent is what a token is told that could record a person's deed, or
// nobody's.
var errNoAgent = errors.New("this token is bound to no agent: only a token that was made for an agent records decisions here")

// recorder is what an agent may tell.
func (o *Options) recorder(id *auth.Identity, t *server.Tenant) *Desk {
	sign := func(e *whodid.Event) error {
		if whodid.AgentOf(id.Actor) == "" {
			return errNoAgent
		}
		e.At, e.Source = o.Now(), source
		return id.Vouch(e)
	}
	return &Desk{
		Now: o.Now, Look: o.look(id, t),
		Remember: func(ctx context.Context, d *Decision, _ string) (*Remembered, error) {
			e := d.Event()
			if err := sign(&e); err != nil {
				return nil, err
			}
			e.Key = source + "/decision/" + strings.TrimPrefix(whodid.NewID(whodid.PrefixEvent), whodid.PrefixEvent+"-")
			e.Org = t.Org
			e.Identify()
			events := []whodid.Event{e}
			for _, old := range d.Supersedes {
				if _, err := t.Asker.DecisionByID(ctx, old); err != nil {
					return nil, fmt.Errorf("%q is no decision: %w", old, err)
				}
				events = append(events, whodid.Event{
					Key: source + "/supersede/" + digestOf(old, e.ID), What: "decision.supersede", Target: old, Why: e.Why, At: e.At, Source: e.Source,
					Actor: e.Actor, ActorAuth: e.ActorAuth, Data: whodid.Data{"by": e.ID},
				})
			}
			rows, err := t.Recorder.Record(ctx, events...)
			if err != nil {
				return nil, err
			}
			return &Remembered{DecisionID: e.ID, Who: e.Actor, New: len(rows) > 0}, nil
		},
		Request: func(ctx context.Context, w *Wanted, _ string) (*ask.ShownApproval, error) {
			var e whodid.Event
			if err := sign(&e); err != nil {
				return nil, err
			}
			request, err := w.Request(whodid.AgentOf(e.Actor))
			if err != nil {
				return nil, err
			}
			rules := t.Rules()
			if rules.Broken != nil {
				return nil, rules.Broken
			}
			request.Under(rules.Approvals())
			a, err := approval.New(t.Org, t.Recorder, t.Asker, o.Now).Request(ctx, request, approval.Who{Actor: e.Actor, Auth: e.ActorAuth, Source: source})
			if err != nil {
				return nil, err
			}
			return t.Asker.ApprovalByID(ctx, a.ID)
		},
	}
}

// Request is what is wanted, as approvals have it.
func (w *Wanted) Request(agent string) (*approval.Request, error) {
	arguments := whodid.Data(w.Arguments)
	if arguments == nil {
		arguments = whodid.Data{}
	}
	if err := arguments.Normalize(); err != nil {
		return nil, fmt.Errorf("arguments: %w", err)
	}
	r := &approval.Request{Type: w.Type, Target: w.Target, Agent: agent, Arguments: arguments, Summary: w.Summary, Why: w.Why}
	if r.Summary == "" {
		r.Summary = strings.TrimSpace(w.Type + " " + w.Target)
	}
	return r, nil
}

// look records that a tool was asked: each call, once a minute for the same.
func (o *Options) look(id *auth.Identity, t *server.Tenant) func(ctx context.Context, tool string, arguments []byte, client string) error {
	return func(ctx context.Context, tool string, arguments []byte, _ string) error {
		e := View(tool, arguments, id.Credential, o.Now())
		if e.What == "" {
			return nil
		}
		e.Actor, e.ActorAuth = id.Actor, id.ActorAuth
		e.Data["role"], e.Data["credential"] = string(id.Role), id.Credential
		_, err := t.Recorder.Record(ctx, e)
		return err
	}
}

// View is the event that says that a tool was asked, without who asked. What
// records tells of itself: then it has no verb.
func View(tool string, arguments []byte, by string, now time.Time) whodid.Event {
	if tool == "memory_record" || tool == "approval_request" {
		return whodid.Event{}
	}
	digest := digestOf(string(arguments))
	return whodid.Event{
		Key: "view.read/" + source + "/" + digestOf(by, tool, digest) + fmt.Sprintf("/%d", now.Unix()/60), What: "view.read", At: now.UTC().Truncate(time.Microsecond), Source: source,
		Data: whodid.Data{"route": "mcp " + tool, "filter": digest},
	}
}

func digestOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
