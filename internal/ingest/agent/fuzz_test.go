package agent

import (
	"encoding/json"
	"strings"
	"testing"
)

func FuzzHook(f *testing.F) {
	for _, payload := range append(hookCaptures(f), samples(f)...) {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		r := Hook(payload, surroundings())
		check(t, r.Events)
		gaps := 0
		for _, e := range r.Events {
			if e.What == "record.gap" {
				gaps++
			}
		}
		if (gaps > 0) != (r.Gap != "") {
			t.Errorf("%d gaps told, but the reading says %q", gaps, r.Gap)
		}
		if again := Hook(payload, surroundings()); len(again.Events) != len(r.Events) {
			t.Error("the same payload tells something else the second time")
		}
	})
}

func FuzzPatch(f *testing.F) {
	f.Add("apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: a\n*** Move to: b\n@@\n-x\n+y\n*** Add File: c\n+z\n*** Delete File: d\n*** End Patch\nEOF")
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range Patch(text) {
			if p.What == "" || p.Added < 0 || p.Removed < 0 || int(p.Added+p.Removed) > len(text) {
				t.Errorf("%+v", p)
			}
			if !strings.Contains(text, p.Path) {
				t.Errorf("the path %q is in no line", p.Path)
			}
		}
		payload, err := json.Marshal(map[string]any{
			"session_id": "s", "turn_id": "u", "hook_event_name": "PostToolUse", "cwd": "/w", "tool_name": "apply_patch", "tool_use_id": "t",
			"tool_input": map[string]string{"command": text}, "tool_response": "Success",
		})
		if err != nil {
			t.Fatal(err)
		}
		check(t, Hook(payload, surroundings()).Events)
	})
}

// Whatever a client says of the end of a command, it is none of a status that is
// not there.
func FuzzEnding(f *testing.F) {
	f.Add("Output: x\nExit Code: 3\nProcess Group PGID: 4")
	f.Add("x\n<shellId: 0 completed with exit code 3>")
	f.Add(`{"exitCode":3,"stdout":"x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, client := range []string{ClaudeCode, Codex, Gemini, Copilot, Cursor, VSCode, Unknown} {
			c := call{response: quoted}
			e := c.ending(client)
			if len(e.stdout) > len(quoted) || e.known && (client == Codex || client == VSCode || client == Unknown) {
				t.Errorf("%s: %+v", client, e)
			}
			if e.known && e.exit == 0 && client == Copilot && !strings.Contains(text, "exit code") {
				t.Errorf("%s: a status out of nowhere", client)
			}
		}
	})
}
