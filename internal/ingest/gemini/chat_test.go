package gemini

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/agent/agenttest"
)

var later = agenttest.Written.AddDate(0, 0, 1)

func TestChats(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"chat-0.61.jsonl": {
			"execution.start", "session.start",
			"file.read app.py success", "file.write greet.py success lines_added=2",
			"shell.run python3 failed exit_code=3",                                       // the client says success
			"commit.create c2d928ba01e6d9859cfd082aee46482a57e6e7b4 success exit_code=0", // of zero it says nothing
			"model.call input=2100 output=53 cache_read=3000", "model.call input=2200 output=54 cache_read=3000",
			"model.call input=2300 output=55 cache_read=3000", "model.call input=2400 output=56 cache_read=3000", "model.call input=2500 output=57 cache_read=3000",
			"turn.complete", "session.end", "execution.finish",
		},
		// Without tokens and without the ends of calls both are unknown.
		"chat-simple.jsonl": {
			"execution.start", "session.start", "model.call", "model.call", "model.call", "model.call", "model.call", "turn.complete",
			"file.edit /Users/svarlamov/projects/testing-git/index.ts attempted", "file.read /Users/svarlamov/projects/testing-git/index.ts attempted",
			"file.edit /Users/svarlamov/projects/testing-git/index.ts attempted", "file.read /Users/svarlamov/projects/testing-git/index.ts attempted",
			"session.end", "execution.finish",
		},
	} {
		text := agenttest.File(t, name)
		events, reading := agenttest.Read(t, agent.Gemini, Session, text, 0, later)
		if diff := cmp.Diff(want, agenttest.Brief(events)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if reading.Unreadable != 0 || !reading.Over {
			t.Errorf("%s: %+v", name, reading)
		}
		agenttest.Growing(t, agent.Gemini, Session, text, 89)
	}
}

// TestDocument reads the same session as an old version would have kept it.
func TestDocument(t *testing.T) {
	t.Parallel()
	var messages [][]byte
	seen := map[string]int{}
	for line := range bytes.Lines(agenttest.File(t, "chat-0.61.jsonl")) {
		if line = bytes.TrimSpace(line); !bytes.HasPrefix(line, []byte(`{"id"`)) {
			continue
		}
		id := string(line[:30])
		if at, again := seen[id]; again {
			messages[at] = line
			continue
		}
		seen[id] = len(messages)
		messages = append(messages, line)
	}
	document := []byte("{\n  \"sessionId\": \"e9\",\n \"startTime\":\"2026-11-23T14:18:16.466Z\", \"messages\": [\n" + string(bytes.Join(messages, []byte(",\n"))) + "\n]\n}\n")
	if got := ReadHead(document[:60]); got != "e9" {
		t.Errorf("it is about %q", got)
	}
	want, _ := agenttest.Read(t, agent.Gemini, Session, agenttest.File(t, "chat-0.61.jsonl"), 0, later)
	got, reading := agenttest.Read(t, agent.Gemini, Document, document, 7, later)
	if diff := cmp.Diff(agenttest.Brief(want), agenttest.Brief(got)); diff != "" || reading.Next != int64(len(document)) {
		t.Errorf("%+v (-lines +document):\n%s", reading, diff)
	}
	for _, broken := range []string{"", "{", "[]", `{"messages":[{"type":"gemini"`, strings.Repeat("[", 1<<20)} {
		if _, reading := agenttest.Read(t, agent.Gemini, Document, []byte(broken), 0, later); reading.Requests != 0 {
			t.Errorf("%.20s: %+v", broken, reading)
		}
	}
}

func FuzzChat(f *testing.F) {
	agenttest.Fuzz(f, agent.Gemini, Session, "chat-0.61.jsonl", "chat-simple.jsonl")
}

func FuzzDocument(f *testing.F) {
	agenttest.Fuzz(f, agent.Gemini, Document, "chat-simple.jsonl")
}
