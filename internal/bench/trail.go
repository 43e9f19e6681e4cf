//go:build bench

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/store"
)

// trail is a new trail on one of the engines.
type trail struct {
	address string
	store   *store.Store
	ledger  *ledger.Ledger
	key     string // that checks its signatures
	runs    int    // how many it was filled with
	long    bool   // it has the longest run
	drop    func(context.Context) error
}

// engines are the engines that are measured.
func (b *bench) engines() []string {
	if b.postgres == "" {
		return []string{"sqlite"}
	}
	return []string{"sqlite", "postgres"}
}

// newTrail makes a trail, with its keys where the command line looks for them.
func (b *bench) newTrail(ctx context.Context, engine string) (*trail, error) {
	t := &trail{drop: func(context.Context) error { return nil }}
	name := "bench_" + strings.ToLower(rand.Text()[:12])
	if engine == "sqlite" {
		t.address = "sqlite://" + filepath.ToSlash(filepath.Join(b.dir, name+".db"))
	} else if err := b.createDatabase(ctx, t, name); err != nil {
		return nil, err
	}
	return t, b.openTrail(ctx, t)
}

// lookup is the environment of the programs as a function.
func (b *bench) lookup(name string) string {
	for _, pair := range b.env() {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// createDatabase makes an empty database on the server.
func (b *bench) createDatabase(ctx context.Context, t *trail, name string) error {
	if err := b.addressOn(t, name); err != nil {
		return err
	}
	t.drop = func(ctx context.Context) error {
		return b.onDatabase(ctx, b.postgres, "DROP DATABASE "+name+" WITH (FORCE)")
	}
	return b.onDatabase(ctx, b.postgres, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
}

// addressOn sets the address to the database of that name on the server.
func (b *bench) addressOn(t *trail, name string) error {
	address, err := url.Parse(b.postgres)
	if err != nil {
		return fmt.Errorf("couldn't parse the URL in %s", postgresVariable) // its own message has the password
	}
	address.Path = "/" + name
	t.address = address.String()
	return nil
}

func (b *bench) onDatabase(ctx context.Context, address, statement string) (err error) {
	c, err := pgx.Connect(ctx, address)
	if err != nil {
		return fmt.Errorf("couldn't connect to PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	if _, err := c.Exec(ctx, statement); err != nil {
		return fmt.Errorf("couldn't execute %q: %w", statement, err)
	}
	return nil
}

// close closes the trail and removes what the machine keeps of it.
func (t *trail) close(ctx context.Context) error {
	return errors.Join(t.store.Close(), t.drop(context.WithoutCancel(ctx)))
}

// fill records made-up runs through the one door, many at a time.
func (t *trail) fill(ctx context.Context, runs int, eventsOf func(n int, began time.Time) []whodid.Event) error {
	const together = 200 // runs in one transaction: some thousands of events
	t.runs = runs
	redactor, err := redact.New(redact.Options{})
	if err != nil {
		return err
	}
	now := time.Now()
	recorder := record.New(store.DefaultOrg, t.ledger, t.store, redactor, time.Now)
	for first := 0; first < runs; first += together {
		events := make([]whodid.Event, 0, together*(eventsPerRun+2))
		for n := first; n < min(first+together, runs); n++ {
			events = append(events, eventsOf(n, startOf(n, runs, now))...)
		}
		added, err := recorder.Record(ctx, events...)
		if err == nil && len(added) != len(events) {
			err = fmt.Errorf("%d of %d events were new", len(added), len(events))
		}
		if err != nil {
			return fmt.Errorf("couldn't fill the trail: %w", err)
		}
	}
	return nil
}

// record records events that may be there already.
func (t *trail) record(ctx context.Context, events []whodid.Event) error {
	redactor, err := redact.New(redact.Options{})
	if err != nil {
		return err
	}
	_, err = record.New(store.DefaultOrg, t.ledger, t.store, redactor, time.Now).Record(ctx, events...)
	return err
}
