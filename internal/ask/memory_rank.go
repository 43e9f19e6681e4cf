package ask

import (
	"cmp"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// How much a word counts by where it stands: what a decision says and what it is
// about more than its reasons, and a whole word more than a beginning.
const (
	inDecision = 4
	inSubject  = 3
	inReason   = 2
	elsewhere  = 1
	wholeWord  = 2 // times as much
)

// rank puts the best match first, and of equals the newest. It is computed here,
// and not by the databases' own measures, so that both give the same order.
func rank(decisions []Decision, words []string) {
	scores := make(map[string]int, len(decisions))
	for i := range decisions {
		scores[decisions[i].DecisionID] = score(&decisions[i], words)
	}
	slices.SortStableFunc(decisions, func(a, b Decision) int {
		return cmp.Or(cmp.Compare(scores[b.DecisionID], scores[a.DecisionID]), b.At.Compare(a.At))
	})
}

func score(d *Decision, words []string) int {
	sum := 0
	for _, part := range []struct {
		text   string
		weight int
	}{
		{d.Decision, inDecision},
		{d.Subject, inSubject},
		{d.Why, inReason},
		{d.Expected + " " + strings.Join(d.Alternatives, " ") + " " + d.Issue + " " + d.Path, elsewhere},
	} {
		there := store.Words(part.text)
		for _, w := range words {
			best := 0
			for _, t := range there {
				switch {
				case t == w:
					best = wholeWord
				case best == 0 && strings.HasPrefix(t, w):
					best = 1
				}
			}
			sum += best * part.weight
		}
	}
	return sum
}

// matchesAgent tells whether an actor is the agent, or one whose name begins as
// a pattern that ends in "*" does.
func matchesAgent(actor, pattern string) bool {
	agent := whodid.AgentOf(actor)
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return agent != "" && strings.HasPrefix(agent, prefix)
	}
	return agent == pattern
}

// sameCommit tells whether two ids, of which either may be abbreviated, are of
// one commit.
func sameCommit(a, b string) bool {
	n := min(len(a), len(b))
	return n >= shortestSHA && strings.EqualFold(a[:n], b[:n])
}
