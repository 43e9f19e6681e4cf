package install

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each client's hooks go into files of any form, are found there, and leave them
// as they were.
func TestEveryClientsHooks(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"empty":     "{}",
		"versioned": "{\n\t\"version\": 1,\n\t\"hooks\": {}\n}\n",
		"one line":  `{"a":1,"hooks":{"preToolUse":[{"command":"./x"}],"PreToolUse":[{"hooks":[{"type":"command","command":"./y"}]}]},"z":[]}`,
		"Windows":   "{\r\n  \"hooks\": {\r\n    \"Stop\": []\r\n  }\r\n}\r\n",
	}
	for _, c := range Clients() {
		sets := map[string][]Handler{"command": c.Hooks("/opt/my\\ tools/whodid-hook --agent eng/solver", true)}
		if c.Name == "claude-code" {
			sets["http"] = c.HTTPHooks("https://whodid.example/hooks", map[string]string{"Authorization": "Bearer ${T}", "Whodid-Execution": "${E}"}, true)
		}
		for kind, handlers := range sets {
			files["fresh"] = c.Fresh
			for form, text := range files {
				name := c.Name + ", " + kind + ", " + form
				edit, err := Add([]byte(text), handlers)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if !json.Valid(edit.Text) {
					t.Errorf("%s: is no JSON: %s", name, edit.Text)
				}
				found, err := Find(edit.Text)
				if err != nil || len(found) != len(handlers) {
					t.Errorf("%s: %d of %d hooks are found, %v", name, len(found), len(handlers), err)
				}
				if again, err := Add(edit.Text, handlers); err != nil || string(again.Text) != string(edit.Text) {
					t.Errorf("%s: a second time changes it to %s, %v", name, again.Text, err)
				}
				other := c.Hooks("whodid hook", false)
				updated, err := Add(edit.Text, other)
				if err != nil || updated.Removed != len(handlers) {
					t.Errorf("%s: %d of %d hooks are brought up to date, %v", name, updated.Removed, len(handlers), err)
				}
				n := note{Spans: edit.Spans}
				if got := string(n.without(edit.Text)); got != text {
					t.Errorf("%s: without the hooks it is %q", name, got)
				}
				rest, removed, err := Remove(edit.Text)
				if err != nil || removed != len(handlers) {
					t.Errorf("%s: %d of %d hooks are removed, %v", name, removed, len(handlers), err)
				}
				for _, own := range []string{"whodid", "Whodid"} {
					if strings.Contains(string(rest), own) {
						t.Errorf("%s: something is left: %s", name, rest)
					}
				}
				for _, foreign := range []string{"./x", "./y"} {
					if strings.Contains(text, foreign) && !strings.Contains(string(rest), foreign) {
						t.Errorf("%s: %s is gone: %s", name, foreign, rest)
					}
				}
			}
		}
	}
}

// Only what comes before a tool may refuse.
func TestOnlyTheAttemptIsRequired(t *testing.T) {
	t.Parallel()
	for _, c := range Clients() {
		var required []string
		for _, h := range c.Hooks("whodid-hook", true) {
			if strings.HasSuffix(h.Command, " --required") {
				required = append(required, h.Event)
			}
		}
		if len(required) != 1 || !strings.Contains(strings.ToLower(required[0]), "tool") || strings.Contains(strings.ToLower(required[0]), "post") {
			t.Errorf("%s: %v are required", c.Name, required)
		}
	}
}

// A file that was made goes again, with what a client wants in an empty one.
func TestFileComesAndGoes(t *testing.T) {
	t.Parallel()
	for _, c := range Clients() {
		dir := t.TempDir()
		f := File{Path: filepath.Join(dir, "made", "settings.json"), Note: filepath.Join(dir, "note"), Mode: 0o600, Fresh: c.Fresh}
		if out, err := f.Install(c.Hooks("whodid-hook", false), false); err != nil || !out.Created {
			t.Fatalf("%s: %+v, %v", c.Name, out, err)
		}
		text, err := os.ReadFile(f.Path)
		if err != nil || strings.Contains(string(text), `"version": 1`) != strings.Contains(c.Fresh, "version") {
			t.Errorf("%s: %s, %v", c.Name, text, err)
		}
		if out, err := f.Uninstall(false); err != nil || !out.Deleted {
			t.Errorf("%s: %+v, %v", c.Name, out, err)
		}
		if _, err := os.Stat(filepath.Dir(f.Path)); err == nil {
			t.Errorf("%s: the folder is left", c.Name)
		}
	}
}
