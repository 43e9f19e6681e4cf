package dossier_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/casefile"
	"github.com/whodid/whodid/proof/dossier"
)

// exported is the bundle of the incident of the long story, and the trail with its
// export, as edit tells it.
func (c *corpus) exported(key byte, edit func(events []whodid.Event) []whodid.Event, found string) (*casefile.Casefile, *trail) {
	c.t.Helper()
	events := edit(longStory())
	l := newTrail(c.t, origin, key, events)
	ofRun, err := l.dossier(run, &dossier.Span{End: uint64(len(events))}).Archive(dossier.Stored) // whatever packs it, its digest is the same
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := casefile.New(events[10].ID, origin, l.publicKey(), nil, []casefile.File{
		{Name: casefile.FolderProofs + run + ".zip", Content: ofRun}, {Name: "incident.txt", Content: []byte(found)},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	export := events[12]
	export.Key, export.What, export.Why = "export", "incident.export", ""
	export.Data = whodid.Data{"digest": b.Digest(), "files": int64(len(b.Files)), "bytes": b.Bytes()}
	export.RecordedAt = export.RecordedAt.AddDate(0, 0, 1)
	export.At = export.RecordedAt
	l = newTrail(c.t, origin, key, append(events, export))
	b.Custody = c.custody(l, events[10].ID)
	return b, l
}

// custody is the proof of an incident's chain of custody.
func (c *corpus) custody(l *trail, id string) []byte {
	c.t.Helper()
	d := l.prove(dossier.Subject{Kind: dossier.OfIncident, ID: id}, &dossier.Span{End: uint64(len(l.leaves))}, func(e *whodid.Event) bool {
		return e.ID == id || e.Target == id || e.What == "hold.place"
	})
	archive, err := d.Archive(dossier.Stored)
	if err != nil {
		c.t.Fatal(err)
	}
	return archive
}

// addBundle adds the bundle of an incident. proofs are the verdicts on the proofs in
// it.
func (c *corpus) addBundle(name, want string, proofs []string, b *casefile.Casefile) {
	c.t.Helper()
	archive, err := b.Archive()
	if err != nil {
		c.t.Fatal(err)
	}
	a := attack{
		Name: "bundle, " + name, File: "bundle/" + strings.NewReplacer(" ", "-", "'", "").Replace(name) + ".zip", Trust: c.trust,
		Verdicts: states(want), archive: archive,
	}
	for _, p := range proofs {
		a.Proofs = append(a.Proofs, states(p))
	}
	c.attacks = append(c.attacks, a)
}

// bundles are attacks on the sealed bundle of an incident.
func (c *corpus) bundles() {
	as := func(events []whodid.Event) []whodid.Event { return events }
	good := []string{"ppccp"}
	honest, _ := c.exported(1, as, "found")
	c.addBundle("honest", "ppccn", good, honest)
	forge := func(name string, edit func(b *casefile.Casefile, l *trail)) {
		c.t.Helper()
		b, l := c.exported(1, as, "found")
		edit(b, l)
		c.addBundle(name, "rnnnn", nil, b)
	}
	again := func(b *casefile.Casefile, origin, key string, files []casefile.File) {
		made, err := casefile.New(b.Incident, origin, key, b.Withheld, files)
		if err != nil {
			c.t.Fatal(err)
		}
		b.List, b.Text, b.Files = made.List, made.Text, made.Files
	}
	forge("edited", func(b *casefile.Casefile, _ *trail) { b.Files[0].Content = []byte("fount") })
	forge("edited, with its list", func(b *casefile.Casefile, _ *trail) {
		files := slices.Clone(b.Files)
		files[0].Content = []byte("fount")
		again(b, b.Origin, b.PublicKey, files)
	})
	forge("a file cut", func(b *casefile.Casefile, _ *trail) { b.Files = b.Files[:1] })
	forge("a file cut, with its list", func(b *casefile.Casefile, _ *trail) { again(b, b.Origin, b.PublicKey, b.Files[:1]) })
	forge("a file more", func(b *casefile.Casefile, _ *trail) {
		b.Files = append(b.Files, casefile.File{Name: "more.txt", Content: []byte("x")})
	})
	forge("the custody cut before the export", func(b *casefile.Casefile, l *trail) {
		b.Custody = c.custody(newTrail(c.t, origin, 1, longStory()), b.Incident)
	})
	forge("replayed custody of another export", func(b *casefile.Casefile, _ *trail) {
		other, _ := c.exported(1, as, "something else")
		b.Custody = other.Custody
	})
	forge("replayed as the bundle of another incident", func(b *casefile.Casefile, _ *trail) {
		b.Incident = identified(story()[wrote])
		again(b, b.Origin, b.PublicKey, b.Files)
	})
	altered := func(events []whodid.Event) []whodid.Event {
		events[12].Why = "innocent"
		return events
	}
	resigned, _ := c.exported(2, altered, "found")
	c.addBundle("re-signed", "rnnnn", nil, resigned)
	forge("key swapped in the bundle", func(b *casefile.Casefile, _ *trail) {
		b.Custody = resigned.Custody
		again(b, b.Origin, resigned.PublicKey, b.Files)
	})
	forge("spliced from two trails", func(b *casefile.Casefile, _ *trail) { b.Custody = resigned.Custody })
	forge("the proof of a run in the custody's place", func(b *casefile.Casefile, _ *trail) { b.Custody = b.Files[1].Content })
	forge("custody that is none", func(b *casefile.Casefile, _ *trail) { b.Custody = []byte("none") })

	// Who has the log's key can seal what does not hold, and can't make it hold.
	back, _ := c.exported(1, func(events []whodid.Event) []whodid.Event {
		events[12].RecordedAt = events[12].RecordedAt.AddDate(0, 0, -2)
		return events
	}, "found")
	c.addBundle("back-dated recording", "ppcrn", []string{"ppcrp"}, back)
	args, _ := c.exported(1, func(events []whodid.Event) []whodid.Event {
		e := &events[4]
		e.Data["digest"] = whodid.ApprovalDigest("pr.merge", "acme/shop#44", "engineering/issue-solver", whodid.Data{"method": "rebase"})
		sign(e, 3)
		return events
	}, "found")
	c.addBundle("approval of other arguments", "ppccn", []string{"ppccr"}, args)
}

// checkBundle holds a bundle of the corpus against what it must get.
func checkBundle(t *testing.T, a *attack, archive []byte, trust *dossier.Trust) {
	t.Helper()
	b, err := casefile.Parse(archive)
	if err != nil {
		t.Fatal(err)
	}
	made, err := casefile.Parse(a.archive)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, b); diff != "" {
		t.Errorf("the file is not what this package makes: go test ./proof/dossier -update\n%s", diff)
	}
	r := casefile.Check(b, trust)
	if diff := cmp.Diff(a.Verdicts, stateNames(&r.Verdicts)); diff != "" {
		t.Errorf("other verdicts (-want +got):\n%s%+v", diff, r.Verdicts)
	}
	var proofs []map[string]string
	holds := r.Verdicts.Holds()
	for i := range r.Proofs {
		proofs = append(proofs, stateNames(&r.Proofs[i].Verdicts))
		holds = holds && r.Proofs[i].Verdicts.Holds()
	}
	if diff := cmp.Diff(a.Proofs, proofs); diff != "" {
		t.Errorf("other verdicts on its proofs (-want +got):\n%s", diff)
	}
	if r.Holds() != holds {
		t.Errorf("it holds: %t", r.Holds())
	}
	if r.Verdicts.Integrity.State == proof.Refuted && len(r.Custody)+len(r.Files) > 0 {
		t.Error("it shows what is forged")
	}
}

func stateNames(v *proof.Verdicts) map[string]string {
	return map[string]string{
		"integrity": string(v.Integrity.State), "completeness": string(v.Completeness.State),
		"authorship": string(v.Authorship.State), "time": string(v.Time.State), "approval": string(v.Approval.State),
	}
}
