package agent

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
)

func TestUnreadablePayloadsAreGaps(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		payload string
		want    []string // kinds of events
		gap     string
	}{
		"empty":               {"", []string{"record.gap"}, gapEmpty},
		"white space":         {" \n\t ", []string{"record.gap"}, gapEmpty},
		"text":                {"hello", []string{"record.gap"}, gapNotObject},
		"array":               {`[{"session_id":"s"}]`, []string{"record.gap"}, gapNotObject},
		"NUL":                 {"\x00", []string{"record.gap"}, gapNotObject},
		"no event":            {`{"session_id":"s"}`, []string{"record.gap"}, gapNoEvent},
		"event is null":       {`{"session_id":"s","hook_event_name":null}`, []string{"record.gap"}, gapNoEvent},
		"event is a sentence": {`{"session_id":"s","hook_event_name":"who did what"}`, []string{"record.gap"}, gapNoEvent},
		"cut before event":    {`{"session_id":"s","transcript_pa`, []string{"record.gap"}, gapCut},
		"no session":          {`{"hook_event_name":"Stop"}`, []string{"record.gap"}, gapNoSession},
		"session is an object": {
			`{"hook_event_name":"SessionStart","session_id":{"a":1}}`,
			[]string{"record.gap"},
			gapNoSession,
		},
		"call without session": {
			`{"hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"/a"},"tool_use_id":"t"}`,
			[]string{"record.gap", "file.read"},
			gapNoSession,
		},
		"cut within the arguments": {
			`{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Write","tool_input":{"file_path":"/a","content":"abc`,
			[]string{"file.write", "record.gap"},
			gapCut,
		},
		"missing comma": {
			`{"session_id":"s","hook_event_name":"PreToolUse" "tool_name":"Write"}`,
			[]string{"tool.call", "record.gap"},
			gapCut,
		},
		"cut, and nothing is missing": {`{"session_id":"s","hook_event_name":"Notification","message":"abc`, nil, ""},
		"byte order mark":             {"\xef\xbb\xbf" + `{"session_id":"s","hook_event_name":"Stop"}`, []string{"turn.complete"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Hook([]byte(tt.payload), surroundings())
			check(t, r.Events)
			var got []string
			for _, e := range r.Events {
				got = append(got, e.What)
				if n, _ := e.Data.Int("bytes"); e.What == "record.gap" && (e.Data.String("reason") != tt.gap || n != int64(len(tt.payload))) {
					t.Errorf("gap tells %v", e.Data)
				}
				if e.Result == whodid.ResultSuccess {
					t.Errorf("%s passes for a success", e.What)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) || r.Gap != tt.gap {
				t.Errorf("got %v with gap %q, want %v with %q", got, r.Gap, tt.want, tt.gap)
			}
		})
	}
}

// Wherever a payload breaks off, what comes of it is valid, claims no success
// and, unless nothing was to be told, says that something is missing.
func TestCutPayloads(t *testing.T) {
	t.Parallel()
	for _, payload := range hookCaptures(t) {
		step := max(1, len(payload)/150)
		for n := 0; n < len(payload); n += step {
			r := Hook(payload[:n], surroundings())
			check(t, r.Events)
			silent := kindOfEvent(read(payload).event) == eventSilent || read(payload).event == "PostToolBatch"
			if r.Gap == "" && !silent {
				t.Fatalf("no gap for %s cut at %d", payload, n)
			}
			for _, e := range r.Events {
				if e.Result == whodid.ResultSuccess && n < len(payload) {
					t.Fatalf("%s passes for a success, cut at %d: %s", e.What, n, payload)
				}
			}
		}
	}
}

// Any byte may be another.
func TestMutatedPayloads(t *testing.T) {
	t.Parallel()
	const noise = "\"\\{}[]:,0n\x00\xff a"
	rng := rand.New(rand.NewPCG(1, 2))
	for _, payload := range hookCaptures(t) {
		for range 60 {
			b := bytes.Clone(payload)
			for range 1 + rng.IntN(4) {
				b[rng.IntN(len(b))] = noise[rng.IntN(len(noise))]
			}
			check(t, Hook(b, surroundings()).Events)
		}
	}
}

func TestOddTypes(t *testing.T) {
	t.Parallel()
	odd := []string{"null", "0", "-1", "1e400", "true", `""`, `"x y"`, "[]", "{}", `[{"a":[1]}]`, `{"name":{"name":1}}`, `"\ud800\u0000"`, "\"\xff\xfe\""}
	names := []string{
		"session_id", "transcript_path", "cwd", "prompt_id", "permission_mode", "agent_id", "agent_type", "source", "reason",
		"model", "tool_name", "tool_input", "tool_use_id", "tool_response", "duration_ms", "error", "is_interrupt",
		"mcp_server", "tool_calls", "agent_transcript_path", "stop_hook_active", "timestamp",
	}
	for _, event := range []string{"SessionStart", "SessionEnd", "Stop", "StopFailure", "SubagentStart", "SubagentStop", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionDenied", "PostToolBatch"} {
		for _, name := range names {
			for _, v := range odd {
				payload := fmt.Sprintf(`{"session_id":"s","hook_event_name":%q,"tool_name":"mcp__a__b","tool_use_id":"t",%q:%s}`, event, name, v)
				check(t, Hook([]byte(payload), surroundings()).Events)
			}
		}
	}
}

func TestForeignIDsAreNotTrusted(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 200)
	p := claude("PreToolUse", tool("Read", object{"file_path": "/a"}), object{
		"session_id": "../../etc passwd", "tool_use_id": long, "agent_id": "<script>", "agent_type": "two words", "permission_mode": "of my own",
	})
	e := only(t, told(t, p))
	for name, s := range map[string]string{"session": e.Session, "call": e.Data.String("call"), "agent_id": e.Data.String("agent_id")} {
		if !strings.HasPrefix(s, "sha256-") || len(s) != len("sha256-")+32 {
			t.Errorf("%s is told as %q", name, s)
		}
	}
	if e.Data.String("permission_mode") != "" {
		t.Errorf("permission mode is told as %q", e.Data.String("permission_mode"))
	}
	p["session_id"], p["tool_use_id"] = long[:MaxID], long[:MaxID]
	delete(p, "agent_id")
	if e := only(t, told(t, p)); len(e.Key) > whodid.MaxKey || !strings.Contains(e.Key, "sha256-") || e.Session != long[:MaxID] {
		t.Errorf("key %q of session %q", e.Key, e.Session)
	}
	s := surroundings()
	s.Execution, s.Agent, s.Trigger, s.Person = "not an id", "no agent", "whim", "agent:a/b"
	r := Hook(encode(t, claude("SessionStart", object{"source": "startup"}, nil)), s)
	check(t, r.Events)
	if e := r.Events[0]; e.Execution != Execution(ClaudeCode, session) || e.Actor != "agent:local/claude-code" || e.OnBehalfOf != "" || e.Data.String("trigger") != "" {
		t.Errorf("surroundings that make no sense are told: %+v", e)
	}
}

// What stands in the place of a time or a count is not kept, whatever it looks
// like.
func TestStampsAreTimes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"2026-11-28T00:53:59.754Z"`: "at-1795827239754", `1795827239754`: "at-1795827239754", `"1795827239754"`: "at-1795827239754",
		`"ghu_secret"`: Moment(at), `"yesterday"`: Moment(at), `{}`: Moment(at), `-5`: Moment(at),
	} {
		r := Hook([]byte(`{"session_id":"s","hook_event_name":"AfterAgent","generation_id":"g","loop_count":"ghu_secret","timestamp":`+text+`}`), surroundings())
		if e := only(t, r); e.Key != SessionKey(Gemini, "s", "turn.complete", want) {
			t.Errorf("%s makes the key %s, want %s", text, e.Key, want)
		}
	}
}

// Size and depth cost time in proportion, and next to no memory.
func TestHugePayloads(t *testing.T) {
	if testing.Short() {
		t.Skip("builds payloads of 50 MB")
	}
	const size = 50 << 20
	head := `{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Write","tool_use_id":"t","tool_input":{"file_path":"/a","content":`
	tail := `},"tool_response":{"type":"create"}}`
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	payloads := map[string]string{
		"content":       head + `"` + fill(`line of text\n`) + `"` + tail,
		"escapes":       head + `"` + fill(`\"\\`) + `"` + tail,
		"backslashes":   head + `"` + fill(`\`),
		"brackets":      head + fill("["),
		"braces":        head + fill(`{"a":`),
		"nested":        head + fill("[")[:size/2] + fill("]")[:size/2] + tail,
		"members":       head + `"x"` + fill(`,"a":1`) + tail,
		"top members":   `{"session_id":"s","hook_event_name":"Stop"` + fill(`,"session_id":"t"`) + "}",
		"command":       `{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Bash","tool_use_id":"t","tool_input":{"command":"` + fill("(") + `"},"tool_response":{"stdout":"` + fill(`x\n`) + `"}}`,
		"failure":       `{"session_id":"s","hook_event_name":"PostToolUseFailure","tool_name":"Bash","tool_use_id":"t","tool_input":{"command":"ls"},"error":"` + fill(`x`) + `"}`,
		"session":       `{"session_id":"` + fill("s") + `","hook_event_name":"Stop"}`,
		"batch":         `{"session_id":"s","hook_event_name":"PostToolBatch","tool_calls":[` + fill(`{"tool_name":"x","tool_response":"<tool_use_error>"},`) + "]}",
		"patch":         `{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Edit","tool_use_id":"t","tool_response":{"structuredPatch":[{"lines":["+a"` + fill(`,"-b"`) + "]}]}}",
		"white space":   fill(" "),
		"not an object": fill("x"),
	}
	for name, payload := range payloads {
		raw := []byte(payload)
		var r Reading
		start := time.Now()
		used := allocated(func() { r = Hook(raw, surroundings()) })
		if took := time.Since(start); took > time.Minute { // that it ends, on a busy machine with the race detector too
			t.Errorf("%s: took %s", name, took)
		}
		if used > 8<<20 {
			t.Errorf("%s: %d bytes allocated", name, used)
		}
		t.Logf("%s: %s, %d bytes", name, time.Since(start), used)
		if len(r.Events) == 0 {
			t.Errorf("%s: nothing is told", name)
		}
		check(t, r.Events)
	}
}

// allocated is how many bytes f allocates, if nothing runs beside it.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
