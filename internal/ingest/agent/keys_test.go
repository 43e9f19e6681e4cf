package agent

import (
	"testing"

	"github.com/whodid/whodid"
)

// What a hook tells has the keys and ids that other sources make from the same
// ids.
func TestKeysAreThoseOfHooks(t *testing.T) {
	t.Parallel()
	r := told(t, claude("PreToolUse", bash("git commit -m x && git push origin main"), object{"agent_id": "a1"}))
	if len(r.Events) < 2 {
		t.Fatalf("got %v", summary(r.Events))
	}
	for i, e := range r.Events {
		if want := CallKey(ClaudeCode, session, e.Data.String("call"), i); e.Key != want {
			t.Errorf("part %d has the key %s, want %s", i, e.Key, want)
		}
		if want := Subagent(ClaudeCode, session, "a1"); e.Execution != want {
			t.Errorf("part %d is of %s, want %s", i, e.Execution, want)
		}
	}
	strange := "an id with spaces"
	if CallKey(Codex, strange, strange, 0) != CallKey(Codex, CleanID(strange), CleanID(strange), 0) {
		t.Error("an id that was cleaned makes another key")
	}
	if RequestKey(Codex, "r1", "m1") != RequestKey(Codex, "r1", "") || RequestKey(Codex, "x", "") == RequestKey(Codex, "", "x") {
		t.Error("a request is not known by its id")
	}
	if key := CallKey(Gemini, "s", CallID(Gemini, "t", []byte(`{}`), 0), 3); len(key) > whodid.MaxKey {
		t.Errorf("%s is too long", key)
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	same := []string{
		`{"command":"ls -l","n":[1,2]}`, " {\n \"command\" : \"ls -l\",\t\"n\": [ 1, 2 ] }\n", `"{\"command\": \"ls -l\", \"n\": [1,2]}"`,
	}
	others := []string{`{"command":"ls  -l","n":[1,2]}`, `{"command":"ls -l","n":[12]}`, `{}`, ``, `"`, `{"command":"ls -l`}
	first := Fingerprint(Gemini, "bash", []byte(same[0]))
	for _, s := range same {
		if got := Fingerprint(Gemini, "bash", []byte(s)); got != first {
			t.Errorf("%s has another fingerprint", s)
		}
	}
	for _, s := range others {
		if got := Fingerprint(Gemini, "bash", []byte(s)); got == first {
			t.Errorf("%s has the same fingerprint", s)
		}
	}
	if Fingerprint(Copilot, "bash", []byte(same[0])) != Fingerprint(Copilot, "Bash", []byte(same[0])) {
		t.Error("one tool by two names has two fingerprints")
	}
	if Fingerprint(Gemini, "zsh", []byte(same[0])) == first {
		t.Error("another tool has the same fingerprint")
	}
	if CallID(Copilot, "bash", nil, 0) == CallID(Copilot, "bash", nil, 1) {
		t.Error("two calls have one id")
	}
}
