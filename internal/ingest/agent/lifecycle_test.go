package agent

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
)

func TestSessionStart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		source   string
		want     []string
		inferred bool
	}{
		{"startup", []string{"execution.start", "session.start"}, false},
		{"clear", []string{"execution.start", "session.start"}, false},
		{"fork", []string{"execution.start", "session.start"}, false},
		{"resume", []string{"execution.start", "session.start"}, true},
		{"compact", []string{"session.start"}, false},
		{"a source of tomorrow", []string{"execution.start", "session.start"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			t.Parallel()
			r := told(t, claude("SessionStart", map[string]any{"source": tt.source, "model": "claude-opus-4-8[1m]", "agent_type": "reviewer"}, nil))
			if diff := cmp.Diff(tt.want, summary(r.Events)); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			if got := r.Events[0].Data.Bool("inferred"); got != tt.inferred {
				t.Errorf("inferred = %t, want %t", got, tt.inferred)
			}
			last := r.Events[len(r.Events)-1]
			if last.Data.String("model") != "claude-opus-4-8[1m]" || last.Data.String("agent_type") != "reviewer" {
				t.Errorf("session.start tells %v", last.Data)
			}
			if len(tt.want) > 1 && r.Events[0].Data.String("agent_type") != "" {
				t.Error("a session that is run as an agent type passes for a sub-agent")
			}
		})
	}
}

// A session that is resumed after its end runs again until it ends again, and
// each of these is told though its payload is the same as before.
func TestResumedSessionEndsAgain(t *testing.T) {
	t.Parallel()
	steps := []struct {
		payload map[string]any
		want    whodid.Status
	}{
		{claude("SessionStart", map[string]any{"source": "startup"}, nil), whodid.StatusRunning},
		{claude("Stop", nil, nil), whodid.StatusRunning},
		{claude("SessionEnd", map[string]any{"reason": "other"}, nil), whodid.StatusSuccess},
		{claude("SessionStart", map[string]any{"source": "resume"}, nil), whodid.StatusRunning},
		{claude("StopFailure", map[string]any{"error": "rate_limit"}, nil), whodid.StatusRunning},
		{claude("SessionEnd", map[string]any{"reason": "other"}, nil), whodid.StatusFailed},
		{claude("SessionStart", map[string]any{"source": "resume"}, nil), whodid.StatusRunning},
		{claude("Stop", map[string]any{"stop_hook_active": true}, nil), whodid.StatusRunning},
		{claude("SessionEnd", map[string]any{"reason": "other"}, nil), whodid.StatusSuccess},
	}
	var events []whodid.Event
	s := surroundings()
	for i, step := range steps {
		s.At = s.At.Add(time.Minute)
		events = append(events, Hook(encode(t, step.payload), s).Events...)
		var x whodid.Execution
		for _, e := range settled(events) {
			x.Apply(&e)
		}
		if x.Status != step.want {
			t.Errorf("after step %d: %s (%s), want %s", i+1, x.Status, x.StatusReason, step.want)
		}
		if x.StartedAt != at.Add(time.Minute) {
			t.Errorf("after step %d: started at %s", i+1, x.StartedAt)
		}
	}
}

func TestTurnFailKeepsAWordOnly(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"rate_limit": "rate_limit", "overloaded": "overloaded",
		"API Error: 401 invalid x-api-key sk-fake": "other", "": "other",
	} {
		e := only(t, told(t, claude("StopFailure", map[string]any{"error": word, "error_details": "secret words"}, nil)))
		if e.What != "turn.fail" || e.Data.String("error") != want {
			t.Errorf("error %q is told as %s %v, want %q", word, e.What, e.Data, want)
		}
	}
}

func TestSessionEndRefersToTranscripts(t *testing.T) {
	t.Parallel()
	r := told(t, claude("SessionEnd", map[string]any{"reason": "prompt_input_exit"}, nil))
	want := &TranscriptRef{
		Client:    ClaudeCode,
		Execution: Execution(ClaudeCode, session), Session: session, Agent: "local/claude-code",
		Path: sessionFile, Subagents: true, At: at,
	}
	if diff := cmp.Diff(want, r.Transcript); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, tt := range []struct{ client, payload, path string }{
		{Codex, `{"session_id":"s","hook_event_name":"SessionEnd","transcript_path":"/x/rollout-1.jsonl"}`, "/x/rollout-1.jsonl"},
		{Gemini, `{"session_id":"s","hook_event_name":"SessionEnd","transcript_path":"/x/.gemini/tmp/p/chats/session-1.jsonl"}`, "/x/.gemini/tmp/p/chats/session-1.jsonl"},
		{Copilot, `{"session_id":"s","hook_event_name":"SessionEnd","timestamp":"2026-11-23T10:00:00Z","reason":"complete"}`, "/home/dev/.copilot/session-state/s/events.jsonl"},
		{Cursor, `{"conversation_id":"s","hook_event_name":"sessionEnd","transcript_path":"/x/.cursor/s.jsonl"}`, ""},
		{Unknown, `{"session_id":"s","hook_event_name":"SessionEnd","transcript_path":"/x/t.txt"}`, ""},
	} {
		r, got := Hook([]byte(tt.payload), surroundings()), TranscriptRef{}
		if r.Transcript != nil {
			got = *r.Transcript
		}
		if got.Path != tt.path || tt.path != "" && (got.Client != tt.client || got.Subagents || got.Agent != "local/claude-code") {
			t.Errorf("%s refers to %+v, want %s", tt.client, got, tt.path)
		}
	}
}

func TestSubagentStop(t *testing.T) {
	t.Parallel()
	file := SubagentDir(sessionFile) + "/agent-a1.jsonl"
	tests := []struct {
		name   string
		fields map[string]any
		want   []string
		ref    bool
	}{
		{"named", map[string]any{"agent_id": "a1", "agent_type": "Explore", "agent_transcript_path": file}, []string{"turn.complete", "execution.finish"}, true},
		{"named by its file", map[string]any{"agent_transcript_path": file}, []string{"turn.complete", "execution.finish"}, true},
		{"not named", map[string]any{"stop_hook_active": false}, []string{"record.gap"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := told(t, claude("SubagentStop", tt.fields, nil))
			if diff := cmp.Diff(tt.want, summary(r.Events)); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			if (r.Transcript != nil) != tt.ref {
				t.Fatalf("transcript = %+v", r.Transcript)
			}
			if !tt.ref {
				return
			}
			child := Subagent(ClaudeCode, session, "a1")
			if r.Events[0].Execution != child || r.Events[1].Execution != child {
				t.Errorf("told of %s, want the child %s", r.Events[0].Execution, child)
			}
			want := TranscriptRef{
				Client:    ClaudeCode,
				Execution: child, Parent: Execution(ClaudeCode, session), Session: session,
				Agent: "local/claude-code", SubagentID: "a1", Path: file, At: at,
			}
			if diff := cmp.Diff(want, *r.Transcript); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Every event of the client either tells something or is known to tell
// nothing; only what nobody knows is a gap.
func TestKnownEventsAreNoGaps(t *testing.T) {
	t.Parallel()
	names := []string{
		"SessionStart", "SessionEnd", "Setup", "UserPromptSubmit", "UserPromptExpansion", "PreToolUse",
		"PermissionRequest", "PermissionDenied", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "Stop",
		"StopFailure", "SubagentStart", "SubagentStop", "PreCompact", "PostCompact", "PreModelSwitch",
		"PostModelSwitch", "Notification", "TaskCreated", "TaskCompleted", "TeammateIdle", "ConfigChange",
		"InstructionsLoaded", "CwdChanged", "DirectoryAdded", "FileChanged", "WorktreeCreate", "WorktreeRemove",
		"Elicitation", "ElicitationResult", "MessageDisplay",
	}
	if len(names) != 33 {
		t.Fatalf("%d events, the client has 33", len(names))
	}
	for _, name := range names {
		if r := told(t, claude(name, map[string]any{"agent_id": "a1"}, nil)); r.Gap != "" {
			t.Errorf("%s: %s", name, r.Gap)
		}
	}
	r := told(t, claude("QuantumEntangled", nil, nil))
	if e := only(t, r); e.What != "record.gap" || e.Actor != whodid.System || e.Data.String("event") != "QuantumEntangled" || r.Gap != gapStrange {
		t.Errorf("an unknown event is told as %s %v (%q)", e.What, e.Data, r.Gap)
	}
}

func TestWithoutALeaseNothingIsRenewed(t *testing.T) {
	t.Parallel()
	s := surroundings()
	s.Lease = 0
	if r := Hook(encode(t, claude("UserPromptSubmit", map[string]any{"prompt": "x"}, nil)), s); len(r.Events) != 0 || r.Gap != "" {
		t.Errorf("got %v, gap %q", summary(r.Events), r.Gap)
	}
}
