package dossier_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/casefile"
	"github.com/whodid/whodid/proof/dossier"
)

var update = flag.Bool("update", false, "write the corpus of attacks again")

// attack is one archive of the corpus, and what it must get.
type attack struct {
	Name     string            `json:"name"`
	File     string            `json:"file"`
	Trust    trustJSON         `json:"trust"`
	Verdicts map[string]string `json:"verdicts,omitempty"`
	// Proofs are the verdicts on the proofs in the bundle of an incident.
	Proofs []map[string]string `json:"proofs,omitempty"`
	// Refused means that the archive is none.
	Refused bool `json:"refused,omitempty"`

	archive []byte
}

// states are verdicts in the order of their letters: p(roved), c(onditional),
// n(ot shown), r(efuted), of integrity, completeness, authorship, time and
// approval.
func states(letters string) map[string]string {
	words := map[byte]string{'p': "proved", 'c': "conditional", 'n': "not shown", 'r': "refuted"}
	out := map[string]string{}
	for i, name := range []string{"integrity", "completeness", "authorship", "time", "approval"} {
		out[name] = words[letters[i]]
	}
	return out
}

// corpus is every way to cheat that we know, and a few honest proofs among them.
type corpus struct {
	t       *testing.T
	trust   trustJSON
	attacks []attack
}

func (c *corpus) add(name, want string, trust trustJSON, d *dossier.Dossier) {
	c.t.Helper()
	archive, err := d.Archive(dossier.Deflated)
	if err != nil {
		c.t.Fatal(err)
	}
	c.attacks = append(c.attacks, attack{
		Name: name, File: strings.NewReplacer(" ", "-", ",", "", ":", "").Replace(name) + ".zip", Trust: trust, Verdicts: states(want), archive: archive,
	})
}

// edited is the story told otherwise, in a log that its own key signed.
func (c *corpus) edited(edit func(events []whodid.Event) []whodid.Event) *dossier.Dossier {
	l := newTrail(c.t, origin, 1, edit(story()))
	return l.dossier(run, &dossier.Span{End: uint64(len(l.leaves))})
}

func newCorpus(t *testing.T) *corpus {
	l := newTrail(t, origin, 1, story())
	return &corpus{t: t, trust: trustJSON{
		Keys: []string{l.publicKey()}, Witnesses: []string{witnessKey("test.invalid/witness", 5)}, AllowedSigners: []string{allowed("ada@test.invalid", 3)},
	}}
}

func (c *corpus) honest() {
	l := newTrail(c.t, origin, 1, story())
	whole := &dossier.Span{End: 10}
	c.add("honest, the whole log", "ppccp", c.trust, l.dossier(run, whole))
	c.add("honest, from start to finish", "pcccp", c.trust, l.dossier(run, &dossier.Span{End: 9}))
	c.add("honest, only the events", "pnccp", c.trust, l.dossier(run, nil))
	c.add("honest, of a period", "pcccn", c.trust, l.prove(dossier.Subject{
		Kind: dossier.OfPeriod, From: "2026-03-04T05:06:14Z", To: "2026-03-04T05:06:16Z",
	}, &dossier.Span{First: 6, End: 10}, func(e *whodid.Event) bool { return e.Key == "x1/write" || e.Key == "x1/finish" }))
	withheld := l.dossier(run, whole)
	if err := withheld.Withhold(proof.FieldTarget, proof.FieldWhy); err != nil {
		c.t.Fatal(err)
	}
	c.add("honest, targets and reasons withheld", "ppccc", c.trust, withheld)
	if err := withheld.Withhold(proof.FieldActor); err != nil {
		c.t.Fatal(err)
	}
	c.add("honest, the approver withheld", "ppccn", c.trust, withheld)
	erased := newTrail(c.t, origin, 1, story())
	if _, err := erased.records[7].Erase("retention run-90d", proof.FieldTarget, proof.FieldData); err != nil {
		c.t.Fatal(err)
	}
	c.add("honest, with erased values", "ppccp", c.trust, erased.dossier(run, whole))
	cosigned := l.dossier(run, whole)
	cosigned.Checkpoint = cosign(cosigned.Checkpoint, "test.invalid/witness", 5, start.Add(time.Minute))
	c.add("honest, cosigned", "ppccp", c.trust, cosigned)
	c.add("honest, no allowed signers", "ppccc", trustJSON{Keys: c.trust.Keys}, l.dossier(run, whole))
	c.add("honest, nothing of this log is trusted", "cpccp", trustJSON{
		Keys: []string{newTrail(c.t, "test.invalid/other", 1, nil).publicKey()}, AllowedSigners: c.trust.AllowedSigners,
	}, l.dossier(run, whole))
}

// forged are attacks by somebody without the log's key.
func (c *corpus) forged() {
	whole := &dossier.Span{End: 10}
	fresh := func() (*trail, *dossier.Dossier) {
		l := newTrail(c.t, origin, 1, story())
		return l, l.dossier(run, whole)
	}
	forge := func(name, want string, edit func(l *trail, d *dossier.Dossier)) {
		l, d := fresh()
		edit(l, d)
		c.add(name, want, c.trust, d)
	}
	forge("edited result", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		leaves := slices.Clone(d.Entries[0].Leaves)
		leaves[8] = strings.Replace(leaves[8], `"success"`, `"failed"`, 1)
		d.Entries[0].Leaves = leaves
	})
	forge("back-dated leaf", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		leaves := slices.Clone(d.Entries[0].Leaves)
		leaves[merge] = strings.Replace(leaves[merge], "2026-03-04", "2026-03-03", 2)
		d.Entries[0].Leaves = leaves
	})
	forge("edited value", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		v := d.Disclosed[merge][proof.FieldTarget]
		v.Value = "acme/shop#45"
		d.Disclosed[merge][proof.FieldTarget] = v
	})
	forge("withheld field claimed as disclosed", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		v := d.Disclosed[merge][proof.FieldTarget]
		v.Key = proof.FieldKey{}
		d.Disclosed[merge][proof.FieldTarget] = v
	})
	forge("value of another event", "rnnnn", func(_ *trail, d *dossier.Dossier) { d.Disclosed[merge] = d.Disclosed[7] })
	forge("value of an entry that is not there", "rnnnn", func(_ *trail, d *dossier.Dossier) { d.Disclosed[99] = d.Disclosed[7] })
	forge("cut leaf", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		d.Entries[0].Leaves = slices.Delete(slices.Clone(d.Entries[0].Leaves), 7, 8)
	})
	forge("cut entry that the span claims", "prccp", func(l *trail, d *dossier.Dossier) {
		d.Events = slices.DeleteFunc(d.Events, func(i uint64) bool { return i == 7 })
		delete(d.Disclosed, 7)
		l.cover(d, map[uint64]bool{0: true, 1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 8: true, 9: true})
	})
	forge("cut end that the span claims", "prccp", func(l *trail, d *dossier.Dossier) {
		d.Events = d.Events[:len(d.Events)-1]
		delete(d.Disclosed, 8)
		l.cover(d, map[uint64]bool{0: true, 1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true})
	})
	forge("own event passed off as that of others", "prccp", func(_ *trail, d *dossier.Dossier) {
		d.Events = slices.DeleteFunc(d.Events, func(i uint64) bool { return i == 7 })
		delete(d.Disclosed, 7)
	})
	forge("span beyond the log", "prccp", func(_ *trail, d *dossier.Dossier) { d.Complete = &dossier.Span{End: 11} })
	forge("re-ordered leaves", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		leaves := slices.Clone(d.Entries[0].Leaves)
		leaves[6], leaves[7] = leaves[7], leaves[6]
		d.Entries[0].Leaves = leaves
	})
	forge("re-ordered ranges", "rnnnn", func(l *trail, d *dossier.Dossier) {
		d.Complete = nil
		l.cover(d, map[uint64]bool{0: true, 2: true, 4: true, 5: true, 6: true, 7: true, 8: true})
		slices.Reverse(d.Entries)
	})
	forge("a range twice", "rnnnn", func(_ *trail, d *dossier.Dossier) { d.Entries = append(d.Entries, d.Entries[0]) })
	forge("replayed as the proof of another run", "rnnnn", func(_ *trail, d *dossier.Dossier) { d.Subject.ID = "exec-dddddddddddddddd" })
	forge("replayed as the proof of another period", "rnnnn", func(_ *trail, d *dossier.Dossier) {
		d.Subject = dossier.Subject{Kind: dossier.OfPeriod, From: "2026-04-01T00:00:00Z", To: "2026-05-01T00:00:00Z"}
	})
	forge("replayed as a kind that is not known", "rnnnn", func(_ *trail, d *dossier.Dossier) { d.Subject.Kind = "everything" })
	forge("no entries", "rnnnn", func(_ *trail, d *dossier.Dossier) { d.Entries, d.Events, d.Disclosed = nil, nil, nil })
	c.swapped(fresh)
}

// swapped are attacks with another key, or another trail.
func (c *corpus) swapped(fresh func() (*trail, *dossier.Dossier)) {
	whole := &dossier.Span{End: 10}
	altered := story()
	altered[7].Target = "innocent.go"
	c.add("re-signed with another key of that name", "rnnnn", c.trust, newTrail(c.t, origin, 2, altered).dossier(run, whole))
	_, d := fresh()
	d.Checkpoint = newTrail(c.t, origin, 2, altered).checkpoint()
	d.PublicKey = newTrail(c.t, origin, 2, nil).publicKey()
	c.add("key swapped in the archive", "rnnnn", c.trust, d)
	c.add("key and name of the log swapped", "cpccp", c.trust, newTrail(c.t, "test.invalid/fake", 2, altered).dossier(run, whole))
	_, d = fresh()
	d.Origin = "test.invalid/fake"
	c.add("another log is named", "rnnnn", c.trust, d)
	_, d = fresh()
	foreign := newTrail(c.t, origin, 1, altered).dossier(run, whole)
	d.Entries[0].Leaves = append(slices.Clone(d.Entries[0].Leaves[:7]), foreign.Entries[0].Leaves[7:]...)
	c.add("spliced from two trails", "rnnnn", c.trust, d)
	_, d = fresh()
	d.Checkpoint = foreign.Checkpoint
	c.add("checkpoint of another trail", "rnnnn", c.trust, d)
	_, d = fresh()
	known := c.trust
	known.Checkpoints = []string{foreign.Checkpoint}
	c.add("another tree of the size that is known", "rnnnn", known, d)
	_, d = fresh()
	d.Checkpoint, _, _ = strings.Cut(d.Checkpoint, "— ")
	c.add("signature taken off", "rnnnn", c.trust, d)
}

// insider are attacks by somebody who has the log's key: what was recorded
// contradicts itself.
func (c *corpus) insider() {
	tell := func(name, want string, edit func(events []whodid.Event) []whodid.Event) {
		c.t.Helper()
		c.add(name, want, c.trust, c.edited(edit))
	}
	one := func(i int, edit func(e *whodid.Event)) func([]whodid.Event) []whodid.Event {
		return func(events []whodid.Event) []whodid.Event {
			edit(&events[i])
			return events
		}
	}
	tell("back-dated recording", "ppcrp", one(7, func(e *whodid.Event) { e.RecordedAt = e.RecordedAt.Add(-24 * time.Hour) }))
	tell("spliced organisations", "rnnnn", one(7, func(e *whodid.Event) { e.Org = "evil" }))
	tell("replayed event", "rnnnn", func(events []whodid.Event) []whodid.Event { return append(events, events[7]) })
	tell("approval of another target", "ppccr", one(merge, func(e *whodid.Event) { e.Target = "acme/shop#45" }))
	tell("approval of another action", "ppccr", one(merge, func(e *whodid.Event) { e.What = "deploy.production" }))
	tell("approval for another agent", "ppccr", one(merge, func(e *whodid.Event) { e.Actor = whodid.AgentActor("engineering/other") }))
	tell("approval of other arguments", "ppccr", one(4, func(e *whodid.Event) {
		e.Data["digest"] = whodid.ApprovalDigest("pr.merge", "acme/shop#44", "engineering/issue-solver", whodid.Data{"method": "rebase"})
		sign(e, 3)
	}))
	tell("approval used for other arguments", "ppccr", one(5, func(e *whodid.Event) { e.Data["digest"] = "sha256:00" }))
	tell("approval that was rejected", "ppccr", one(4, func(e *whodid.Event) { e.What = "approval.reject"; sign(e, 3) }))
	tell("approval that had run out", "ppccr", one(4, func(e *whodid.Event) { e.Data["expires"] = "2026-03-04T05:06:12Z"; sign(e, 3) }))
	tell("approval after the fact", "ppccr", func(events []whodid.Event) []whodid.Event {
		grant := events[4]
		return append(slices.Delete(events, 4, 5), grant)
	})
	tell("approval used twice", "ppccr", func(events []whodid.Event) []whodid.Event {
		again := events[merge]
		again.Key = "x1/merge-again"
		again.At, again.RecordedAt = events[9].At.Add(time.Second), events[9].RecordedAt.Add(time.Second)
		return append(events, again)
	})
	tell("approval by who asked", "ppccr", func(events []whodid.Event) []whodid.Event {
		events[2].Actor, events[2].ActorAuth = events[4].Actor, events[4].ActorAuth
		return events
	})
	tell("approval without the signature that is needed", "ppccr", one(4, func(e *whodid.Event) {
		delete(e.Data, "signature")
		delete(e.Data, "signing_key")
	}))
	tell("approval with a foreign signature", "ppccr", one(4, func(e *whodid.Event) { sign(e, 4) }))
	tell("approval with the signature of another reason", "ppccr", one(4, func(e *whodid.Event) { e.Why = "not reviewed" }))
	tell("approval with a signature that can't be read", "ppccr", one(4, func(e *whodid.Event) { e.Data["signature"] = []string{"-----BEGIN"} }))
	early := newTrail(c.t, origin, 1, story()).dossier(run, &dossier.Span{End: 10})
	early.Checkpoint = cosign(early.Checkpoint, "test.invalid/witness", 5, start.Add(-time.Hour))
	c.add("recorded after the witness saw it", "ppcrp", c.trust, early)
}

// hostile are archives that are none.
func (c *corpus) hostile() {
	l := newTrail(c.t, origin, 1, story())
	for _, h := range hostileArchives(c.t, l.dossier(run, nil)) {
		if len(h.archive) < 50_000 { // larger ones are made where they are tested
			c.attacks = append(c.attacks, attack{Name: h.name, File: strings.ReplaceAll(h.name, " ", "-") + ".zip", Trust: c.trust, Refused: true, archive: h.archive})
		}
	}
}

// TestAttacks holds the corpus against this package, and the files of it
// against what this package makes.
func TestAttacks(t *testing.T) {
	t.Parallel()
	c := newCorpus(t)
	c.honest()
	c.forged()
	c.insider()
	c.passkeys()
	c.witnessed()
	c.subjects()
	c.bundles()
	c.hostile()
	dir := filepath.Join("testdata", "attacks")
	var list bytes.Buffer
	enc := json.NewEncoder(&list)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(c.attacks); err != nil {
		t.Fatal(err)
	}
	if *update {
		write(t, filepath.Join(dir, "attacks.json"), list.Bytes())
	}
	if got := contents(t, filepath.Join(dir, "attacks.json")); !bytes.Equal(got, list.Bytes()) {
		t.Error("attacks.json is not what this package makes: go test ./proof/dossier -update")
	}
	for i := range c.attacks {
		a := &c.attacks[i]
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			if *update {
				write(t, filepath.Join(dir, a.File), a.archive)
			}
			archive := contents(t, filepath.Join(dir, a.File))
			check(t, a, archive)
		})
	}
}

func check(t *testing.T, a *attack, archive []byte) {
	t.Helper()
	text, err := json.Marshal(a.Trust)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := dossier.ParseTrust(text)
	if err != nil {
		t.Fatal(err)
	}
	if casefile.Is(archive) {
		checkBundle(t, a, archive, trust)
		return
	}
	d, err := dossier.Parse(archive)
	if a.Refused {
		if err == nil {
			t.Error("it was accepted")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	made, err := dossier.Parse(a.archive)
	if err != nil {
		t.Fatal(err)
	}
	// How it is packed may differ from one release of Go to the next.
	if diff := cmp.Diff(made, d); diff != "" {
		t.Errorf("the file is not what this package makes: go test ./proof/dossier -update\n%s", diff)
	}
	r := dossier.Check(d, trust)
	if diff := cmp.Diff(a.Verdicts, stateNames(&r.Verdicts)); diff != "" {
		t.Errorf("other verdicts (-want +got):\n%s%+v", diff, r.Verdicts)
	}
	if r.Verdicts.Integrity.State == proof.Refuted && (len(r.Events) > 0 || r.Context != nil) {
		t.Error("it shows events that are forged")
	}
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestAttacksElsewhere has a script refuse the whole corpus that shares no code
// with this package.
func TestAttacksElsewhere(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no Node.js here to run the other verifier")
	}
	out, err := exec.CommandContext(t.Context(), node, filepath.Join("testdata", "attacks", "check.mjs")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
