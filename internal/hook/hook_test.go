package hook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/spool"
)

var epoch = time.Date(2026, 11, 23, 10, 30, 0, 0, time.UTC)

// desk is where a hook is called: a home with a trail that has no database.
type desk struct {
	home string
	env  map[string]string
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	home := t.TempDir()
	return &desk{home: home, env: map[string]string{"HOME": home, "WHODID_STORE": filepath.Join(home, "trail", "trail.db")}}
}

func (d *desk) spool() *spool.Spool { return spool.In(filepath.Join(d.home, "trail", "trail.spool")) }

// call calls the hook with that input and returns its exit code and what it
// said.
func (d *desk) call(in io.Reader, change ...func(*hook.Call)) (code int, said string) {
	var stderr bytes.Buffer
	c := hook.Call{
		Stdin: in, Stderr: &stderr, Dir: d.home, Now: func() time.Time { return epoch },
		Env: func(name string) string { return d.env[name] },
	}
	for _, f := range change {
		f(&c)
	}
	return c.Run(), stderr.String()
}

// told empties the spool and returns the events in it.
func (d *desk) told(t testing.TB) (events []whodid.Event) {
	t.Helper()
	err := d.spool().Drain(epoch, func(b spool.Batch) error {
		for _, r := range b.Records {
			events = append(events, r.Events...)
		}
		if b.Torn > 0 {
			return fmt.Errorf("%d records are torn", b.Torn)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func required(c *hook.Call) { c.Required = true }

// payload is a tool call of Claude Code.
const payload = `{"session_id":"bd7e51a9-0087-4997-a510-6860251776cc","transcript_path":"/home/dev/.claude/projects/p/bd7e51a9-0087-4997-a510-6860251776cc.jsonl",` +
	`"cwd":"/home/dev/shop","permission_mode":"default","hook_event_name":"PostToolUse","tool_name":"Read","tool_use_id":"toolu_01","tool_input":{"file_path":"/home/dev/shop/a.go"},"tool_response":{"type":"text"}}`

func TestToolCall(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if code, said := d.call(strings.NewReader(payload)); code != 0 || said != "" {
		t.Fatalf("exit %d: %s", code, said)
	}
	events := d.told(t)
	if len(events) != 1 || events[0].What != "file.read" || events[0].Result != whodid.ResultSuccess {
		t.Errorf("told %+v", events)
	}
}

// gaps are the events that say that something is missing.
func gaps(events []whodid.Event) (n int) {
	for i := range events {
		if events[i].What == "record.gap" {
			n++
		}
	}
	return n
}

// Whatever comes in: no failure that the agent would see, and either an event
// or a gap, but never silence.
func TestBadPayloads(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 50<<20)
	for name, in := range map[string]string{
		"empty":               "",
		"blank":               " \n",
		"cut":                 payload[:len(payload)/2],
		"cut in the event":    `{"session_id":"s","hook_event_name":"PostTo`,
		"no JSON":             "hello",
		"binary":              "\x00\x01\xff\xfe{",
		"null":                "null",
		"a list":              "[1,2,3]",
		"a string":            `"PostToolUse"`,
		"nothing in it":       "{}",
		"an unknown event":    strings.Replace(payload, "PostToolUse", "PostToolDream", 1),
		"no event":            strings.Replace(payload, "hook_event_name", "some_name", 1),
		"no session":          strings.Replace(payload, "session_id", "some_id", 1),
		"numbers for strings": `{"session_id":7,"hook_event_name":"PostToolUse","tool_name":8,"cwd":9,"tool_use_id":1.5,"tool_input":3}`,
		"a number for event":  `{"session_id":"s","hook_event_name":5}`,
		"objects for strings": `{"session_id":{"a":1},"hook_event_name":{"b":2},"tool_name":["x"],"transcript_path":{}}`,
		"deep":                `{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":` + strings.Repeat(`{"a":[`, 50_000),
		"50 MB of input":      `{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Write","tool_use_id":"t","tool_input":{"file_path":"/a","content":"` + large + `"},"tool_response":{}}`,
		"50 MB of command":    `{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Bash","tool_use_id":"t","tool_input":{"command":"` + large + `"},"tool_response":{"stdout":""}}`,
		"50 MB of name":       `{"session_id":"` + large + `","hook_event_name":"PostToolUse"}`,
		"50 MB of nothing":    large,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, change := range []func(*hook.Call){func(*hook.Call) {}, required} {
				d := newDesk(t)
				began := time.Now()
				if code, said := d.call(strings.NewReader(in), change); code != 0 || said != "" {
					t.Errorf("exit %d: %.200s", code, said)
				}
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("it took %s", took)
				}
				events := d.told(t)
				if len(events) == 0 {
					t.Fatal("silence")
				}
				switch name {
				case "50 MB of input", "50 MB of command", "50 MB of name", "numbers for strings":
					continue // what is known of it is recorded
				}
				if gaps(events) == 0 {
					t.Errorf("no gap among %d events: %+v", len(events), events[0])
				}
			}
		})
	}
}

// The environment can be as wrong as the payload.
func TestBadEnvironment(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", " ", "nonsense", "exec-", "../../etc/passwd", "a/b/c", "\x00", strings.Repeat("x", 1<<20), "event(", "é", "'; DROP TABLE event; --"} {
		d := newDesk(t)
		for _, name := range []string{"WHODID_EXECUTION", "WHODID_AGENT", "WHODID_SQUAD", "WHODID_TRIGGER", "CLAUDE_PROJECT_DIR"} {
			d.env[name] = bad
		}
		if code, said := d.call(strings.NewReader(payload), func(c *hook.Call) { c.Agent = bad }); code != 0 || said != "" {
			t.Errorf("%.30q: exit %d: %.200s", bad, code, said)
		}
		events := d.told(t)
		if len(events) != 1 || events[0].What != "file.read" || !whodid.ValidID(events[0].Execution) {
			t.Errorf("%.30q: told %+v", bad, events)
		}
	}
}

func TestAgentOfSession(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flag, env, want string
	}{
		"nobody said":        {"", "", "agent:local/claude-code"},
		"the flag":           {"eng/flag", "", "agent:eng/flag"},
		"the run around":     {"", "eng/run", "agent:eng/run"},
		"the run wins":       {"eng/flag", "eng/run", "agent:eng/run"},
		"a flag that is bad": {"flag", "", "agent:local/claude-code"},
	} {
		d := newDesk(t)
		d.env["WHODID_AGENT"] = test.env
		d.call(strings.NewReader(payload), func(c *hook.Call) { c.Agent = test.flag })
		if events := d.told(t); len(events) != 1 || events[0].Actor != test.want {
			t.Errorf("%s: %+v, want the actor %s", name, events, test.want)
		}
	}
}

// blockedDesk is one whose spool can't be written to, for anybody.
func blockedDesk(t testing.TB) *desk {
	t.Helper()
	d := newDesk(t)
	if err := os.WriteFile(filepath.Join(d.home, "trail"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the pipe broke") }

type panickingReader struct{}

func (panickingReader) Read([]byte) (int, error) { panic("secret-fake-0000") }

// What can't be recorded stops the agent only if it was told to be required.
func TestWhatCanNotBeRecorded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		desk *desk
		in   io.Reader
		env  string
	}{
		"the spool can't be written to": {blockedDesk(t), strings.NewReader(payload), ""},
		"a store that is none":          {newDesk(t), strings.NewReader(payload), "mysql://h/d"},
		"a store with a NUL":            {newDesk(t), strings.NewReader(payload), "/tmp/\x00"},
		"the input breaks":              {newDesk(t), brokenReader{}, ""},
		"the hook itself fails":         {newDesk(t), panickingReader{}, ""},
	} {
		if test.env != "" {
			test.desk.env["WHODID_STORE"] = test.env
		}
		code, said := test.desk.call(test.in)
		if code != 0 || !strings.HasPrefix(said, "whodid: couldn't record this action: ") {
			t.Errorf("%s: exit %d: %q", name, code, said)
		}
		if strings.Contains(said, "secret-fake") {
			t.Errorf("%s: what failed is quoted: %s", name, said)
		}
		if code, _ := test.desk.call(test.in, required); code != 2 {
			t.Errorf("%s, and required: exit %d, want 2", name, code)
		}
	}
}

// Go ends a program that panics with 2, by which a hook refuses the agent's
// action. An error of ours must not do that, and leaves a gap.
func TestPanicIsNoRefusal(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if code, _ := d.call(panickingReader{}); code != 0 {
		t.Errorf("exit %d", code)
	}
	if events := d.told(t); len(events) != 1 || gaps(events) != 1 {
		t.Errorf("told %+v", events)
	}
	// Not even the gap can be made.
	if code, said := d.call(panickingReader{}, func(c *hook.Call) { c.Env = func(string) string { panic("again") } }); code != 0 || said == "" {
		t.Errorf("exit %d: %q", code, said)
	}
}

// The background sync starts when a session is over, and only then.
func TestSyncAtTheEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var synced []string
	sync := func(c *hook.Call) {
		c.Store = filepath.Join(d.home, "trail", "trail.db")
		c.Sync = func(store string) { synced = append(synced, store) }
	}
	d.call(strings.NewReader(payload), sync)
	if len(synced) > 0 {
		t.Error("it syncs after each call")
	}
	transcript := filepath.Join(d.home, "bd7e51a9-0087-4997-a510-6860251776cc.jsonl")
	if err := os.WriteFile(transcript, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	end := strings.Replace(payload, "PostToolUse", "SessionEnd", 1)
	d.call(strings.NewReader(strings.Replace(end, "/home/dev/.claude/projects/p/bd7e51a9-0087-4997-a510-6860251776cc.jsonl", transcript, 1)), sync)
	if len(synced) != 1 || synced[0] != filepath.Join(d.home, "trail", "trail.db") {
		t.Errorf("synced %q", synced)
	}
}

// A transcript's path is kept only if it tells nothing, or if it is there.
func TestTranscriptPath(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for path, kept := range map[string]bool{
		filepath.Join(d.home, ".claude", "projects", "p", "s.jsonl"): true,
		"/srv/agents/s.jsonl":                                             true,
		"/home/canaryperson/.claude/projects/p/s.jsonl":                   false,
		"/srv/canary.person@example.test/s.jsonl":                         false,
		"/srv/canary.person@example.test/" + strings.Repeat("long/", 900): false, // longer than any path: asking for it is no proof that it is there
	} {
		in, err := json.Marshal(map[string]any{"session_id": "s", "hook_event_name": "SessionEnd", "transcript_path": path, "cwd": "/srv", "reason": "other"})
		if err != nil {
			t.Fatal(err)
		}
		if code, said := d.call(bytes.NewReader(in)); code != 0 {
			t.Errorf("exit %d: %s", code, said)
		}
		var transcripts []spool.Transcript
		missing := 0
		err = d.spool().Drain(epoch, func(b spool.Batch) error {
			for _, r := range b.Records {
				transcripts = append(transcripts, r.Transcripts...)
				missing += gaps(r.Events)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if kept != (len(transcripts) == 1) {
			t.Errorf("%.80s: %+v, want it kept: %t", path, transcripts, kept)
		}
		if !kept && missing == 0 && len(path) < 4000 {
			t.Errorf("%.80s: neither kept nor told to be missing", path)
		}
		for _, tr := range transcripts {
			if strings.Contains(tr.Path, d.home) {
				t.Errorf("the home directory is in %s", tr.Path)
			}
		}
	}
}
