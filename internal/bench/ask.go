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
		if err := t.fill(ctx, runs, eventsOfRun); err != nil {
			return err
		}
		trails[i] = t
	}
	took := time.Since(began)
	fmt.Printf("  filled with %d events through the recorder in %v: %.0f/s\n", (small+large)*eventsPerRun, took.Round(time.Second), float64((small+large)*eventsPerRun)/took.Seconds())
	if b.wants("ask") {
		if err := b.measureQuestions(ctx, engine, trails); err != nil {
			return err
		}
	}
	if b.wants("export") {
		if err := b.measureExport(ctx, engine, trails[0]); err != nil {
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

// question is one that is put to a trail, and how long the answer may take.
type question struct {
	name, what string
	limit      time.Duration
	aim        float64 // of the time against the limit; 0 is none
	// ask asks in the given round, and fails on an answer that can't be right.
	ask func(ctx context.Context, t *trail, round int) error
}

func (t *trail) asker() *ask.Asker { return ask.New(t.store, store.DefaultOrg, time.Now) }

// anyRun is another run in every round, so that not one page is read over and
// over.
func (t *trail) anyRun(round int) string { return runID((round*7919 + 13) % t.runs) }

// command asks with the whole program.
func (b *bench) command(args func(t *trail, round int) []string) func(context.Context, *trail, int) error {
	return func(_ context.Context, t *trail, round int) error {
		argv := append([]string{b.program("whodid"), "--store", t.address}, args(t, round)...)
		_, err := (&program{argv: argv, dir: b.dir, env: b.env()}).run()
		return err
	}
}

// questions are those of everyday, which a trail of any make can answer.
func (b *bench) questions() []question {
	return []question{
		{"history", "history of seven days, the question alone", limit, 1, func(ctx context.Context, t *trail, _ int) error {
			h, err := t.asker().History(ctx, ask.Selection{Filter: whodid.Filter{Since: time.Now().Add(-ask.DefaultPeriod)}}, false)
			if err == nil && h.Total.Runs < int64(t.runs)/5 {
				err = fmt.Errorf("history has %d runs", h.Total.Runs)
			}
			return err
		}},
		{"history.all", "history of thirty-one days, which are all runs, the question alone", limit, 0, func(ctx context.Context, t *trail, _ int) error {
			h, err := t.asker().History(ctx, ask.Selection{Filter: whodid.Filter{Since: time.Now().Add(-31 * 24 * time.Hour)}}, false)
			if err == nil && h.Total.Runs != int64(t.runs) {
				err = fmt.Errorf("history has %d runs", h.Total.Runs)
			}
			return err
		}},
		{"show", "exec show, the question alone", limit, 1, func(ctx context.Context, t *trail, round int) error {
			_, err := t.asker().Show(ctx, t.anyRun(round))
			return err
		}},
		{"history.command", "whodid history", limit, 1, b.command(func(*trail, int) []string { return []string{"history"} })},
		{"show.command", "whodid exec show ID", limit, 1, b.command(func(t *trail, round int) []string { return []string{"exec", "show", t.anyRun(round)} })},
	}
}

// measureQuestions asks the large and the small trail by turns: the question
// alone, and the whole command.
func (b *bench) measureQuestions(ctx context.Context, engine string, trails [2]*trail) error {
	large, small := trails[0].runs*actionsPerRun, trails[1].runs*actionsPerRun
	for _, q := range b.questions() {
		growth := &figure{name: fmt.Sprintf("ask.%s.%s.growth", engine, q.name), unit: "s", what: fmt.Sprintf("%s: at %d actions; at %d", q.what, large, small)}
		within := &figure{name: fmt.Sprintf("ask.%s.%s", engine, q.name), unit: "s", aim: q.aim, what: fmt.Sprintf("%s, at %d actions; %v", q.what, large, q.limit)}
		for round := range 1 + pick(b, 15, 5) {
			var took [2]float64
			for i, t := range trails {
				var err error
				if took[i], err = q.time(ctx, t, round); err != nil {
					return err
				}
			}
			if round > 0 { // the first one warms up
				growth.add(took[0], took[1])
				within.add(took[0], q.limit.Seconds())
			}
		}
		b.done(growth)
		b.done(within)
	}
	return nil
}

// time asks and returns how many seconds it took.
func (q *question) time(ctx context.Context, t *trail, round int) (float64, error) {
	began := time.Now()
	if err := q.ask(ctx, t, round); err != nil {
		return 0, fmt.Errorf("%s: %w", q.name, err)
	}
	return time.Since(began).Seconds(), nil
}
