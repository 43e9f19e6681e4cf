// Package record is the one door into the trail. Whatever comes in is cut to
// what the catalogue allows, cleaned of secrets, priced, checked and appended,
// once, in one transaction with its proof.
package record

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/price"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// Log appends rows durably and in order, each once; it is safe for concurrent
// use. internal/ledger is the implementation.
type Log interface {
	Append(ctx context.Context, rows []*store.Row) ([]*store.Row, error)
}

// Recorder takes events into the trail of one organisation. It is safe for
// concurrent use.
type Recorder struct {
	org      string
	group    group
	known    recent // executions that the trail has
	store    *store.Store
	redactor atomic.Pointer[redact.Redactor]
	now      func() time.Time
	prices   func() (*price.Table, error)
}

// New makes the recorder of an organisation. now is the trail's clock.
func New(org string, log Log, s *store.Store, r *redact.Redactor, now func() time.Time) *Recorder {
	out := &Recorder{org: org, group: group{log: log}, store: s, now: now, prices: price.Default}
	out.redactor.Store(r)
	return out
}

// UsePrices makes the recorder price calls by another table than the one that is
// built in. It is called before the first event is recorded.
func (r *Recorder) UsePrices(table func() (*price.Table, error)) { r.prices = table }

// UseRedactor cleans what comes in from now on with another redactor.
func (r *Recorder) UseRedactor(other *redact.Redactor) { r.redactor.Store(other) }

// Clean is text as the trail will keep it: who signs it beforehand signs this.
func (r *Recorder) Clean(text string) string {
	text, _ = r.redactor.Load().Clean(text)
	return text
}

// Record takes events in. All of them enter or, if one is not valid, none. It
// returns those that the trail did not hold yet.
func (r *Recorder) Record(ctx context.Context, events ...whodid.Event) ([]*store.Row, error) {
	now := r.now()
	var redacted []redact.Counts
	for i := range events {
		counts, err := r.prepare(&events[i], now)
		if err != nil {
			return nil, err
		}
		redacted = put(redacted, i, counts)
	}
	return r.append(ctx, events, redacted, now)
}

// RecordValid takes in those events that are valid, and for each that is not,
// an event that says that something is missing.
func (r *Recorder) RecordValid(ctx context.Context, events []whodid.Event) ([]*store.Row, error) {
	return r.RecordCleaned(ctx, events, nil)
}

// RecordCleaned is RecordValid for events that were cleaned before they came
// here: cleaned says, event by event, how often each rule took something out.
// It may be shorter than the events.
func (r *Recorder) RecordCleaned(ctx context.Context, events []whodid.Event, cleaned []map[string]int) ([]*store.Row, error) {
	now := r.now()
	var redacted []redact.Counts
	for i, before := range cleaned[:min(len(cleaned), len(events))] {
		redacted = put(redacted, i, credible(before))
	}
	valid := make([]whodid.Event, 0, len(events))
	for i := range events {
		e := events[i]
		e.Trim(mayBeOpen(e.Source))
		counts, err := r.prepare(&e, now)
		if err != nil {
			e = Gap("an event that is not valid", events[i].Source, whodid.Data{"event": known(events[i].What)}, now)
			e.Key = "gap/" + whodid.EventID(r.org, events[i].Key)
			_, err = r.prepare(&e, now)
		}
		if err != nil {
			// Its source was what is wrong. An event that could never be taken
			// in would keep all behind it in the spool for ever.
			e.Source = "unknown"
			_, err = r.prepare(&e, now)
		}
		if err != nil {
			return nil, fmt.Errorf("couldn't record a gap: %w", err)
		}
		redacted = put(redacted, i, counts)
		valid = append(valid, e)
	}
	return r.append(ctx, valid, redacted, now)
}

// put keeps the counts of the i-th event, in a list that stays empty as long as
// nothing was redacted.
func put(redacted []redact.Counts, i int, counts redact.Counts) []redact.Counts {
	if len(counts) == 0 {
		return redacted
	}
	for len(redacted) <= i {
		redacted = append(redacted, nil)
	}
	redacted[i] = redacted[i].Add(counts)
	return redacted
}

// credible keeps of counts that came over a disk those that a redactor can have
// made: the name of a rule that there is not could be anything.
func credible(counts map[string]int) redact.Counts {
	const most = 1_000_000 // in one event, which is at most some kilobytes
	var c redact.Counts
	for rule, n := range counts {
		if n > 0 && redact.IsRule(rule) {
			c = c.Add(redact.Counts{rule: min(n, most)})
		}
	}
	return c
}

// mayBeOpen tells the sources whose events keep metadata that the catalogue
// does not list, where their kind is open: a person or a script that used the
// command line chose it. What such a command had to put into the spool is the
// same when it comes out.
func mayBeOpen(source string) bool { return source == "cli" }

// known returns a verb if it is one of the catalogue's, for anything else
// could be content.
func known(what string) string {
	if _, ok := whodid.LookupKind(what); ok {
		return what
	}
	return "unknown"
}

// Gap is the event that says that something is known to be missing. The
// reason is a fixed phrase.
func Gap(reason, source string, data whodid.Data, at time.Time) whodid.Event {
	if source == "" {
		source = "cli"
	}
	d := whodid.Data{"reason": reason}
	maps.Copy(d, data)
	return whodid.Event{
		Key: "gap/" + whodid.NewID(whodid.PrefixEvent), Actor: whodid.System,
		What: "record.gap", At: at, Source: source, Data: d,
	}
}

// prepare brings one event into the form in which it is kept, and counts what
// was redacted.
func (r *Recorder) prepare(e *whodid.Event, now time.Time) (redact.Counts, error) {
	e.Org = r.org
	if e.At.IsZero() {
		e.At = now
	}
	e.RecordedAt = now.UTC().Truncate(time.Microsecond)
	if err := e.Data.Normalize(); err != nil {
		return nil, fmt.Errorf("%w: %w", whodid.ErrInvalid, err)
	}
	e.At = e.At.UTC().Truncate(time.Microsecond)
	e.Identify()
	if err := e.Validate(); err != nil {
		return nil, err
	}
	counts, err := r.redactor.Load().Event(e)
	if err != nil {
		return counts, fmt.Errorf("%w: %w", whodid.ErrInvalid, err)
	}
	e.Cut() // redaction can make text longer
	return counts, r.price(e)
}

// price adds the cost of a model call whose source did not tell it.
func (r *Recorder) price(e *whodid.Event) error {
	if e.What != "model.call" && e.What != "execution.finish" {
		return nil
	}
	if _, told := e.Data.Int("cost_micros"); told {
		if e.Data.String("cost_state") == "" {
			e.Data["cost_state"] = string(whodid.CostMeasured)
		}
		return nil
	}
	_, hasIn := e.Data.Int("input_tokens")
	_, hasOut := e.Data.Int("output_tokens")
	if e.What == "execution.finish" && !hasIn && !hasOut {
		return nil // it says nothing of usage, so there is nothing to price
	}
	e.Data["cost_state"] = string(whodid.CostUnknown)
	if !hasIn || !hasOut {
		return nil
	}
	table, err := r.prices()
	if err != nil {
		return fmt.Errorf("couldn't read the price table: %w", err)
	}
	quote, ok := quoteOf(table, e)
	if !ok {
		return nil
	}
	e.Data["cost_micros"] = quote.Micros
	e.Data["cost_state"] = string(whodid.CostComputed)
	if e.What == "model.call" {
		e.Data["price_table"] = quote.Table
	}
	return nil
}

// append makes rows of the events and appends them. All of that is done by who
// calls, many at once; only the transaction is shared.
// quoteOf is what the table says that a call costs whose tokens are known.
func quoteOf(table *price.Table, e *whodid.Event) (price.Quote, bool) {
	in, hasIn := e.Data.Int("input_tokens")
	out, hasOut := e.Data.Int("output_tokens")
	if !hasIn || !hasOut {
		return price.Quote{}, false
	}
	read, _ := e.Data.Int("cache_read_tokens")
	written, _ := e.Data.Int("cache_write_tokens")
	hour, _ := e.Data.Int("cache_write_1h_tokens")
	return table.Cost(e.Data.String("provider"), e.Data.String("model"), e.At, price.Usage{
		Input: in, Output: out, CacheRead: read, CacheWrite5m: max(written-hour, 0), CacheWrite1h: hour,
	})
}

func (r *Recorder) append(ctx context.Context, events []whodid.Event, redacted []redact.Counts, now time.Time) ([]*store.Row, error) {
	if len(events) == 0 {
		return nil, nil
	}
	starts, executions, err := r.supposeStarts(events, now)
	if err != nil {
		return nil, err
	}
	rows := make([]*store.Row, 0, len(starts)+len(events))
	salts := make([]byte, (len(starts)+len(events))*proof.SaltSize)
	_, _ = rand.Read(salts) // never fails, see crypto/rand
	for _, part := range [][]whodid.Event{starts, events} {
		for i := range part {
			row, err := newRow(part[i], salts[len(rows)*proof.SaltSize:])
			if err != nil {
				return nil, err
			}
			row.Supposed = len(rows) < len(starts)
			if n := len(rows) - len(starts); n >= 0 && n < len(redacted) {
				row.Redacted = redacted[n]
			}
			rows = append(rows, row)
		}
	}
	added, err := r.group.append(ctx, rows)
	if err == nil {
		r.known.add(executions)
	}
	return added, err
}

func newRow(e whodid.Event, salt []byte) (*store.Row, error) {
	row := &store.Row{Event: e, DataText: e.Data.Canonical(), Salt: (*proof.Salt)(salt[:proof.SaltSize])}
	c := proof.Commit(&row.Event, row.DataText, row.Salt)
	leaf, err := proof.Leaf(&row.Event, &c)
	if err != nil {
		return nil, fmt.Errorf("couldn't make the leaf of %s: %w", e.ID, err)
	}
	row.LeafHash = proof.LeafHash(leaf)
	return row, nil
}

// inferredLease is how long a run of which no start was told may be silent.
const inferredLease = 24 * time.Hour

// supposeStarts makes a start for each execution of the events that the trail
// may not know: a hook that was installed in the middle of a session tells of
// actions, but not of the run's beginning. Whether the trail does know it is
// decided when they are appended. It returns the executions that the trail has
// once they are.
func (r *Recorder) supposeStarts(events []whodid.Event, now time.Time) (starts []whodid.Event, executions []string, err error) {
	seen := map[string]bool{}
	for i := range events {
		if e := &events[i]; e.What == "execution.start" && !seen[e.Execution] {
			seen[e.Execution] = true
			executions = append(executions, e.Execution)
		}
	}
	for i := range events {
		e := &events[i]
		if e.Execution == "" || seen[e.Execution] || whodid.AgentOf(e.Actor) == "" {
			continue
		}
		seen[e.Execution] = true
		if r.known.has(e.Execution) {
			continue
		}
		start := whodid.Event{
			Key: "inferred/" + e.Execution, Actor: e.Actor, ActorAuth: e.ActorAuth, What: "execution.start",
			At: e.At, Execution: e.Execution, Session: e.Session, Source: e.Source,
			Data: whodid.Data{"inferred": true, "lease_seconds": int64(inferredLease / time.Second)},
		}
		if _, err := r.prepare(&start, now); err != nil {
			return nil, nil, err
		}
		starts = append(starts, start)
		executions = append(executions, e.Execution)
	}
	return starts, executions, nil
}

// LoseExpired ends the runs that stopped reporting and whose lease ran out:
// they are lost, and never shown as a success. It returns how many.
func (r *Recorder) LoseExpired(ctx context.Context) (int, error) {
	now := r.now()
	expired, err := r.store.Expired(ctx, r.org, now)
	if err != nil {
		return 0, err
	}
	var lost []whodid.Event
	for i := range expired {
		x := &expired[i]
		seen, err := r.store.LastSeen(ctx, r.org, x.ID)
		if err != nil {
			return 0, err
		}
		if lease := x.Lease(); seen.Add(lease).After(now) {
			continue
		}
		lost = append(lost, whodid.Event{
			Key:   fmt.Sprintf("lost/%s/%d", x.ID, whodid.Micros(seen)),
			Actor: whodid.System, What: "execution.lost", Execution: x.ID, At: now, Source: "system",
			Data: whodid.Data{"last_seen": whodid.FormatTime(seen)},
		})
	}
	rows, err := r.Record(ctx, lost...)
	return len(rows), err
}
