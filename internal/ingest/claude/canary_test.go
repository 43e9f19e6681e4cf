package claude

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// canary is text as content has it: words, and a secret that is none.
const canary = "CANARY of words sk-fake-0000"

// plant puts the canary in place of every string of a JSON value but those to keep.
func plant(v any, path string, keep func(path string) bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, inner := range v {
			out[k] = plant(inner, path+"."+k, keep)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = plant(inner, path+"[]", keep)
		}
		return out
	case string:
		if keep(path) {
			return v
		}
		if strings.HasSuffix(path, ".command") {
			return "echo " + canary // the name of a program may be told
		}
		return canary
	default:
		return v
	}
}

// leaked returns what of the canary is found in the events and in what is to
// be read later.
func leaked(events []whodid.Event) string {
	var b strings.Builder
	for _, e := range events {
		if err := json.NewEncoder(&b).Encode(e); err != nil {
			return err.Error()
		}
	}
	all := b.String()
	for _, word := range []string{"CANARY", "of words", "sk-fake"} {
		if strings.Contains(all, word) {
			return word + " in " + all
		}
	}
	return ""
}

// A transcript gives tokens and ids and nothing else.
func TestNoTranscriptContentComesThrough(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"2.1.330/transcript.jsonl", "2.1.197/" + session + ".jsonl"} {
		var planted bytes.Buffer
		for _, line := range lines(t, name) {
			var v any
			if err := json.Unmarshal(line, &v); err != nil {
				t.Fatal(err)
			}
			planted.Write(encode(t, plant(v, "", func(path string) bool {
				return path == ".type" || path == ".timestamp" || strings.HasSuffix(path, ".id")
			})))
			planted.WriteByte('\n')
		}
		got, err := Transcript(&planted, sessionRef())
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Events) == 0 {
			t.Fatal("nothing is told")
		}
		check(t, got.Events)
		if found := leaked(got.Events); found != "" {
			t.Error(found)
		}
		if strings.Contains(got.ClientVersion+strings.Join(got.Calls, ""), "CANARY") {
			t.Error("the canary came through beside the events")
		}
	}
}

func sessionRef() agent.TranscriptRef {
	return agent.TranscriptRef{
		Client:    agent.ClaudeCode,
		Execution: whodid.DeriveID("exec", "claude-code", session), Session: session, Agent: "local/claude-code",
		Path: sessionFile, Subagents: true, At: at,
	}
}

// encode writes a value as JSON.
func encode(t testing.TB, p any) []byte {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
