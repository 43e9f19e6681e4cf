package gitindex_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/authorship"
	"github.com/whodid/whodid/internal/gitindex"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/store"
)

func TestIncremental(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.agentCommit(t, 1, "a.go", "one\n")
		first := w.index(t, ".", gitindex.Options{})
		if first.Commits != 2 || first.Attributed != 1 || first.Named != 1 || first.Events != 1 || first.Refs != 1 {
			t.Fatalf("the first time: %+v", first)
		}
		if again := w.index(t, ".", gitindex.Options{}); again.Commits != 0 || again.Events != 0 {
			t.Errorf("nothing is new, and yet: %+v", again)
		}
		w.agentCommit(t, 2, "b.go", "two\n")
		w.git(t, "tag", "-a", "v1", "-m", "one")
		if next := w.index(t, ".", gitindex.Options{}); next.Commits != 1 || next.Events != 1 {
			t.Errorf("one commit later: %+v", next)
		}
		// What was seen is gone, even from the object store.
		w.git(t, "tag", "-d", "v1")
		w.git(t, "reset", "-q", "--hard", "HEAD~2")
		w.git(t, "reflog", "expire", "--expire=now", "--all")
		w.git(t, "gc", "-q", "--prune=now")
		w.agentCommit(t, 3, "c.go", "three\n")
		if gone := w.index(t, ".", gitindex.Options{}); gone.Events != 1 {
			t.Errorf("after a rewritten history: %+v", gone)
		}
		before := w.events(t)
		if rebuilt := w.index(t, ".", gitindex.Options{Rebuild: true}); rebuilt.Commits != 2 || rebuilt.Events != 0 {
			t.Errorf("rebuilt: %+v", rebuilt)
		}
		if after := w.events(t); after != before {
			t.Errorf("to rebuild the index added %d events", after-before)
		}
		list, err := w.asker.Commits(t.Context(), ask.CommitFilter{})
		if err != nil || len(list.Commits) != 2 {
			t.Errorf("the rebuilt index has %d commits, %v; want those that are there, 2", len(list.Commits), err)
		}
	})
}

// events counts the events of commits.
func (w *world) events(t *testing.T) int {
	t.Helper()
	rows, err := w.store.Events(t.Context(), store.DefaultOrg, store.EventFilter{What: "commit.attribute"})
	if err != nil {
		t.Fatal(err)
	}
	return len(rows)
}

// TestClones indexes one history from a bare clone, a linked working tree and a
// clone with an origin of its own.
func TestClones(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.agentCommit(t, 1, "a.go", "one\n")
		res := w.index(t, ".", gitindex.Options{})
		if !strings.HasPrefix(res.Repository, "root/") || strings.Contains(res.Repository, w.dir) {
			t.Errorf("without an origin it is called %s", res.Repository)
		}
		w.git(t, "clone", "-q", "--bare", ".", "bare.git")
		if bare := w.index(t, "bare.git", gitindex.Options{}); bare.Repository != res.Repository || bare.Commits != 0 {
			t.Errorf("a bare clone is another repository: %+v", bare)
		}
		w.git(t, "worktree", "add", "-q", "-b", "topic", "linked")
		if linked := w.index(t, "linked", gitindex.Options{}); linked.Repository != res.Repository || linked.Commits != 0 {
			t.Errorf("a linked working tree is another repository: %+v", linked)
		}
		w.git(t, "remote", "add", "origin", "https://ada:fake-password@Git.Example.com:8443/acme/shop.git")
		named := w.index(t, ".", gitindex.Options{})
		if named.Repository != "git.example.com/acme/shop" || named.Commits != 2 {
			t.Errorf("with an origin: %+v", named)
		}
		bare := &ask.Git{Repo: w.repo(t, "bare.git"), Trail: w.asker}
		answer, err := bare.Why(t.Context(), "a.go:1", gitlog.BlameOptions{})
		if err != nil || len(answer.Runs) != 1 || answer.Runs[0].ExecutionID != run(1) {
			t.Errorf("why in a bare clone: %+v, %v", answer, err)
		}
		linked := &ask.Git{Repo: w.repo(t, "linked"), Trail: w.asker}
		if answer, err = linked.Why(t.Context(), "a.go:1", gitlog.BlameOptions{}); err != nil || len(answer.Runs) != 1 {
			t.Errorf("why in a linked working tree: %+v, %v", answer, err)
		}
		// A shallow clone without a name of its own can't be told from others.
		w.git(t, "clone", "-q", "--depth=1", "file://"+w.dir, "shallow")
		if _, err := w.indexer.Index(t.Context(), w.repo(t, "shallow"), gitindex.Options{}); err == nil {
			t.Error("a shallow clone without an origin was indexed under some name")
		}
		if shallow := w.index(t, "shallow", gitindex.Options{Name: "git.example.com/acme/cut"}); !shallow.Shallow || shallow.Commits != 1 {
			t.Errorf("a shallow clone: %+v", shallow)
		}
	})
}

func TestNoAgents(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.write(t, "a.go", "one\n")
		w.commit(t, "feat: by hand (#7)")
		res := w.index(t, ".", gitindex.Options{})
		if res.Commits != 2 || res.Attributed != 0 || res.Events != 0 {
			t.Errorf("%+v", res)
		}
		stats, err := w.asking(t, true).Stats(t.Context(), ask.CommitFilter{}, ask.StatsOptions{Lines: true})
		if err != nil {
			t.Fatal(err)
		}
		if stats.Commits.ByKind["human"] != 2 || stats.Commits.Total != 2 || stats.Lines.Total != 2 || stats.Lines.ByKind["human"] != 2 {
			t.Errorf("stats %+v, lines %+v", stats.Commits, stats.Lines)
		}
		answer, runs := w.why(t, "#7", true)
		if len(runs) != 0 || len(answer.Commits) != 1 || answer.Commits[0].Kind != "human" {
			t.Errorf("%+v", answer)
		}
	})
}

func TestNoCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	w.git(t, "init", "-q", "empty")
	if _, err := w.indexer.Index(t.Context(), w.repo(t, "empty"), gitindex.Options{}); !errors.Is(err, gitlog.ErrNoCommit) {
		t.Errorf("an empty repository: %v", err)
	}
	if _, err := gitlog.Open(t.Context(), t.TempDir()); !errors.Is(err, gitlog.ErrNoRepository) {
		t.Errorf("no repository: %v", err)
	}
}

// TestNothingPersonal looks for names, addresses, words and secrets of messages
// everywhere in the trail.
func TestNothingPersonal(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		const secret = "ghp_F4k3F4k3F4k3F4k3F4k3F4k3F4k3F4k3F4k3"
		w.write(t, "keys/"+secret+".txt", "x\n")
		w.commit(t, "feat: wordofthesubject\n\nwordofthebody\n\nAgent: engineering/solver\nSquad: engineering\nTrigger: event ("+secret+")\nExecution: "+run(1)+
			"\nModel: "+secret+"\nAssisted-by: Grace Hopper <grace@example.com>\nCo-authored-by: Claude <noreply@anthropic.com>\nSigned-off-by: Ada Byron <ada@example.com>\n")
		w.index(t, ".", gitindex.Options{})
		rows, err := w.store.Events(t.Context(), store.DefaultOrg, store.EventFilter{})
		if err != nil {
			t.Fatal(err)
		}
		commits, err := w.store.Commits(t.Context(), store.DefaultOrg, store.CommitFilter{})
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) < 2 || len(commits) != 2 {
			t.Fatalf("%d events, %d commits", len(rows), len(commits))
		}
		var all strings.Builder
		for i := range rows {
			fmt.Fprintf(&all, "%+v %s\n", rows[i].Event, rows[i].DataText)
		}
		fmt.Fprintf(&all, "%+v", commits)
		for _, word := range []string{"wordofthesubject", "wordofthebody", "Ada", "Byron", "ada@", "Grace", "Hopper", "grace@", secret, w.dir} {
			if strings.Contains(all.String(), word) {
				t.Errorf("%q is in the trail", word)
			}
		}
	})
}

// TestHostile indexes messages that no git would have made.
func TestHostile(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		many := strings.Builder{}
		for n := range 100_000 {
			fmt.Fprintf(&many, "Agent: a/b\nExecution: exec-%d\n", n)
		}
		tree := w.git(t, "rev-parse", "HEAD^{tree}")
		tip := w.git(t, "rev-parse", "HEAD")
		for _, test := range []struct{ name, who, message string }{
			{"ten megabytes", "A <a@example.com> 1793523600 +0000", strings.Repeat("lorem ipsum dolor\n", 600_000) + "\n" + trailers(1)},
			{"a hundred thousand trailers", "A <a@example.com> 1793523600 +0000", "feat: many\n\n" + many.String()},
			{"a NUL", "A <a@example.com> 1793523600 +0000", "feat: nul\n\nbefore\x00after\n\n" + trailers(2)},
			{"no UTF-8", "A\xff\xfe <a\xff@example.com> 1793523600 +0000", "feat: \xff\xfe\n\nAgent: \xff/b\n" + trailers(3)},
			{"carriage returns", "A <a@example.com> 1793523600 +0000", strings.ReplaceAll("feat: crlf\n\n"+trailers(4), "\n", "\r\n")},
			{"no time", "A <a@example.com> 99999999999999999999 +0000", "feat: no time\n\n" + trailers(5)},
			{"long ago", "A <a@example.com> 1 +0000", "feat: long ago\n\n" + trailers(6)},
			{"nobody", "", "feat: nobody\n\n" + trailers(7)},
		} {
			raw := fmt.Sprintf("tree %s\nparent %s\nauthor %s\ncommitter %s\n\n%s", tree, tip, test.who, test.who, test.message)
			tip = w.gitWith(t, nil, raw, "hash-object", "-t", "commit", "-w", "--literally", "--stdin")
		}
		w.git(t, "update-ref", "refs/heads/main", tip)
		began := time.Now()
		res := w.index(t, ".", gitindex.Options{})
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %v", took)
		}
		if res.Commits != 9 || res.Attributed != 7 {
			t.Errorf("%+v", res)
		}
		commits, err := w.store.Commits(t.Context(), store.DefaultOrg, store.CommitFilter{Kind: "agent"})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, c := range commits {
			for _, o := range c.Origins {
				got[o.Execution]++
			}
		}
		for _, n := range []int{1, 3, 4, 5, 6, 7} {
			if got[run(n)] != 1 {
				t.Errorf("run %d is named %d times", n, got[run(n)])
			}
		}
		// What is behind a NUL git does not see either.
		if got[run(2)] != 0 {
			t.Error("what is behind a NUL was read")
		}
		if gaps, err := w.store.Events(t.Context(), store.DefaultOrg, store.EventFilter{What: "record.gap"}); err != nil || len(gaps) > 0 {
			t.Errorf("gaps %+v, %v", gaps, err)
		}
	})
}

// TestNotes learns from notes that come after their commits were read.
func TestNotes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.write(t, "a.go", "one\ntwo\nthree\n")
		id := w.commit(t, "feat: silent")
		w.index(t, ".", gitindex.Options{})
		note := "a.go\n  s_c9883b05a2487d::t_9f8e7d6c5b4a32 1-2\n  h_31dce776f88375 3\n---\n" +
			`{"schema_version":"authorship/3.0.0","base_commit_sha":"` + id + `","prompts":{},"humans":{"h_31dce776f88375":{"author":"Ada Byron <ada@example.com>"}},` +
			`"sessions":{"s_c9883b05a2487d":{"agent_id":{"tool":"cursor","id":"6ef2299e","model":"claude-sonnet-5"},"human_author":"ada@example.com"}}}`
		w.gitWith(t, nil, note, "notes", "--ref=ai", "add", "-F", "-", id)
		if res := w.index(t, ".", gitindex.Options{}); res.Commits != 1 || res.Attributed != 1 || res.Events != 1 {
			t.Fatalf("a note later: %+v", res)
		}
		b, err := w.asking(t, true).Blame(t.Context(), "a.go", gitlog.BlameOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]int{"agent": 2, "human": 1}, b.ByKind); diff != "" {
			t.Errorf("lines by kind (-want +got):\n%s", diff)
		}
		answer, runs := w.why(t, "a.go:1", true)
		want := []ask.WhyClaim{{Source: "git-ai", Kind: "agent", Tool: "cursor", Session: "6ef2299e", Model: "claude-sonnet-5", Detail: "of this line"}}
		if diff := cmp.Diff(want, answer.Claims); diff != "" || len(runs) != 0 {
			t.Errorf("runs %v, claims (-want +got):\n%s", runs, diff)
		}
		// The trail's own comes before what others say.
		w.gitWith(t, nil, trailers(9), "notes", "--ref=whodid", "add", "-F", "-", id)
		w.index(t, ".", gitindex.Options{})
		list, err := w.asker.Commits(t.Context(), ask.CommitFilter{Execution: run(9)})
		if err != nil || len(list.Commits) != 1 || !slices.Equal(list.Commits[0].Evidence, []string{"note", "git-ai-note"}) {
			t.Errorf("%+v, %v", list, err)
		}
		if n := w.events(t); n != 2 {
			t.Errorf("%d events; each of the notes told a new fact, so 2", n)
		}
	})
}

func TestSelecting(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		one := w.agentCommit(t, 1, "auth/a.go", "one\n")
		two := w.agentCommit(t, 2, "shop/b.go", "two\n")
		w.write(t, "auth/b.go", "three\n")
		credited := w.commit(t, "feat: helped\n\nCo-authored-by: Claude <noreply@anthropic.com>")
		w.git(t, "mv", "auth/a.go", "auth/c.go")
		moved := w.commit(t, "refactor: move")
		w.index(t, ".", gitindex.Options{})
		for _, test := range []struct {
			name string
			f    ask.CommitFilter
			want []string
		}{
			{"agent", ask.CommitFilter{Agent: "engineering/solver-1"}, []string{one}},
			{"agents", ask.CommitFilter{Agent: "engineering/*"}, []string{two, one}},
			{"credited", ask.CommitFilter{Agent: "Claude"}, []string{credited}},
			{"squad", ask.CommitFilter{Squad: "engineering"}, []string{two, one}},
			{"other squad", ask.CommitFilter{Squad: "growth"}, nil},
			{"trigger", ask.CommitFilter{Trigger: "event"}, []string{two, one}},
			{"other trigger", ask.CommitFilter{Trigger: "even"}, nil},
			{"model", ask.CommitFilter{Model: "claude-sonnet-5", Limit: 1}, []string{two}},
			{"execution by its beginning", ask.CommitFilter{Execution: run(2)[5:]}, []string{two}},
			{"execution that nobody knows", ask.CommitFilter{Execution: "exec-none"}, nil},
			{"folder", ask.CommitFilter{Path: "auth/"}, []string{moved, credited, one}},
			{"file, moved since", ask.CommitFilter{Path: "auth/a.go"}, []string{moved, one}},
			{"no prefix of a name", ask.CommitFilter{Path: "aut"}, nil},
			{"pattern is text", ask.CommitFilter{Path: "auth/_.go"}, nil},
			{"kind", ask.CommitFilter{Kind: "human", Limit: 1}, []string{moved}},
			{"no UTF-8", ask.CommitFilter{Agent: "\xff"}, nil},
		} {
			list, err := w.asker.Commits(t.Context(), test.f)
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			var got []string
			for _, c := range list.Commits {
				got = append(got, c.Commit)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
		stats, err := w.asking(t, true).Stats(t.Context(), ask.CommitFilter{}, ask.StatsOptions{Lines: true})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]int64{"agent": 3, "human": 2}, stats.Commits.ByKind); diff != "" {
			t.Errorf("commits by kind (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]ask.GitShare{{Name: "engineering", Agent: 2, Total: 2}, {Agent: 1, Total: 1}}, stats.Lines.BySquad); diff != "" {
			t.Errorf("lines by squad (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]ask.GitShare{{Name: "2026-11", Agent: 3, Total: 5}}, stats.Commits.ByMonth); diff != "" {
			t.Errorf("commits by month (-want +got):\n%s", diff)
		}
	})
}

// TestDoubts asks about commits that say what the trail does not.
func TestDoubts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.agentCommit(t, 1, "a.go", "one\n")
		w.write(t, "b.go", "two\n")
		forged := w.commit(t, "feat: forged\n\n"+strings.ReplaceAll(trailers(1), "solver-1", "solver-2"))
		answer, _ := w.why(t, forged, true)
		if len(answer.Doubts) != 1 || !strings.Contains(answer.Doubts[0], "engineering/solver-1") {
			t.Errorf("doubts %q", answer.Doubts)
		}
		w.write(t, "b.go", "three\n")
		unknown := w.commit(t, "feat: unknown\n\n"+trailers(8))
		answer, runs := w.why(t, unknown, true)
		if !slices.Equal(runs, []string{run(8)}) || answer.Runs[0].Execution != nil || !slices.ContainsFunc(answer.Missing, func(m ask.WhyMissing) bool { return m.Link == "run" }) {
			t.Errorf("%+v", answer)
		}
		w.write(t, "a.go", "four\n")
		w.record(t, whodid.Event{What: "file.edit", Actor: "agent:engineering/solver-1", Execution: run(1), Target: "a.go", Result: whodid.ResultSuccess})
		if answer, runs = w.why(t, "a.go:1", true); !slices.Equal(runs, []string{run(1)}) || answer.Line.Commit != "" || len(answer.Runs[0].Wrote) == 0 {
			t.Errorf("of a line that is not committed: %v, %+v", runs, answer)
		}
		for _, question := range []string{"a.go:99", "none.go:1", "#999", "nothing", "a.go:0", "-x"} {
			if answer, err := w.asking(t, true).Why(t.Context(), question, gitlog.BlameOptions{}); err == nil {
				t.Errorf("why %s: %+v", question, answer)
			}
		}
	})
}

// TestOthers asks about a line of which other tools left something.
func TestOthers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		const checkpoint = "00c9e2351016"
		w.git(t, "checkout", "-q", "--orphan", "entire/checkpoints/v1")
		w.git(t, "rm", "-rfq", ".")
		w.write(t, "00/c9e2351016/0/metadata.json", `{"checkpoint_id":"`+checkpoint+`","session_id":"5e55","agent":"Gemini CLI"}`)
		w.commit(t, "checkpoint")
		w.git(t, "checkout", "-q", "main")
		w.write(t, "a.go", "one\ntwo\n")
		id := w.commit(t, "feat: x\n\nEntire-Checkpoint: "+checkpoint)
		w.write(t, ".agent-trace/traces.jsonl", "broken\n"+`{"version":"0.1.0","id":"x","timestamp":"2026-11-01T09:00:00Z","tool":{"name":"cursor","version":"2.4.0"},"vcs":{"type":"git","revision":"`+id+
			`"},"files":[{"path":"a.go","conversations":[{"contributor":{"type":"ai","model_id":"openai/gpt-6"},"ranges":[{"start_line":2,"end_line":2}]}]}]}`+"\n")
		if res := w.index(t, ".", gitindex.Options{}); res.Commits != 2 {
			t.Errorf("%+v: the branch of checkpoints holds no work", res)
		}
		answer, _ := w.why(t, "a.go:2", true)
		want := []ask.WhyClaim{
			{Source: "agent-trace", Kind: "agent", Tool: "cursor", Model: "openai/gpt-6", Detail: "record of revision " + id[:10]},
			{Source: "entire", Kind: "agent", Tool: "Gemini CLI", Session: "5e55", Detail: "checkpoint " + checkpoint},
		}
		if diff := cmp.Diff(want, answer.Claims); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		if answer, _ = w.why(t, "a.go:1", true); len(answer.Claims) != 1 {
			t.Errorf("the trace says nothing of the first line: %+v", answer.Claims)
		}
	})
}

// TestTrace exports a record and holds it against the schema of Agent Trace.
func TestTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	w.agentCommit(t, 1, "a.go", "one\ntwo\nthree\n")
	w.write(t, "a.go", "one\nby hand\nthree\n")
	w.commit(t, "fix: by hand")
	trace, err := w.asking(t, true).Trace(t.Context(), "b15edf44-4715-80de-9da3-ef6ada96b0fe", "1.0.0", "HEAD", []string{"a.go", "README"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(trace)
	if err != nil {
		t.Fatal(err)
	}
	var record any
	var schema jsonschema.Schema
	published, err := os.ReadFile("../authorship/testdata/agent-trace.schema.json")
	if err = errors.Join(err, json.Unmarshal(text, &record), json.Unmarshal(published, &schema)); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(record); err != nil {
		t.Errorf("the record is not valid: %v\n%s", err, text)
	}
	got := map[string][]authorship.TraceRange{}
	for _, c := range trace.Files[0].Conversations {
		got[c.Contributor.Type] = c.Ranges
	}
	want := map[string][]authorship.TraceRange{"ai": {{StartLine: 1, EndLine: 1}, {StartLine: 3, EndLine: 3}}, "human": {{StartLine: 2, EndLine: 2}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
