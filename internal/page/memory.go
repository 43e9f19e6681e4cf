package page

import (
	"strings"

	"github.com/whodid/whodid/internal/ask"
)

// memoryPage is what was decided.
type memoryPage struct {
	Query     string
	All       bool
	List      []ask.Decision
	Conflicts []ask.Conflict
}

func (r *request) memory() (*answer, error) {
	page := &memoryPage{Query: strings.TrimSpace(r.query("q")), All: r.query("all") != ""}
	list, err := r.t.Asker.Memory(r.ctx, ask.MemoryFilter{Search: page.Query, StandingOnly: !page.All, Limit: 4 * pageRows})
	if err != nil {
		return nil, err
	}
	page.List = list.Decisions
	if page.Query == "" {
		conflicts, err := r.t.Asker.Conflicts(r.ctx, "")
		if err != nil {
			return nil, err
		}
		page.Conflicts = conflicts.Conflicts
	}
	return &answer{title: "Memory", page: page, value: list, rows: list.Decisions}, nil
}

func (r *request) decision() (*answer, error) {
	d, err := r.t.Asker.DecisionByID(r.ctx, r.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	a := &answer{title: "Decision on " + cut(d.Subject, 80), page: d, value: d}
	if r.query("format") == "" && d.DecisionID != r.r.PathValue("id") {
		a.redirect = "/memory/" + d.DecisionID
	}
	return a, nil
}
