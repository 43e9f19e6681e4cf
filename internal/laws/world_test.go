package laws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/keys"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/testenv"
)

// programs is the folder of the programs under test, built once.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "whodid-laws-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		build := exec.CommandContext(ctx, "go", "build", "-o", dir+string(os.PathSeparator), "../../cmd/...")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "couldn't build the programs: %v\n%s", err, out)
			return 1
		}
		programs = dir
		return m.Run()
	}())
}

// world is a user's machine: a home, a repository to work in, and a trail.
type world struct {
	home, dir string
	store     string // the value of WHODID_STORE
	engine    string
	env       []string // beside the usual
}

// onBoth runs a test on both stores.
func onBoth(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	testenv.OnBothEngines(t, func(t *testing.T, engine string) { test(t, newWorld(t, engine)) })
}

func newWorld(t testing.TB, engine string) *world {
	t.Helper()
	root := t.TempDir()
	w := &world{home: filepath.Join(root, "home"), dir: filepath.Join(root, "shop"), engine: engine}
	for _, dir := range []string{w.home, w.dir} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if engine == "postgres" {
		w.store = testenv.Postgres(t)
	} else {
		w.store = "sqlite://" + filepath.ToSlash(filepath.Join(w.home, "trail", "trail.db"))
	}
	w.git(t, "init", "-q", "-b", "main")
	return w
}

// environment is what the programs see: of this process only what finding
// programs needs.
func (w *world) environment() []string {
	return append([]string{
		"HOME=" + w.home, "PATH=" + programs + string(os.PathListSeparator) + os.Getenv("PATH"), "TZ=UTC", "LANG=C.UTF-8",
		"GIT_CONFIG_NOSYSTEM=1", "WHODID_STORE=" + w.store, "TMPDIR=" + os.TempDir(),
	}, w.env...)
}

// getenv looks a variable of that environment up; the last one counts.
func (w *world) getenv(name string) string {
	value := ""
	for _, pair := range w.environment() {
		if rest, ok := strings.CutPrefix(pair, name+"="); ok {
			value = rest
		}
	}
	return value
}

// outcome is what a program did.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs one of the programs under test.
func (w *world) run(t testing.TB, stdin io.Reader, program string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, filepath.Join(programs, program), args...)
	c.Dir, c.Env, c.Stdin = w.dir, w.environment(), stdin
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("couldn't run %s %v: %v", program, args, err)
	}
	return outcome{code: c.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// whodid runs whodid, which must succeed, and returns what it printed.
func (w *world) whodid(t testing.TB, args ...string) string {
	t.Helper()
	o := w.run(t, nil, "whodid", args...)
	if o.code != 0 {
		t.Fatalf("whodid %s: exit %d\n%s%s", strings.Join(args, " "), o.code, o.stdout, o.stderr)
	}
	return o.stdout
}

func (w *world) git(t testing.TB, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "git", args...)
	c.Dir, c.Env = w.dir, w.environment()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// place is where the trail lies.
func (w *world) place(t testing.TB) place.Trail {
	t.Helper()
	p, err := place.Find(w.store, w.dir, w.getenv)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// open opens the trail within this process.
func (w *world) open(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), w.place(t).Location)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// recorder is the trail's recorder, with its own key, within this process.
// close closes the trail.
func (w *world) recorder(t testing.TB) (r *record.Recorder, done func()) {
	t.Helper()
	p, s := w.place(t), w.open(t)
	ring, err := keys.LoadOrCreate(p.SigningKey, p.PeopleKey, ledger.NewKey)
	if err != nil {
		t.Fatal(err)
	}
	log, err := ledger.Open(t.Context(), s, store.DefaultOrg, ring.Private, ring.Public, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cleaner, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return record.New(store.DefaultOrg, log, s, cleaner, time.Now), func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// verification is the part of verify's answer that tests look at.
type verification struct {
	Verdicts map[string]struct{ State, Detail string } `json:"verdicts"`
	TreeSize uint64                                    `json:"tree_size"`
	Waiting  int                                       `json:"waiting"`
	Gaps     int64                                     `json:"gaps"`
	Problems []problem                                 `json:"problems"`
	exit     int
	stderr   string
}

type problem struct {
	Kind        string  `json:"kind"`
	Seq         *uint64 `json:"seq"`
	EventID     string  `json:"event_id"`
	ExecutionID string  `json:"execution_id"`
	Detail      string  `json:"detail"`
}

// verify runs "whodid verify" and reads its answer.
func (w *world) verify(t testing.TB) verification {
	t.Helper()
	o := w.run(t, nil, "whodid", "verify", "--json")
	v := verification{exit: o.code, stderr: o.stderr}
	if err := json.Unmarshal([]byte(o.stdout), &v); err != nil {
		t.Errorf("verify: exit %d, %v\n%s%s", o.code, err, o.stdout, o.stderr)
	}
	return v
}

// mustHold fails the test if the trail does not verify.
func (w *world) mustHold(t testing.TB) verification {
	t.Helper()
	v := w.verify(t)
	if v.exit != 0 || len(v.Problems) > 0 || v.Verdicts["integrity"].State != "proved" {
		t.Fatalf("the trail does not verify: exit %d, integrity %+v, problems %+v\n%s", v.exit, v.Verdicts["integrity"], v.Problems, v.stderr)
	}
	return v
}
