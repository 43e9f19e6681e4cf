package ask

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// SourcesRoot is the root of the Merkle tree over the leaves of the decisions
// with these ids, in this order (RFC 6962). A summary carries it, so that what
// was summarised can be proved even when the summary is all that is read. It
// fails if one of the ids is no decision of the trail.
func (a *Asker) SourcesRoot(ctx context.Context, ids []string) (root string, err error) {
	rows, err := a.decisionsInOrder(ctx, ids)
	if err != nil {
		return "", err
	}
	return rootOf(rows), nil
}

func rootOf(rows []store.Row) string {
	var tree proof.Frontier
	for i := range rows {
		tree.Append(rows[i].LeafHash)
	}
	return fmt.Sprintf("%x", tree.Root())
}

// decisionsInOrder returns the decisions in the order of the ids.
func (a *Asker) decisionsInOrder(ctx context.Context, ids []string) ([]store.Row, error) {
	rows, err := a.store.EventsByID(ctx, a.org, ids)
	if err != nil {
		return nil, err
	}
	at := make(map[string]*store.Row, len(rows))
	for i := range rows {
		at[rows[i].ID] = &rows[i]
	}
	ordered := make([]store.Row, 0, len(ids))
	for _, id := range ids {
		r := at[id]
		switch {
		case r == nil:
			return nil, fmt.Errorf("decision %s: %w", id, store.ErrNotFound)
		case r.What != "decision.record" && r.What != "decision.summarize":
			return nil, fmt.Errorf("%s is no decision but a %s", id, r.What)
		}
		ordered = append(ordered, *r)
	}
	return ordered, nil
}

// addSources adds what a summary summarises, and whether it is still that.
func (a *Asker) addSources(ctx context.Context, d *Decided, root string) error {
	rows, err := a.decisionsInOrder(ctx, d.Summarizes)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	proved := err == nil && rootOf(rows) == root
	d.SourcesProved = &proved
	for i := range rows {
		d.Sources = append(d.Sources, newDecision(&rows[i]))
	}
	return a.sayWhatBecame(ctx, d.Sources)
}

// Conflict is a disagreement between decisions that all stand.
type Conflict struct {
	Subject string `json:"subject"`
	// Kind is refused, if one decides for what another refused, or differs.
	Kind string `json:"kind"`
	// Explanation says it in a sentence.
	Explanation string     `json:"explanation"`
	Decisions   []Decision `json:"decisions"`
}

// ConflictList lists disagreements, those about refused alternatives first.
type ConflictList struct {
	Conflicts []Conflict `json:"conflicts"`
}

// Conflicts answers which decisions on one subject disagree: several stand and
// say different things, or one decides for what another refused. Summaries
// decide nothing.
func (a *Asker) Conflicts(ctx context.Context, subject string) (*ConflictList, error) {
	all, err := a.Memory(ctx, MemoryFilter{StandingOnly: true})
	if err != nil {
		return nil, err
	}
	bySubject := map[string][]Decision{}
	for i := range all.Decisions {
		d := &all.Decisions[i]
		s := normal(d.Subject)
		if s == "" || len(d.Summarizes) > 0 || subject != "" && s != normal(subject) {
			continue
		}
		bySubject[s] = append(bySubject[s], *d)
	}
	list := &ConflictList{Conflicts: []Conflict{}}
	for _, group := range bySubject {
		list.Conflicts = append(list.Conflicts, conflictsIn(group)...)
	}
	slices.SortFunc(list.Conflicts, func(a, b Conflict) int {
		return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Explanation, b.Explanation))
	})
	return list, nil
}

// conflictsIn finds the disagreements among decisions on one subject, of which
// the newest comes first.
func conflictsIn(group []Decision) []Conflict {
	var found []Conflict
	texts := map[string]bool{}
	for i := range group {
		texts[normal(group[i].Decision)] = true
		for _, refused := range group[i].Alternatives {
			for j := range group {
				if i == j || normal(refused) == "" || !strings.Contains(" "+normal(group[j].Decision)+" ", " "+normal(refused)+" ") {
					continue
				}
				found = append(found, Conflict{
					Subject: group[i].Subject, Kind: "refused",
					Explanation: fmt.Sprintf("%s refused %q, which %s decides for", group[i].DecisionID, refused, group[j].DecisionID),
					Decisions:   []Decision{group[i], group[j]},
				})
			}
		}
	}
	if len(texts) > 1 && len(found) == 0 {
		found = append(found, Conflict{
			Subject: group[0].Subject, Kind: "differs",
			Explanation: fmt.Sprintf("%d decisions stand that say different things; supersede those that no longer hold", len(group)),
			Decisions:   group,
		})
	}
	return found
}

// normal is text as it is compared: its words, in lower case.
func normal(text string) string { return strings.Join(store.Words(text), " ") }
