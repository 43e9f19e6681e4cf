package install

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// twoHooks are handlers like those that are really installed.
func twoHooks(command string) []Handler {
	return []Handler{
		{Event: "PreToolUse", Matcher: "*", Command: command, Timeout: 10},
		{Event: "Stop", Command: command, Timeout: 10},
	}
}

const program = "/opt/whodid/whodid-hook"

// foreign are settings as people have them, none with a hook of ours.
var foreign = map[string]string{
	"empty object":           "{}",
	"empty object, own line": "{\n}\n",
	"spaces in it":           "{   }",
	"one line":               `{"model":"opus","permissions":{"allow":["Bash(ls:*)"]}}`,
	"two spaces":             "{\n  \"model\": \"opus\"\n}\n",
	"tabs":                   "{\n\t\"model\": \"opus\",\n\t\"hooks\": {\n\t\t\"PreToolUse\": [\n\t\t\t{\"matcher\": \"Bash\", \"hooks\": [{\"type\": \"command\", \"command\": \"echo hi\"}]}\n\t\t],\n\t\t\"Stop\": []\n\t},\n\t\"z\": [1,2]\n}",
	"line ends of Windows":   "{\r\n    \"model\": \"opus\"\r\n}\r\n",
	"empty hooks":            "{\n  \"hooks\": {}\n}\n",
	"null in a list":         `{"hooks":{"Stop":[null, 3, {"hooks": null}]}}`,
	"names twice":            `{"hooks":{"Stop":[]},"hooks":{"Stop":[{"hooks":[]}],"Stop":[]}}`,
	"escapes":                "{\n  \"a\\\"}\": \"\\\\\", \"ho\\u006fks\": {\"Sto\\u0070\": [ ]}\n}",
	"others that look alike": `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"my-whodid-hook"},{"type":"command","command":"echo whodid hook"},{"type":"prompt","command":"whodid-hook"}]}]}}`,
}

// TestAddAndTakeOut checks for many shapes of settings that the hooks come in,
// that nothing else changes, that a second time changes nothing, and that the
// spans are all that was added.
func TestAddAndTakeOut(t *testing.T) {
	t.Parallel()
	for name, before := range foreign {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edit, err := Add([]byte(before), twoHooks(program))
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(edit.Text) {
				t.Fatalf("no JSON any more:\n%s", edit.Text)
			}
			root, err := parseSettings(edit.Text)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(ours(root)); got != 2 {
				t.Errorf("%d hooks are installed, want 2:\n%s", got, edit.Text)
			}
			n := note{Spans: edit.Spans}
			if diff := cmp.Diff(before, string(n.without(edit.Text))); diff != "" {
				t.Errorf("without its spans (-want +got):\n%s", diff)
			}
			again, err := Add(edit.Text, twoHooks(program))
			if err != nil || !bytes.Equal(again.Text, edit.Text) {
				t.Errorf("a second time changed it: %v\n%s", err, again.Text)
			}
			moved, err := Add(edit.Text, twoHooks("'/new place/whodid' hook"))
			if err != nil {
				t.Fatal(err)
			}
			if moved.Removed != 2 || bytes.Contains(moved.Text, []byte(program)) {
				t.Errorf("an older hook stayed:\n%s", moved.Text)
			}
			rest, removed, err := Remove(moved.Text)
			if err != nil || removed != 2 {
				t.Fatalf("%d were removed: %v", removed, err)
			}
			if diff := cmp.Diff(others(t, before), others(t, string(rest))); diff != "" {
				t.Errorf("taken out hook by hook (-want +got):\n%s", diff)
			}
		})
	}
}

// others is what settings mean, without lists and objects that hold nothing:
// those may go along with our hooks.
func others(t *testing.T, settings string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(settings), &v); err != nil {
		t.Fatal(err)
	}
	top, _ := v.(map[string]any)
	hooks, _ := top["hooks"].(map[string]any)
	for event, list := range hooks {
		if groups, ok := list.([]any); ok && len(groups) == 0 {
			delete(hooks, event)
		}
	}
	if len(hooks) == 0 {
		delete(top, "hooks")
	}
	return v
}

// TestAddWritesAsTheFileDoes checks the text that a person will read.
func TestAddWritesAsTheFileDoes(t *testing.T) {
	t.Parallel()
	edit, err := Add([]byte("{\n\t\"model\": \"opus\",\n\t\"hooks\": {\n\t\t\"Stop\": [\n\t\t\t{\"hooks\": []}\n\t\t]\n\t}\n}\n"), twoHooks(program))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
	"model": "opus",
	"hooks": {
		"Stop": [
			{"hooks": []},
			{
				"hooks": [
					{
						"type": "command",
						"command": "/opt/whodid/whodid-hook",
						"timeout": 10
					}
				]
			}
		],
		"PreToolUse": [
			{
				"matcher": "*",
				"hooks": [
					{
						"type": "command",
						"command": "/opt/whodid/whodid-hook",
						"timeout": 10
					}
				]
			}
		]
	}
}
`
	if diff := cmp.Diff(want, string(edit.Text)); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// TestRemoveLeavesOthers takes our handler out of a group that holds another.
func TestRemoveLeavesOthers(t *testing.T) {
	t.Parallel()
	const before = `{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "a"}, {"type": "command", "command": "whodid hook"}, {"type": "command", "command": "b"}]}], "PreToolUse": [{"hooks": [{"type": "command", "command": "\"C:\\\\p f\\\\whodid-hook.exe\" --store x"}]}]}}`
	const want = `{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "a"}, {"type": "command", "command": "b"}]}]}}`
	got, removed, err := Remove([]byte(before))
	if err != nil || removed != 2 {
		t.Fatalf("%d were removed: %v", removed, err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// TestRefuses checks that what is no file of settings is left alone, with a
// reason.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "not valid JSON"},
		{"cut", "{\n  \"a\": 1,\n", "line 3"},
		{"comments", "{ // mine\n}", "not valid JSON"},
		{"a list", "[]", "not a JSON object"},
		{"hooks is text", `{"hooks":"x"}`, `"hooks" is not a JSON object`},
		{"an event is no list", `{"hooks":{"Stop":{}}}`, `"hooks.Stop" is not a list`},
		{"deep", strings.Repeat("[", 100_000), "not valid JSON"},
		{"huge", `{"a":"` + strings.Repeat("x", MaxSettings) + `"}`, "more than settings ever need"},
		{"ours without end", `{"hooks":{"Stop":[` + strings.Repeat(`{"hooks":[{"type":"command","command":"whodid-hook"}]},`, 600) + `null]}}`, "more than 500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Add([]byte(c.text), twoHooks(program))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Add: %v, want an error with %q", err, c.want)
			}
			if _, _, err := Remove([]byte(c.text)); err == nil {
				t.Error("Remove took it")
			}
		})
	}
}

func TestIsOurs(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]bool{
		"whodid-hook":                     true,
		"/usr/bin/whodid-hook --required": true,
		`'/home/dev/my tools/whodid' hook --store 'sqlite:///a b/t.db'`: true,
		`"C:\tools\whodid-hook.exe"`:                                    true,
		`/it\'s\ here/whodid --store x hook`:                            true,
		"whodid history":                                                false,
		"whodid-hooks":                                                  false,
		"echo whodid-hook":                                              false,
		"":                                                              false,
		"'":                                                             false,
		"/opt/whodid-hook/run.sh --log whodid":                          false,
		"whodid-hook.exe.bak --like whodid hook":                        false,
	} {
		if _, got := HookProgram(command); got != want {
			t.Errorf("HookProgram(%q) = %t", command, got)
		}
	}
}

func TestQuoteIsOneWord(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"plain", "/a b/c", "it's", `"`, "", "$HOME", "a\\b", "postgres://u@h/db?sslmode=disable"} {
		if diff := cmp.Diff([]string{word}, shellWords(Quote(word))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", word, diff)
		}
	}
}

// FuzzAdd checks with any text that the result is JSON, that nothing but the
// spans is new, that a second time changes nothing, and that hooks of ours all
// go again.
func FuzzAdd(f *testing.F) {
	for _, text := range foreign {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"whodid-hook"}]}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		edit, err := Add(text, twoHooks(program))
		if err != nil {
			return
		}
		if !json.Valid(edit.Text) {
			t.Fatalf("no JSON any more: %s", edit.Text)
		}
		if edit.Removed == 0 {
			n := note{Spans: edit.Spans}
			if !bytes.Equal(n.without(edit.Text), text) {
				t.Fatalf("something else changed: %s", edit.Text)
			}
		}
		again, err := Add(edit.Text, twoHooks(program))
		if err != nil || !bytes.Equal(again.Text, edit.Text) {
			t.Fatalf("a second time changed it: %v\n%s\n%s", err, edit.Text, again.Text)
		}
		rest, removed, err := Remove(edit.Text)
		if err != nil || removed != 2 {
			t.Fatalf("%d were removed: %v", removed, err)
		}
		if !json.Valid(rest) {
			t.Fatalf("no JSON any more: %s", rest)
		}
	})
}
