package ask

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// Pull is what is known of a pull or merge request.
type Pull struct {
	// Target is "acme/shop#44", or "group/shop!7" on GitLab.
	Target string `json:"target"`
	// State is open, closed, merged, or unknown if no forge told of it.
	State string `json:"state"`
	Draft bool   `json:"draft"`
	URL   string `json:"url"`
	// Author opened it, MergedBy merged it, as actors; empty if not known.
	Author   string `json:"author"`
	MergedBy string `json:"merged_by"`
	// Head is the commit at which it stands, or stood when it was merged.
	Head        string     `json:"head"`
	MergeCommit string     `json:"merge_commit"`
	OpenedAt    *time.Time `json:"opened_at"`
	ClosedAt    *time.Time `json:"closed_at"`
	// Approved tells whether somebody's approval holds for Head: null if Head
	// is not known. An approval of an earlier commit is stale.
	Approved *bool        `json:"approved"`
	Reviews  []PullReview `json:"reviews"`
	// Checks are the last results of the workflows of Head.
	Checks []PullCheck `json:"checks"`
	// Executions are runs that its text names.
	Executions []string `json:"executions"`
	// Actions are what agents say they did to it.
	Actions []Action `json:"actions"`
}

// PullReview is one review. It holds for its commit alone.
type PullReview struct {
	EventID string `json:"event_id"`
	By      string `json:"by"`
	// State is approved, changes_requested or commented.
	State string `json:"state"`
	// Commit is what was reviewed; Stale tells whether there are others now,
	// or were when it was merged: null if that is not known.
	Commit string `json:"commit"`
	Stale  *bool  `json:"stale"`
	// Dismissed reviews were taken back, Superseded ones replaced by a later
	// one of the same reviewer.
	Dismissed  bool      `json:"dismissed"`
	Superseded bool      `json:"superseded"`
	At         time.Time `json:"at"`
}

// PullCheck is how a workflow ended.
type PullCheck struct {
	EventID string    `json:"event_id"`
	Name    string    `json:"name"`
	State   string    `json:"state"`
	Result  string    `json:"result"`
	At      time.Time `json:"at"`
}

// The states of a pull request.
const (
	PullOpen    = "open"
	PullClosed  = "closed"
	PullMerged  = "merged"
	PullUnknown = "unknown"
)

// Pull answers what is known of a pull request: where it stands, who approved
// which commit of it, and whether that still is what it stands at.
func (a *Asker) Pull(ctx context.Context, target string) (*Pull, error) {
	rows, err := a.store.FactsOf(ctx, a.org, target)
	if err != nil {
		return nil, err
	}
	p := &Pull{Target: target, State: PullUnknown, Reviews: []PullReview{}, Checks: []PullCheck{}, Executions: []string{}, Actions: []Action{}}
	// Deliveries come in any order; what happened, in that of the forge's clock.
	slices.SortStableFunc(rows, func(x, y store.Row) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(stage(x.What), stage(y.What))) })
	reviews := map[int64]int{}
	for i := range rows {
		p.add(&rows[i], reviews)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("pull request %s: %w", target, store.ErrNotFound)
	}
	p.judge()
	if p.Head != "" {
		if err := a.checks(ctx, p); err != nil {
			return nil, err
		}
	}
	return p, a.confirm(ctx, p.Actions)
}

// stage orders what happened in the same second.
func stage(what string) int {
	switch what {
	case "forge.pr.create":
		return 0
	case "forge.pr.dismiss":
		return 2
	case "forge.pr.merge", "forge.pr.close":
		return 3
	default:
		return 1
	}
}

// add takes one fact, or an agent's action.
func (p *Pull) add(r *store.Row, reviews map[int64]int) {
	d := r.Data
	name, told := strings.CutPrefix(r.What, "forge.")
	if !told {
		p.Actions = append(p.Actions, newAction(r))
		return
	}
	if head := d.String("head"); head != "" && strings.HasPrefix(name, "pr.") {
		p.Head = head
	}
	if author := d.String("author"); author != "" {
		p.Author = author
	}
	number, _ := d.Int("forge_id")
	switch name {
	case "pr.create", "pr.reopen", "pr.update", "pr.ready":
		p.Target, p.State, p.Draft, p.URL, p.ClosedAt = r.Target, PullOpen, d.Bool("draft"), d.String("url"), nil
		if name == "pr.create" {
			p.OpenedAt = moment(r.At)
		}
	case "pr.close":
		p.Target, p.State, p.URL, p.ClosedAt = r.Target, PullClosed, d.String("url"), moment(r.At)
	case "pr.merge":
		p.Target, p.State, p.URL, p.ClosedAt = r.Target, PullMerged, d.String("url"), moment(r.At)
		p.MergedBy, p.MergeCommit = r.Actor, d.String("sha")
	case "pr.review":
		reviews[number] = len(p.Reviews)
		p.Reviews = append(p.Reviews, PullReview{EventID: r.ID, By: r.Actor, State: d.String("state"), Commit: d.String("sha"), At: r.At.UTC()})
	case "pr.dismiss":
		if i, ok := reviews[number]; ok && number != 0 {
			p.Reviews[i].Dismissed = true
		} else {
			p.dismissOf(r.Actor)
		}
	}
	if ids, ok := d["executions"].([]string); ok {
		for _, id := range ids {
			if !slices.Contains(p.Executions, id) {
				p.Executions = append(p.Executions, id)
			}
		}
	}
}

// dismissOf takes back the last approval of a reviewer, where reviews have no
// number.
func (p *Pull) dismissOf(by string) {
	for i := len(p.Reviews) - 1; i >= 0; i-- {
		if r := &p.Reviews[i]; r.By == by && r.State == "approved" {
			r.Dismissed = true
			return
		}
	}
}

// judge says which reviews still hold.
func (p *Pull) judge() {
	approved := false
	for i := range p.Reviews {
		r := &p.Reviews[i]
		if p.Head != "" && r.Commit != "" {
			r.Stale = optional(true, r.Commit != p.Head)
		}
		// A comment takes back no approval.
		if r.State != "commented" {
			r.Superseded = slices.ContainsFunc(p.Reviews[i+1:], func(later PullReview) bool {
				return later.By == r.By && later.State != "commented" && !later.Dismissed
			})
		}
		if r.State == "approved" && !r.Dismissed && !r.Superseded && r.Stale != nil && !*r.Stale {
			approved = true
		}
	}
	p.Approved = optional(p.Head != "", approved)
}

// checks finds how the workflows of the head ended, the last of each name.
func (a *Asker) checks(ctx context.Context, p *Pull) error {
	rows, err := a.store.RunsOf(ctx, a.org, p.Head)
	if err != nil {
		return err
	}
	last := map[string]int{}
	for i := range rows {
		r := &rows[i]
		c := PullCheck{EventID: r.ID, Name: r.Data.String("name"), State: r.Data.String("state"), Result: string(r.Result), At: r.At.UTC()}
		if j, ok := last[c.Name]; ok {
			p.Checks[j] = c
			continue
		}
		last[c.Name] = len(p.Checks)
		p.Checks = append(p.Checks, c)
	}
	return nil
}
