//go:build bench

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// served is a server that runs.
type served struct {
	cmd     *exec.Cmd
	address string
	token   string
}

// whodid runs the product on a trail and returns what it printed.
func (b *bench) whodid(ctx context.Context, trail string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, b.program("whodid"), args...)
	c.Dir, c.Env = b.dir, append(b.env(), "WHODID_STORE="+trail)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("couldn't run whodid %s: %w\n%s", args[0], err, stderr.Bytes())
	}
	return out, nil
}

// serve starts a server with a token for its clients.
func (b *bench) serve(ctx context.Context, trail string) (*served, error) {
	out, err := b.whodid(ctx, trail, "token", "create", "--name", "bench", "--role", "recorder", "--json")
	if err != nil {
		return nil, err
	}
	var made struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return nil, fmt.Errorf("couldn't read the token: %w", err)
	}
	s := &served{cmd: exec.CommandContext(ctx, b.program("whodid"), "serve", "--listen", "127.0.0.1:0"), token: made.Token}
	s.cmd.Dir, s.cmd.Env, s.cmd.Stderr = b.dir, append(b.env(), "WHODID_STORE="+trail), os.Stderr
	lines, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("couldn't start the server: %w", err)
	}
	line, err := bufio.NewReader(lines).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the server did not come up: %w", err), s.stop())
	}
	s.address = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	return s, nil
}

func (s *served) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("the server did not stop well: %w", err)
	}
	return nil
}

// memory is what the server has in memory, in MB.
func (s *served) memory() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return kilobytes / 1000, err
}

// source makes requests, each with events of its own.
type source struct {
	path, contentType string
	events            int
	next              func() []byte
}

// sent is what a phase of sending came to.
type sent struct {
	events int
	rate   float64
	took   []float64 // by request, in seconds
	spent  processor // by event
}

// send sends requests for a time, by so many clients, each of which waits for
// its answer. What is sent is made before, as it would be elsewhere.
func (i *ingest) send(ctx context.Context, src *source, clients int, span time.Duration) (*sent, error) {
	const fastest = 60_000 // events a second that are made ready
	requests := make(chan []byte, max(int(span.Seconds()*fastest)/src.events, clients))
	for range cap(requests) {
		requests <- src.next()
	}
	close(requests)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	var (
		all    sync.WaitGroup
		mu     sync.Mutex
		out    = &sent{}
		failed atomic.Pointer[error]
	)
	before, err := i.processor(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for range clients {
		all.Go(func() {
			var took []float64
			for body := range requests {
				start := time.Now()
				if start.Sub(began) > span || failed.Load() != nil {
					break
				}
				if err := i.served.post(ctx, client, src, body); err != nil {
					failed.Store(&err)
					break
				}
				took = append(took, time.Since(start).Seconds())
			}
			mu.Lock()
			defer mu.Unlock()
			out.took = append(out.took, took...)
		})
	}
	all.Wait()
	elapsed := time.Since(began).Seconds()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	out.events = len(out.took) * src.events
	out.rate = float64(out.events) / elapsed
	after, err := i.processor(ctx)
	out.spent = after.since(before, out.events)
	return out, err
}

func (s *served) post(ctx context.Context, client *http.Client, src *source, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address+src.path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", src.contentType)
	r.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("couldn't send: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("couldn't read the answer: %w", err)
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s: status %d: %.300s", src.path, answer.StatusCode, text)
	}
	return nil
}

// serial numbers requests; every one that was made has its own.
var serial atomic.Int64

// placeholder stands in a request for its number, eight digits wide: the
// request is made once, and then only the number changes.
const placeholder = "77000077"

// template makes requests of one that holds the placeholder.
func template(text []byte) func() []byte {
	var at []int
	for from := 0; ; {
		k := bytes.Index(text[from:], []byte(placeholder))
		if k < 0 {
			break
		}
		at = append(at, from+k)
		from += k + len(placeholder)
	}
	return func() []byte {
		out := bytes.Clone(text)
		number := fmt.Sprintf("%08d", serial.Add(1))
		for _, k := range at {
			copy(out[k:], number)
		}
		return out
	}
}

// newOTLP makes log records as Claude Code sends them: ten sessions, in each
// of which fifty calls of tools ended.
func newOTLP(round int) *source {
	const sessions, calls = 10, 50
	logs := plog.NewLogs()
	now := time.Now().Add(time.Duration(round) * time.Second)
	resource := logs.ResourceLogs().AppendEmpty()
	for name, value := range map[string]string{"service.name": "claude-code", "service.version": "2.1.330", "team.id": "platform", "host.arch": "amd64"} {
		resource.Resource().Attributes().PutStr(name, value)
	}
	scope := resource.ScopeLogs().AppendEmpty()
	scope.Scope().SetName("com.anthropic.claude_code.events")
	for s := range sessions {
		session := fmt.Sprintf("5e550000-%04d-4000-8000-0000%s", s, placeholder)
		for n := range calls {
			a := actionsOfRun[n%len(actionsOfRun)]
			l := scope.LogRecords().AppendEmpty()
			at := now.Add(time.Duration(n) * time.Millisecond)
			l.SetTimestamp(pcommon.NewTimestampFromTime(at))
			l.SetObservedTimestamp(pcommon.NewTimestampFromTime(at))
			l.Body().SetStr("claude_code.tool_result")
			attributes := l.Attributes()
			input := fmt.Sprintf(`{"file_path":%q}`, a.target)
			if a.tool == "Bash" {
				input = fmt.Sprintf(`{"command":%q}`, a.target)
			}
			for _, pair := range [][2]string{
				{"session.id", session},
				{"terminal.type", "xterm"},
				{"event.name", "tool_result"},
				{"prompt.id", "9f2b5a3f-3ed6-423b-b2fb-4688b51f4e40"},
				{"tool_name", a.tool},
				{"tool_use_id", fmt.Sprintf("toolu_%02d%02d%s", s, n, placeholder)},
				{"success", "true"},
				{"duration_ms", "23"},
				{"tool_input", input},
				{"tool_input_size_bytes", "46"},
				{"tool_result_size_bytes", "19"},
			} {
				attributes.PutStr(pair[0], pair[1])
			}
		}
	}
	text, err := (&plog.ProtoMarshaler{}).MarshalLogs(logs)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return &source{path: "/v1/logs", contentType: "application/x-protobuf", events: sessions * calls, next: template(text)}
}

// newAPI makes lists of actions, or one action for each request.
func newAPI(round, events int) *source {
	var list []map[string]any
	for n := range events {
		a := actionsOfRun[n%len(actionsOfRun)]
		list = append(list, map[string]any{
			"key": fmt.Sprintf("bench/%d/%s/%d", events, placeholder, n), "actor": "agent:eng/solver", "what": a.what, "target": a.target,
			"at": time.Now().Add(time.Duration(round) * time.Second).UTC(), "result": "success",
			"execution_id": fmt.Sprintf("exec-%04d%s", n/50, placeholder), "session_id": "5e55-" + placeholder,
			"metadata": map[string]any{"call": fmt.Sprintf("toolu_%04d%s", n, placeholder), "tool": a.tool, "duration_ms": 23},
		})
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return &source{path: "/v1/events", contentType: "application/json", events: events, next: template(text)}
}
