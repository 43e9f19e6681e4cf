package gitindex_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/gitindex"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/keys"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/record/recordtest"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// onBoth runs a test on a trail of each engine.
func onBoth(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	testenv.OnBothEngines(t, func(t *testing.T, engine string) { test(t, newWorld(t, engine)) })
}

// world is a trail, and a repository with a person's first commit.
type world struct {
	dir     string
	store   *store.Store
	indexer gitindex.Indexer
	asker   *ask.Asker
	clock   time.Time
}

func newWorld(t *testing.T, engine string) *world {
	t.Helper()
	s := storetest.Open(t, testenv.Trail(t, engine))
	secrets := t.TempDir()
	ring, err := keys.LoadOrCreate(filepath.Join(secrets, "key"), filepath.Join(secrets, "people"), ledger.NewKey)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{dir: t.TempDir(), store: s, clock: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return w.clock }
	redactor, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.indexer = gitindex.Indexer{
		Org: store.DefaultOrg, Store: s, Recorder: recordtest.Open(t, s, store.DefaultOrg, ring.Private, ring.Public, now), Pseudonym: ring.Pseudonym, Now: now,
		Clean: func(s string) string { clean, _ := redactor.Clean(s); return clean },
	}
	w.asker = ask.New(s, store.DefaultOrg, now)
	w.git(t, "init", "-q", "-b", "main")
	w.write(t, "README", "shop\n")
	w.commit(t, "docs: begin")
	return w
}

// git runs git in the repository, a minute later, and returns what it prints.
func (w *world) git(t *testing.T, args ...string) string {
	t.Helper()
	return w.gitWith(t, nil, "", args...)
}

func (w *world) gitWith(t *testing.T, env []string, stdin string, args ...string) string {
	t.Helper()
	w.clock = w.clock.Add(time.Minute)
	date := fmt.Sprintf("%d +0000", w.clock.Unix())
	c := exec.CommandContext(t.Context(), "git", args...)
	c.Dir = w.dir
	c.Env = append(append(os.Environ(), "HOME="+w.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_EDITOR=true", "GIT_SEQUENCE_EDITOR=true",
		"GIT_AUTHOR_NAME=Ada Byron", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada Byron", "GIT_COMMITTER_EMAIL=ada@example.com",
		"GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date), env...)
	c.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		t.Fatalf("git %v: %v\n%s%s", args, err, &stdout, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commit commits everything and returns the commit's id.
func (w *world) commit(t *testing.T, message string) string {
	t.Helper()
	w.git(t, "add", "-A")
	w.gitWith(t, nil, message, "commit", "-q", "-F", "-")
	return w.git(t, "rev-parse", "HEAD")
}

// run is the id of the suite's nth run.
func run(n int) string { return fmt.Sprintf("exec-%016d", n) }

// trailers are the five of the nth run.
func trailers(n int) string {
	return fmt.Sprintf("Agent: engineering/solver-%d\nSquad: engineering\nTrigger: event (issue.labeled)\nExecution: %s\nModel: claude-sonnet-5\n", n, run(n))
}

// agentCommit lets the nth run write a file and commit it: in git, and in the
// trail.
func (w *world) agentCommit(t *testing.T, n int, file, text string) string {
	t.Helper()
	w.clock = w.clock.Add(time.Minute)
	agent := whodid.AgentActor(fmt.Sprintf("engineering/solver-%d", n))
	w.record(t,
		whodid.Event{What: "execution.start", Actor: agent, Execution: run(n), Why: "issue 43", Data: whodid.Data{"trigger": "event", "trigger_detail": "issue.labeled"}},
		whodid.Event{What: "file.write", Actor: agent, Execution: run(n), Target: file, Result: whodid.ResultSuccess},
	)
	w.write(t, file, text)
	id := w.commit(t, fmt.Sprintf("feat: %s of run %d\n\n%s", file, n, trailers(n)))
	w.record(t, whodid.Event{What: "commit.create", Actor: agent, Execution: run(n), Result: whodid.ResultSuccess, Data: whodid.Data{"sha": id[:10]}})
	return id
}

func (w *world) record(t *testing.T, events ...whodid.Event) {
	t.Helper()
	for i := range events {
		events[i].At, events[i].Source = w.clock, "cli"
		events[i].Key = fmt.Sprint(events[i].What, "/", events[i].Execution, "/", w.clock.Unix(), "/", i)
	}
	if _, err := w.indexer.Recorder.RecordValid(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// repo opens the repository that a folder of the world is in.
func (w *world) repo(t *testing.T, dir string) *gitlog.Repository {
	t.Helper()
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(w.dir, dir)
	}
	r, err := gitlog.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// index reads the repository into the trail.
func (w *world) index(t *testing.T, dir string, o gitindex.Options) *gitindex.Result {
	t.Helper()
	res, err := w.indexer.Index(t.Context(), w.repo(t, dir), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// asking asks git and the trail; without the trail it asks git alone.
func (w *world) asking(t *testing.T, trail bool) *ask.Git {
	t.Helper()
	g := &ask.Git{Repo: w.repo(t, ".")}
	if trail {
		g.Trail, g.Pseudonym = w.asker, w.indexer.Pseudonym
	}
	return g
}

// why asks and returns the answer with the ids of its runs.
func (w *world) why(t *testing.T, question string, trail bool) (*ask.Why, []string) {
	t.Helper()
	answer, err := w.asking(t, trail).Why(t.Context(), question, gitlog.BlameOptions{})
	if err != nil {
		t.Fatalf("why %s: %v", question, err)
	}
	var runs []string
	for _, r := range answer.Runs {
		runs = append(runs, r.ExecutionID)
	}
	return answer, runs
}
