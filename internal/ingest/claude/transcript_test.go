package claude

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// summary tells events in a line each, as far as they answer what was done, to
// what, and with what result.
func summary(events []whodid.Event) []string {
	var all []string
	for _, e := range events {
		line := strings.TrimSpace(fmt.Sprintf("%s %s %s", e.What, e.Target, e.Result))
		all = append(all, strings.Join(strings.Fields(line), " "))
	}
	return all
}

// sums are what the calls of a model add up to.
type sums struct{ Requests, Input, Output, CacheRead, CacheWrite, CacheWrite1h int64 }

// sumOf adds up model.call events.
func sumOf(events []whodid.Event) sums {
	var s sums
	for _, e := range events {
		if e.What != "model.call" {
			continue
		}
		get := func(name string) int64 { n, _ := e.Data.Int(name); return n }
		s.Requests++
		s.Input += get("input_tokens")
		s.Output += get("output_tokens")
		s.CacheRead += get("cache_read_tokens")
		s.CacheWrite += get("cache_write_tokens")
		s.CacheWrite1h += get("cache_write_1h_tokens")
	}
	return s
}

// countApart counts a transcript with nothing of this package: the last line of
// each message and request, read by encoding/json.
func countApart(t *testing.T, names ...string) sums {
	t.Helper()
	last := map[string]map[string]any{}
	for _, name := range names {
		for _, line := range lines(t, name) {
			var v struct {
				Type, RequestID string
				Message         struct {
					ID    string
					Usage map[string]any
				}
			}
			if err := json.Unmarshal(line, &v); err != nil {
				// A user's message may be a string.
				continue
			}
			if v.Type == "assistant" {
				last[v.Message.ID+" "+v.RequestID] = v.Message.Usage
			}
		}
	}
	var s sums
	for _, u := range last {
		get := func(u map[string]any, name string) int64 { f, _ := u[name].(float64); return int64(f) }
		s.Requests++
		s.Input += get(u, "input_tokens")
		s.Output += get(u, "output_tokens")
		s.CacheRead += get(u, "cache_read_input_tokens")
		s.CacheWrite += get(u, "cache_creation_input_tokens")
		split, _ := u["cache_creation"].(map[string]any)
		s.CacheWrite1h += get(split, "ephemeral_1h_input_tokens")
	}
	return s
}

// checkValid fails the test if the trail would not take the events as they are:
// what is read from a transcript is not trimmed on its way.
func checkValid(t testing.TB, events []whodid.Event) {
	t.Helper()
	for i := range events {
		if err := events[i].Validate(); err != nil {
			t.Errorf("%s: %v", events[i].What, err)
		}
	}
	check(t, events)
}

// transcriptFile reads a transcript in testdata.
func transcriptFile(t testing.TB, name string, ref agent.TranscriptRef) agent.TranscriptReading {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := Transcript(f, ref)
	if err != nil {
		t.Fatal(err)
	}
	checkValid(t, got.Events)
	return got
}

func TestTranscript330(t *testing.T) {
	t.Parallel()
	ref := agent.TranscriptRef{Execution: "exec-7k2m9q4tz8w1c3ab", Session: "1f019263-7565-4fbb-a510-341bddc8c92a", Agent: "engineering/issue-solver"}
	got := transcriptFile(t, "2.1.330/transcript.jsonl", ref)
	want := sums{Requests: 7, Input: 70, Output: 477, CacheRead: 85_800, CacheWrite: 3_370, CacheWrite1h: 2_670}
	if diff := cmp.Diff(want, sumOf(got.Events)); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, countApart(t, "2.1.330/transcript.jsonl")); diff != "" {
		t.Errorf("sums counted apart (-want +got):\n%s", diff)
	}
	wantCalls := []string{"toolu_read1", "toolu_edit1", "toolu_write1", "toolu_fail1", "toolu_deny1", "toolu_test1", "toolu_commit1"}
	if diff := cmp.Diff(wantCalls, got.Calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got.ClientVersion != "2.1.330" || got.Lines != 71 || got.Unreadable != 0 || got.Failed {
		t.Errorf("version %q, %d lines, %d unreadable, failed %t", got.ClientVersion, got.Lines, got.Unreadable, got.Failed)
	}
	e := got.Events[len(got.Events)-1]
	wantEvent := whodid.Event{
		Key: "claude-code/request/req_mock0014", What: "model.call", Actor: "agent:engineering/issue-solver",
		At: time.Date(2026, 11, 23, 14, 16, 44, 602e6, time.UTC), Execution: ref.Execution, Session: ref.Session, Source: "import:claude-code",
		Data: whodid.Data{
			"model": "claude-sonnet-5", "message": "msg_mock0014", "request": "req_mock0014", "input_tokens": int64(10), "output_tokens": int64(74),
			"cache_read_tokens": int64(14_600), "cache_write_tokens": int64(540), "cache_write_1h_tokens": int64(440),
		},
	}
	if diff := cmp.Diff(wantEvent, e); diff != "" {
		t.Errorf("last call (-want +got):\n%s", diff)
	}
	if first := got.First; first.IsZero() || !first.Before(got.Last) || got.Last.Before(e.At) {
		t.Errorf("from %s to %s", got.First, got.Last)
	}
}

// The session of 2.1.197 started two sub-agents, whose requests are in files of
// their own and belong to executions of their own.
func TestTranscriptsWithSubagents(t *testing.T) {
	t.Parallel()
	main := "2.1.197/" + session + ".jsonl"
	ref := sessionRef()
	ref.Path = filepath.Join("testdata", filepath.FromSlash(main))
	own := transcriptFile(t, main, ref)
	files := []string{main}
	all := own.Events

	entries, err := os.ReadDir(agent.SubagentDir(ref.Path))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		id, ok := agent.SubagentID(entry.Name())
		if !ok {
			t.Fatalf("%s is no sub-agent's", entry.Name())
		}
		name := agent.SubagentDir(main) + "/" + entry.Name()
		got := transcriptFile(t, name, ref.Subagent(name, id))
		files = append(files, name)
		all = append(all, got.Events...)
		child := agent.Subagent(agent.ClaudeCode, session, id)
		if len(got.Events) != 2 {
			t.Errorf("sub-agent %s asked %d times, want 2", id, len(got.Events))
		}
		for _, e := range got.Events {
			if e.Execution != child || e.Data.String("agent_id") != id || e.Data.String("run") != ref.Execution {
				t.Errorf("sub-agent %s: %s of %s in %s by %q", id, e.What, e.Execution, e.Data.String("run"), e.Data.String("agent_id"))
			}
		}
	}
	if len(files) != 3 {
		t.Fatalf("read %v, want the session's and two sub-agents'", files)
	}
	want := sums{Requests: 14, Input: 14_047, Output: 607, CacheRead: 70_000, CacheWrite: 4_200}
	if diff := cmp.Diff(want, sumOf(all)); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, countApart(t, files...)); diff != "" {
		t.Errorf("sums counted apart (-want +got):\n%s", diff)
	}
	for _, e := range own.Events {
		if e.Execution != ref.Execution {
			t.Errorf("a call of the session is told of %s", e.Execution)
		}
	}
}

// answer is a line of an answer.
func answerLine(id, request, at string, output int, more string) string {
	return fmt.Sprintf(`{"type":"assistant","timestamp":%q,"requestId":%q,"message":{"id":%q,"model":"claude-opus-4-8","usage":{"input_tokens":3,"output_tokens":%d,"cache_creation":{"ephemeral_1h_input_tokens":4,"ephemeral_5m_input_tokens":2}}}%s}`+"\n",
		at, request, id, output, more)
}

func TestAnswersAreCountedOnce(t *testing.T) {
	t.Parallel()
	text := answerLine("m1", "r1", "2026-11-23T10:00:00Z", 1, "") +
		answerLine("m1", "r1", "2026-11-23T10:00:02Z", 90, "") +
		answerLine("m2", "r2", "2026-11-23T10:00:03Z", 5, "") +
		answerLine("m1", "r1", "2026-11-23T10:00:05Z", 7, "") + // told again, with less
		answerLine("m1", "r9", "2026-11-23T10:00:06Z", 5, "") +
		`{"type":"assistant","timestamp":"2026-11-23T10:00:07Z","message":{"id":"m4","model":"claude-opus-4-8","usage":null}}` + "\n" +
		`{"type":"assistant","timestamp":"2026-11-23T10:00:08Z","message":{"id":"m5","model":"<synthetic>","usage":{"input_tokens":0,"output_tokens":0}}}` + "\n" +
		`{"type":"assistant","uuid":"u6","message":{"model":"x","usage":{"output_tokens":"8"}}}` + "\n"
	got, err := Transcript(strings.NewReader(text), sessionRef())
	if err != nil {
		t.Fatal(err)
	}
	checkValid(t, got.Events)
	var told []string
	for _, e := range got.Events {
		out, known := e.Data.Int("output_tokens")
		told = append(told, fmt.Sprintf("%s %d %t %s", e.Key, out, known, e.At.Format("05")))
	}
	want := []string{
		"claude-code/request/r1 90 true 05", "claude-code/request/r2 5 true 03", "claude-code/request/r9 5 true 06",
		"claude-code/message/m4 0 false 07", // an answer whose usage is not known is no answer of zero tokens
		"claude-code/line/u6 8 true 08",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w, _ := got.Events[0].Data.Int("cache_write_tokens"); w != 6 {
		t.Errorf("cache writes without a total add up to %d, want 6", w)
	}
}

func TestLastAnswerIsAnError(t *testing.T) {
	t.Parallel()
	failure := `{"type":"assistant","timestamp":"2026-11-23T10:00:09Z","isApiErrorMessage":true,"error":"rate_limit","message":{"id":"e1","model":"<synthetic>","content":[{"type":"text","text":"API Error: 429"}],"usage":{"output_tokens":0}}}` + "\n"
	prompt := `{"type":"user","promptId":"prompt-1","timestamp":"2026-11-23T10:00:00Z","message":{"content":"hi"}}` + "\n"
	got, err := Transcript(strings.NewReader(prompt+answerLine("m1", "r1", "2026-11-23T10:00:01Z", 1, "")+failure), sessionRef())
	if err != nil {
		t.Fatal(err)
	}
	checkValid(t, got.Events)
	if len(got.Events) != 2 || !got.Failed {
		t.Fatalf("got %v, failed %t", summary(got.Events), got.Failed)
	}
	e := got.Events[1]
	if e.What != "turn.fail" || e.Data.String("error") != "rate_limit" || e.At.Second() != 9 {
		t.Errorf("got %s %v at %s", e.What, e.Data, e.At)
	}
	// The hook of the same failure tells the same fact.
	told := agent.Hook([]byte(`{"session_id":"`+session+`","transcript_path":"`+sessionFile+`","prompt_id":"prompt-1","hook_event_name":"StopFailure","error":"rate_limit"}`), agent.Surroundings{At: at})
	if len(told.Events) != 1 {
		t.Fatalf("the hook tells %v", summary(told.Events))
	}
	hook := told.Events[0]
	if hook.Key != e.Key || hook.Execution != e.Execution {
		t.Errorf("hook %s of %s, transcript %s of %s", hook.Key, hook.Execution, e.Key, e.Execution)
	}

	for name, text := range map[string]string{
		"answered after all":   prompt + failure + answerLine("m1", "r1", "2026-11-23T10:00:10Z", 1, ""),
		"only in a side chain": prompt + answerLine("m1", "r1", "2026-11-23T10:00:01Z", 1, "") + strings.Replace(failure, "{", `{"isSidechain":true,"agentId":"a1",`, 1),
	} {
		got, err := Transcript(strings.NewReader(text), sessionRef())
		if err != nil || got.Failed || len(got.Events) != 1 {
			t.Errorf("%s: failed %t, events %v, error %v", name, got.Failed, summary(got.Events), err)
		}
	}
}

// Old clients wrote the lines of sub-agents into the session's file.
func TestSidechainsBelongToTheirAgents(t *testing.T) {
	t.Parallel()
	call := func(id string) string { return `"content":[{"type":"tool_use","id":"` + id + `"}],"usage"` }
	text := strings.Replace(answerLine("m1", "r1", "2026-11-23T10:00:00Z", 1, `,"isSidechain":true,"agentId":"a1"`), `"usage"`, call("toolu_a1"), 1) +
		strings.Replace(answerLine("m3", "r3", "2026-11-23T10:00:00Z", 1, ""), `"usage"`, call("toolu_own"), 1) +
		answerLine("m2", "r2", "2026-11-23T10:00:00Z", 1, `,"isSidechain":true`)
	got, err := Transcript(strings.NewReader(text), sessionRef())
	if err != nil || len(got.Events) != 3 {
		t.Fatalf("got %v, error %v", summary(got.Events), err)
	}
	if e := got.Events[0]; e.Execution != agent.Subagent(agent.ClaudeCode, session, "a1") || e.Data.String("agent_id") != "a1" {
		t.Errorf("a1's call is told of %s", e.Execution)
	}
	if diff := cmp.Diff([]string{"toolu_own"}, got.Calls); diff != "" {
		t.Errorf("calls of the session itself (-want +got):\n%s", diff)
	}
	if e := got.Events[2]; e.Execution != sessionRef().Execution {
		t.Errorf("a call of no known sub-agent is told of %s", e.Execution)
	}
}

func TestBrokenLines(t *testing.T) {
	t.Parallel()
	good := answerLine("m1", "r1", "2026-11-23T10:00:00Z", 1, "")
	tests := map[string]struct {
		text              string
		lines, unreadable int
	}{
		"empty":            {"", 0, 0},
		"blank lines":      {"\n\r\n" + good + "\n", 1, 0},
		"no line feed":     {strings.TrimSpace(good), 1, 0},
		"garbage":          {"garbage\n" + good + "\x00\xff\n", 3, 2},
		"cut answer":       {good + good[:len(good)-8] + "\n", 2, 1},
		"cut before type":  {good + `{"message":{"id":"x` + "\n", 2, 1},
		"cut user":         {good + `{"type":"user","message":{"content":"x` + "\n", 2, 0},
		"answer of nobody": {`{"type":"assistant","message":{"usage":{"output_tokens":1}}}`, 1, 1},
		"bad time":         {answerLine("m1", "r1", "the other day", 1, ""), 1, 0},
		"time of a dream":  {answerLine("m1", "r1", "9999-01-01T00:00:00Z", 1, ""), 1, 0},
		"unknown type":     {`{"type":"atis-latch","x":[1,2,{"a":null}]}`, 1, 0},
		"long user":        {`{"type":"user","message":"` + strings.Repeat("x", maxLine) + "\"}\n" + good, 2, 0},
		"long answer":      {`{"type":"assistant","message":"` + strings.Repeat("x", maxLine) + "\"}\n" + good, 2, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Transcript(strings.NewReader(tt.text), sessionRef())
			if err != nil {
				t.Fatal(err)
			}
			checkValid(t, got.Events)
			if got.Lines != tt.lines || got.Unreadable != tt.unreadable {
				t.Errorf("%d lines, %d unreadable, want %d and %d", got.Lines, got.Unreadable, tt.lines, tt.unreadable)
			}
			gaps := 0
			for _, e := range got.Events {
				if e.What == "record.gap" {
					n, _ := e.Data.Int("count")
					gaps += int(n)
				}
			}
			if gaps != tt.unreadable {
				t.Errorf("the gap is of %d lines, want %d", gaps, tt.unreadable)
			}
		})
	}
}

// Without any time nothing can be told, and that is counted.
func TestTranscriptWithoutTimes(t *testing.T) {
	t.Parallel()
	ref := sessionRef()
	ref.At = time.Time{}
	got, err := Transcript(strings.NewReader(answerLine("m1", "r1", "", 1, "")+"garbage\n"), ref)
	if err != nil || len(got.Events) != 0 || got.Unreadable != 2 {
		t.Errorf("%d events, %d unreadable, error %v", len(got.Events), got.Unreadable, err)
	}
}

func TestTranscriptReadError(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	r := io.MultiReader(strings.NewReader(answerLine("m1", "r1", "2026-11-23T10:00:00Z", 1, "")), iotest.ErrReader(broken))
	got, err := Transcript(r, sessionRef())
	if !errors.Is(err, broken) {
		t.Errorf("error = %v", err)
	}
	if len(got.Events) != 1 {
		t.Errorf("what was read before is lost: %v", summary(got.Events))
	}
}

// lineOf is a reader of one endless line.
type lineOf struct{ left int }

func (l *lineOf) Read(b []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	n := min(l.left, len(b))
	for i := range b[:n] {
		b[i] = '['
	}
	l.left -= n
	return n, nil
}

func TestTranscriptMemoryIsBounded(t *testing.T) {
	used := allocated(func() {
		if _, err := Transcript(&lineOf{left: 100 << 20}, sessionRef()); err != nil {
			t.Error(err)
		}
	})
	// The line's buffer grows to its bound step by step.
	if limit := uint64(8 * maxLine); used > limit {
		t.Errorf("%d bytes allocated, want at most %d", used, limit)
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
