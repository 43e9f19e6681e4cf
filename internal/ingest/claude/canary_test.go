package claude

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/redact/canary"
)

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
			planted.Write(encode(t, canary.Plant(v, "", func(path string) bool {
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
		if found := canary.Leaked(got.Events); found != "" {
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
