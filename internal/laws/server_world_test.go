//go:build unix

package laws

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// served is a server that runs.
type served struct {
	cmd     *exec.Cmd
	address string // http://127.0.0.1:…
	stderr  *safeBuffer
}

// safeBuffer is a buffer that a process writes to while a test reads it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// serve starts a server on the world's trail, and waits until it says that it
// listens.
func (w *world) serve(t testing.TB, args ...string) *served {
	t.Helper()
	s := &served{stderr: new(safeBuffer)}
	s.cmd = exec.CommandContext(t.Context(), filepath.Join(programs, "whodid"), append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stderr = w.dir, w.environment(), s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			s.kill()
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = s.cmd.Wait()
		t.Fatalf("the server did not come up: %v\n%s", err, s.stderr)
	}
	s.address = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	return s
}

// kill ends the server without a word.
func (s *served) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// stop asks the server to end, and expects that it does so well.
func (s *served) stop(t testing.TB) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the server did not stop well: %v\n%s", err, s.stderr)
	}
}

// token makes a token.
func (w *world) token(t testing.TB, name, role string, args ...string) string {
	t.Helper()
	var made struct {
		Token string `json:"token"`
	}
	out := w.whodid(t, append([]string{"token", "create", "--name", name, "--role", role, "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Token == "" {
		t.Fatalf("token: %v\n%s", err, out)
	}
	return made.Token
}

// status asks for a page without a body.
func (s *served) status(path string) int {
	answer, err := (&http.Client{Timeout: 5 * time.Second}).Get(s.address + path)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// load is clients that tell a server events, each again until it is
// acknowledged, as exporters do.
type load struct {
	token string
	// servers are the addresses that it may send to at the moment.
	servers atomic.Pointer[[]string]
	over    chan struct{}
	group   sync.WaitGroup

	mu       sync.Mutex
	acked    map[string]bool
	statuses map[int]int
	wrong    []string
}

func newLoad(token string, servers ...*served) *load {
	l := &load{token: token, over: make(chan struct{}), acked: map[string]bool{}, statuses: map[int]int{}}
	l.sendTo(servers...)
	return l
}

func (l *load) sendTo(servers ...*served) {
	addresses := make([]string, len(servers))
	for i, s := range servers {
		addresses[i] = s.address
	}
	l.servers.Store(&addresses)
}

// start starts the clients. Each sends lists of a few events; the first event of
// each list is one that all clients tell.
func (l *load) start(clients int) {
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	for lane := range clients {
		l.group.Go(func() {
			for n := 0; ; n++ {
				keys := []string{fmt.Sprintf("laws/shared/%d", n), fmt.Sprintf("laws/%d/%d/a", lane, n), fmt.Sprintf("laws/%d/%d/b", lane, n)}
				for try := 0; ; try++ {
					select {
					case <-l.over:
						return
					default:
					}
					addresses := *l.servers.Load()
					if l.send(client, addresses[(lane+n+try)%len(addresses)], keys) {
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
			}
		})
	}
}

// stop ends the clients.
func (l *load) stop() {
	close(l.over)
	l.group.Wait()
}

// count is how many events are acknowledged.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

func (l *load) send(client *http.Client, address string, keys []string) bool {
	type event struct {
		Key    string `json:"key"`
		Actor  string `json:"actor"`
		What   string `json:"what"`
		Target string `json:"target"`
		Result string `json:"result"`
		Run    string `json:"execution_id"`
	}
	events := make([]event, len(keys))
	for i, k := range keys {
		events[i] = event{Key: k, Actor: "agent:ops/load", What: "file.read", Target: "a.go", Result: "success", Run: "exec-load"}
	}
	body, _ := json.Marshal(events) // strings always marshal
	q, err := http.NewRequest(http.MethodPost, address+"/v1/events", bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	q.Header.Set("Authorization", "Bearer "+l.token)
	q.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(q)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.statuses[0]++
		return false
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body) // what is cut off is not 200
	l.statuses[answer.StatusCode]++
	switch {
	case answer.StatusCode/100 == 2:
		for _, k := range keys {
			l.acked[k] = true
		}
		return true
	case answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "":
	default:
		if len(l.wrong) < 5 {
			l.wrong = append(l.wrong, fmt.Sprintf("%d %q: %s", answer.StatusCode, answer.Header.Get("Retry-After"), text))
		}
	}
	return false
}

// settle expects every acknowledged event in the trail, once, every other at
// most once, and a trail that verifies.
func (l *load) settle(t testing.TB, w *world) {
	t.Helper()
	w.mustHold(t)
	s := w.open(t)
	defer s.Close()
	rows, err := s.Events(t.Context(), store.DefaultOrg, store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	told := map[int]string{} // by client, what it told last
	for i := range rows {
		if !strings.HasPrefix(rows[i].Key, "laws/") {
			continue
		}
		times[rows[i].Key]++
		// A client sends the next only once the last is acknowledged, at whatever
		// server: in that order they must be in the log.
		var lane, n int
		var part string
		if _, err := fmt.Sscanf(rows[i].Key, "laws/%d/%d/%s", &lane, &n, &part); err == nil {
			now := fmt.Sprintf("%09d/%s", n, part)
			if now <= told[lane] {
				t.Errorf("%s stands behind %s of the same client", rows[i].Key, told[lane])
			}
			told[lane] = now
		}
	}
	if len(told) == 0 {
		t.Error("no client's order was looked at")
	}
	for key := range l.acked {
		if times[key] == 0 {
			t.Errorf("%s was acknowledged and is lost", key)
		}
	}
	for key, n := range times {
		if n != 1 {
			t.Errorf("%s is in the trail %d times", key, n)
		}
	}
	if len(l.wrong) > 0 {
		t.Errorf("answers that nobody can act on: %q", l.wrong)
	}
	t.Logf("%d events were acknowledged, %d are in the trail, 0 may be lost; the answers: %v", len(l.acked), len(times), l.statuses)
	if len(l.acked) == 0 {
		t.Error("nothing was acknowledged, so nothing was tried")
	}
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("in half a minute not: %s", what)
}
