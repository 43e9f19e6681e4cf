//go:build unix

package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// userVariable makes the test program a mere user of a private cluster below the directory it names, to be killed by a test.
const userVariable = "WHODID_TESTENV_USER"

func TestMain(m *testing.M) {
	if base := os.Getenv(userVariable); base != "" {
		if err := useCluster(base); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// useCluster starts a cluster, says where, and then keeps it until it is killed.
func useCluster(base string) error {
	c, err := newCluster(context.Background(), base, 0)
	if err != nil {
		return err
	}
	fmt.Println(c.dir)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	one, two := Postgres(t), Postgres(t)
	if one == two {
		t.Fatal("two calls gave the same database")
	}
	db := connect(t, one)
	if _, err := db.Exec(t.Context(), "CREATE TABLE mine (id int)"); err != nil {
		t.Fatal(err)
	}
	var tables int
	if err := connect(t, two).QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if tables != 0 {
		t.Errorf("a fresh database holds %d tables", tables)
	}
	var fsync, superuser string
	if err := db.QueryRow(t.Context(), "SELECT current_setting('fsync'), current_setting('is_superuser')").Scan(&fsync, &superuser); err != nil {
		t.Fatal(err)
	}
	if fsync != "on" || superuser != "on" {
		t.Errorf("fsync %s, superuser %s; want both on", fsync, superuser)
	}
}

func TestPostgresIsDroppedAtTheEnd(t *testing.T) {
	t.Parallel()
	var address string
	t.Run("inner", func(t *testing.T) { //nolint:paralleltest // its end is waited for
		address = Postgres(t)
		connect(t, address) // still open when the database is dropped, as a leaked pool would be
	})
	_, err := pgx.Connect(t.Context(), address)
	if err == nil || !strings.Contains(err.Error(), "3D000") {
		t.Errorf("connecting to a dropped database: %v, want SQLSTATE 3D000", err)
	}
}

func TestClusterComesBackAfterKill(t *testing.T) {
	t.Parallel()
	c := NewPostgresCluster(t)
	ctx := t.Context()
	db := connect(t, c.URL("postgres"))
	if _, err := db.Exec(ctx, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(context.Context) error{"kill": c.Kill, "stop": c.Stop} {
		if err := end(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := pgx.Connect(ctx, c.URL("postgres")); err == nil {
			t.Fatalf("%s: the server still answers", name)
		}
		if err := c.Start(ctx); err != nil {
			t.Fatalf("start after %s: %v", name, err)
		}
		var id int
		if err := connect(t, c.URL("postgres")).QueryRow(ctx, "SELECT id FROM kept").Scan(&id); err != nil || id != 7 {
			t.Fatalf("after %s: row %d, %v; want 7", name, id, err)
		}
	}
}

func TestKillOfWhatDoesNotRun(t *testing.T) {
	t.Parallel()
	c := &PostgresCluster{dir: t.TempDir()}
	if err := os.Mkdir(c.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	// After a restart of the machine the file names somebody else: us, in this test.
	if err := os.WriteFile(filepath.Join(c.data(), "postmaster.pid"), fmt.Appendln(nil, os.Getpid()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(t.Context()); err == nil {
		t.Error("a server that doesn't run was killed")
	}
	if err := c.Remove(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestClusterGoesWithItsLastUser(t *testing.T) {
	t.Parallel()
	base := clusterDir(t)
	user := exec.CommandContext(t.Context(), os.Args[0])
	user.Env = append(os.Environ(), userVariable+"="+base)
	stdin, err := user.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	out, err := user.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := user.Start(); err != nil {
		t.Fatal(err)
	}
	var dir string
	if _, err := fmt.Fscanln(out, &dir); err != nil {
		t.Fatalf("couldn't learn the cluster's directory: %v", err)
	}
	c := &PostgresCluster{dir: dir}
	server, _, err := c.processes(t.Context())
	if err != nil || server == 0 {
		t.Fatalf("the cluster doesn't run: %v", err)
	}
	if err := user.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = user.Wait() // it was killed; that is its result
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			all, err := processTable(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(all, func(p process) bool { return p.id == server && !p.dead }) {
				t.Error("the directory is gone and the server is not")
			}
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the cluster outlived its only user")
}

func TestSharedClusterIsOne(t *testing.T) {
	t.Parallel()
	base := clusterDir(t)
	current := filepath.Join(base, "current")
	c, err := newCluster(t.Context(), base, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(current, []byte(filepath.Base(c.dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	joined := joinCurrent(t.Context(), base, current)
	if joined == nil || joined.URL("postgres") != c.URL("postgres") {
		t.Fatalf("joined %+v, want the cluster that runs", joined)
	}
	if err := os.Remove(filepath.Join(c.dir, openFile)); err != nil {
		t.Fatal(err)
	}
	if joinCurrent(t.Context(), base, current) != nil {
		t.Error("joined a cluster that is about to go")
	}
	for _, name := range []string{"", "cluster-none", "../" + filepath.Base(base)} {
		if err := os.WriteFile(current, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		if joinCurrent(t.Context(), base, current) != nil {
			t.Errorf("joined %q", name)
		}
	}
}

func TestSweepSparesWhatIsUsed(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for name, pid := range map[string]int{"cluster-used": os.Getpid(), "cluster-left": 0} {
		users := filepath.Join(base, name, usersDir)
		if err := os.MkdirAll(users, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(users, strconv.Itoa(pid)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := sweep(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(base)
	if err != nil || len(entries) != 1 || entries[0].Name() != "cluster-used" {
		t.Errorf("left after the sweep: %v, %v; want cluster-used alone", entries, err)
	}
}

func TestSweepSparesWhatIsBeingMade(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	done := make(chan error)
	go func() {
		for range 200 {
			c, err := reserve(base)
			if err == nil {
				_, err = os.Stat(c.users())
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("a cluster was swept away while it was made: %v", err)
			}
			return
		default:
			if err := sweep(t.Context(), base); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// clusterDir gives a directory for clusters that the server's user may pass through, which t.TempDir does not promise.
func clusterDir(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("", "whodid-testenv-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	if err := os.Chmod(base, 0o711); err != nil {
		t.Fatal(err)
	}
	return base
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's context is over, and what it left of the connection doesn't matter to anybody.
		_ = conn.Close(context.Background())
	})
	return conn
}
