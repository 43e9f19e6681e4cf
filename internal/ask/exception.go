package ask

import (
	"context"
	"time"

	"github.com/whodid/whodid/internal/policy"
)

// ExceptionList lists exceptions from the policy, the last first.
type ExceptionList struct {
	Exceptions []PolicyException `json:"exceptions"`
}

// PolicyException is an exception, and where it is documented.
type PolicyException struct {
	EventID string    `json:"event_id"`
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	Rule    string    `json:"rule"`
	Reason  string    `json:"reason"`
	Scope   string    `json:"scope"`
	// Until is the first moment at which it holds no more.
	Until   time.Time `json:"until"`
	Expired bool      `json:"expired"`
	// DecisionID is the decision in the memory that tells of it; empty if none
	// does.
	DecisionID string `json:"decision_id"`
	// InCommit, InPullRequest and InMemory say where it is documented: yes, no or
	// unknown. The trail keeps no texts of pull requests, and commits are known
	// where a repository is.
	InCommit      string `json:"in_commit"`
	InPullRequest string `json:"in_pull_request"`
	InMemory      string `json:"in_memory"`
	// Commits are those whose message tells of it.
	Commits []string `json:"commits"`
}

// Exceptions answers what was excused. commits says which commits tell of which
// exception; nil if that is not known.
func (a *Asker) Exceptions(ctx context.Context, commits map[string][]string) (*ExceptionList, error) {
	rows, err := a.store.Exceptions(ctx, a.org)
	if err != nil {
		return nil, err
	}
	decisions, err := a.Memory(ctx, MemoryFilter{})
	if err != nil {
		return nil, err
	}
	told := map[string]string{}
	for i := range decisions.Decisions {
		for _, evidence := range decisions.Decisions[i].Evidence {
			told[evidence] = decisions.Decisions[i].DecisionID
		}
	}
	list := &ExceptionList{Exceptions: make([]PolicyException, len(rows))}
	for i := range rows {
		x := &rows[i]
		scope := policy.Scope{Paths: x.Data.List("paths"), Branches: x.Data.List("branches"), Agents: x.Data.List("agents"), Commits: x.Data.List("shas")}
		until, _ := time.Parse(time.RFC3339, x.Data.String("expires"))
		e := PolicyException{
			EventID: x.ID, At: x.At.UTC(), Who: x.Actor, Rule: x.Data.String("rule"), Reason: x.Why, Scope: scope.Where(),
			Until: until.UTC(), Expired: !a.now().Before(until), DecisionID: told[x.ID],
			InCommit: "unknown", InPullRequest: "unknown", InMemory: yesOrNo(told[x.ID] != ""), Commits: append([]string{}, commits[x.ID]...),
		}
		if commits != nil {
			e.InCommit = yesOrNo(len(e.Commits) > 0)
		}
		list.Exceptions[i] = e
	}
	return list, nil
}

func yesOrNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
