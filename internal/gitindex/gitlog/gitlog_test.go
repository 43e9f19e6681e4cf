package gitlog

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/authorship"
	"github.com/whodid/whodid/trailer"
)

const (
	id1 = "1111111111111111111111111111111111111111"
	id2 = "2222222222222222222222222222222222222222"
)

func record(id, message string) string {
	return strings.Join([]string{id, id2, "1793523600", "1793523660", "Ada", "ada@example.com", "Ada", "ada@example.com", message}, "\x00") + "\x00"
}

func parse(text string) ([]Commit, error) {
	var all []Commit
	err := readLog(bufio.NewReaderSize(strings.NewReader(text), 64), func(batch []Commit) error {
		all = append(all, batch...)
		return nil
	})
	return all, err
}

func TestReadLog(t *testing.T) {
	t.Parallel()
	got, err := parse(record(id1, "one\n") + "\n12\t3\ta.go\x00-\t-\tpicture\x000\t0\t\x00old name\x00new\nname\x00" + record(id2, strings.Repeat("long ", 100)) + record(id1, ""))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1793523600, 0).UTC()
	commit := func(id, message string, files ...File) Commit {
		return Commit{
			ID: id, Parents: []string{id2}, AuthoredAt: at, CommittedAt: at.Add(time.Minute), AuthorName: "Ada", AuthorEmail: "ada@example.com",
			CommitterName: "Ada", CommitterEmail: "ada@example.com", Message: message, Files: files,
		}
	}
	want := []Commit{
		commit(id1, "one\n", File{Path: "a.go", Added: 12, Removed: 3}, File{Path: "picture", Binary: true}, File{Path: "new\nname", From: "old name"}),
		commit(id2, strings.Repeat("long ", 100)),
		commit(id1, ""),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
}

func TestReadLogDamaged(t *testing.T) {
	t.Parallel()
	whole := record(id1, "one\n") + "\n12\t3\ta.go\x00"
	for n := 1; n < len(whole)-len("\n12\t3\ta.go\x00"); n++ {
		if _, err := parse(whole[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	if _, err := parse(strings.Replace(whole, id1, "fatal: something", 1)); err == nil {
		t.Error("an error message passes for a commit")
	}
	stop := errors.New("stop")
	if err := readLog(bufio.NewReader(strings.NewReader(whole)), func([]Commit) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the callee's error became %v", err)
	}
}

// TestLongMessage keeps the end of a message that is too long, where trailers
// are.
func TestLongMessage(t *testing.T) {
	t.Parallel()
	got, err := parse(record(id1, strings.Repeat("x", maxMessage*2)+"\n\nExecution: exec-1") + record(id2, "next"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !got[0].Cut || len(got[0].Message) > maxMessage || !strings.HasSuffix(got[0].Message, "Execution: exec-1") || got[1].Message != "next" {
		t.Errorf("%d commits, the first cut %t to %d bytes", len(got), got[0].Cut, len(got[0].Message))
	}
}

func TestAttribute(t *testing.T) {
	t.Parallel()
	const five = "Agent: engineering/solver\nSquad: engineering\nTrigger: manual\nExecution: exec-1\nModel: m-1\n"
	origin := trailer.Origin{Agent: "engineering/solver", Squad: "engineering", Trigger: "manual", Execution: "exec-1", Model: "m-1"}
	for _, test := range []struct {
		name     string
		c        Commit
		notes    CommitNotes
		kind     Kind
		evidence []Evidence
		origins  []trailer.Origin
		credits  []string
		model    string
		pull     int64
	}{
		{name: "a person", c: Commit{Message: "fix: x"}, kind: Human},
		{name: "five", c: Commit{Message: "fix: x (#12)\n\n" + five}, kind: Agent, evidence: []Evidence{Trailers}, origins: []trailer.Origin{origin}, model: "m-1", pull: 12},
		{
			name: "buried", c: Commit{Message: "fix: x\n\n" + five + "\nCo-authored-by: Claude <noreply@anthropic.com>"}, kind: Agent,
			evidence: []Evidence{Block, CoAuthor}, origins: []trailer.Origin{origin}, credits: []string{"Claude"}, model: "m-1",
		},
		{name: "quoted", c: Commit{Message: "fix: x\n\n> " + strings.ReplaceAll(five, "\n", "\n> ")}, kind: Human},
		{
			name: "malformed values lead nowhere", c: Commit{Message: "fix: x\n\nAgent: a b\nSquad: engineering\nTrigger: soon\nExecution: exec-1\nModel: m-1"}, kind: Agent,
			evidence: []Evidence{Block}, origins: []trailer.Origin{{Squad: "engineering", Execution: "exec-1", Model: "m-1"}}, model: "m-1",
		},
		{name: "a note of ours", c: Commit{Message: "fix: x"}, notes: CommitNotes{Trailers: five}, kind: Agent, evidence: []Evidence{OurNote}, origins: []trailer.Origin{origin}, model: "m-1"},
		{name: "a note that repeats", c: Commit{Message: "fix: x\n\n" + five}, notes: CommitNotes{Trailers: five}, kind: Agent, evidence: []Evidence{Trailers}, origins: []trailer.Origin{origin}, model: "m-1"},
		{
			name: "git-ai", c: Commit{Message: "fix: x"}, notes: CommitNotes{Authorship: &authorship.Log{Agents: []authorship.Agent{{Tool: "cursor", Model: "m-2"}}}}, kind: Agent,
			evidence: []Evidence{Note}, credits: []string{"cursor"}, model: "m-2",
		},
		{name: "git-ai that saw only people", c: Commit{Message: "fix: x"}, notes: CommitNotes{Authorship: &authorship.Log{}}, kind: Human},
		{name: "entire", c: Commit{Message: "fix: x\n\nEntire-Checkpoint: 00c9e2351016"}, kind: Agent, evidence: []Evidence{Checkpoint}},
		{name: "an agent as author", c: Commit{Message: "fix: x", AuthorName: "Cursor", AuthorEmail: "cursoragent@cursor.com"}, kind: Agent, evidence: []Evidence{Identity}, credits: []string{"Cursor"}},
		{name: "assisted", c: Commit{Message: "fix: x\n\nAssisted-by: Codex:gpt-6 [sparse]"}, kind: Assisted, evidence: []Evidence{AssistedBy}, credits: []string{"Codex"}, model: "gpt-6"},
		{name: "assisted by a person", c: Commit{Message: "fix: x\n\nAssisted-by: Grace Hopper <grace@example.com>"}, kind: Human},
		{name: "assisted by somebody", c: Commit{Message: "fix: x\n\nAssisted-by: Grace Hopper"}, kind: Human},
		{name: "generated by a stranger", c: Commit{Message: "fix: x\n\nGenerated-by: Some Thing"}, kind: Assisted, evidence: []Evidence{AssistedBy}},
		{name: "a bot", c: Commit{Message: "chore: x", AuthorName: "dependabot[bot]"}, kind: Bot},
		{name: "GitHub's merge", c: Commit{Message: "Merge pull request #44 from acme/topic\n\nx"}, kind: Human, pull: 44},
		{name: "GitLab's merge", c: Commit{Message: "Merge branch 'topic'\n\nx\n\nSee merge request acme/shop!45\n"}, kind: Human, pull: 45},
		{name: "no number", c: Commit{Message: "fix: x (#-1)"}, kind: Human},
	} {
		a := Attribute(&test.c, test.notes)
		if a.Kind != test.kind || a.Model != test.model || a.Pull != test.pull {
			t.Errorf("%s: kind %s, model %q, pull %d", test.name, a.Kind, a.Model, a.Pull)
		}
		for _, diff := range []string{cmp.Diff(test.evidence, a.Evidence), cmp.Diff(test.origins, a.Origins), cmp.Diff(test.credits, a.Credits)} {
			if diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
	}
}

func TestRemoteName(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://github.com/acme/shop.git":                   "github.com/acme/shop",
		"https://ada:fake-password@GitHub.com/acme/shop.git": "github.com/acme/shop",
		"git@github.com:acme/shop.git":                       "github.com/acme/shop",
		"github.com:acme/shop":                               "github.com/acme/shop",
		"ssh://git@git.example.com:2222/group/sub/shop.git/": "git.example.com/group/sub/shop",
		"git@example.com:~ada/shop":                          "example.com/ada/shop",
		"/srv/git/shop.git":                                  "",
		"../shop":                                            "",
		"file:///srv/git/shop.git":                           "",
		"C:\\shop":                                           "",
		"C:/shop":                                            "",
		"./odd:name":                                         "",
		"https://example.com/a b":                            "",
		"":                                                   "",
	} {
		if got := remoteName(address); got != want {
			t.Errorf("%q is %q, want %q", address, got, want)
		}
	}
}

func TestReadBlame(t *testing.T) {
	t.Parallel()
	const text = id1 + " 3 1 2\nauthor Ada\nsummary one\nboundary\nfilename old.go\n\tfirst\n" + id1 + " 4 2\n\t\tsecond\n" +
		"0000000000000000000000000000000000000000 3 3 1\nauthor Not Committed Yet\nfilename new.go\n\tthird\n" +
		id1 + " 9 4 1\nfilename \"odd\\tname.go\"\n\t\n"
	var got []Line
	if err := readBlame(bufio.NewReaderSize(strings.NewReader(text), 16), func(l Line) error { got = append(got, l); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []Line{
		{Number: 1, Commit: id1, Path: "old.go", OriginalNumber: 3, Boundary: true, Text: "first"},
		{Number: 2, Commit: id1, Path: "old.go", OriginalNumber: 4, Boundary: true, Text: "\tsecond"},
		{Number: 3, Path: "new.go", OriginalNumber: 3, Text: "third"},
		{Number: 4, Commit: id1, Path: "odd\tname.go", OriginalNumber: 9, Boundary: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"\tno head\n", "fatal: no such path\n", id1 + " 1 x\n"} {
		if err := readBlame(bufio.NewReader(strings.NewReader(bad)), func(Line) error { return nil }); err == nil {
			t.Errorf("%q passes for lines", bad)
		}
	}
}

func FuzzReadLog(f *testing.F) {
	f.Add(record(id1, "one\n\nAgent: a/b\nExecution: exec-1\n") + "\n12\t3\ta.go\x000\t0\t\x00old\x00new\x00" + record(id2, ""))
	f.Fuzz(func(t *testing.T, text string) {
		commits, err := parse(text)
		if err != nil {
			return
		}
		size := 0
		for i := range commits {
			c := &commits[i]
			if !isObjectName(c.ID) {
				t.Errorf("%q is a commit", c.ID)
			}
			size += len(c.Message)
			a := Attribute(c, CommitNotes{Trailers: c.Message})
			if len(a.Origins) > maxOrigins || len(a.Credits) > maxCredits || a.Kind == "" || (a.Kind == Human) != (len(a.Evidence) == 0 && a.Kind != Bot) {
				t.Errorf("%+v", a)
			}
			for _, o := range a.Origins {
				if sound(o) != o {
					t.Errorf("%+v is not sound", o)
				}
			}
		}
		if size > len(text) {
			t.Errorf("messages of %d bytes in %d", size, len(text))
		}
	})
}

func FuzzReadBlame(f *testing.F) {
	f.Add(id1 + " 3 1 2\nauthor Ada\nfilename old.go\n\tfirst\n" + id1 + " 4 2\n\tsecond\n")
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		_ = readBlame(bufio.NewReaderSize(strings.NewReader(text), 16), func(l Line) error {
			n++
			if l.Number < 1 || strings.Contains(l.Text, "\n") {
				t.Errorf("%+v", l)
			}
			return nil
		})
		if n > strings.Count(text, "\n") {
			t.Errorf("%d lines in %q", n, text)
		}
	})
}

func FuzzRemoteName(f *testing.F) {
	f.Add("https://ada:fake-password@github.com/acme/shop.git")
	f.Add("git@github.com:acme/shop")
	f.Fuzz(func(t *testing.T, address string) {
		name := remoteName(address)
		if len(name) > 256 || strings.ContainsAny(name, "@ \n") || strings.HasPrefix(name, "/") {
			t.Errorf("%q is called %q", address, name)
		}
	})
}
