package install

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

var ourServer = Server{Command: "/opt/who did/bin/whodid", Args: []string{"mcp"}}

func registry(t testing.TB, client string) *Registry {
	t.Helper()
	for _, r := range Registries() {
		if r.Client == client {
			return &r
		}
	}
	t.Fatalf("there is no client %s", client)
	return nil
}

// TestServerComesAndGoes puts the server into files of every kind and takes it out: to
// the byte, and with what others wrote untouched in between.
func TestServerComesAndGoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ client, text string }{
		"no file":        {"claude-code", ""},
		"no TOML":        {"codex", ""},
		"empty":          {"gemini", "{}\n"},
		"others":         {"cursor", "{\n\t\"mcpServers\": {\n\t\t\"other\": {\"command\": \"x\"}\n\t}\n}\n"},
		"no servers":     {"claude-code", `{"numStartups": 3, "projects": {"/x": {"mcpServers": {}}}}`},
		"empty servers":  {"copilot", "{\r\n  \"mcpServers\": {}\r\n}"},
		"vscode":         {"vscode", "{\n  \"inputs\": [],\n  \"servers\": {}\n}\n"},
		"TOML":           {"codex", "model = \"gpt-5\"\n\n[mcp_servers.docs]\ncommand = \"docs\"\n\n[features]\nhooks = true\n"},
		"TOML, no end":   {"codex", "model = \"gpt-5\""},
		"TOML, comments": {"codex", "# [mcp_servers.whodid]\ntext = \"\"\"\n[mcp_servers.whodid]\n\"\"\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := registry(t, c.client)
			f := File{Path: filepath.Join(t.TempDir(), "d", "settings"), Note: filepath.Join(t.TempDir(), "note"), Mode: 0o600, Fresh: r.Fresh()}
			if c.text != "" {
				if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(f.Path, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if out, err := f.InstallServer(r, ourServer, true); err != nil || !out.Changed || out.Created != (c.text == "") || readOr(f.Path) != c.text {
				t.Fatalf("dry: %+v, %v", out, err)
			}
			if out, err := f.InstallServer(r, ourServer, false); err != nil || !out.Changed || out.Replaced != 0 {
				t.Fatalf("%+v, %v", out, err)
			}
			text := readOr(f.Path)
			if s, ok, err := r.Find([]byte(text)); err != nil || !ok || s.Command != ourServer.Command || len(s.Args) != 1 {
				t.Fatalf("found %+v, %t, %v in\n%s", s, ok, err, text)
			}
			var valid map[string]any
			if r.key == "" {
				if err := toml.Unmarshal([]byte(text), &valid); err != nil {
					t.Errorf("%v in\n%s", err, text)
				}
			} else if err := json.Unmarshal([]byte(text), &valid); err != nil {
				t.Errorf("%v in\n%s", err, text)
			}
			if out, err := f.InstallServer(r, ourServer, false); err != nil || out.Changed || readOr(f.Path) != text {
				t.Errorf("again: %+v, %v", out, err)
			}
			moved := Server{Command: "/usr/bin/whodid", Args: []string{"mcp", "--agent", "eng/x"}}
			if out, err := f.InstallServer(r, moved, false); err != nil || !out.Changed || out.Replaced != 1 || strings.Contains(readOr(f.Path), "who did") {
				t.Errorf("moved: %+v, %v\n%s", out, err, readOr(f.Path))
			}
			if out, err := f.UninstallServer(r, false); err != nil || !out.Changed || !out.Restored || out.Deleted != (c.text == "") || readOr(f.Path) != c.text {
				t.Errorf("removed: %+v, %v\n%q\n%q", out, err, c.text, readOr(f.Path))
			}
			if out, err := f.UninstallServer(r, false); err != nil || out.Changed {
				t.Errorf("removed twice: %+v, %v", out, err)
			}
		})
	}
}

func readOr(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}

// Somebody edited the file meanwhile: only what is ours goes.
func TestServerAmongEdits(t *testing.T) {
	t.Parallel()
	for client, c := range map[string]struct{ text, rest string }{
		"codex": {
			"[mcp_servers.whodid]\ncommand = \"whodid\"\nargs = [\"mcp\"]\n[mcp_servers.whodid.env]\nA = \"b\"\n\n[tui]\ntheme = \"x\"\n",
			"[tui]\ntheme = \"x\"\n",
		},
		"cursor":      {`{"mcpServers": {"whodid": {"command": "C:\\bin\\whodid.exe", "args": ["mcp"], "env": {}}, "b": {}}}`, `{"mcpServers": {"b": {}}}`},
		"claude-code": {`{"a": 1, "mcpServers": {"whodid": {"command": "whodid", "args": ["--store", "x", "mcp"]}}}`, `{"a": 1}`},
	} {
		rest, n, err := registry(t, client).remove([]byte(c.text))
		if err != nil || n != 1 || string(rest) != c.rest {
			t.Errorf("%s: %q, %d, %v", client, rest, n, err)
		}
	}
}

// What has our name and is not ourServer, and what can't be read, stays.
func TestServerOfOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ client, text, problem string }{
		{"claude-code", `{"mcpServers": {"whodid": {"type": "http", "url": "https://whodid.example/mcp"}}}`, ""},
		{"codex", "[mcp_servers.whodid]\nurl = \"https://whodid.example/mcp\"\n", ""},
		{"cursor", `{"mcpServers": []}`, "not a JSON object"},
		{"vscode", "{\n // a comment\n}", "not valid JSON"},
		{"codex", "model = ", "not valid TOML"},
		{"codex", "mcp_servers = {}\n", "no table can be added"},
	} {
		r := registry(t, c.client)
		edit, err := r.add([]byte(c.text), ourServer)
		if c.problem == "" && (err != nil || string(edit.Text) != c.text) || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s: %q, %v", c.text, edit.Text, err)
		}
		if rest, n, _ := r.remove([]byte(c.text)); n != 0 || rest != nil && string(rest) != c.text {
			t.Errorf("%s: took %d out: %q", c.text, n, rest)
		}
	}
}

func FuzzServer(f *testing.F) {
	f.Add("codex", "[mcp_servers.whodid]\ncommand = \"whodid\"\nargs = [\"mcp\"]\n[a]\n")
	f.Add("cursor", `{"mcpServers": {"whodid": {"command": "whodid", "args": ["mcp"]}}}`)
	f.Add("codex", "a = '''\n[mcp_servers.whodid]\n'''\n")
	f.Fuzz(func(t *testing.T, client, text string) {
		for _, r := range Registries() {
			if r.Client != client {
				continue
			}
			edit, err := r.add([]byte(text), ourServer)
			if err != nil || string(edit.Text) == text {
				return
			}
			if _, ok, err := r.Find(edit.Text); err != nil || !ok {
				t.Fatalf("it is not there: %v in %q", err, edit.Text)
			}
			rest, n, err := r.remove(edit.Text)
			if err != nil {
				return // it says so, and leaves it to a person
			}
			if _, ok, err := r.Find(rest); n != 1 || err != nil || ok {
				t.Fatalf("it is still there: %v in %q", err, rest)
			}
		}
	})
}
