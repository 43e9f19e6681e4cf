// Package hooks is the door for hooks over HTTP: what Claude Code's http hooks,
// and those of every agent of that shape, send to POST /hooks, read by the same
// adapter as on a laptop.
package hooks

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/server"
)

// Options are what the door needs.
type Options struct {
	// Now is the clock of the server: most clients tell no time.
	Now func() time.Time
	// Lease is how long a session may be silent before it counts as lost.
	Lease time.Duration
	// Gate decides where the organisation's rules ask for a person, and Spent knows of
	// its budgets; nil decides nothing.
	Gate  func(ctx context.Context, t *server.Tenant) hook.Gate
	Spent func(ctx context.Context, t *server.Tenant) *hook.Spent
}

// MaxBody bounds a payload, which carries what a tool was given and answered.
// Of a larger one the beginning is recorded, and a gap.
const MaxBody = 32 << 20

// The headers by which a hook tells what its agent's environment knows: the
// execution of a run that it belongs to, the agent's name and the trigger. They
// are the variables of "whodid run"; a client that does not know one sends it
// empty.
const (
	HeaderExecution = "Whodid-Execution"
	HeaderAgent     = "Whodid-Agent"
	HeaderTrigger   = "Whodid-Trigger"
)

// Routes are the door.
func Routes(o Options) []server.Route {
	return []server.Route{{
		Pattern: "POST /hooks", Needs: auth.Record, MaxBody: MaxBody,
		Handle: func(w http.ResponseWriter, r *http.Request, t *server.Tenant) { handle(w, r, t, o) },
	}}
}

// handle answers one hook. An empty object, which tells the agent nothing, says
// that what the hook told is in the trail; anything but success that it is not,
// which an agent that was not told otherwise goes on after.
func handle(w http.ResponseWriter, r *http.Request, t *server.Tenant, o Options) {
	body, err := server.Body(r, MaxBody)
	if err != nil {
		server.WriteError(w, err)
		return
	}
	defer body.Close()
	payload, err := io.ReadAll(body)
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		server.WriteError(w, err)
		return
	}
	around := surroundings(r, o)
	reading := agent.Hook(payload, around)
	if id, ok := auth.IdentityFrom(r.Context()); ok {
		var refused error
		if reading.Events, refused = id.VouchRead(reading.Events); refused != nil {
			server.WriteError(w, refused)
			return
		}
	}
	answer := decide(r, t, &o, &reading, &around)
	if len(reading.Events) > 0 {
		if _, err := t.Recorder.RecordValid(r.Context(), reading.Events); err != nil {
			server.WriteError(w, err)
			return
		}
	}
	if tooLarge != nil {
		server.WriteError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if len(answer) == 0 {
		answer = []byte("{}\n")
	}
	_, _ = w.Write(answer) //nolint:gosec // it is JSON of our own, which no browser shows; who went away can't be told
}

// decide decides on a call that the agent waits with, by the organisation's rules.
func decide(r *http.Request, t *server.Tenant, o *Options, reading *agent.Reading, around *agent.Surroundings) []byte {
	if o.Gate == nil || reading.Asked == nil {
		return nil
	}
	rules := t.Rules()
	var spent *hook.Spent
	if o.Spent != nil && len(rules.Budgets) > 0 {
		spent = o.Spent(r.Context(), t)
	}
	return hook.Decide(reading, &rules, spent, o.Gate(r.Context(), t), around.Person, around.PersonAuth)
}

// surroundings are what the request tells beside the payload. A credential that
// is an agent's own decides whose the session is; with any other the request
// may say it.
func surroundings(r *http.Request, o Options) agent.Surroundings {
	s := agent.Surroundings{
		At: o.Now(), Lease: o.Lease, Remote: true, Client: r.URL.Query().Get("client"),
		DefaultAgent: agentName(r.URL.Query().Get("agent")),
		Agent:        agentName(r.Header.Get(HeaderAgent)),
		Trigger:      whodid.TriggerManual,
		// Paths are told from where the session works: nothing is known of what
		// lies around it.
		Repository: func(cwd string) (root, slug string) { return cwd, "" },
	}
	if kind, detail, err := whodid.ParseTrigger(r.Header.Get(HeaderTrigger)); err == nil {
		s.Trigger, s.TriggerDetail = kind, detail
	}
	if id := r.Header.Get(HeaderExecution); whodid.ValidID(id) {
		s.Execution = id
	}
	id, _ := auth.IdentityFrom(r.Context())
	switch name := whodid.AgentOf(id.Actor); {
	case name != "":
		s.Agent = name
	case whodid.IsHuman(id.Actor):
		s.Person, s.PersonAuth = id.Actor, id.ActorAuth
	}
	return s
}

// agentName returns the name of an agent, or nothing if it is none.
func agentName(s string) string {
	if _, _, err := whodid.ParseAgent(s); err != nil {
		return ""
	}
	return s
}
