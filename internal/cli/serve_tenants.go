package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"sync"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/denylist"
	"github.com/whodid/whodid/internal/keys"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/trace"
)

// tenants opens the organisations of a trail, each with keys of its own, and
// remembers them.
type tenants struct {
	p        *Program
	place    place.Trail
	store    *store.Store
	metrics  *server.Metrics
	redactor *redact.Redactor

	mu   sync.Mutex // guards open, redactor and denied
	open map[string]*tenant
	// denied is what the redactor takes out by the settings.
	denied denylist.List
}

// tenant is an organisation that is open.
type tenant struct {
	server.Tenant
	ring   *keys.Ring
	ledger *ledger.Ledger
	// opening is held while the organisation is opened, so that one request does
	// it and the others wait; ready is guarded by it.
	opening sync.Mutex
	ready   bool
}

func (p *Program) newTenants(t *trail, metrics *server.Metrics) *tenants {
	return &tenants{p: p, place: t.place, store: t.store, metrics: metrics, open: map[string]*tenant{}}
}

// own readies the trail of the organisation that the server's own machine, with
// its spool, belongs to.
func (ts *tenants) own(ctx context.Context, t *trail) (err error) {
	if _, err := ts.reloadRedaction(); err != nil {
		return err
	}
	own, err := ts.tenant(ctx, ts.p.org)
	if err != nil {
		return err
	}
	t.ring, t.recorder, t.redactor = own.ring, own.Recorder, ts.redactor
	return nil
}

// reloadRedaction reads again what the settings keep out of the trail, and tells
// whether that is something else now. If it can't be read, what was read before
// holds on.
func (ts *tenants) reloadRedaction() (changed bool, err error) {
	own, err := denylist.Read(place.ConfigFile(ts.p.Env))
	if err != nil {
		return false, withHint(err, "docs/redaction.md describes the settings")
	}
	served, err := ts.p.deniedNow()
	if err != nil {
		return false, err
	}
	denied := own.With(served)
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.redactor != nil && reflect.DeepEqual(denied, ts.denied) {
		return false, nil
	}
	redactor, err := ts.p.redactorWith(denied)
	if err != nil {
		return false, err
	}
	ts.redactor, ts.denied = redactor, denied
	for _, t := range ts.open {
		if t.Recorder != nil {
			t.Recorder.UseRedactor(redactor)
		}
	}
	return true, nil
}

// Tenant opens an organisation, or returns it as it was opened before. One that
// has no log yet gets one.
func (ts *tenants) Tenant(ctx context.Context, org string) (*server.Tenant, error) {
	t, err := ts.tenant(ctx, org)
	if err != nil {
		return nil, err
	}
	return &t.Tenant, nil
}

func (ts *tenants) tenant(ctx context.Context, org string) (*tenant, error) {
	if org == "" {
		return nil, errors.New("a request belongs to no organisation")
	}
	ts.mu.Lock()
	t := ts.open[org]
	if t == nil {
		t = &tenant{Tenant: server.Tenant{Org: org, Policies: func() policy.Rules { return ts.p.rules(org) }}}
		ts.open[org] = t
	}
	ts.mu.Unlock()
	t.opening.Lock()
	defer t.opening.Unlock()
	if t.ready {
		return t, nil
	}
	if err := ts.fill(ctx, t); err != nil {
		return nil, fmt.Errorf("couldn't open the organisation %q: %w", org, err)
	}
	t.ready = true
	return t, nil
}

func (ts *tenants) fill(ctx context.Context, t *tenant) error {
	ring, err := loadRing(ctx, ts.store, &ts.place, t.Org)
	if err != nil {
		return err
	}
	log, err := ledger.Open(ctx, ts.store, t.Org, ring.Private, ring.Public, ts.p.Now())
	if err != nil {
		return err
	}
	erasing := ts.p.privacyOf(&trail{place: ts.place, store: ts.store}, t.Org)
	again, err := erasing.Reapply(ctx)
	if err != nil {
		return err
	}
	t.ring, t.ledger = ring, log
	ts.mu.Lock()
	t.Recorder = record.New(t.Org, measuredLog{log: log, metrics: ts.metrics, now: time.Now}, ts.store, ts.redactor, ts.p.Now)
	ts.mu.Unlock()
	t.Asker = ask.New(ts.store, t.Org, ts.p.Now)
	t.Asker.UseWitnesses(ts.p.readWitnesses)
	if len(again.Requests) > 0 {
		erasing.Recorder = t.Recorder
		if err := erasing.Tell(ctx, again); err != nil {
			return err
		}
	}
	t.Pseudonym = ring.Pseudonym
	return nil
}

// loadRing reads the keys of an organisation's trail. They are made only
// together with the log: a key made later would sign nothing that anybody
// trusts.
func loadRing(ctx context.Context, s *store.Store, where *place.Trail, org string) (*keys.Ring, error) {
	signing, people := where.Keys(org)
	ring, err := keys.Load(signing, people)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	switch _, err := s.Log(ctx, org); {
	case errors.Is(err, store.ErrNoLog):
		return keys.LoadOrCreate(signing, people, ledger.NewKey)
	case err != nil:
		return nil, err
	default:
		return nil, withHint(errNoKey, "%s", whereKey(where, org))
	}
}

// whereKey says where the key of an organisation's trail is looked for.
func whereKey(where *place.Trail, org string) string {
	signing, _ := where.Keys(org)
	if org == store.DefaultOrg {
		return "put it into " + signing + ", or say where it is with WHODID_KEY"
	}
	return "put it into " + signing
}

// Sweep removes what is due.
func (l measuredLog) Sweep(ctx context.Context, r store.SweepRequest, certify store.Certify) (*store.Swept, error) {
	sweeper, ok := l.log.(record.Sweeper)
	if !ok {
		return nil, errors.New("this log can't be swept")
	}
	return sweeper.Sweep(ctx, r, certify)
}

// measuredLog counts what is appended.
type measuredLog struct {
	log     record.Log
	metrics *server.Metrics
	now     func() time.Time
}

func (l measuredLog) Append(ctx context.Context, rows []*store.Row) ([]*store.Row, error) {
	span, began := trace.Begin(ctx, "append"), l.now()
	added, err := l.log.Append(ctx, rows)
	l.metrics.Appended(len(rows), len(added), l.now().Sub(began), err)
	for _, r := range added {
		for rule, n := range r.Redacted {
			l.metrics.Redacted(rule, n)
		}
	}
	span.SetInt("whodid.events", int64(len(rows)))
	span.End(err != nil)
	return added, err
}
