package page

import (
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
)

// retentionPage is how long things are kept, and what was forgotten.
type retentionPage struct {
	*ask.Retention
	Preview *ask.RetentionPreview
	Due     int
	// Requests are those of people about their data, the open ones first.
	Requests []ask.PrivacyRequest
	// Privacy are the last events about personal data.
	Privacy []ask.Event
	Now     time.Time
}

func (r *request) retention() (*answer, error) {
	kept, err := r.t.Asker.Retention(r.ctx)
	if err != nil {
		return nil, err
	}
	page := &retentionPage{Retention: kept, Now: r.now}
	if kept.Policy.Confirmed {
		if page.Preview, err = r.t.Asker.RetentionPreview(r.ctx, r.now); err != nil {
			return nil, err
		}
		for i := range page.Preview.Classes {
			page.Due += page.Preview.Classes[i].Events
		}
	}
	done, _, err := r.t.Asker.Newest(r.ctx, ask.Selection{Limit: pageRows, Filter: whodid.Filter{Terms: []whodid.Term{{Field: whodid.FilterType, Values: []string{"privacy.*"}}}}}, nil)
	if err != nil {
		return nil, err
	}
	page.Privacy = done.Events
	asked, err := r.t.Asker.PrivacyRequests(r.ctx)
	if err != nil {
		return nil, err
	}
	page.Requests = asked.Requests
	a := &answer{title: "Retention and privacy", page: page, value: retained{kept, asked.Requests}, rows: kept.Sweeps}
	if r.query("table") == "requests" {
		a.title, a.rows = "Requests", asked.Requests
	}
	return a, nil
}

// retained is the page's answer as JSON.
type retained struct {
	*ask.Retention
	Requests []ask.PrivacyRequest `json:"requests"`
}

// accessPage is who looked, exported and changed.
type accessPage struct {
	Events      []ask.Event
	More, First string
	Local       bool
}

func (r *request) access() (*answer, error) {
	before, err := readPlace(r.query("after"))
	if err != nil {
		return nil, err
	}
	list, next, err := r.t.Asker.Newest(r.ctx, ask.Selection{Limit: 2 * pageRows, Filter: whodid.Filter{
		Terms: []whodid.Term{{Field: whodid.FilterType, Values: []string{"view.*", "settings.change", "token.*"}}},
	}}, before)
	if err != nil {
		return nil, err
	}
	page := &accessPage{Events: list.Events, More: r.onward(next), Local: r.pages.options.Local}
	if before != nil {
		page.First = r.with(map[string]string{"after": ""})
	}
	return &answer{title: "Access log", page: page, value: list, rows: list.Events}, nil
}

// settingsPage is who may do what, and where the trail's events come from.
type settingsPage struct {
	Tokens  []auth.Token
	Shown   bool // whether tokens are shown to who asks
	Roles   []roleRow
	Sources []source
	Local   bool
	Server  string
}

type roleRow struct {
	Role auth.Role
	Says string
}

// source is a client of agents: when it was last heard of, and what to do for it to
// be.
type source struct {
	Client, Command string
	Heard           *time.Time
}

func (r *request) settings() (*answer, error) {
	page := &settingsPage{
		Local: r.pages.options.Local, Server: "https://" + r.r.Host,
		Roles: []roleRow{
			{auth.RoleRecorder, "appends, and reads nothing: agents, exporters, laptops that sync"},
			{auth.RoleReader, "asks questions, perhaps of some squads only"},
			{auth.RoleApprover, "reads, and decides on approvals"},
			{auth.RoleAuditor, "reads, verifies and exports"},
			{auth.RoleAdmin, "all of it, and tokens and settings"},
		},
	}
	heard, err := r.t.Asker.Heard(r.ctx)
	if err != nil {
		return nil, err
	}
	page.Sources = sourcesOf(heard)
	if r.id.Role.May(auth.Administer) && r.pages.options.Tokens != nil {
		page.Shown = true
		if page.Tokens, err = r.pages.options.Tokens(r.ctx, r.t); err != nil {
			return nil, err
		}
	}
	a := &answer{title: "Settings", page: page}
	if page.Shown {
		a.value, a.rows = page.Tokens, page.Tokens
	}
	return a, nil
}

// sourcesOf lists the clients that there are hooks for, and what else was heard of.
func sourcesOf(heard map[string]time.Time) []source {
	out := []source{
		{Client: "claude-code", Command: "whodid init --only claude-code"},
		{Client: "codex", Command: "whodid init --only codex"},
		{Client: "gemini", Command: "whodid init --only gemini"},
		{Client: "copilot", Command: "whodid init --only copilot"},
		{Client: "cursor", Command: "whodid init --only cursor"},
		{Client: "git", Command: "whodid git install && whodid git index"},
		{Client: "forges", Command: "whodid forge --help"},
		{Client: "any command", Command: "whodid run --agent squad/agent -- COMMAND"},
	}
	names := make([]string, 0, len(heard))
	for name := range heard {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at := heard[name]
		i := slices.IndexFunc(out, func(s source) bool { return s.Client == name || strings.HasPrefix(name, s.Client) })
		if i < 0 {
			out = append(out, source{Client: name})
			i = len(out) - 1
		}
		out[i].Heard = &at
	}
	return out
}
