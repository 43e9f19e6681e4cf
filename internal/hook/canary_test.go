package hook_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/redact/canary"
)

// content is what agents hand around: words of no shape that a rule could
// find. The schema has no place for them.
var content = []canary.Canary{
	{Kind: "prompt", Text: "Please refactor the quantumfrobnicator of our shop", Must: []string{"quantumfrobnicator"}},
	{Kind: "file body", Text: "package secretplans\n\nconst Plan = \"buy the zanzibarwidget\"\n", Must: []string{"secretplans", "zanzibarwidget"}},
	{Kind: "output", Text: "FAIL: TestWombatcombine (0.00s)\n\twant 7, got marsupialoverflow", Must: []string{"Wombatcombine", "marsupialoverflow"}},
}

// telling are those texts of a canary that no other canary holds as something
// that may be told, such as the name before an address.
func telling(c canary.Canary) []string {
	return slices.DeleteFunc(slices.Clone(c.Must), func(must string) bool {
		return slices.ContainsFunc(canary.All(), func(other canary.Canary) bool {
			return strings.Contains(other.Text, must) &&
				!slices.ContainsFunc(other.Must, func(m string) bool { return strings.Contains(m, must) || strings.Contains(must, m) })
		})
	})
}

// captures are the payloads that real clients sent; see the README beside them.
func captures(t testing.TB) (all [][]byte) {
	t.Helper()
	dir := filepath.Join("..", "ingest", "agent", "testdata")
	for _, name := range []string{"2.1.197/hooks.jsonl", "2.1.330/hooks.jsonl", "2.1.330/http-hooks.jsonl", "other/codex-hooks.jsonl", "other/gemini-hooks.jsonl", "other/copilot-hooks.jsonl", "other/copilot-camel-hooks.jsonl"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			if len(bytes.TrimSpace(line)) > 0 {
				all = append(all, bytes.TrimSpace(line))
			}
		}
	}
	if len(all) < 50 {
		t.Fatalf("only %d captures", len(all))
	}
	return all
}

// plant calls visit with the value once for each string in it, names of
// members among them, that string being replaced by what at gives.
func plant(v any, path string, at func(path, old string) string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, inner := range v {
			out[k] = plant(inner, path+"."+k, at)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = plant(inner, fmt.Sprint(path, "[", i, "]"), at)
		}
		return out
	case string:
		return at(path, v)
	default:
		return v
	}
}

// paths lists where a value has strings.
func paths(v any) (all []string) {
	plant(v, "", func(path, old string) string { all = append(all, path); return old })
	return all
}

// locates reports whether a field tells where something is, which is what the
// trail is for: words in it are names of files.
func locates(path string) bool {
	name := path[strings.LastIndexByte(path, '.')+1:]
	for _, s := range []string{"cwd", "path", "filePath", "file_path", "url", "name", "Path"} {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// TestNoCanaryReachesTheSpool puts every canary into the fields of every
// captured payload, one field at a time and all at once, and then searches the
// bytes of the spool.
func TestNoCanaryReachesTheSpool(t *testing.T) {
	t.Parallel()
	secrets := canary.All()
	d := newDesk(t)
	sent, next := 0, 0
	var must []string
	send := func(v any, c canary.Canary) {
		t.Helper()
		in, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if code, said := d.call(bytes.NewReader(in)); code != 0 {
			t.Fatalf("exit %d: %s\nfor %s", code, said, in)
		}
		sent++
		must = append(must, telling(c)...)
		if sent%25 == 0 {
			search(t, d, must)
			must = must[:0]
		}
	}
	for _, raw := range captures(t) {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		for _, field := range paths(v) {
			next++
			for _, c := range []canary.Canary{secrets[next%len(secrets)], content[next%len(content)]} {
				if c.Kind == content[next%len(content)].Kind && locates(field) {
					continue
				}
				send(plant(v, "", func(path, old string) string {
					switch {
					case path != field:
						return old
					case strings.HasSuffix(path, ".command"):
						return "echo '" + strings.ReplaceAll(c.Text, "'", "") + "'" // the program's name may be told
					default:
						return c.Text
					}
				}), c)
			}
		}
		for i := range 3 {
			c := secrets[(next+i*31)%len(secrets)]
			send(plant(v, "", func(path, old string) string {
				if path == ".hook_event_name" {
					return old
				}
				return c.Text
			}), c)
		}
	}
	search(t, d, must)
	t.Logf("%d payloads with canaries were sent", sent)
	if sent < 1000 {
		t.Error("that is too few to mean something")
	}
}

// search fails if one of the texts is in the bytes of the spool, as it is or
// as JSON writes it, and empties the spool.
func search(t *testing.T, d *desk, must []string) {
	t.Helper()
	dir := d.spool().Dir()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range must {
			escaped, err := json.Marshal(secret)
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range [][]byte{[]byte(secret), escaped[1 : len(escaped)-1]} {
				if i := bytes.Index(text, form); i >= 0 {
					t.Errorf("%q is in the spool: …%s…", secret, text[max(0, i-300):min(len(text), i+len(form)+60)])
				}
			}
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	d.told(t)
}
