//go:build bench

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
)

// measureTrails measures questions and verification on a small and on a large
// trail of each engine.
func (b *bench) measureTrails(ctx context.Context) error {
	small, large := 10_000/actionsPerRun, b.actions/actionsPerRun
	for _, engine := range b.engines() {
		b.section(fmt.Sprintf("Ask and verify on %s: %d actions against %d", engine, large*actionsPerRun, small*actionsPerRun))
		if err := b.measureTrail(ctx, engine, small, large); err != nil {
			return fmt.Errorf("couldn't measure a trail on %s: %w", engine, err)
		}
	}
	return nil
}

func (b *bench) measureTrail(ctx context.Context, engine string, small, large int) (err error) {
	var trails [2]*trail
	began := time.Now()
	for i, runs := range []int{large, small} {
		t, err := b.newTrail(ctx, engine)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, t.close(ctx)) }()
		if err := t.fill(ctx, runs); err != nil {
			return err
		}
		trails[i] = t
	}
	took := time.Since(began)
	fmt.Printf("  filled with %d events through the recorder in %v: %.0f/s\n", (small+large)*eventsPerRun, took.Round(time.Second), float64((small+large)*eventsPerRun)/took.Seconds())
	if b.wants("ask") {
		if err := b.measureQuestions(ctx, engine, trails, small, large); err != nil {
			return err
		}
	}
	if !b.wants("verify") {
		return nil
	}
	return b.measureVerify(ctx, engine, trails[0])
}

// limit is how long an answer may take at a million actions.
const limit = 100 * time.Millisecond

// measureQuestions asks the large and the small trail by turns: the question
// alone, and the whole command.
func (b *bench) measureQuestions(ctx context.Context, engine string, trails [2]*trail, small, large int) error {
	runs := [2]int{large, small}
	type timing func(i, round int) (float64, error)
	asker := func(i int) *ask.Asker { return ask.New(trails[i].store, store.DefaultOrg, time.Now) }
	command := func(args func(i, round int) []string) timing {
		return func(i, round int) (float64, error) {
			argv := append([]string{b.program("whodid"), "--store", trails[i].address}, args(i, round)...)
			d, err := (&program{argv: argv, dir: b.dir, env: b.env()}).run()
			return d.Seconds(), err
		}
	}
	// Another run in every round, so that not one page is read over and over.
	anyRun := func(i, round int) string { return runID((round*7919 + 13) % runs[i]) }
	for _, q := range []struct {
		name, what string
		aim        float64
		time       timing
	}{
		{"history", "history of seven days, the question alone", 1, func(i, _ int) (float64, error) {
			began := time.Now()
			h, err := asker(i).History(ctx, ask.Selection{Filter: whodid.Filter{Since: began.Add(-ask.DefaultPeriod)}}, false)
			if err == nil && h.Total.Runs < int64(runs[i])/5 {
				err = fmt.Errorf("history has %d runs", h.Total.Runs)
			}
			return time.Since(began).Seconds(), err
		}},
		{"history.all", "history of thirty-one days, which are all runs, the question alone", 0, func(i, _ int) (float64, error) {
			began := time.Now()
			h, err := asker(i).History(ctx, ask.Selection{Filter: whodid.Filter{Since: began.Add(-31 * 24 * time.Hour)}}, false)
			if err == nil && h.Total.Runs != int64(runs[i]) {
				err = fmt.Errorf("history has %d runs", h.Total.Runs)
			}
			return time.Since(began).Seconds(), err
		}},
		{"show", "exec show, the question alone", 1, func(i, round int) (float64, error) {
			began := time.Now()
			_, err := asker(i).Show(ctx, anyRun(i, round))
			return time.Since(began).Seconds(), err
		}},
		{"history.command", "whodid history", 1, command(func(int, int) []string { return []string{"history"} })},
		{"show.command", "whodid exec show ID", 1, command(func(i, round int) []string { return []string{"exec", "show", anyRun(i, round)} })},
	} {
		growth := &figure{name: fmt.Sprintf("ask.%s.%s.growth", engine, q.name), unit: "s", what: fmt.Sprintf("%s: at %d actions; at %d", q.what, large*actionsPerRun, small*actionsPerRun)}
		within := &figure{name: fmt.Sprintf("ask.%s.%s", engine, q.name), unit: "s", aim: q.aim, what: fmt.Sprintf("%s, at %d actions; %v", q.what, large*actionsPerRun, limit)}
		for round := range 1 + pick(b, 15, 5) {
			var took [2]float64
			for i := range took {
				var err error
				if took[i], err = q.time(i, round); err != nil {
					return fmt.Errorf("%s: %w", q.name, err)
				}
			}
			if round > 0 { // the first one warms up
				growth.add(took[0], took[1])
				within.add(took[0], limit.Seconds())
			}
		}
		b.done(growth)
		b.done(within)
	}
	return nil
}
