package ask

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// Decision is one entry of the memory: what was decided, why, when and by whom,
// and what became of it.
type Decision struct {
	DecisionID string    `json:"decision_id"`
	At         time.Time `json:"at"`
	// Who decided, as an actor; of an imported entry, who imported it.
	Who     string `json:"who"`
	WhoAuth string `json:"who_auth"`
	// OnBehalfOf is the person behind an agent.
	OnBehalfOf string `json:"on_behalf_of"`
	Subject    string `json:"subject"`
	Decision   string `json:"decision"`
	Why        string `json:"why"`
	// Alternatives were considered and refused.
	Alternatives []string `json:"alternatives"`
	Expected     string   `json:"expected"`
	Evidence     []string `json:"evidence"`
	ExecutionID  string   `json:"execution_id"`
	Commit       string   `json:"commit"`
	Issue        string   `json:"issue"`
	Repository   string   `json:"repository"`
	// Path and Origin tell what file it was imported from.
	Path   string `json:"path"`
	Origin string `json:"origin"`
	// Standing tells whether it still holds: standing or superseded.
	Standing string `json:"standing"`
	// SupersededBy is the decision that took its place; empty if none did.
	SupersededBy string `json:"superseded_by"`
	// Summarizes lists the decisions that it is a summary of.
	Summarizes []string  `json:"summarizes"`
	Outcomes   []Outcome `json:"outcomes"`
	Source     string    `json:"source"`
}

// The standings of a decision.
const (
	Standing   = "standing"
	Superseded = "superseded"
)

// Outcome is what came of a decision.
type Outcome struct {
	EventID string    `json:"event_id"`
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	Outcome string    `json:"outcome"`
	// Met tells whether the expectation was met: yes, no or partly.
	Met      string   `json:"met"`
	Evidence []string `json:"evidence"`
}

// DecisionList is a part of the memory.
type DecisionList struct {
	Decisions []Decision `json:"decisions"`
}

// MemoryFilter selects decisions. Zero fields select everything.
type MemoryFilter struct {
	Search  string // words that must all be in it
	Subject string
	// Execution is the beginning of the id of the run that decided.
	Execution string
	Issue     string
	Commit    string
	Agent     string // full name, or a prefix ending in "*"
	// StandingOnly leaves out what is superseded.
	StandingOnly bool
	Since, Until time.Time
	Limit        int // 0 is no limit
}

// candidates bounds how many of the newest decisions that have the words are
// ranked: who searches for a word that is everywhere gets the newest.
const candidates = 500

// plain tells whether only words select, so that the newest that have them are
// enough to choose from.
func (f *MemoryFilter) plain() bool {
	return f.Subject == "" && f.Execution == "" && f.Issue == "" && f.Commit == "" && f.Agent == "" && !f.StandingOnly && f.Since.IsZero() && f.Until.IsZero()
}

// Memory answers what was decided: the newest first or, if words are searched
// for, the best match first.
func (a *Asker) Memory(ctx context.Context, f MemoryFilter) (*DecisionList, error) {
	words := store.Words(f.Search)
	if f.Search != "" && len(words) == 0 {
		return &DecisionList{Decisions: []Decision{}}, nil
	}
	filter := store.DecisionFilter{Words: words, Subject: f.Subject}
	if f.Execution != "" {
		id, err := a.Resolve(ctx, f.Execution)
		if err != nil {
			return nil, err
		}
		filter.Execution = id
	}
	if len(words) > 0 && f.plain() {
		filter.Limit = candidates
	}
	rows, err := a.store.Decisions(ctx, a.org, filter)
	if err != nil {
		return nil, err
	}
	list := &DecisionList{Decisions: make([]Decision, 0, len(rows))}
	for i := range rows {
		if f.matches(&rows[i]) {
			list.Decisions = append(list.Decisions, newDecision(&rows[i]))
		}
	}
	if len(words) > 0 {
		rank(list.Decisions, words)
	}
	// Where everything counts, what was said of it need not be read beyond the
	// limit.
	if !f.StandingOnly {
		list.cut(f.Limit)
	}
	if err := a.sayWhatBecame(ctx, list.Decisions); err != nil {
		return nil, err
	}
	if f.StandingOnly {
		list.Decisions = slices.DeleteFunc(list.Decisions, func(d Decision) bool { return d.Standing != Standing })
		list.cut(f.Limit)
	}
	return list, nil
}

func (l *DecisionList) cut(limit int) {
	if limit > 0 && len(l.Decisions) > limit {
		l.Decisions = l.Decisions[:limit]
	}
}

func (f *MemoryFilter) matches(r *store.Row) bool {
	switch {
	case f.Issue != "" && r.Data.String("issue") != f.Issue,
		f.Commit != "" && !sameCommit(r.Data.String("commit"), f.Commit),
		f.Agent != "" && !matchesAgent(r.Actor, f.Agent),
		!f.Since.IsZero() && r.At.Before(f.Since),
		!f.Until.IsZero() && !r.At.Before(f.Until):
		return false
	default:
		return true
	}
}

// sayWhatBecame adds to decisions what was said of them later.
func (a *Asker) sayWhatBecame(ctx context.Context, decisions []Decision) error {
	if len(decisions) == 0 {
		return nil
	}
	ids := make([]string, len(decisions))
	at := make(map[string]*Decision, len(decisions))
	for i := range decisions {
		ids[i] = decisions[i].DecisionID
		at[ids[i]] = &decisions[i]
	}
	rows, err := a.store.AboutDecisions(ctx, a.org, ids)
	if err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		d := at[r.Target]
		switch {
		case d == nil:
		case r.What == "decision.supersede":
			d.Standing = Superseded
			if by := r.Data.String("by"); by != "" {
				d.SupersededBy = by // the last word counts
			}
		default:
			d.Outcomes = append(d.Outcomes, Outcome{
				EventID: r.ID, At: r.At.UTC(), Who: r.Actor, Outcome: r.Data.String("effect"),
				Met: r.Data.String("met"), Evidence: listOf(r, "supported_by"),
			})
		}
	}
	return nil
}

func newDecision(r *store.Row) Decision {
	return Decision{
		DecisionID: r.ID, At: r.At.UTC(), Who: r.Actor, WhoAuth: r.ActorAuth, OnBehalfOf: r.OnBehalfOf,
		Subject: r.Target, Decision: r.Data.String("decided"), Why: r.Why,
		Alternatives: listOf(r, "alternatives"), Expected: r.Data.String("expected"), Evidence: listOf(r, "supported_by"),
		ExecutionID: r.Execution, Commit: r.Data.String("commit"), Issue: r.Data.String("issue"),
		Repository: r.Data.String("repository"), Path: r.Data.String("path"), Origin: r.Data.String("origin"),
		Standing: Standing, Summarizes: listOf(r, "sources"), Outcomes: []Outcome{}, Source: r.Source,
	}
}

// listOf is a list that is empty, never null, in JSON.
func listOf(r *store.Row, field string) []string {
	return append([]string{}, r.Data.List(field)...)
}

// Decided is one decision with the decisions that are linked to it.
type Decided struct {
	Decision
	// Supersedes are the decisions whose place it took.
	Supersedes []string `json:"supersedes"`
	// Sources are the decisions that it summarises, as they are now, and
	// SourcesProved tells whether their leaves in the log are still those that
	// were summarised; absent if it is no summary.
	Sources       []Decision `json:"sources"`
	SourcesProved *bool      `json:"sources_proved"`
	// Seq is the index of its leaf in the log.
	Seq uint64 `json:"seq"`
}

// DecisionByID answers everything about one decision. The id may be abbreviated.
func (a *Asker) DecisionByID(ctx context.Context, prefix string) (*Decided, error) {
	id, err := a.store.ResolveEvent(ctx, a.org, prefix)
	if err != nil {
		return nil, err
	}
	row, err := a.store.Event(ctx, a.org, id)
	if err != nil {
		return nil, err
	}
	if row.What != "decision.record" && row.What != "decision.summarize" {
		return nil, fmt.Errorf("%s is no decision but a %s", id, row.What)
	}
	d := &Decided{Decision: newDecision(row), Seq: row.Seq, Supersedes: []string{}, Sources: []Decision{}}
	one := []Decision{d.Decision}
	if err := a.sayWhatBecame(ctx, one); err != nil {
		return nil, err
	}
	d.Decision = one[0]
	said, err := a.store.Supersedings(ctx, a.org)
	if err != nil {
		return nil, err
	}
	for i := range said {
		if said[i].Data.String("by") == id && !slices.Contains(d.Supersedes, said[i].Target) {
			d.Supersedes = append(d.Supersedes, said[i].Target)
		}
	}
	if row.What == "decision.summarize" {
		return d, a.addSources(ctx, d, row.Data.String("sources_root"))
	}
	return d, nil
}
