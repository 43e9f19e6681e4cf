package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/denylist"
	"github.com/whodid/whodid/internal/intake"
	"github.com/whodid/whodid/internal/keys"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/privacy"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/spool"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/witness"
)

// trail is an open trail with everything that a command does with it.
type trail struct {
	place    place.Trail
	store    *store.Store
	ring     *keys.Ring
	recorder *record.Recorder
	ledger   *ledger.Ledger
	asker    *ask.Asker
	spool    *spool.Spool
	redactor *redact.Redactor
	pins     witness.Pins
	// again is what was erased again when the trail was opened, until it is told
	// in the trail; nil if nothing was.
	again *privacy.Reapplied
}

// find finds the trail that the command line means, without opening it.
func (p *Program) find() (place.Trail, error) {
	t, err := place.Find(p.store, p.Dir, p.Env)
	if err != nil {
		return place.Trail{}, usageError("%w", err)
	}
	return t, nil
}

// open opens the trail and takes in what waits in the spool, so that no answer
// lacks it.
func (p *Program) open(ctx context.Context) (*trail, error) {
	t, err := p.openOnly(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := p.drain(ctx, t); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// openOnly opens the trail and leaves the spool alone.
func (p *Program) openOnly(ctx context.Context) (*trail, error) {
	t, err := p.openStore(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.openPen(ctx, t); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// openStore opens the trail for asking only: it needs no key.
func (p *Program) openStore(ctx context.Context) (*trail, error) {
	return p.openStoreWith(ctx, openTold(p.remark))
}

func (p *Program) openStoreWith(ctx context.Context, open func(context.Context, place.Location) (*store.Store, error)) (*trail, error) {
	where, err := p.find()
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, where.Location)
	if err != nil {
		return nil, unopened(err, where)
	}
	t := &trail{
		place: where, store: s, spool: spool.In(where.Spool), asker: ask.New(s, p.org, p.Now), pins: witness.PinsIn(where.Pins),
	}
	t.asker.UseWitnesses(p.readWitnesses)
	// No answer may hold what was erased: an older copy of the trail that somebody
	// restored is brought up to date first.
	if err := p.eraseAgain(ctx, t, p.org); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// unopened adds to an error of opening a trail which one it is, and what to do.
func unopened(err error, where place.Trail) error {
	remedy := store.Remedy(err)
	if remedy == "" {
		remedy = "choose another with --store or WHODID_STORE"
	}
	return withHint(err, "the trail is %s (%s); %s", where.Location, where.Why, remedy)
}

// openPen readies the trail for recording.
func (p *Program) openPen(ctx context.Context, t *trail) error {
	var err error
	if t.ring, err = loadRing(ctx, t.store, &t.place, p.org); err != nil {
		return err
	}
	log, err := ledger.Open(ctx, t.store, p.org, t.ring.Private, t.ring.Public, p.Now())
	if errors.Is(err, ledger.ErrForeignKey) {
		return withHint(err, "%s", whereKey(&t.place, p.org))
	}
	if err != nil {
		return err
	}
	if t.redactor, err = p.redactor(); err != nil {
		return err
	}
	t.ledger = log
	t.recorder = record.New(p.org, log, t.store, t.redactor, p.Now)
	t.recorder.UsePrices(p.priceTable(t.place.Prices))
	if t.again == nil {
		return nil
	}
	if err := p.privacyOf(t, p.org).Tell(ctx, t.again); err != nil {
		return err
	}
	t.again = nil
	return nil
}

// errNoKey means that a trail has a log whose key is not at hand.
var errNoKey = errors.New("the signing key of this trail is not at hand")

// redactor cleans what enters the trail of secrets, of this user's names, and of
// what the settings name.
func (p *Program) redactor() (*redact.Redactor, error) {
	own, err := denylist.Read(place.ConfigFile(p.Env))
	if err != nil {
		return nil, withHint(err, "docs/redaction.md describes the settings")
	}
	return p.redactorWith(own.With(p.denied))
}

// deniedNow is what the settings of the server keep out of the trail, as they are
// now.
func (p *Program) deniedNow() (denylist.List, error) {
	if p.rereadDenied == nil {
		return p.denied, nil
	}
	return p.rereadDenied()
}

func (p *Program) redactorWith(own denylist.List) (*redact.Redactor, error) {
	return redact.New(redact.Options{
		HomeDir:    place.Home(p.Env),
		Identities: append(p.identities(), own.Identities...), DenyPatterns: own.Patterns, DenyWords: own.Deny,
	})
}

// identities are the full names and addresses by which this user is known
// here. Logins are not among them: they are words like "dev" and "build" too,
// and where they tell something, in home directories, they go anyway.
func (p *Program) identities() []string {
	candidates := []string{p.Env("GIT_AUTHOR_NAME"), p.Env("GIT_COMMITTER_NAME"), p.Env("GIT_AUTHOR_EMAIL"), p.Env("GIT_COMMITTER_EMAIL")}
	if b, err := os.ReadFile(filepath.Join(place.Home(p.Env), ".gitconfig")); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, "="); ok && strings.TrimSpace(name) == "name" {
				candidates = append(candidates, strings.Trim(strings.TrimSpace(value), `"`))
			}
		}
	}
	var names []string
	for _, c := range candidates {
		if strings.ContainsAny(c, " @") {
			names = append(names, c)
		}
	}
	return names
}

func (t *trail) close() { _ = t.store.Close() }

// drain takes in what waits, and ends the runs that stopped reporting.
func (p *Program) drain(ctx context.Context, t *trail) (intake.Taken, error) {
	in := p.intake(t)
	taken, err := in.Drain(ctx)
	if err != nil {
		return taken, err
	}
	if _, err = t.recorder.LoseExpired(ctx); err != nil {
		return taken, err
	}
	if err = p.watchBudgets(ctx, t); err != nil {
		return taken, err
	}
	return taken, p.pin(ctx, t)
}

// intake takes what waits in the trail's spool.
func (p *Program) intake(t *trail) intake.Intake {
	return intake.Intake{
		Spool: t.spool, Recorder: t.recorder, Home: place.Home(p.Env), Now: p.Now,
		Told: func(ctx context.Context, execution string) (map[string]bool, error) {
			return t.store.Calls(ctx, p.org, execution)
		},
	}
}

// pin remembers the head that this user has seen, outside of the trail. A head
// that does not go on from there is not remembered, and told of.
func (p *Program) pin(ctx context.Context, t *trail) error {
	holds, err := p.advancePin(ctx, t, p.org, t.ring.Public)
	switch {
	case errors.Is(err, errPin):
		// A pin that can't be written weakens the next verification, but is
		// no reason to withhold an answer.
		fmt.Fprintf(p.Stderr, "whodid: %v\n", err)
	case err != nil:
		return err
	case !holds:
		fmt.Fprintln(p.Stderr, "whodid: the trail is not what it was when you last looked: run whodid verify")
	}
	return nil
}

// errPin means that a pin can't be read or written.
var errPin = errors.New("the last head that was seen can't be kept")

// advancePin moves the pin of an organisation's trail on to its head, and
// reports whether the head goes on from where the pin was.
func (p *Program) advancePin(ctx context.Context, t *trail, org, publicKey string) (bool, error) {
	// Another process may have pinned a newer head than the one that was read
	// here. A head that is read after that pin is no older than it.
	for range 3 {
		head, err := t.store.Head(ctx, org)
		if err != nil {
			return false, err
		}
		holds, err := t.pins.Advance(t.pinName(org), publicKey, head.Checkpoint, p.Now(), t.store.Tiles(ctx, org))
		if err != nil {
			return false, fmt.Errorf("%w: %w", errPin, err)
		}
		if holds {
			return true, nil
		}
	}
	return false, nil
}

// pinName names a trail's pin by where the trail lies.
func (t *trail) pinName(org string) string { return t.place.String() + "#" + org }
