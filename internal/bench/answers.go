//go:build bench

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/keys"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/place"
	weekly "github.com/whodid/whodid/internal/report"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof/dossier"
)

// answers are the questions that the trail of a company must answer at a million
// runs and twenty million actions on PostgreSQL, and within what time. The aim
// holds for 95 of 100 answers.
func (b *bench) answers() []question {
	return []question{
		{"history", "history of seven days", 50 * time.Millisecond, 1, func(ctx context.Context, t *trail, _ int) error {
			h, err := t.asker().History(ctx, ask.Selection{}, false)
			if err == nil && h.Total.Runs < int64(t.runs)/5 {
				err = fmt.Errorf("history has %d runs", h.Total.Runs)
			}
			return err
		}},
		{"page", "the executions page of seven days", 300 * time.Millisecond, 1, func(ctx context.Context, t *trail, _ int) error {
			return t.executionsPage(ctx, "", ask.DefaultPeriod)
		}},
		{"page.month", "the executions page of thirty days", 300 * time.Millisecond, 1, func(ctx context.Context, t *trail, _ int) error {
			return t.executionsPage(ctx, "", 30*24*time.Hour)
		}},
		{"page.narrowed", "the executions page of seven days, narrowed by facets", 300 * time.Millisecond, 1, func(ctx context.Context, t *trail, round int) error {
			filter := []string{"squad:S", "status:failed cost:measured squad:S repository:R", "repository:R", "agent:S/* -status:failed"}[round%4]
			return t.executionsPage(ctx, strings.NewReplacer("S", fmt.Sprintf("squad-%d", round%8), "R", repositoryOf(round)).Replace(filter), ask.DefaultPeriod)
		}},
		{"page.proved", "what witnesses that are 20,000 events behind confirmed of the runs of seven days: counted, listed, narrowed by it", 300 * time.Millisecond, 1, func(ctx context.Context, t *trail, _ int) error {
			return t.proved(ctx)
		}},
		{"cost", "cost of a month by agent", time.Second, 1, func(ctx context.Context, t *trail, _ int) error {
			return t.cost(ctx, "agent")
		}},
		{"cost.model", "cost of a month by model and day", 5 * time.Second, 0, func(ctx context.Context, t *trail, _ int) error {
			return t.cost(ctx, "model", "day")
		}},
		{"stats", "exec stats of a week", time.Second, 1, func(ctx context.Context, t *trail, _ int) error {
			s, err := t.asker().Stats(ctx, ask.Selection{Filter: whodid.Filter{Since: time.Now().Add(-ask.DefaultPeriod)}})
			if err == nil && s.Total.Runs < int64(t.runs)/5 {
				err = fmt.Errorf("stats have %d runs", s.Total.Runs)
			}
			return err
		}},
		{"show", "exec show", 10 * time.Millisecond, 1, func(ctx context.Context, t *trail, round int) error {
			_, err := t.asker().Show(ctx, t.anyRun(round))
			return err
		}},
		{"show.long", "exec show of a run of ten thousand actions", time.Second, 1, func(ctx context.Context, t *trail, _ int) error {
			id, err := t.longRun(ctx)
			if err != nil {
				return err
			}
			show, err := t.asker().Show(ctx, id)
			if err == nil && len(show.Actions) != longActions {
				err = fmt.Errorf("it has %d actions", len(show.Actions))
			}
			return err
		}},
		{"prove", "the proof of a run", 300 * time.Millisecond, 1, func(ctx context.Context, t *trail, round int) error {
			d, err := t.asker().ProveExecution(ctx, t.anyRun(round))
			if err == nil {
				_, err = d.Archive(dossier.Deflated)
			}
			return err
		}},
		{"incident.run", "what incident open finds out about a run", 2 * time.Second, 1, func(ctx context.Context, t *trail, round int) error {
			return t.investigate(ctx, t.anyRun(round), 1)
		}},
		{"incident.time", "what incident open finds out about half an hour", 2 * time.Second, 1, func(ctx context.Context, t *trail, round int) error {
			at, err := t.halfHour(ctx, round)
			if err != nil {
				return err
			}
			return t.investigate(ctx, at, 1)
		}},
		{"memory", "memory search for words of some decisions", 50 * time.Millisecond, 1, func(ctx context.Context, t *trail, round int) error {
			_, err := t.asker().Memory(ctx, ask.MemoryFilter{Search: fmt.Sprintf("rotate service %d", round*7), Limit: 20})
			return err
		}},
		{"search.common", "search for words of all runs", searchLimit, 1, search(func(int) string { return "rotate token" })},
		{"search.rare", "search for the words of some runs, of some decisions and of one file", searchLimit, 1, search(func(round int) string {
			return fmt.Sprintf("rotate service %d", 1000+round*71)
		})},
		{"search.file", "search for a file", searchLimit, 1, search(func(round int) string { return fmt.Sprintf("internal/part%d/cart.go", 100+round*13) })},
		{"search.id", "search for a pull request", searchLimit, 1, search(func(round int) string {
			n := b.actions/actionsPerRun/(round+2) + 1
			return fmt.Sprintf("%s#%d", repositoryOf(n), n)
		})},
		{"search.filter", "search for words of all runs of a squad", searchLimit, 1, search(func(round int) string {
			return fmt.Sprintf(`"rotate the token" agent:squad-%d/* since:30d status:failed`, round%8)
		})},
		{"search.apart", "search for words that are everywhere and never together: a page ends before the trail does", searchLimit, 1, func(ctx context.Context, t *trail, _ int) error {
			_, err := t.search(ctx, "gofmt errors", "")
			return err
		}},
		{"report", "the weekly report", time.Second, 1, func(ctx context.Context, t *trail, _ int) error {
			r, err := t.report(ctx)
			if err == nil && (r.Total.Outcomes.Value < int64(t.runs)/100 || r.Total.Runs.Value < int64(t.runs)/5) {
				err = fmt.Errorf("the report has %d runs and %d outcomes", r.Total.Runs.Value, r.Total.Outcomes.Value)
			}
			return err
		}},
		{"report.pdf", "the weekly report, as PDF", time.Second, 0, func(ctx context.Context, t *trail, _ int) error {
			r, err := t.report(ctx)
			if err == nil {
				_, err = weekly.PDF(weekly.Of(r), false)
			}
			return err
		}},
		{"memory.all", "memory search for a word of all decisions", 50 * time.Millisecond, 1, func(ctx context.Context, t *trail, _ int) error {
			d, err := t.asker().Memory(ctx, ask.MemoryFilter{Search: "rotate", Limit: 20})
			if err == nil && len(d.Decisions) == 0 {
				err = errors.New("it found nothing")
			}
			return err
		}},
	}
}

// report is that of the last seven days.
func (t *trail) report(ctx context.Context) (*ask.Report, error) {
	midnight := time.Now().UTC().Truncate(24 * time.Hour)
	week, err := ask.PeriodOf(midnight.AddDate(0, 0, -7), midnight, time.UTC)
	if err != nil {
		return nil, err
	}
	return t.asker().Report(ctx, &ask.ReportOptions{Period: week})
}

// executionsPage asks what the page of executions asks, as it does: the rows, and
// then the rest at the same time.
func (t *trail) executionsPage(ctx context.Context, filter string, period time.Duration) error {
	f, err := whodid.ParseFilter(filter, time.Now())
	if err != nil {
		return err
	}
	f.Since = time.Now().Add(-period)
	sel := ask.Selection{Filter: f, RunsOnly: true, Limit: 50}
	list, _, err := t.asker().SelectExecutions(ctx, sel, nil)
	if err != nil {
		return err
	}
	var history *ask.History
	var facets *ask.Facets
	var activity *ask.Activity
	var all errgroup.Group
	all.Go(func() (err error) {
		history, err = t.asker().History(ctx, sel, false)
		return err
	})
	all.Go(func() (err error) {
		facets, err = t.asker().Facets(ctx, sel)
		return err
	})
	all.Go(func() (err error) {
		activity, err = t.asker().Activity(ctx, sel, 60)
		return err
	})
	if err := all.Wait(); err != nil {
		return err
	}
	var began int64
	for i := range activity.Stretches {
		began += activity.Stretches[i].Runs
	}
	if len(list.Executions) == 0 || history.Total.Runs != facets.Runs || began < facets.Runs {
		return fmt.Errorf("%q shows %d runs of %d in the table, %d in facets, %d in the chart", filter, len(list.Executions), history.Total.Runs, facets.Runs, began)
	}
	return nil
}

// proved asks what the page of executions asks of the store where the log was
// confirmed up to 20,000 events before its end, or less of a small trail.
func (t *trail) proved(ctx context.Context) error {
	size, err := t.asker().Size(ctx)
	if err != nil {
		return err
	}
	place := size - min(20_000, size/50)
	sel := store.Selection{Since: time.Now().Add(-ask.DefaultPeriod), RunsOnly: true, Limit: 50}
	waiting, err := t.store.CountBeyond(ctx, store.DefaultOrg, sel, place)
	if err != nil {
		return err
	}
	sel.Terms = []whodid.Term{store.Beyond(place, true)}
	rows, err := t.store.ExecutionPage(ctx, store.DefaultOrg, sel, nil)
	if err != nil {
		return err
	}
	groups, err := t.store.RunGroups(ctx, store.DefaultOrg, sel)
	if err == nil && (waiting == 0 || len(rows) == 0 || len(groups) == 0) {
		err = fmt.Errorf("%d runs wait, %d that don't are listed, in %d groups", waiting, len(rows), len(groups))
	}
	return err
}

// cost asks what the runs of the last thirty days cost.
func (t *trail) cost(ctx context.Context, by ...string) error {
	c, err := t.asker().Cost(ctx, ask.CostQuestion{Filter: whodid.Filter{Since: time.Now().AddDate(0, 0, -30)}, By: by})
	if err == nil && (c.Total.Runs < int64(t.runs)*9/10 || len(c.Rows) == 0) {
		err = fmt.Errorf("cost is of %d runs in %d rows", c.Total.Runs, len(c.Rows))
	}
	return err
}

// investigate finds out about an incident, and fails if it suspects fewer runs.
func (t *trail) investigate(ctx context.Context, at string, suspects int) error {
	found, err := (&ask.Git{Trail: t.asker()}).Investigate(ctx, &ask.IncidentOptions{At: at})
	if err == nil && len(found.Suspects) < suspects {
		err = fmt.Errorf("an incident at %s has %d suspects", at, len(found.Suspects))
	}
	return err
}

// halfHour is a time with runs in it: half an hour around the start of one, which is
// looked up because a trail that was kept is as old as it is.
func (t *trail) halfHour(ctx context.Context, round int) (string, error) {
	show, err := t.asker().Show(ctx, t.anyRun(round))
	if err != nil {
		return "", err
	}
	from := show.StartedAt.Add(-15 * time.Minute)
	return from.Format(time.RFC3339) + ".." + from.Add(30*time.Minute).Format(time.RFC3339), nil
}

// searchLimit is how long a search may take.
const searchLimit = 300 * time.Millisecond

// search is the question for a filter, which must find something.
func search(filter func(round int) string) func(context.Context, *trail, int) error {
	return func(ctx context.Context, t *trail, round int) error {
		found, err := t.search(ctx, filter(round), "")
		for err == nil && len(found.Hits) == 0 && found.Cursor != nil { // as the command does
			found, err = t.search(ctx, filter(round), *found.Cursor)
		}
		if err == nil && len(found.Hits) == 0 {
			err = fmt.Errorf("%q finds nothing", filter(round))
		}
		return err
	}
}

func (t *trail) search(ctx context.Context, filter, cursor string) (*ask.SearchResult, error) {
	f, err := whodid.ParseFilter(filter, time.Now())
	if err != nil {
		return nil, err
	}
	return t.asker().Search(ctx, ask.Selection{Filter: f}, cursor)
}

// measureAnswers asks the trail of a company on PostgreSQL.
func (b *bench) measureAnswers(ctx context.Context) (err error) {
	if b.postgres == "" {
		return nil
	}
	runs := b.actions / actionsPerRun
	b.section(fmt.Sprintf("Answers on PostgreSQL out of %d runs and %d actions", runs, runs*actionsPerRun))
	t, err := b.companyTrail(ctx, runs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close(ctx)) }()
	for _, q := range b.answers() {
		if !b.asks(q.name) {
			continue
		}
		f := &figure{name: "answers." + q.name, unit: "s", what: fmt.Sprintf("%s, of %d runs; %v", q.what, runs, q.limit)}
		for round := range 1 + pick(b, 40, 5) {
			took, err := q.time(ctx, t, round)
			if err != nil {
				return err
			}
			if round > 0 { // the first one warms up
				f.add(took, q.limit.Seconds())
			}
		}
		b.done(f)
		worst := &figure{name: f.name + ".p95", unit: "s", aim: q.aim, what: "95 of 100 of these are answered within; " + q.limit.String()}
		worst.add(quantile(f.a, 0.95), q.limit.Seconds())
		b.done(worst)
	}
	if !b.asks("verifier") {
		return nil
	}
	return b.measureVerifier(ctx, t)
}

// asks says whether the answer to a question is measured.
func (b *bench) asks(question string) bool {
	return b.asked == "" || slices.Contains(strings.Split(b.asked, ","), question)
}

// measureVerifier checks a proof with the program that auditors have.
func (b *bench) measureVerifier(ctx context.Context, t *trail) error {
	const limit = 100 * time.Millisecond
	f := &figure{name: "answers.verifier", unit: "s", aim: 1, what: fmt.Sprintf("whodid-verify of the proof of a run; %v", limit)}
	file := filepath.Join(b.dir, "proof.zip")
	for round := range 1 + pick(b, 15, 5) {
		d, err := t.asker().ProveExecution(ctx, t.anyRun(round))
		if err != nil {
			return err
		}
		archive, err := d.Archive(dossier.Deflated)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, archive, 0o600); err != nil {
			return fmt.Errorf("couldn't write the proof: %w", err)
		}
		took, err := (&program{argv: []string{b.program("whodid-verify"), "--key", t.key, file}, dir: b.dir, env: b.env()}).run()
		if err != nil {
			return err
		}
		if round > 0 {
			f.add(took.Seconds(), limit.Seconds())
		}
	}
	b.done(f)
	return nil
}

// companyTrail makes the trail of a company, or takes the one that an earlier
// run left in the folder of -keep.
func (b *bench) companyTrail(ctx context.Context, runs int) (*trail, error) {
	if b.keep == "" {
		t, err := b.newTrail(ctx, "postgres")
		if err != nil {
			return nil, err
		}
		return t, b.fillCompany(ctx, t, runs)
	}
	name := fmt.Sprintf("bench_answers_%d", runs)
	t := &trail{runs: runs, drop: func(context.Context) error { return nil }}
	if err := b.addressOn(t, name); err != nil {
		return nil, err
	}
	made := b.onDatabase(ctx, b.postgres, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'") == nil
	if err := b.openTrail(ctx, t); err != nil {
		return nil, err
	}
	if !made {
		return t, nil
	}
	return t, b.fillCompany(ctx, t, runs)
}

func (b *bench) fillCompany(ctx context.Context, t *trail, runs int) error {
	began := time.Now()
	if err := t.fill(ctx, runs, eventsOfCompany); err != nil {
		return err
	}
	size, err := t.asker().Size(ctx)
	if err != nil {
		return err
	}
	took := time.Since(began)
	fmt.Printf("  filled with %d events through the recorder in %v: %.0f/s\n", size, took.Round(time.Second), float64(size)/took.Seconds())
	return b.onDatabase(ctx, t.address, "ANALYZE")
}

// openTrail opens the trail at its address, with its keys where the command line
// looks for them.
func (b *bench) openTrail(ctx context.Context, t *trail) error {
	where, err := place.Find(t.address, b.dir, b.lookup)
	if err != nil {
		return err
	}
	if t.store, err = store.Open(ctx, where.Location); err != nil {
		return err
	}
	ring, err := keys.LoadOrCreate(where.SigningKey, where.PeopleKey, ledger.NewKey)
	if err != nil {
		return err
	}
	t.key = ring.Public
	t.ledger, err = ledger.Open(ctx, t.store, store.DefaultOrg, ring.Private, ring.Public, time.Now())
	return err
}
