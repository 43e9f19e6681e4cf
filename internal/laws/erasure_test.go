package laws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestErasure lets one person leave traces wherever the product keeps any, erases
// them, and searches every byte that is left. Then an older copy of the trail is
// put back: it answers nothing that was erased.
func TestErasure(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		e := &erasure{w: w}
		e.live(t)
		backup := e.backup(t)
		if found := e.find(t); found == 0 {
			t.Fatal("not even before the erasure anything is found: the search does not work")
		}
		if found := w.whodid(t, "search", quaggaWord); found == "" {
			t.Error("before the erasure a search does not find the person")
		}
		// Whoever has the trail open keeps its journal from being removed.
		open := w.open(t)
		if w.engine == "sqlite" {
			if _, err := os.Stat(w.place(t).Path + "-wal"); err != nil {
				t.Errorf("the journal is not there to be searched: %v", err)
			}
		}
		e.erase(t)
		if found := w.whodid(t, "search", quaggaWord); found != "" {
			t.Errorf("a search finds what was erased: %s", found)
		}
		v := w.mustHold(t)
		if !strings.Contains(v.Verdicts["integrity"].Detail, "were erased by request evt-") {
			t.Errorf("verify does not say who erased: %s", v.Verdicts["integrity"].Detail)
		}
		e.mustBeGone(t, "after the erasure")
		if err := open.Close(); err != nil {
			t.Error(err)
		}
		e.provesHold(t)
		e.restore(t, backup)
		o := w.run(t, nil, "whodid", "history", "--verbose", "--json")
		if o.code != 0 || !strings.Contains(o.stderr, "erased again") {
			t.Errorf("the restored copy was not erased again: exit %d\n%s", o.code, o.stderr)
		}
		for _, word := range e.words {
			if strings.Contains(o.stdout, word) {
				t.Errorf("the restored copy answers %q", word)
			}
		}
		e.mustBeGone(t, "in the restored copy")
		for _, p := range w.verify(t).Problems {
			if p.Kind != "rewritten" { // that it was put back is what the pin is for
				t.Errorf("the restored copy: %+v", p)
			}
		}
	})
}

// erasure is the life of one person in a trail.
type erasure struct {
	w         *world
	pseudonym string
	words     []string // by which the person would be found
	sent      int
	bundle    string
	proved    string
}

// The words of the person, which nothing else has.
const (
	quaggaMail = "quagga@zebra.example"
	quaggaWord = "quaggazebra"
)

// live leaves traces of the person by every way in which this user's own
// pseudonym gets into a trail.
func (e *erasure) live(t *testing.T) {
	t.Helper()
	w := e.w
	run := strings.TrimSpace(w.whodid(t, "exec", "start", "--agent", "ops/backup", "--why", mayBeTold))
	w.whodid(t, "action", "record", "--execution", run, "--type", "file.write", "--target", "src/a.go", "--result", "success", "--data", "lines_added=3")
	w.whodid(t, "model", "record", "--execution", run, "--model", "claude-opus-4-1", "--tokens-in", "5", "--tokens-out", "7")
	w.whodid(t, "run", "--agent", "ops/backup", "--", "true")
	decision := w.whodid(t, "memory", "record", "Ask "+quaggaWord, "--subject", "people/"+quaggaWord, "--why", quaggaWord+" knows", "--json")
	_, rest, ok := strings.Cut(decision, `"human:`)
	if !ok {
		t.Fatalf("no pseudonym in %s", decision)
	}
	e.pseudonym, _, _ = strings.Cut(rest, `"`)
	w.whodid(t, "action", "record", "--execution", run, "--type", "issue.comment", "--target", "human:"+e.pseudonym, "--result", "success")
	w.whodid(t, "exec", "tag", run, "owner="+e.pseudonym)
	asked := strings.Fields(w.whodid(t, "approval", "request", "--type", "pr.merge", "--target", "acme/shop#44", "--agent", "ops/backup", "--summary", "for "+quaggaWord))
	w.run(t, nil, "whodid", "approval", "approve", asked[0], "--reason", quaggaWord+" looked")
	w.whodid(t, "privacy", "name", e.pseudonym, "--name", quaggaWord, "--email", quaggaMail)
	w.whodid(t, "exec", "finish", run, "--status", "success")
	e.sent = 16
	e.words = []string{e.pseudonym, quaggaWord, quaggaMail}
	e.hooks(t)
	e.proved = eventID(t, w, "file.write")
	e.bundle = w.whodid(t, "prove", e.proved)
}

// hooks lets hooks tell of the person, and note it for a budget. A crash leaves
// what they told in the spool, though the trail has it.
func (e *erasure) hooks(t *testing.T) {
	t.Helper()
	w := e.w
	rules := filepath.Join(w.dir, ".whodid", "policy.toml")
	put(t, rules, []byte("version = \"1\"\n[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\nloops = 9\n"))
	for _, event := range []string{"PreToolUse", "PostToolUseFailure"} {
		payload := fmt.Sprintf(`{"session_id":"zoo","hook_event_name":%q,"cwd":%q,"tool_name":"Write","tool_use_id":"t1","tool_input":{"file_path":%q},"error":"no"}`,
			event, w.dir, filepath.Join(w.dir, quaggaWord+".go"))
		if o := w.run(t, strings.NewReader(payload), "whodid-hook"); o.code != 0 || o.stdout+o.stderr != "" {
			t.Fatalf("the hook: exit %d\n%s%s", o.code, o.stdout, o.stderr)
		}
	}
	p := w.place(t)
	told, err := os.ReadFile(filepath.Join(p.Spool, "current.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	w.whodid(t, "history")
	put(t, filepath.Join(p.Spool, "segment-00000000000000000001-000.jsonl"), told)
	tallies, err := filepath.Glob(filepath.Join(p.Calls, "*.tally"))
	if err != nil || len(tallies) != 1 {
		t.Fatalf("the sessions that were counted: %v, %v", tallies, err)
	}
	tally, err := os.ReadFile(tallies[0])
	if err != nil {
		t.Fatal(err)
	}
	e.words = append(e.words, strings.Fields(string(tally))[1]) // a digest of verb and target
}

// put writes a file, and the folder that it is in.
func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// eventID is the id of the first action of a kind.
func eventID(t *testing.T, w *world, what string) string {
	t.Helper()
	text := w.whodid(t, "action", "list", "--json")
	i := strings.Index(text, `"`+what+`"`)
	at := strings.LastIndex(text[:max(i, 0)], "{")
	j := strings.Index(text[max(at, 0):], `"evt-`)
	if i < 0 || j < 0 {
		t.Fatalf("no %s in %s", what, text)
	}
	id, _, _ := strings.Cut(text[max(at, 0)+j+1:], `"`)
	return id
}

func (e *erasure) erase(t *testing.T) {
	t.Helper()
	dry := e.w.whodid(t, "privacy", "erase", e.pseudonym, "--dry-run", "--json")
	done := e.w.whodid(t, "privacy", "erase", e.pseudonym, "--reason", quaggaWord+" asked on 3 November", "--yes", "--json")
	for _, count := range []string{"events", "fields", "executions", "names"} {
		if a, b := number(dry, count), number(done, count); a != b || a == "0" {
			t.Errorf("%s: the dry run says %s, the erasure %s", count, a, b)
		}
	}
	if !strings.Contains(done, `"rewritten": true`) {
		t.Errorf("the files were not rewritten: %s", done)
	}
}

// number is the text of a number in JSON as it is printed.
func number(text, name string) string {
	_, rest, _ := strings.Cut(text, `"`+name+`": `)
	n, _, _ := strings.Cut(rest, ",")
	return n
}

// provesHold checks bundles from before and after.
func (e *erasure) provesHold(t *testing.T) {
	t.Helper()
	key := strings.TrimSpace(e.w.whodid(t, "log", "key"))
	for name, bundle := range map[string]string{"before": e.bundle, "after": e.w.whodid(t, "prove", e.proved)} {
		o := e.w.run(t, strings.NewReader(bundle), "whodid-verify", "--key", key, "-")
		if o.code != 0 || name == "after" && !strings.Contains(o.stdout, "erased") {
			t.Errorf("the bundle from %s: exit %d\n%s%s", name, o.code, o.stdout, o.stderr)
		}
	}
}

// places is every byte that the product has on disk.
func (e *erasure) places(t *testing.T) map[string][]byte {
	t.Helper()
	places := map[string][]byte{}
	err := filepath.WalkDir(filepath.Dir(e.w.home), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		places[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if e.w.engine == "postgres" {
		s := &spy{w: e.w}
		s.database(t, places)
	}
	return places
}

func (e *erasure) find(t *testing.T) (found int) {
	t.Helper()
	for _, text := range e.places(t) {
		for _, word := range e.words {
			found += bytes.Count(text, []byte(word))
		}
	}
	return found
}

func (e *erasure) mustBeGone(t *testing.T, when string) {
	t.Helper()
	places := e.places(t)
	size, found := 0, 0
	for name, text := range places {
		size += len(text)
		for _, word := range e.words {
			if i := bytes.Index(text, []byte(word)); i >= 0 {
				found++
				t.Errorf("%s %q is in %s: …%q…", when, word, name, text[max(0, i-120):min(len(text), i+60)])
			}
		}
	}
	t.Logf("%s: %d values of one person were sent in; in %d places with %d KiB %d were found", when, e.sent, len(places), size>>10, found)
}

// backup copies the database as an administrator would.
func (e *erasure) backup(t *testing.T) map[string][]byte {
	t.Helper()
	if e.w.engine == "postgres" {
		name := database(t, e.w.store)
		e.admin(t, fmt.Sprintf(`CREATE DATABASE %s_old TEMPLATE %s`, name, name))
		t.Cleanup(func() {
			// The test's own context is over by now.
			if err := admin(context.Background(), e.w.store, fmt.Sprintf(`DROP DATABASE IF EXISTS %s_old WITH (FORCE)`, name)); err != nil {
				t.Error(err)
			}
		})
		return nil
	}
	files := map[string][]byte{}
	trail := e.w.place(t).Path
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if text, err := os.ReadFile(trail + suffix); err == nil {
			files[trail+suffix] = text
		}
	}
	return files
}

// restore puts the copy in the place of the trail.
func (e *erasure) restore(t *testing.T, files map[string][]byte) {
	t.Helper()
	if e.w.engine == "postgres" {
		name := database(t, e.w.store)
		e.admin(t, fmt.Sprintf(`DROP DATABASE %s WITH (FORCE)`, name))
		e.admin(t, fmt.Sprintf(`ALTER DATABASE %s_old RENAME TO %s`, name, name))
		return
	}
	trail := e.w.place(t).Path
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(trail + suffix)
	}
	for path, text := range files {
		put(t, path, text)
	}
}

func (e *erasure) admin(t *testing.T, statement string) {
	t.Helper()
	if err := admin(t.Context(), e.w.store, statement); err != nil {
		t.Fatal(err)
	}
}

func database(t *testing.T, store string) string {
	t.Helper()
	u, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// admin runs a statement in the server's own database.
func admin(ctx context.Context, address, statement string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	u.Path = "/postgres"
	c, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, statement)
	return errors.Join(err, c.Close(ctx))
}
