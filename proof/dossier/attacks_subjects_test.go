package dossier_test

import (
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
)

// write is the index of the write of auth.go in the story, sha the commit that came
// of it.
const (
	wrote = 7
	sha   = "1f2e3d4c5b6a79880716253443526170f0e1d2c3"
)

// longStory is the story, and the incident that came of it.
func longStory() []whodid.Event {
	events := story()
	person := whodid.HumanActor("ab12")
	tell := func(e whodid.Event) string {
		e.Org, e.Source, e.Actor, e.ActorAuth = "acme", "cli", person, "os-user"
		e.At = start.Add(time.Duration(len(events)) * time.Second)
		e.RecordedAt = e.At.Add(500 * time.Millisecond)
		e.Identify()
		events = append(events, e)
		return e.ID
	}
	events[wrote].Data["sha"] = sha
	id := tell(whodid.Event{Key: "incident", What: "incident.open", Target: "commit:" + sha, Why: "nobody can sign in", Data: whodid.Data{"suspects": []string{run}}})
	tell(whodid.Event{Key: "hold", What: "hold.place", Target: "execution:" + run, Why: "incident", Data: whodid.Data{}})
	tell(whodid.Event{Key: "note", What: "incident.note", Target: id, Why: "taken back", Data: whodid.Data{}})
	return events
}

// about is one kind of subject, and what proofs of it show.
type about struct {
	folder  string
	subject dossier.Subject
	// answer are the events of an honest answer.
	answer []uint64
	// honest are the verdicts on an honest proof, leftOut those if an event of the answer
	// is passed off as that of others, back those if one was back-dated.
	honest, leftOut, back string
	// another is another subject of the kind, and replayed what its proof is worth if it
	// is the proof of this one.
	another  dossier.Subject
	replayed string
}

func abouts() []about {
	ofRun := []uint64{0, 2, 4, 5, 6, 7, 8}
	day := func(d int) string { return start.AddDate(0, 0, d).Format(time.RFC3339) }
	incident := longStory()[10].ID
	return []about{
		{
			folder: "event", subject: dossier.Subject{Kind: dossier.OfEvent, ID: identified(story()[merge])}, answer: []uint64{2, 4, 5, 6},
			honest: "pnccp", leftOut: "rnnnn", back: "pncrp", another: dossier.Subject{Kind: dossier.OfEvent, ID: identified(story()[wrote])}, replayed: "rnnnn",
		},
		{
			folder: "execution", subject: dossier.Subject{Kind: dossier.OfExecution, ID: run}, answer: ofRun,
			honest: "ppccp", leftOut: "prccn", back: "ppcrp", another: dossier.Subject{Kind: dossier.OfExecution, ID: "exec-dddddddddddddddd"}, replayed: "rnnnn",
		},
		// Of what git alone knows, the log can't say that it is something else: the detail
		// says that no entry names it.
		{
			folder: "line", subject: dossier.Subject{Kind: dossier.OfLine, ID: "auth.go:42"}, answer: ofRun,
			honest: "pnccp", leftOut: "pnccn", back: "pncrp", another: dossier.Subject{Kind: dossier.OfLine, ID: "other.go:7"}, replayed: "pnccp",
		},
		{
			folder: "commit", subject: dossier.Subject{Kind: dossier.OfCommit, ID: sha}, answer: ofRun,
			honest: "pnccp", leftOut: "pnccn", back: "pncrp", another: dossier.Subject{Kind: dossier.OfCommit, ID: strings.Repeat("0", 40)}, replayed: "pnccp",
		},
		{
			folder: "pull-request", subject: dossier.Subject{Kind: dossier.OfPullRequest, ID: "acme/shop#44"}, answer: ofRun,
			honest: "pnccp", leftOut: "pnccn", back: "pncrp", another: dossier.Subject{Kind: dossier.OfPullRequest, ID: "acme/shop#45"}, replayed: "pnccp",
		},
		{
			folder: "period", subject: dossier.Subject{Kind: dossier.OfPeriod, From: day(-1), To: day(1)}, answer: upTo(13),
			honest: "ppccp", leftOut: "prccn", back: "rnnnn", another: dossier.Subject{Kind: dossier.OfPeriod, From: day(1), To: day(2)}, replayed: "rnnnn",
		},
		{
			folder: "report", subject: dossier.Subject{Kind: dossier.OfReport, ID: "sha256:" + strings.Repeat("ab", 32), From: day(-1), To: day(1)}, answer: upTo(13),
			honest: "ppccp", leftOut: "prccn", back: "ppcrp", another: dossier.Subject{Kind: dossier.OfReport, ID: "sha256:" + strings.Repeat("ab", 32), From: day(1), To: day(2)}, replayed: "rnnnn",
		},
		{
			folder: "incident", subject: dossier.Subject{Kind: dossier.OfIncident, ID: incident}, answer: []uint64{10, 11, 12},
			honest: "ppccn", leftOut: "pnccn", back: "ppcrn", another: dossier.Subject{Kind: dossier.OfIncident, ID: identified(story()[wrote])}, replayed: "rnnnn",
		},
	}
}

func identified(e whodid.Event) string {
	e.Identify()
	return e.ID
}

func upTo(n uint64) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i)
	}
	return out
}

// subjects are the same attacks on a proof of each kind of subject.
func (c *corpus) subjects() {
	for _, a := range abouts() {
		c.onSubject(&a)
	}
}

func (c *corpus) onSubject(a *about) {
	told := func(key byte, edit func(events []whodid.Event) []whodid.Event) (*trail, *dossier.Dossier) {
		l := newTrail(c.t, origin, key, edit(longStory()))
		d := l.prove(a.subject, &dossier.Span{End: uint64(len(l.leaves))}, func(e *whodid.Event) bool {
			return slices.ContainsFunc(a.answer, func(i uint64) bool { return l.records[i].Event == e })
		})
		return l, d
	}
	as := func(events []whodid.Event) []whodid.Event { return events }
	add := func(name, want string, d *dossier.Dossier) {
		c.t.Helper()
		c.add(name, want, c.trust, d)
		added := &c.attacks[len(c.attacks)-1]
		added.Name, added.File = strings.ReplaceAll(a.folder, "-", " ")+", "+name, a.folder+"/"+added.File
	}
	forge := func(name, want string, edit func(l *trail, d *dossier.Dossier)) {
		c.t.Helper()
		l, d := told(1, as)
		edit(l, d)
		add(name, want, d)
	}
	last := a.answer[len(a.answer)-1]
	leaf := func(d *dossier.Dossier, i uint64, old, changed string) {
		leaves := slices.Clone(d.Entries[0].Leaves)
		leaves[i] = strings.Replace(leaves[i], old, changed, 2)
		d.Entries[0].Leaves = leaves
	}
	forge("honest", a.honest, func(*trail, *dossier.Dossier) {})
	forge("edited", "rnnnn", func(_ *trail, d *dossier.Dossier) { leaf(d, last, `"cli"`, `"api"`) })
	forge("edited value", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		v := d.Disclosed[last][proof.FieldWhy]
		v.Value = "no reason"
		d.Disclosed[last][proof.FieldWhy] = v
	})
	forge("cut", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		d.Entries[0].Leaves = slices.Delete(slices.Clone(d.Entries[0].Leaves), 3, 4)
	})
	forge("an event left out of the answer", a.leftOut, func(_ *trail, d *dossier.Dossier) {
		without := a.answer[len(a.answer)-1]
		if slices.Contains(a.answer, 2) {
			without = 2 // the request
		}
		if a.subject.Kind == dossier.OfEvent {
			without = merge
		}
		d.Events = slices.DeleteFunc(d.Events, func(i uint64) bool { return i == without })
		delete(d.Disclosed, without)
	})
	forge("re-ordered", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		leaves := slices.Clone(d.Entries[0].Leaves)
		leaves[last], leaves[last-1] = leaves[last-1], leaves[last]
		d.Entries[0].Leaves = leaves
	})
	forge("back-dated leaf", "rnnnn", func(_ *trail, d *dossier.Dossier) { leaf(d, last, "2026-03-04", "2026-03-03") })
	forge("replayed", a.replayed, func(_ *trail, d *dossier.Dossier) { d.Subject = a.another })
	altered := func(events []whodid.Event) []whodid.Event {
		events[a.answer[0]].Why = "innocent"
		return events
	}
	_, resigned := told(2, altered)
	add("re-signed", "rnnnn", resigned)
	_, other := told(1, altered)
	forge("spliced from two trails", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		d.Entries[0].Leaves = append(slices.Clone(other.Entries[0].Leaves[:last]), d.Entries[0].Leaves[last:]...)
	})
	forge("key swapped in the bundle", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		d.Checkpoint, d.PublicKey = resigned.Checkpoint, resigned.PublicKey
	})
	// Who has the log's key can only contradict himself.
	_, back := told(1, func(events []whodid.Event) []whodid.Event {
		e := &events[last]
		e.RecordedAt = e.RecordedAt.AddDate(0, 0, -2)
		return events
	})
	add("back-dated recording", a.back, back)
	if a.subject.Kind == dossier.OfIncident {
		return // nothing of it is done under an approval
	}
	_, args := told(1, func(events []whodid.Event) []whodid.Event {
		e := &events[4]
		e.Data["digest"] = whodid.ApprovalDigest("pr.merge", "acme/shop#44", "engineering/issue-solver", whodid.Data{"method": "rebase"})
		sign(e, 3)
		return events
	})
	add("approval of other arguments", a.honest[:4]+"r", args)
}
