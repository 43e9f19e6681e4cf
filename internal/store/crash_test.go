//go:build unix

package store_test

import (
	"bufio"
	"bytes"
	"context"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/proof"
)

// victim is a process that appends until something ends it.
type victim struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	lines  *bufio.Scanner
	// acked is the number of the last action that was acknowledged.
	acked int
}

// key is the signing key of a trail that several processes append to.
type key struct{ private, public string }

func newKey(t testing.TB) key {
	t.Helper()
	private, public, err := proof.GenerateKey("whodid.test/default")
	if err != nil {
		t.Fatal(err)
	}
	return key{private, public}
}

// startVictim starts a process that appends the actions from a number on, and
// returns after its first acknowledgement. A wrapper may run it.
func startVictim(t *testing.T, address string, k key, first int, wrapper ...string) *victim {
	t.Helper()
	v := &victim{cmd: childCommand(t.Context(), "append", address, k.private, k.public, strconv.Itoa(first)), acked: first - 1}
	if len(wrapper) > 0 {
		wrapped := exec.CommandContext(t.Context(), wrapper[0], append(wrapper[1:], v.cmd.Args...)...)
		wrapped.Env = v.cmd.Env
		v.cmd = wrapped
	}
	v.cmd.Stderr = &v.stderr
	stdout, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	v.lines = bufio.NewScanner(stdout)
	if !v.next(t) && len(wrapper) == 0 {
		t.Fatalf("a process that appends ended at once: %v\n%s", v.cmd.Wait(), &v.stderr)
	}
	return v
}

// next reads one acknowledgement.
func (v *victim) next(t *testing.T) bool {
	t.Helper()
	if !v.lines.Scan() {
		return false
	}
	n, err := strconv.Atoi(v.lines.Text())
	if err != nil {
		t.Fatalf("a process that appends said %q", v.lines.Text())
	}
	v.acked = n
	return true
}

// end reads all that was acknowledged until the process was gone.
func (v *victim) end(t *testing.T) error {
	t.Helper()
	for v.next(t) {
	}
	return v.cmd.Wait()
}

// kill ends the process as kill -9 does.
func (v *victim) kill(t *testing.T) {
	t.Helper()
	if err := v.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := v.end(t); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the process ended by itself: %v\n%s", err, &v.stderr)
	}
}

// checkKept proves that every acknowledged action is there, once, in its
// place, and nothing else but what was in flight. It returns how many are.
func checkKept(t *testing.T, s *store.Store, acked, from int) int {
	t.Helper()
	ctx := t.Context()
	head, err := s.Head(ctx, "default")
	if err != nil {
		t.Fatal(err)
	}
	log, err := s.Log(ctx, "default")
	if err != nil {
		t.Fatal(err)
	}
	size := int(head.Frontier.Size())
	if size <= acked {
		t.Fatalf("%d events are there, %d were acknowledged", size, acked+1)
	}
	checkpoint, err := proof.OpenCheckpoint(head.Checkpoint, log.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	root, err := proof.Root(uint64(size), s.Tiles(ctx, "default"))
	if err != nil {
		t.Fatal(err)
	}
	if checkpoint.Size != uint64(size) || checkpoint.Root != root || head.Frontier.Root() != root {
		t.Fatalf("the checkpoint is over %d with the root %s, the tree over %d has %s", checkpoint.Size, checkpoint.Root, size, root)
	}
	events, err := s.Events(ctx, "default", store.EventFilter{AfterSeq: uint64(from)})
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != size-from {
		t.Fatalf("%d events lie from %d on in a log of %d", len(events), from, size)
	}
	for i := range events {
		if want := storetest.Action(from + i).Key; events[i].Key != want || events[i].Seq != uint64(from+i) {
			t.Fatalf("event %d is %s, want %s at %d", events[i].Seq, events[i].Key, want, from+i)
		}
	}
	return size
}

func TestKillSQLite(t *testing.T) {
	t.Parallel()
	rounds := 110
	if testing.Short() {
		rounds = 20
	}
	path := filepath.Join(t.TempDir(), "trail.db")
	open, k := opener(t, path), newKey(t)
	random := rand.New(rand.NewPCG(7, 8))
	reader := open(t)
	size := 0
	for range rounds {
		v := startVictim(t, path, k, size)
		time.Sleep(time.Duration(random.IntN(12_000)) * time.Microsecond)
		v.kill(t)
		size = checkKept(t, reader, v.acked, size)
	}
	// Not only for who had it open all the time.
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if got := len(storetest.Check(t, open(t), "default")); got != size {
		t.Errorf("%d events, want %d", got, size)
	}
	t.Logf("%d kills, %d events", rounds, size)
}

// TestKillOneOfTwo kills one of two processes that tell the same: what the
// other appends meanwhile is kept, and nothing is there twice.
func TestKillOneOfTwo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trail.db")
	open, k := opener(t, path), newKey(t)
	size := 0
	reader := open(t)
	for range 5 {
		one := startVictim(t, path, k, size)
		two := startVictim(t, path, k, size)
		time.Sleep(20 * time.Millisecond)
		one.kill(t)
		time.Sleep(20 * time.Millisecond)
		two.kill(t)
		size = checkKept(t, reader, max(one.acked, two.acked), size)
	}
	if got := len(storetest.Check(t, open(t), "default")); got != size {
		t.Errorf("%d events, want %d", got, size)
	}
}

// awaitQuiet waits until the server has worked off what its clients sent before
// they were killed: a whole append, with its commit, may be on its way.
func awaitQuiet(t *testing.T, address string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	for clients := 1; clients > 0; time.Sleep(time.Millisecond) {
		const q = `SELECT COUNT(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`
		if err := c.QueryRow(t.Context(), q).Scan(&clients); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKillPostgres(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewPostgresCluster(t)
	address := cluster.URL("postgres")
	open, k := opener(t, address), newKey(t)
	random := rand.New(rand.NewPCG(9, 10))
	size := 0
	check := func(v *victim) {
		t.Helper()
		awaitQuiet(t, address)
		s := open(t)
		size = checkKept(t, s, v.acked, size)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	pause := func() { time.Sleep(time.Duration(random.IntN(30_000)) * time.Microsecond) }
	for range 15 { // the client
		v := startVictim(t, address, k, size)
		pause()
		v.kill(t)
		check(v)
	}
	for range 5 { // the client's connection
		v := startVictim(t, address, k, size)
		pause()
		execute(t, address, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`)
		if err := v.end(t); err == nil {
			t.Error("a process whose connection was cut went on as if nothing had happened")
		}
		check(v)
	}
	for range 3 { // the whole server
		v := startVictim(t, address, k, size)
		pause()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := cluster.Kill(ctx); err != nil {
			t.Fatal(err)
		}
		if err := v.end(t); err == nil {
			t.Error("a process whose server was killed went on as if nothing had happened")
		}
		if err := cluster.Start(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		check(v)
	}
	if got := len(storetest.Check(t, open(t), "default")); got != size {
		t.Errorf("%d events, want %d", got, size)
	}
	t.Logf("%d events", size)
}
