package laws

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whodid/whodid/proof/casefile"
)

// TestIncidentBundleStandsAlone hands the bundle of an incident to somebody who has
// the verifier and the log's key only: it holds, and whoever changed a word of it is
// found out. Looking and exporting leave links in the chain of custody.
func TestIncidentBundleStandsAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		run := strings.Fields(w.whodid(t, "exec", "start", "--agent", "ops/deployer", "--trigger", "manual"))[0]
		w.whodid(t, "action", "record", "--execution", run, "--type", "deploy.production", "--target", "shop", "--result", "success")
		w.whodid(t, "exec", "finish", run, "--status", "success")
		opened := w.whodid(t, "incident", "open", "--at", "1h..now", "--title", "checkout is down")
		if !strings.Contains(opened, "answer\tMost probably: run "+run+" of ops/deployer") {
			t.Fatalf("opened:\n%s", opened)
		}
		_, rest, _ := strings.Cut(opened, "incident\t")
		id, _, _ := strings.Cut(rest, "\n")
		w.whodid(t, "incident", "note", id, "rolled back")
		w.whodid(t, "incident", "show", id)
		file := filepath.Join(t.TempDir(), "incident.zip")
		w.whodid(t, "incident", "bundle", id, "-o", file)
		w.mustHold(t)

		key := strings.TrimSpace(w.whodid(t, "log", "key"))
		o := w.run(t, nil, "whodid-verify", file, "--key", key, "--about", "incident:"+id)
		for _, link := range []string{"incident.open", "hold.place", "incident.note", "incident.view", "incident.export", "proofs/" + run + ".zip proves execution:" + run} {
			if !strings.Contains(o.stdout, link) {
				t.Errorf("%s is not in\n%s", link, o.stdout)
			}
		}
		if o.code != 0 {
			t.Errorf("exit %d\n%s%s", o.code, o.stdout, o.stderr)
		}
		if o := w.run(t, nil, "whodid-verify", file, "--key", key, "--about", "incident:evt-other"); o.code != 3 {
			t.Errorf("of another incident: exit %d", o.code)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		forge(t, file, content)
		if o := w.run(t, nil, "whodid-verify", file, "--key", key); o.code != 3 || !strings.Contains(o.stdout, "it was changed") || strings.Contains(o.stdout, run) {
			t.Errorf("forged: exit %d\n%s%s", o.code, o.stdout, o.stderr)
		}
	})
}

// TestIncidentBundleWithholds takes fields out of the bundle of an incident: their
// values are in none of its files, what is left is proved all the same, and the chain
// of custody says what was withheld.
func TestIncidentBundleWithholds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	run := strings.Fields(w.whodid(t, "exec", "start", "--agent", "ops/deployer", "--why", "the quarterly secret", "--trigger", "manual"))[0]
	w.whodid(t, "action", "record", "--execution", run, "--type", "deploy.production", "--target", "hidden-shop", "--result", "success")
	w.whodid(t, "exec", "finish", run, "--status", "success")
	_, rest, _ := strings.Cut(w.whodid(t, "incident", "open", "--at", "1h..now", "--title", "checkout of hidden-shop is down"), "incident\t")
	id, _, _ := strings.Cut(rest, "\n")
	w.whodid(t, "incident", "note", id, "the customer was told")
	key := strings.TrimSpace(w.whodid(t, "log", "key"))
	file := filepath.Join(t.TempDir(), "incident.zip")
	w.whodid(t, "incident", "bundle", id, "-o", file)
	for _, value := range []string{"hidden-shop", "the quarterly secret", "the customer was told", "human:p"} {
		if !bundleHas(t, file, value) {
			t.Errorf("%q is not in the whole bundle: this test can't fail", value)
		}
	}
	w.whodid(t, "incident", "bundle", id, "-o", file, "--withhold", "target,why", "--withhold", "actor,on_behalf_of")
	for _, value := range []string{"hidden-shop", "the quarterly secret", "the customer was told", "human:p"} {
		if bundleHas(t, file, value) {
			t.Errorf("%q was withheld and is in the bundle", value)
		}
	}
	o := w.run(t, nil, "whodid-verify", file, "--key", key, "--about", "incident:"+id)
	if o.code != 0 || !strings.Contains(o.stdout, "withheld      actor, on_behalf_of, target, why:") || !strings.Contains(o.stdout, "(not disclosed)") {
		t.Errorf("exit %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if o := w.run(t, nil, "whodid-verify", file, "--key", key, "--json"); !strings.Contains(o.stdout, `"withheld": [
            "actor",
            "on_behalf_of",`) {
		t.Errorf("the export does not say what it does without:\n%s", o.stdout)
	}
	w.whodid(t, "incident", "bundle", id, "-o", file, "--disclose", "actor")
	if o := w.run(t, nil, "whodid-verify", file, "--key", key); o.code != 0 || !strings.Contains(o.stdout, "withheld      data, on_behalf_of, target, why:") {
		t.Errorf("exit %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	w.mustHold(t)
}

// bundleHas tells whether a text is in any file of a bundle, and of the archives in it.
func bundleHas(t *testing.T, file, text string) bool {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := casefile.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(c.Files, casefile.File{Content: c.Custody}, casefile.File{Content: c.Text}) {
		if strings.Contains(string(f.Content), text) {
			return true
		}
		z, err := zip.NewReader(bytes.NewReader(f.Content), int64(len(f.Content)))
		if err != nil {
			continue
		}
		for _, inner := range z.File {
			r, err := inner.Open()
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(plain), text) {
				return true
			}
		}
	}
	return false
}

// forge writes a bundle in which somebody else did it.
func forge(t *testing.T, file string, content []byte) {
	t.Helper()
	c, err := casefile.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Files {
		if f := &c.Files[i]; f.Name == "incident.txt" {
			f.Content = []byte(strings.ReplaceAll(string(f.Content), "ops/deployer", "ops/innocent"))
		}
	}
	forged, err := c.Archive()
	if err == nil {
		err = os.WriteFile(file, forged, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
