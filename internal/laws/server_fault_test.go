//go:build unix

package laws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/testenv"
)

// Servers are killed at random moments under load; the clients find another.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		token := w.token(t, "load", "recorder")
		random := rand.New(rand.NewPCG(5, 5))
		s := w.serve(t)
		l := newLoad(token, s)
		l.start(8)
		for range 6 {
			time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
			s.kill()
			s = w.serve(t)
			l.sendTo(s)
		}
		eventually(t, "the last server takes events", func() bool { return l.count() > 50 })
		// The last one is asked to stop, and must not lose what it is at.
		s.stop(t)
		l.stop()
		l.settle(t, w)
	})
}

// Two servers have one database, and are told the same facts at the same time.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "postgres")
	token := w.token(t, "load", "recorder")
	one, two := w.serve(t), w.serve(t)
	l := newLoad(token, one, two)
	l.start(8)
	time.Sleep(time.Second)
	two.kill()
	two = w.serve(t)
	l.sendTo(one, two)
	time.Sleep(time.Second)
	l.stop()
	one.stop(t)
	two.stop(t)
	l.settle(t, w)
}

// The database is restarted, and dies, under load. The server says meanwhile
// that it is not ready, and goes on by itself afterwards.
func TestDatabaseRestarts(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewPostgresCluster(t)
	w := newWorld(t, "sqlite")
	w.store, w.engine = cluster.URL("postgres"), "postgres"
	token := w.token(t, "load", "recorder")
	s := w.serve(t)
	l := newLoad(token, s)
	l.start(8)
	for name, end := range map[string]func() error{
		"stopped": func() error { return cluster.Stop(t.Context()) },
		"killed":  func() error { return cluster.Kill(t.Context()) },
	} {
		before := l.count()
		eventually(t, "events are taken", func() bool { return l.count() > before+20 })
		if err := end(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a server whose database was "+name+" is not ready", func() bool { return s.status("/readyz") == http.StatusServiceUnavailable })
		if got := s.status("/healthz"); got != http.StatusOK {
			t.Errorf("%s: its health is %d, so that it would be started again for nothing", name, got)
		}
		if err := cluster.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is ready again", func() bool { return s.status("/readyz") == http.StatusOK })
		before = l.count()
		eventually(t, "events are taken again", func() bool { return l.count() > before+20 })
	}
	l.stop()
	s.stop(t)
	l.settle(t, w)
	if l.statuses[http.StatusServiceUnavailable] == 0 {
		t.Errorf("no client was told to come again: %v", l.statuses)
	}
}

// Organisations of one server that tell the same keys and ids stay apart.
func TestTenantsApart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		orgs := []string{"default", "b", "../b", "B"}
		tokens := map[string]string{}
		for _, org := range orgs {
			tokens[org] = w.token(t, "load", "recorder", "--org", org)
		}
		s := w.serve(t)
		for i, org := range orgs {
			event := fmt.Sprintf(`{"key":"same","actor":"agent:ops/load","what":"file.read","target":"of-%d.go","result":"success","execution_id":"exec-same"}`, i)
			q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.address+"/v1/events", strings.NewReader(event))
			if err != nil {
				t.Fatal(err)
			}
			q.Header.Set("Authorization", "Bearer "+tokens[org])
			q.Header.Set("Content-Type", "application/json")
			answer, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode/100 != 2 {
				t.Fatalf("%s: status %d", org, answer.StatusCode)
			}
		}
		s.stop(t)
		st := w.open(t)
		defer st.Close()
		origins := map[string]string{}
		for i, org := range orgs {
			rows, err := st.Events(t.Context(), org, store.EventFilter{})
			if err != nil {
				t.Fatal(err)
			}
			var targets []string
			for j := range rows {
				if rows[j].Key == "same" {
					targets = append(targets, rows[j].Target)
				}
			}
			if want := fmt.Sprintf("of-%d.go", i); len(targets) != 1 || targets[0] != want {
				t.Errorf("%q has %v, want %s", org, targets, want)
			}
			log, err := st.Log(t.Context(), org)
			if err != nil {
				t.Fatal(err)
			}
			if other, twice := origins[log.Origin]; twice {
				t.Errorf("%q and %q have one log name", org, other)
			}
			origins[log.Origin] = org
			if o := w.run(t, nil, "whodid", "verify", "--org", org); o.code != 0 {
				t.Errorf("%q does not verify: %s%s", org, o.stdout, o.stderr)
			}
		}
	})
}

// A source whose clock is a year off is believed about when, and the server
// about when it was told; what no clock can mean is refused.
func TestClockOff(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		token := w.token(t, "load", "recorder")
		s := w.serve(t)
		now := time.Now()
		for name, test := range map[string]struct {
			at   time.Time
			want int
		}{
			"a year ahead":     {now.AddDate(1, 0, 0), http.StatusOK},
			"a year behind":    {now.AddDate(-1, 0, 0), http.StatusOK},
			"before computers": {time.Unix(0, 0), http.StatusUnprocessableEntity},
			"in another age":   {now.AddDate(500, 0, 0), http.StatusUnprocessableEntity},
		} {
			body, err := json.Marshal(map[string]any{
				"key": "clock/" + name, "actor": "agent:ops/load", "what": "file.read", "target": "a.go", "result": "success", "execution_id": "exec-" + strings.ReplaceAll(name, " ", "-"), "at": test.at,
			})
			if err != nil {
				t.Fatal(err)
			}
			q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.address+"/v1/events", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			q.Header.Set("Authorization", "Bearer "+token)
			q.Header.Set("Content-Type", "application/json")
			answer, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != test.want {
				t.Errorf("%s: status %d, want %d", name, answer.StatusCode, test.want)
			}
		}
		s.stop(t)
		w.mustHold(t)
		st := w.open(t)
		defer st.Close()
		rows, err := st.Events(t.Context(), store.DefaultOrg, store.EventFilter{})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for i := range rows {
			e := &rows[i].Event
			if strings.HasPrefix(e.Key, "clock/") {
				found++
				if off := e.At.Sub(now).Abs(); off < 300*24*time.Hour || off > 400*24*time.Hour {
					t.Errorf("%s was moved to %s", e.Key, e.At)
				}
				if e.RecordedAt.Sub(now).Abs() > time.Minute {
					t.Errorf("%s was recorded at %s, says the trail", e.Key, e.RecordedAt)
				}
			}
		}
		if found != 2 {
			t.Errorf("%d events were kept, want 2", found)
		}
	})
}

// The disk of a server runs full under load, and has room again later.
func TestServerDiskFull(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t, 16<<20)
	w := newWorld(t, "sqlite")
	w.store = "sqlite://" + filepath.ToSlash(filepath.Join(disk, "trail.db"))
	token := w.token(t, "load", "recorder")
	s := w.serve(t)
	l := newLoad(token, s)
	l.start(4)
	eventually(t, "events are taken", func() bool { return l.count() > 20 })
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	before := l.count()
	eventually(t, "clients are told to come again", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.statuses[http.StatusServiceUnavailable] > 5
	})
	if got := s.status("/healthz"); got != http.StatusOK {
		t.Errorf("its health is %d", got)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, "events are taken again", func() bool { return l.count() > before+20 })
	l.stop()
	s.stop(t)
	l.settle(t, w)
}

// A server takes in what hooks leave in the spool of its machine, without being
// asked anything, and two of them take it in once.
func TestServerDrainsSpool(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.whodid(t, "sync")
		const calls = 20
		for n := range calls {
			if o := w.run(t, strings.NewReader(toolCall(fmt.Sprint("toolu_serve_", n))), "whodid-hook"); o.code != 0 {
				t.Fatalf("the hook: exit %d: %s", o.code, o.stderr)
			}
		}
		one, two := w.serve(t), w.serve(t)
		st := w.open(t)
		defer st.Close()
		told := func() (times int) {
			rows, err := st.Events(t.Context(), store.DefaultOrg, store.EventFilter{})
			if err != nil {
				t.Fatal(err)
			}
			for i := range rows {
				if strings.HasPrefix(rows[i].Data.String("call"), "toolu_serve_") {
					times++
				}
			}
			return times
		}
		eventually(t, "the server has taken in what waited", func() bool { return told() >= calls })
		one.stop(t)
		two.stop(t)
		if got := told(); got != calls {
			t.Errorf("%d calls are in the trail, want %d", got, calls)
		}
		w.mustHold(t)
	})
}

// What containers ask with says whether the server that runs is ready.
func TestProbe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	s := w.serve(t)
	address := strings.TrimPrefix(s.address, "http://")
	if o := w.run(t, nil, "whodid", "serve", "--probe", "--listen", address); o.code != 0 {
		t.Errorf("exit %d: %s", o.code, o.stderr)
	}
	s.stop(t)
	if o := w.run(t, nil, "whodid", "serve", "--probe", "--listen", address); o.code != 1 || !strings.Contains(o.stderr, "couldn't ask the server") {
		t.Errorf("of a server that is gone: exit %d: %s", o.code, o.stderr)
	}
}

// fill takes all the room that there is.
func fill(t testing.TB, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 4 << 10, 512} {
		for block := make([]byte, size); ; {
			if _, err := f.Write(block); err != nil {
				break
			}
		}
	}
}
