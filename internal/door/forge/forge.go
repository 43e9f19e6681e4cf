// Package forge is the door of the webhooks of GitHub and GitLab. Nobody signs
// in here: a delivery is let in by the signature that its hook's secret gives,
// and that secret says for which organisation it speaks.
package forge

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/forge"
	"github.com/whodid/whodid/internal/ingest/github"
	"github.com/whodid/whodid/internal/ingest/gitlab"
	"github.com/whodid/whodid/internal/server"
)

// Hook is one webhook that a forge was told to call.
type Hook struct {
	// Name is the last part of its address, /webhooks/github/NAME.
	Name string
	// Forge is "github" or "gitlab".
	Forge string
	// Org is the organisation that it speaks for.
	Org string
	// Secret is what the forge signs with.
	Secret string
	// Repositories are the only ones it may tell of, as owner/name; empty is
	// all, and a name that ends in /* is all of an owner.
	Repositories []string
	// Agents are logins of own agents on the forge, with squad/name of each.
	Agents map[string]string
}

// Options are what the door needs.
type Options struct {
	Hooks   []Hook
	Tenants server.Tenants
	Now     func() time.Time
	Log     *slog.Logger
}

// deadline is how long a delivery may take: the forges give up after ten seconds.
const deadline = 9 * time.Second

// maxName bounds the names of hooks.
const maxName = 64

// door answers deliveries.
type door struct {
	Options
	hooks map[string]*Hook // by forge and name
	decoy Hook
}

// Routes makes the door. It refuses hooks that could let in anybody.
func Routes(o Options) ([]server.Route, error) {
	d := &door{Options: o, hooks: map[string]*Hook{}, decoy: Hook{Secret: rand.Text()}}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	for i := range o.Hooks {
		h := &o.Hooks[i]
		if err := h.check(); err != nil {
			return nil, err
		}
		if d.hooks[h.Forge+"/"+h.Name] != nil {
			return nil, fmt.Errorf("there are two webhooks %s of %s", h.Name, h.Forge)
		}
		agents := make(map[string]string, len(h.Agents))
		for login, agent := range h.Agents {
			agents[strings.ToLower(login)] = agent
		}
		h.Agents = agents
		d.hooks[h.Forge+"/"+h.Name] = h
	}
	return []server.Route{
		{Pattern: "POST /webhooks/github/{name}", MaxBody: github.MaxBody, Handle: d.handle(github.Source)},
		{Pattern: "POST /webhooks/gitlab/{name}", MaxBody: github.MaxBody, Handle: d.handle(gitlab.Source)},
	}, nil
}

// minSecret is the shortest secret that is accepted, in bytes.
const minSecret = 16

func (h *Hook) check() error {
	switch {
	case h.Name == "" || len(h.Name) > maxName || strings.ContainsAny(h.Name, "/ ?#%"):
		return fmt.Errorf("%q can't be the name of a webhook", h.Name)
	case h.Forge != github.Source && h.Forge != gitlab.Source:
		return fmt.Errorf("webhook %s: forge %q is neither github nor gitlab", h.Name, h.Forge)
	case h.Org == "":
		return fmt.Errorf("webhook %s has no organisation", h.Name)
	case len(h.Secret) < minSecret:
		return fmt.Errorf("webhook %s: its secret must have %d bytes at least", h.Name, minSecret)
	}
	for login, agent := range h.Agents {
		if _, _, err := whodid.ParseAgent(agent); err != nil {
			return fmt.Errorf("webhook %s: the account %s: %w", h.Name, login, err)
		}
	}
	return nil
}

// answer is what a forge is told; people see it in the list of deliveries.
type answer struct {
	// Recorded counts the facts that the trail did not know.
	Recorded int `json:"recorded"`
	// Facts counts what the delivery tells; none is of no interest.
	Facts int `json:"facts"`
}

func (d *door) handle(source string) server.Handler {
	return func(w http.ResponseWriter, r *http.Request, _ *server.Tenant) {
		ctx, cancel := context.WithTimeout(r.Context(), deadline)
		defer cancel()
		a, status, err := d.deliver(ctx, source, r.WithContext(ctx))
		if err != nil {
			d.Log.WarnContext(ctx, "a delivery was not taken", "forge", source, "status", status)
			if server.StatusOf(err) == status {
				server.WriteError(w, err)
				return
			}
			server.WriteProblem(w, status, err.Error())
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(a)
	}
}

// errUnsigned is the one answer for a hook that is not there and for a signature
// that is wrong, so that nobody learns which hooks there are.
var errUnsigned = errors.New("no such webhook, or the delivery is not signed with its secret")

func (d *door) deliver(ctx context.Context, source string, r *http.Request) (answer, int, error) {
	hook := d.hooks[source+"/"+r.PathValue("name")]
	known := hook != nil
	if !known {
		hook = &d.decoy
	}
	if !claimsSignature(source, r.Header) {
		return answer{}, http.StatusUnauthorized, errUnsigned
	}
	body, err := server.ReadBody(r, github.MaxBody)
	if err != nil {
		return answer{}, server.StatusOf(err), err
	}
	if !d.signed(source, hook, r.Header, body) || !known {
		return answer{}, http.StatusUnauthorized, errUnsigned
	}
	return d.record(ctx, hook, r.Header, body)
}

// claimsSignature tells whether there is anything to check at all.
func claimsSignature(source string, h http.Header) bool {
	if source == github.Source {
		return h.Get(github.HeaderSignature) != ""
	}
	return h.Get(gitlab.HeaderToken) != "" || h.Get(gitlab.HeaderSignature) != ""
}

func (d *door) signed(source string, hook *Hook, h http.Header, body []byte) bool {
	if source == github.Source {
		return github.Verify([]byte(hook.Secret), body, h.Get(github.HeaderSignature))
	}
	return gitlab.Verify(hook.Secret, gitlab.Signed{
		Token: h.Get(gitlab.HeaderToken), ID: h.Get(gitlab.HeaderID),
		Timestamp: h.Get(gitlab.HeaderTimestamp), Signature: h.Get(gitlab.HeaderSignature),
	}, body, d.Now()) == nil
}

// record takes what a signed delivery tells into the trail.
func (d *door) record(ctx context.Context, hook *Hook, h http.Header, body []byte) (answer, int, error) {
	t, err := d.Tenants.Tenant(ctx, hook.Org)
	if err != nil {
		return answer{}, http.StatusServiceUnavailable, err
	}
	o := forge.Options{Hook: hook.Name, Delivery: deliveryID(hook.Forge, h), Pseudonym: t.Pseudonym, Agents: hook.Agents}
	if o.Delivery == "" {
		return answer{}, http.StatusBadRequest, errors.New("the delivery has no id")
	}
	delivery, err := parse(hook.Forge, h, body, o)
	if err != nil {
		// What is wrong could be a part of what was sent.
		return answer{}, http.StatusBadRequest, errors.New("the delivery can't be read")
	}
	if delivery.Repository != "" && !hook.covers(delivery.Repository) {
		return answer{}, http.StatusUnprocessableEntity, errors.New("the repository is none of this webhook's")
	}
	rows, err := t.Recorder.RecordValid(ctx, delivery.Facts)
	if err != nil {
		return answer{}, http.StatusServiceUnavailable, err
	}
	return answer{Recorded: len(rows), Facts: len(delivery.Facts)}, http.StatusOK, nil
}

func parse(source string, h http.Header, body []byte, o forge.Options) (*forge.Delivery, error) {
	if source == gitlab.Source {
		return gitlab.Parse(body, o)
	}
	body, err := github.Payload(h.Get("Content-Type"), body)
	if err != nil {
		return nil, err
	}
	return github.Parse(h.Get(github.HeaderEvent), body, o)
}

// maxDelivery bounds the id of a delivery, in bytes.
const maxDelivery = 100

// deliveryID is the forge's id of a delivery, which a repetition of it keeps.
func deliveryID(source string, h http.Header) string {
	names := []string{github.HeaderDelivery}
	if source == gitlab.Source {
		names = []string{gitlab.HeaderIdempotency, gitlab.HeaderID, gitlab.HeaderUUID}
	}
	for _, name := range names {
		id := h.Get(name)
		plain := func(c rune) bool {
			return c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		}
		if id != "" && len(id) <= maxDelivery && !slices.ContainsFunc([]rune(id), func(c rune) bool { return !plain(c) }) {
			return id
		}
	}
	if source == gitlab.Source {
		return "unnamed" // older servers name none
	}
	return ""
}

func (h *Hook) covers(repository string) bool {
	if len(h.Repositories) == 0 {
		return true
	}
	return slices.ContainsFunc(h.Repositories, func(pattern string) bool {
		if owner, all := strings.CutSuffix(pattern, "*"); all && strings.HasSuffix(owner, "/") {
			return len(repository) > len(owner) && strings.EqualFold(repository[:len(owner)], owner)
		}
		return strings.EqualFold(pattern, repository)
	})
}
