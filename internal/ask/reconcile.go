package ask

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/store"
)

// What the trail is compared with.
const (
	SourceLog         = "log"         // the numbering of the trail's own log
	SourceCommits     = "commits"     // commits of agents, in git
	SourceForge       = "forge"       // what forges say that agents did
	SourceTelemetry   = "telemetry"   // the numbers of clients' records
	SourceHooks       = "hooks"       // sessions whose client said which hooks it calls
	SourceTranscripts = "transcripts" // tool calls in the files of sessions
	SourceUsage       = "usage"       // what a bill says
)

// Reconciliation is the trail against what agents do not control.
type Reconciliation struct {
	Since *time.Time `json:"since"`
	Until *time.Time `json:"until"`
	At    time.Time  `json:"at"`
	// Sources are what the trail was compared with. One that was not checked says
	// why, and has no coverage.
	Sources []Reconciled `json:"sources"`
	// Coverage is the lowest of the sources that were checked, in per cent, rounded
	// down; null if nothing was there to compare. It is 100 only if everything that
	// was checked is explained.
	Coverage *float64 `json:"coverage"`
	// Unexplained is how many things the trail does not explain, of all sources.
	Unexplained int64 `json:"unexplained"`
	// Usage is what bills say against what the trail says; null without a bill.
	Usage *UsageComparison `json:"usage"`
}

// Reconciled is the trail against one source.
type Reconciled struct {
	Source string `json:"source"`
	// Of says what is counted: things such as agent commits, or an amount such as
	// micros of a bill.
	Of      string `json:"of"`
	Checked bool   `json:"checked"`
	// Failed is true if it was asked for and could not be read. Reason says why it
	// was not checked, or what of it was not.
	Failed bool   `json:"failed"`
	Reason string `json:"reason"`
	// Total is how much there is, Explained how much of it the trail explains.
	Total       int64 `json:"total"`
	Explained   int64 `json:"explained"`
	Unexplained int64 `json:"unexplained"`
	// Coverage is the share that is explained in per cent, rounded down; null if it
	// was not checked, or there is nothing.
	Coverage *float64 `json:"coverage"`
	// Items are what is not explained, one by one.
	Items []Unexplained `json:"items"`
	// Notes say what the figures leave out.
	Notes []string `json:"notes"`
}

// Unexplained is one thing that the trail does not explain.
type Unexplained struct {
	// Kind is what it is: commit, pull_request, push, deployment, release, records,
	// session, calls, usage, events.
	Kind string `json:"kind"`
	// Subject names it: a commit, a pull request, a session, a day and model.
	Subject string     `json:"subject"`
	At      *time.Time `json:"at"`
	// Agent is whose it is, as far as it says.
	Agent       string `json:"agent"`
	ExecutionID string `json:"execution_id"`
	// Count is how many, of what is told in numbers; 1 for a thing.
	Count int64 `json:"count"`
	// Detail is what is known of it, Reason the probable cause, Next what to do.
	Detail string `json:"detail"`
	Reason string `json:"reason"`
	Next   string `json:"next"`
}

// ReconcileInput is what is outside of the trail.
type ReconcileInput struct {
	Since, Until time.Time // zero is no bound
	// Repos are repositories at hand; those that are not are compared by their index.
	Repos []ReconcileRepo
	// Pseudonym is the name of a person in the trail; nil without its key.
	Pseudonym func(identity string) string
	// Sessions are what files on disk tell; NoSessions why nothing was looked for.
	Sessions   []DiskSession
	NoSessions string
	// Bills are what was used by those who are paid for it.
	Bills []Billed
	// Model makes of a model's name the one by which models are compared.
	Model func(name string) string
	// Tolerance is by how many per cent a day and model of a bill may differ from
	// the trail.
	Tolerance float64
}

// ReconcileRepo is a repository at hand. Err is why it can't be read.
type ReconcileRepo struct {
	Dir  string
	Repo *gitlog.Repository
	Err  error
}

// DiskSession is what a file on disk tells of a session. Err is why it can't be
// read.
type DiskSession struct {
	Client, Session, Path string
	Known                 bool
	Calls                 []DiskCall
	Err                   error
}

// DiskCall is a tool call in such a file: by the client's id, or by the key that
// its event would have.
type DiskCall struct {
	Execution, Call, Key string
	At                   time.Time
}

// maxItems bounds how many unexplained things of one source are listed; all are
// counted.
const maxItems = 10_000

// Reconcile compares the trail with what agents do not control.
func (a *Asker) Reconcile(ctx context.Context, in *ReconcileInput) (*Reconciliation, error) {
	r := &Reconciliation{Since: moment(in.Since), Until: moment(in.Until), At: a.now().UTC(), Sources: []Reconciled{}}
	for _, check := range []func(context.Context, *ReconcileInput) (*Reconciled, error){
		a.reconcileLog, a.reconcileCommits, a.reconcileForge, a.reconcileTelemetry, a.reconcileHooks, a.reconcileTranscripts,
		func(ctx context.Context, in *ReconcileInput) (*Reconciled, error) {
			c, source, err := a.reconcileUsage(ctx, in)
			r.Usage = c
			return source, err
		},
	} {
		s, err := check(ctx, in)
		if err != nil {
			return nil, err
		}
		s.settle()
		r.Sources = append(r.Sources, *s)
		r.Unexplained += int64(len(s.Items))
		if s.Of != ofMicros && s.Of != ofTokens {
			r.Unexplained += s.Unexplained - int64(len(s.Items))
		}
		if s.Coverage != nil && (r.Coverage == nil || *s.Coverage < *r.Coverage) {
			r.Coverage = s.Coverage
		}
	}
	return r, nil
}

func newReconciled(source, of string) *Reconciled {
	return &Reconciled{Source: source, Of: of, Items: []Unexplained{}, Notes: []string{}}
}

// unchecked says why a source was not compared.
func (s *Reconciled) unchecked(failed bool, format string, args ...any) *Reconciled {
	s.Checked, s.Failed, s.Reason = false, failed, fmt.Sprintf(format, args...)
	return s
}

// add adds something that is not explained.
func (s *Reconciled) add(u *Unexplained) {
	u.Count = max(u.Count, 1)
	if len(s.Items) < maxItems {
		s.Items = append(s.Items, *u)
	}
}

// thing counts one thing, which u tells of unless it is explained.
func (s *Reconciled) thing(u *Unexplained) {
	s.Total++
	if u == nil {
		s.Explained++
		return
	}
	s.add(u)
}

// settle works out the share.
func (s *Reconciled) settle() {
	s.Unexplained = s.Total - s.Explained
	if !s.Checked {
		return
	}
	if s.Total == 0 && len(s.Items) == 0 {
		return
	}
	s.Coverage = optional(true, share(s.Explained, s.Total, len(s.Items) > 0))
	slices.SortStableFunc(s.Items, func(x, y Unexplained) int {
		switch {
		case x.At == nil || y.At == nil:
			return cmp.Compare(x.Subject, y.Subject)
		default:
			return cmp.Or(x.At.Compare(*y.At), cmp.Compare(x.Subject, y.Subject))
		}
	})
}

// share is a part in per cent, rounded down to hundredths: 100 only of a whole
// with nothing left over.
func share(part, of int64, left bool) float64 {
	if of <= 0 {
		if left {
			return 0
		}
		return 100
	}
	p := math.Floor(float64(part)/float64(of)*10_000) / 100
	if part < of || left {
		p = min(p, 99.99)
	}
	return max(p, 0)
}

// Sentence is a source in a few words: 412 agent commits, 409 explained, 3
// unexplained.
func (s *Reconciled) Sentence() string {
	if !s.Checked {
		return "not checked: " + s.Reason
	}
	if s.Total == 0 && len(s.Items) == 0 {
		return "no " + s.Of
	}
	if s.Of == ofMicros {
		return fmt.Sprintf("$%.2f billed, $%.2f explained, $%.2f unexplained", float64(s.Total)/1e6, float64(s.Explained)/1e6, float64(s.Unexplained)/1e6)
	}
	return fmt.Sprintf("%d %s, %d explained, %d unexplained", s.Total, s.Of, s.Explained, s.Unexplained)
}

// Short reports whether the coverage is under a limit in per cent, and why: a
// source is, or one that was asked for could not be read, or nothing outside of the
// trail was there to compare it with.
func (r *Reconciliation) Short(limit float64) (why []string) {
	checked := false
	for i := range r.Sources {
		s := &r.Sources[i]
		checked = checked || s.Checked && s.Source != SourceLog
		switch {
		case s.Failed:
			why = append(why, s.Source+" could not be checked: "+s.Reason)
		case s.Coverage != nil && *s.Coverage < limit:
			why = append(why, fmt.Sprintf("%s is covered to %s%%", s.Source, strconv.FormatFloat(*s.Coverage, 'f', -1, 64)))
		}
	}
	if !checked {
		why = append(why, "nothing outside of the trail was checked")
	}
	return why
}

// Events are what the result amounts to in the trail: the result itself, and a gap
// for each thing that is not explained. The same gap found again is the same event.
func (r *Reconciliation) Events() []whodid.Event {
	data := whodid.Data{"unexplained": r.Unexplained}
	var sources, unchecked []string
	for i := range r.Sources {
		s := &r.Sources[i]
		if s.Checked {
			sources = append(sources, fmt.Sprintf("%s=%d/%d", s.Source, s.Explained, s.Total))
		} else {
			unchecked = append(unchecked, s.Source)
		}
	}
	data["sources"], data["unchecked"] = sources, unchecked
	if r.Coverage != nil {
		data["coverage"] = strconv.FormatFloat(*r.Coverage, 'f', 2, 64)
	}
	for name, t := range map[string]*time.Time{"from": r.Since, "until": r.Until} {
		if t != nil {
			data[name] = t.Format(time.RFC3339)
		}
	}
	result := whodid.Event{
		Key: "reconcile/" + digestOf(string(data.Canonical()), r.At.Format(time.RFC3339Nano)), Actor: whodid.System, What: "reconcile.result",
		At: r.At, Source: "system", Data: data,
	}
	events := []whodid.Event{result}
	for i := range r.Sources {
		s := &r.Sources[i]
		for j := range s.Items[:min(len(s.Items), maxGaps)] {
			u := &s.Items[j]
			gap := whodid.Event{
				Key: "gap/reconcile/" + digestOf(s.Source, u.Kind, u.Subject), Actor: whodid.System, What: "record.gap", At: r.At, Source: "system",
				Target: u.Subject, Data: whodid.Data{"reason": "reconcile: " + gapReasons[s.Source], "count": u.Count},
			}
			if u.At != nil {
				gap.At = *u.At
			}
			events = append(events, gap)
		}
	}
	return events
}

// maxGaps bounds how many gaps of one source are recorded.
const maxGaps = 500

// gapReasons are the fixed phrases of the gaps.
var gapReasons = map[string]string{
	SourceLog: "events of the log are not there", SourceCommits: "a commit of an agent that no run explains", SourceForge: "a forge tells of an agent's act that no run explains",
	SourceTelemetry: "records of a client's telemetry did not arrive", SourceHooks: "a session whose client calls no hook", SourceTranscripts: "tool calls in a session's file that the trail lacks",
	SourceUsage: "a bill and the trail differ",
}

// digestOf is a name that tells nothing, for keys, which are published.
func digestOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// LastReconciliation is what the last comparison that was recorded gave.
type LastReconciliation struct {
	EventID string    `json:"event_id"`
	At      time.Time `json:"at"`
	From    string    `json:"from"`
	Until   string    `json:"until"`
	// Coverage is in per cent; empty if nothing was there to compare.
	Coverage    string   `json:"coverage"`
	Unexplained int64    `json:"unexplained"`
	Sources     []string `json:"sources"`
	Unchecked   []string `json:"unchecked"`
}

// LastReconciliation answers what the last comparison that was recorded gave; nil
// if there was none.
func (a *Asker) LastReconciliation(ctx context.Context) (*LastReconciliation, error) {
	e, err := a.store.LastReconciliation(ctx, a.org)
	if err != nil || e == nil {
		return nil, err
	}
	n, _ := e.Data.Int("unexplained")
	return &LastReconciliation{
		EventID: e.ID, At: e.At.UTC(), From: e.Data.String("from"), Until: e.Data.String("until"), Coverage: e.Data.String("coverage"),
		Unexplained: n, Sources: orEmpty(e.Data.List("sources")), Unchecked: orEmpty(e.Data.List("unchecked")),
	}, nil
}

// reconcileLog compares the numbering of the log with the events that are there.
func (a *Asker) reconcileLog(ctx context.Context, _ *ReconcileInput) (*Reconciled, error) {
	s := newReconciled(SourceLog, "events of the log")
	snapshot, err := a.store.Snapshot(ctx, a.org)
	if isNoLog(err) {
		return s.unchecked(false, "nothing has been recorded yet"), nil
	}
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	places, missing, size, err := snapshot.Missing(ctx, maxItems)
	if err != nil {
		return nil, err
	}
	if size == 0 {
		return s.unchecked(false, "nothing has been recorded yet"), nil
	}
	s.Checked, s.Total, s.Explained = true, int64(size), int64(size-missing)
	for first := 0; first < len(places); {
		last := first
		for last+1 < len(places) && places[last+1] == places[last]+1 {
			last++
		}
		s.add(&Unexplained{
			Kind: "events", Subject: fromTo(int64(places[first]), int64(places[last])), Count: int64(last - first + 1),
			Detail: "the signed log has events at these places, and the trail does not", Reason: "rows were removed, and no sweep or erasure says so",
			Next: "whodid verify names them; restore a backup",
		})
		first = last + 1
	}
	return s, nil
}

// fromTo is numbers from one to another in words.
func fromTo(first, last int64) string {
	if first == last {
		return strconv.FormatInt(first, 10)
	}
	return fmt.Sprintf("%d-%d", first, last)
}

// sweptSince is a note that runs of a time may have been swept; empty if none were.
func (a *Asker) sweptSince(ctx context.Context, since time.Time) (string, error) {
	left, err := a.tallies(ctx, since.Format("2006-01"), "")
	if err != nil || len(left) == 0 {
		return "", err
	}
	var months []string
	for i := range left {
		if !slices.Contains(months, left[i].Month) {
			months = append(months, left[i].Month)
		}
	}
	slices.Sort(months)
	return "runs that began in " + strings.Join(months, ", ") + " were swept, and can't explain anything any more", nil
}

// runsNamed looks runs up in the trail, by id.
func (a *Asker) runsNamed(ctx context.Context, ids []string) (map[string]string, error) {
	slices.Sort(ids)
	agents := map[string]string{}
	for some := range slices.Chunk(slices.Compact(ids), 1000) {
		found, err := a.store.AgentsOf(ctx, a.org, some)
		if err != nil {
			return nil, err
		}
		maps.Copy(agents, found)
	}
	return agents, nil
}

// shasSeen are the commits that the trail saw agents make or push, by the first
// digits of their ids.
type shasSeen map[string][]string

func (s shasSeen) add(sha string) {
	if len(sha) >= shortestSHA {
		s[sha[:shortestSHA]] = append(s[sha[:shortestSHA]], sha)
	}
}

func (s shasSeen) has(sha string) bool {
	return len(sha) >= shortestSHA && slices.ContainsFunc(s[sha[:shortestSHA]], func(seen string) bool {
		return strings.HasPrefix(sha, seen) || strings.HasPrefix(seen, sha)
	})
}

// reconcileSlack is how long before a time an agent may have done what shows in
// git within it.
const reconcileSlack = 31 * 24 * time.Hour

// commitsSeen are the commits that the trail saw agents make up to a time.
func (a *Asker) commitsSeen(ctx context.Context, since time.Time) (shasSeen, error) {
	if !since.IsZero() {
		since = since.Add(-reconcileSlack)
	}
	seen := shasSeen{}
	rows, err := a.store.GitActions(ctx, a.org, since, time.Time{})
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if r := &rows[i]; strings.HasPrefix(r.What, "commit.") && r.Result == whodid.ResultSuccess && r.Execution != "" {
			seen.add(strings.ToLower(r.Data.String("sha")))
		}
	}
	links, err := a.store.Events(ctx, a.org, store.EventFilter{What: "commit.link", Since: since})
	if err != nil {
		return nil, err
	}
	for i := range links {
		seen.add(strings.ToLower(links[i].Data.String("sha")))
	}
	return seen, nil
}
