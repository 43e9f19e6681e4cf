//go:build bench

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// measureAppend measures how many events a second one writer appends with
// their proof, against the same rows in the same tables without: no salts and
// commitments, no leaves, no tiles, no signed head.
func (b *bench) measureAppend(ctx context.Context) error {
	b.section("Append: with the proof, against the same rows without it")
	for _, engine := range b.engines() {
		for _, batch := range []struct{ events, full, quick int }{{1, 200, 100}, {100, 3000, 1500}, {1000, 8000, 3000}} {
			f := &figure{
				name: fmt.Sprintf("append.%s.%d", engine, batch.events), unit: "/s",
				what: fmt.Sprintf("events a second in transactions of %d, with the proof; without it", batch.events),
			}
			if engine == "postgres" {
				f.aim = -0.6
			}
			if err := b.appendFigure(ctx, engine, f, batch.events, pick(b, batch.full, batch.quick)); err != nil {
				return fmt.Errorf("couldn't measure appending to %s: %w", engine, err)
			}
			b.done(f)
		}
	}
	return nil
}

// appendFigure fills two trails by turns.
func (b *bench) appendFigure(ctx context.Context, engine string, f *figure, batch, events int) (err error) {
	var trails [2]*trail
	for i := range trails {
		t, err := b.newTrail(ctx, engine)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, t.close(ctx)) }()
		trails[i] = t
	}
	proved, plain := trails[0], trails[1]
	runs := events/eventsPerRun + 1
	for round := range 1 + pick(b, 5, 3) {
		var took [2]time.Duration
		rows := [2][]*store.Row{rowsOf(round*runs, runs), rowsOf(round*runs, runs)}
		for first := 0; first < events; first += batch {
			end := min(first+batch, events)
			// They take turns at every transaction, and at going first: for what
			// one leaves to do, such as a checkpoint of the database, the next
			// may have to pay.
			for turn := range 2 {
				var err error
				began := time.Now()
				side := (turn + first/batch) % 2
				if side == 0 {
					err = appendProved(ctx, proved, rows[0][first:end])
				} else {
					err = plain.store.AppendPlain(ctx, store.DefaultOrg, rows[1][first:end], uint64(round*events+first))
				}
				if err != nil {
					return err
				}
				took[side] += time.Since(began)
			}
		}
		if round > 0 { // the first one warms up
			f.add(float64(events)/took[0].Seconds(), float64(events)/took[1].Seconds())
		}
	}
	return nil
}

// rowsOf makes the rows of runs, without what their proof needs.
func rowsOf(first, runs int) []*store.Row {
	now := time.Now().UTC().Truncate(time.Microsecond)
	rows := make([]*store.Row, 0, runs*eventsPerRun)
	for n := first; n < first+runs; n++ {
		for _, e := range eventsOfRun(n, startOf(n%1000, 1000, now)) {
			e.Org, e.RecordedAt = store.DefaultOrg, now
			e.Identify()
			rows = append(rows, &store.Row{Event: e, DataText: e.Data.Canonical()})
		}
	}
	return rows
}

// appendProved makes the rows' leaves, as the recorder does, and appends them
// through the ledger.
func appendProved(ctx context.Context, t *trail, rows []*store.Row) error {
	salts := make([]proof.Salt, len(rows))
	for i, r := range rows {
		_, _ = rand.Read(salts[i][:]) // never fails, see crypto/rand
		r.Salt = &salts[i]
		c := proof.Commit(&r.Event, r.DataText, r.Salt)
		leaf, err := proof.Leaf(&r.Event, &c)
		if err != nil {
			return err
		}
		r.LeafHash = proof.LeafHash(leaf)
	}
	added, err := t.ledger.Append(ctx, rows)
	if err == nil && len(added) != len(rows) {
		err = fmt.Errorf("%d of %d rows were new", len(added), len(rows))
	}
	return err
}
