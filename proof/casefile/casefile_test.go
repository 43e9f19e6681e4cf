package casefile_test

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/casefile"
	"github.com/whodid/whodid/proof/dossier"
)

// world is a log with a run, two incidents about it, and what was done with these.
type world struct {
	t               *testing.T
	private, public string
	records         []proof.Record
	leaves          []string
	hashes          []proof.Hash
}

func newWorld(t *testing.T) *world {
	t.Helper()
	private, public, err := proof.GenerateKey("test.invalid/log")
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, private: private, public: public}
}

// add appends an event and returns its id.
func (w *world) add(key, what, target, execution string, data whodid.Data) string {
	w.t.Helper()
	at := time.Date(2026, 11, 27, 3, 0, len(w.leaves), 0, time.UTC)
	e := whodid.Event{
		Org: "default", Key: key, Actor: "human:p1", ActorAuth: "os-user", What: what, Target: target, At: at, RecordedAt: at, Why: "said " + key,
		Execution: execution, Source: "cli", Data: data,
	}
	e.Identify()
	salt := proof.Salt{byte(len(w.leaves)), 9}
	r := proof.Record{Event: &e, Data: e.Data.Canonical(), Salt: &salt, Index: uint64(len(w.leaves))}
	leaf, err := r.Leaf()
	if err != nil {
		w.t.Fatal(err)
	}
	w.records, w.leaves, w.hashes = append(w.records, r), append(w.leaves, string(leaf)), append(w.hashes, proof.LeafHash(leaf))
	return e.ID
}

func (w *world) checkpoint() string {
	w.t.Helper()
	var f proof.Frontier
	for _, h := range w.hashes {
		f.Append(h)
	}
	signer, err := proof.NewSigner(w.private)
	if err != nil {
		w.t.Fatal(err)
	}
	signed, err := signer.Sign(proof.Checkpoint{Origin: "test.invalid/log", Size: f.Size(), Root: f.Root()})
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

// prove proves the events that fit, under the whole log.
func (w *world) prove(s dossier.Subject, fits func(e *whodid.Event) bool) []byte {
	w.t.Helper()
	size := uint64(len(w.leaves))
	d := &dossier.Dossier{
		Manifest:   dossier.Manifest{Format: dossier.Format, Subject: s, Origin: "test.invalid/log", PublicKey: w.public, Events: []uint64{}, Complete: &dossier.Span{End: size}},
		Checkpoint: w.checkpoint(),
	}
	for i := range w.records {
		if fits(w.records[i].Event) {
			if err := d.Add(&w.records[i]); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	read := func(_ int, n uint64, width int) ([]proof.Hash, error) { return w.hashes[n*256:][:width], nil }
	if err := d.Cover(size, 0, w.leaves, read); err != nil {
		w.t.Fatal(err)
	}
	archive, err := d.Archive(dossier.Deflated)
	if err != nil {
		w.t.Fatal(err)
	}
	return archive
}

func (w *world) custody(incident string) []byte {
	return w.prove(dossier.Subject{Kind: dossier.OfIncident, ID: incident}, func(e *whodid.Event) bool {
		return strings.HasPrefix(e.What, "incident.") && (e.ID == incident || e.Target == incident) || e.What == "hold.place" && e.Why == "said hold/"+incident
	})
}

func (w *world) trust() *dossier.Trust {
	w.t.Helper()
	t, err := dossier.ParseTrust(nil, w.public)
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

const run = "exec-7k2m9q4tz8w1c3ab"

// exported is a world with one bundle of the first of its incidents.
func exported(t *testing.T) (*world, *casefile.Casefile, string) {
	t.Helper()
	w := newWorld(t)
	w.add("run/start", "execution.start", "", run, whodid.Data{"trigger": "manual"})
	w.add("run/write", "commit.link", "abc", run, nil)
	first := w.add("first", "incident.open", "commit:abc", "", whodid.Data{"suspects": []string{run}})
	w.add("hold/"+first, "hold.place", "execution:"+run, "", nil)
	w.add("note", "incident.note", first, "", nil)
	return w, w.export(first, "what was found"), first
}

// export records the export of a bundle, and seals it.
func (w *world) export(incident, found string) *casefile.Casefile {
	w.t.Helper()
	ofRun := w.prove(dossier.Subject{Kind: dossier.OfExecution, ID: run}, func(e *whodid.Event) bool { return e.Execution == run })
	c, err := casefile.New(incident, "test.invalid/log", w.public, nil, []casefile.File{
		{Name: "proofs/run.zip", Content: ofRun}, {Name: "incident.txt", Content: []byte(found)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.add("export/"+incident+found, "incident.export", incident, "", whodid.Data{"digest": c.Digest(), "files": int64(2), "bytes": c.Bytes()})
	c.Custody = w.custody(incident)
	return c
}

func (w *world) check(c *casefile.Casefile) *casefile.Report {
	w.t.Helper()
	archive, err := c.Archive()
	if err != nil {
		w.t.Fatal(err)
	}
	if !casefile.Is(archive) {
		w.t.Fatal("a bundle is not known as one")
	}
	read, err := casefile.Parse(archive)
	if err != nil {
		w.t.Fatal(err)
	}
	return casefile.Check(read, w.trust())
}

func TestHonestBundle(t *testing.T) {
	t.Parallel()
	w, c, first := exported(t)
	r := w.check(c)
	if !r.Holds() || r.Verdicts.Integrity.State != proof.Proved || r.Verdicts.Completeness.State != proof.Proved || r.Incident != first {
		t.Fatalf("%+v", r.Verdicts)
	}
	var acts []string
	for _, e := range r.Custody {
		acts = append(acts, e.Event.What)
	}
	if want := []string{"incident.open", "hold.place", "incident.note", "incident.export"}; !slices.Equal(acts, want) {
		t.Errorf("the chain of custody is %v, want %v", acts, want)
	}
	if len(r.Proofs) != 1 || r.Proofs[0].Subject != "execution:"+run || r.Proofs[0].Verdicts.Completeness.State != proof.Proved || len(r.Files) != 2 {
		t.Errorf("%+v", r)
	}
	other, err := dossier.ParseTrust(nil, newWorld(t).public)
	if err != nil {
		t.Fatal(err)
	}
	if r := casefile.Check(c, other); r.Holds() || r.Verdicts.Integrity.State != proof.Conditional && r.Verdicts.Integrity.State != proof.Refuted {
		t.Errorf("by another key it is %+v", r.Verdicts.Integrity)
	}
}

// TestForgedBundles changes a bundle in every way that we know; each is refused,
// for its reason, and nothing of it is shown.
func TestForgedBundles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		forge func(w *world, c *casefile.Casefile, first string) *casefile.Casefile
		says  string
	}{
		"a file was changed": {func(_ *world, c *casefile.Casefile, _ string) *casefile.Casefile {
			c.Files[0].Content = []byte("nothing was found")
			return c
		}, "it was changed"},
		"a file was taken out": {func(_ *world, c *casefile.Casefile, _ string) *casefile.Casefile {
			c.Files = c.Files[:1]
			return c
		}, "not in the bundle"},
		"a file was added": {func(_ *world, c *casefile.Casefile, _ string) *casefile.Casefile {
			c.Files = append(c.Files, casefile.File{Name: "more.txt", Content: []byte("x")})
			return c
		}, "not on the list"},
		"a file and the list were changed": {func(w *world, c *casefile.Casefile, first string) *casefile.Casefile {
			other, err := casefile.New(first, c.Origin, c.PublicKey, nil, []casefile.File{{Name: "incident.txt", Content: []byte("nothing was found")}})
			if err != nil {
				w.t.Fatal(err)
			}
			other.Custody = c.Custody
			return other
		}, "no export in the chain of custody"},
		"the custody of another incident": {func(w *world, c *casefile.Casefile, _ string) *casefile.Casefile {
			second := w.add("second", "incident.open", "commit:def", "", nil)
			c.Custody = w.export(second, "other").Custody
			return c
		}, "not of the incident"},
		"the custody before the export": {func(w *world, c *casefile.Casefile, first string) *casefile.Casefile {
			n := len(w.leaves) - 1
			w.records, w.leaves, w.hashes = w.records[:n], w.leaves[:n], w.hashes[:n]
			c.Custody = w.custody(first)
			return c
		}, "no export in the chain of custody"},
		"the custody of another log": {func(w *world, c *casefile.Casefile, _ string) *casefile.Casefile {
			_, other, _ := exported(w.t)
			c.Custody = other.Custody
			return c
		}, "the chain of custody"},
		"a proof of something else in the custody's place": {func(_ *world, c *casefile.Casefile, _ string) *casefile.Casefile {
			c.Custody = c.Files[1].Content
			return c
		}, "not of the incident"},
		"no custody": {func(_ *world, c *casefile.Casefile, _ string) *casefile.Casefile {
			c.Custody = []byte("none")
			return c
		}, "not a proof"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, honest, first := exported(t)
			r := w.check(c.forge(w, honest, first))
			if r.Holds() || r.Verdicts.Integrity.State != proof.Refuted && name != "the custody of another log" || !strings.Contains(r.Verdicts.Integrity.Detail, c.says) {
				t.Fatalf("%+v", r.Verdicts.Integrity)
			}
			if r.Verdicts.Integrity.State == proof.Refuted && len(r.Custody)+len(r.Files)+len(r.Proofs) > 0 {
				t.Errorf("something of it is shown: %+v", r)
			}
		})
	}
}

// TestCustodyLeftOut sees to it that a link that is left out of the chain of custody
// is missed.
func TestCustodyLeftOut(t *testing.T) {
	t.Parallel()
	w, c, first := exported(t)
	c.Custody = w.prove(dossier.Subject{Kind: dossier.OfIncident, ID: first}, func(e *whodid.Event) bool {
		return e.ID == first || e.What == "incident.export"
	})
	if r := w.check(c); r.Verdicts.Completeness.State != proof.NotShown || !strings.Contains(r.Verdicts.Completeness.Detail, "1 of them are of incidents and not disclosed") {
		t.Errorf("%+v", r.Verdicts.Completeness)
	}
	c.Custody = w.prove(dossier.Subject{Kind: dossier.OfIncident, ID: first}, func(*whodid.Event) bool { return true })
	if r := w.check(c); r.Verdicts.Integrity.State != proof.Refuted {
		t.Errorf("with events of a run it is %+v", r.Verdicts.Integrity)
	}
}

// pack makes an archive by hand.
func pack(t testing.TB, method uint16, files ...[2]string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f[0], Method: method})
		if err == nil {
			_, err = w.Write([]byte(f[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	list, custody := [2]string{"casefile.json", `{"format":"whodid-incident/1"}`}, [2]string{"custody.zip", ""}
	var many [][2]string
	for i := range 70 {
		many = append(many, [2]string{strings.Repeat("a", i+1), ""})
	}
	for name, archive := range map[string][]byte{
		"nothing":             nil,
		"text":                []byte("PK\x03\x04 and no more"),
		"no list":             pack(t, zip.Store, custody),
		"no custody":          pack(t, zip.Store, list),
		"two lists":           pack(t, zip.Store, list, custody, list),
		"a file elsewhere":    pack(t, zip.Store, list, custody, [2]string{"../evil", "x"}),
		"a file with a slash": pack(t, zip.Store, list, custody, [2]string{"/etc/passwd", "x"}),
		"a shell's name":      pack(t, zip.Store, list, custody, [2]string{"a\x1b[2J", "x"}),
		"too many files":      pack(t, zip.Store, append(many, list, custody)...),
		"another format":      pack(t, zip.Store, [2]string{"casefile.json", `{"format":"whodid-incident/9"}`}, custody),
		"a list that is none": pack(t, zip.Store, [2]string{"casefile.json", `[]`}, custody),
		"a bomb":              pack(t, zip.Deflate, list, custody, [2]string{"bomb", strings.Repeat("\x00", casefile.MaxUnpacked)}),
	} {
		if c, err := casefile.Parse(archive); err == nil {
			t.Errorf("%s is a bundle: %+v", name, c.List)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(pack(f, zip.Store, [2]string{"casefile.json", `{"format":"whodid-incident/1","files":[]}`}, [2]string{"custody.zip", "PK"}))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		c, err := casefile.Parse(archive)
		if err != nil {
			return
		}
		if r := casefile.Check(c, &dossier.Trust{}); r.Holds() {
			t.Errorf("without a key it holds: %+v", r.Verdicts)
		}
	})
}
