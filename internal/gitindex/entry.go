package gitindex

import (
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/store"
)

// keeper makes of commits what the trail keeps. It remembers what it has
// cleaned, for the same names and paths come again and again; so each worker has
// one of its own.
type keeper struct {
	*Indexer
	repository string
	prefix     string // of the events' keys
	files      bool   // what commits changed is known
	people     map[string]string
	cleaned    map[string]string
}

func newKeeper(x *Indexer, repository string, files bool) *keeper {
	return &keeper{
		Indexer: x, repository: repository, prefix: "git/" + digest(repository) + "/", files: files,
		people: map[string]string{}, cleaned: map[string]string{},
	}
}

// maxRemembered bounds what a keeper remembers.
const maxRemembered = 1 << 17

// clean is Clean, remembered.
func (k *keeper) clean(s string) string {
	if s == "" {
		return ""
	}
	if c, ok := k.cleaned[s]; ok {
		return c
	}
	if len(k.cleaned) >= maxRemembered {
		clear(k.cleaned)
	}
	c := k.Clean(strings.ToValidUTF8(s, "\uFFFD"))
	k.cleaned[s] = c
	return c
}

func (k *keeper) person(name, email string) string {
	who := gitlog.IdentityOf(name, email)
	if p, ok := k.people[who]; ok {
		return p
	}
	if len(k.people) >= maxRemembered {
		clear(k.people)
	}
	p := k.Pseudonym(who)
	k.people[who] = p
	return p
}

// maxFiles is how many changed files of one commit are listed; all are counted.
const maxFiles = 500

// entry makes of a commit what the trail keeps of it.
func (k *keeper) entry(c *gitlog.Commit, notes gitlog.CommitNotes) entry {
	a := gitlog.Attribute(c, notes)
	row := store.Commit{
		ID: c.ID, Repository: k.repository, Parents: len(c.Parents), AuthoredAt: c.AuthoredAt, CommittedAt: c.CommittedAt,
		Kind: string(a.Kind), Author: k.person(c.AuthorName, c.AuthorEmail), Pull: a.Pull,
		FilesKnown: k.files && len(c.Parents) < 2,
		Model:      k.clean(a.Model),
	}
	for _, e := range a.Evidence {
		row.Evidence = append(row.Evidence, string(e))
	}
	if a.Strongest().Ours() {
		row.Form = a.Form.String()
	}
	for _, credit := range a.Credits {
		row.Credits = append(row.Credits, k.clean(credit))
	}
	for _, o := range a.Origins {
		row.Origins = append(row.Origins, store.CommitOrigin{
			Agent: o.Agent, Squad: k.squad(o.Agent, o.Squad), Trigger: k.clean(o.Trigger), Execution: o.Execution, Model: k.clean(o.Model),
		})
	}
	if len(row.Origins) > 0 {
		row.Agent, row.Squad = row.Origins[0].Agent, row.Origins[0].Squad
	}
	for _, r := range a.References {
		row.Related = append(row.Related, string(r.Relation)+" "+r.Commit)
	}
	k.addFiles(&row, c.Files)
	e := entry{row: row, cut: c.Cut}
	if len(a.Evidence) > 0 {
		e.event = k.event(c, &a, &row, notes)
		e.row.Event = whodid.EventID(k.Org, e.event.Key)
	}
	return e
}

// squad is the squad that the commit names, or that of the agent.
func (k *keeper) squad(agent, squad string) string {
	if squad != "" {
		return squad
	}
	return whodid.Squad(agent)
}

func (k *keeper) addFiles(row *store.Commit, files []gitlog.File) {
	if !row.FilesKnown {
		return
	}
	row.FilesChanged = int64(len(files))
	row.Files = make([]store.CommitFile, 0, min(len(files), maxFiles))
	for i := range files {
		f := &files[i]
		row.LinesAdded += int64(f.Added)
		row.LinesRemoved += int64(f.Removed)
		if len(row.Files) >= maxFiles {
			continue
		}
		changed := store.CommitFile{Path: k.clean(f.Path), Added: f.Added, Removed: f.Removed}
		if f.Binary {
			changed.Added, changed.Removed = -1, -1
		}
		row.Files = append(row.Files, changed)
		if f.From != "" && f.From != f.Path {
			// Under its former name too, so that asking for that finds the move.
			row.Files = append(row.Files, store.CommitFile{Path: k.clean(f.From)})
		}
	}
}

// The times that an event may have; see whodid.Event.Validate.
var (
	firstTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// maxListed is how many values of one kind an event lists, so that it stays
// within its bounds whatever a message holds.
const maxListed = 64

// event is what the trail learns from an agent's commit. It is the system that
// finds it, not the agent that says so; and the runs that the commit names are
// its claim, so that the event is of none of them.
func (k *keeper) event(c *gitlog.Commit, a *gitlog.Attribution, row *store.Commit, notes gitlog.CommitNotes) *whodid.Event {
	d := whodid.Data{
		"repository": k.repository, "sha": c.ID, "kind": row.Kind, "evidence": row.Evidence, "author": row.Author, "parents": int64(row.Parents),
	}
	text := func(name, value string) {
		if value != "" {
			d[name] = value
		}
	}
	list := func(name string, values []string) {
		if len(values) > 0 {
			d[name] = values[:min(len(values), maxListed)]
		}
	}
	count := func(name string, n int64) {
		if n > 0 {
			d[name] = n
		}
	}
	text("form", row.Form)
	runs := a.Executions()
	list("executions", runs)
	count("more_executions", int64(max(0, len(runs)-maxListed)+a.MoreOrigins))
	list("agents", each(row.Origins, func(o store.CommitOrigin) string { return o.Agent }))
	list("triggers", each(row.Origins, func(o store.CommitOrigin) string { return o.Trigger }))
	list("models", each(row.Origins, func(o store.CommitOrigin) string { return o.Model }))
	if len(row.Origins) == 0 && row.Model != "" {
		d["models"] = []string{row.Model}
	}
	list("credits", row.Credits)
	list("checkpoints", a.Checkpoints)
	list("related", row.Related)
	count("number", row.Pull)
	if row.FilesKnown {
		d["files"], d["lines_added"], d["lines_removed"] = row.FilesChanged, row.LinesAdded, row.LinesRemoved
	}
	if !c.AuthoredAt.IsZero() {
		d["authored_at"] = whodid.FormatTime(c.AuthoredAt)
	}
	if c.Cut {
		d["cut"] = true
	}
	key := k.prefix + c.ID
	// A note may come later, and change: what it says then is another fact.
	noted := notes.Trailers
	if log := notes.Authorship; log != nil {
		sessions := make([]string, 0, len(log.Agents))
		for _, agent := range log.Agents {
			sessions = append(sessions, agent.Tool+" "+agent.Session)
		}
		list("sessions", sessions)
		count("agent_lines", int64(log.AgentLines))
		noted += "\n" + strings.Join(sessions, "\n")
	}
	if noted != "" {
		key += "/" + digest(noted)
	}
	e := &whodid.Event{
		Key: key, Actor: whodid.System, What: "commit.attribute", Target: k.repository + "@" + c.ID, Source: "git", Data: d,
	}
	for _, at := range []time.Time{c.CommittedAt, c.AuthoredAt} {
		if at.After(firstTime) && at.Before(lastTime) {
			e.At = at
			break
		}
	}
	return e
}

// each lists a value of the runs, each once.
func each(origins []store.CommitOrigin, value func(store.CommitOrigin) string) []string {
	var out []string
	for _, o := range origins {
		if v := value(o); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
