//go:build unix

package laws

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNoContentByAnyCommand gives canaries to every flag and every argument of
// every command, lets what came of it be sent to a server, copies both trails as
// administrators do, and searches every byte of them.
func TestNoContentByAnyCommand(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		s := newSpy(t, w)
		s.flagless(t)
		to := s.syncTo(t)
		if w.engine == "sqlite" {
			// The commands are the same on both; what is kept is not.
			s.everyCommand(t)
		}
		s.dutyCommands(t)
		s.questions(t)
		s.sync(t, to)
		s.copies(t, to.w)
		s.search(t)
	})
}

// unasked are commands that are not given canaries: they run until they are ended,
// write what they are given into files that the user names, or into the one table
// that names people, which is what they are for.
var unasked = []string{
	"serve", "tail", "ui", "init", "git install", "privacy name", "completion", "man", "help", "schema", "sync", "person",
}

// The flags that name files to write, trails, or other ways to reach something.
var notText = regexp.MustCompile(`^(output|store|org|dir|connections|config|listen|server|server-key|token-file|key|sign|format)$`)

// everyCommand gives each flag and argument of all commands that there are a
// canary. Most of them refuse it.
func (s *spy) everyCommand(t *testing.T) {
	t.Helper()
	tried := 0
	for _, command := range s.allCommands(t, nil) {
		name := strings.Join(command, " ")
		if slices.ContainsFunc(unasked, func(one string) bool { return name == one || strings.HasPrefix(name, one+" ") }) {
			continue
		}
		help := s.w.whodid(t, append(command, "--help")...)
		_, usage, _ := strings.Cut(help, "\nUsage:\n")
		usage, _, _ = strings.Cut(usage, "\n\n")
		var words []string
		if regexp.MustCompile(`[A-Z]{2,}`).MatchString(regexp.MustCompile(`--?[a-z-]+ [A-Z]+`).ReplaceAllString(usage, "")) {
			words = []string{s.secret().Text}
			s.unheard(t, slices.Concat(command, words)...)
			tried++
		}
		for _, flag := range textFlag.FindAllStringSubmatch(help, -1) {
			if notText.MatchString(flag[1]) {
				continue
			}
			tried++
			s.unheard(t, slices.Concat(command, []string{"--" + flag[1], s.secret().Text}, words)...)
		}
	}
	t.Logf("%d flags and arguments of commands were tried", tried)
	if tried < 150 {
		t.Errorf("only %d flags and arguments were tried", tried)
	}
}

// unheard runs a command whose answer is for who gave the canary.
func (s *spy) unheard(t *testing.T, args ...string) {
	t.Helper()
	o := s.w.run(t, nil, "whodid", args...)
	s.echoed.WriteString(o.stdout + o.stderr)
}

// allCommands lists the commands below one that do something.
func (s *spy) allCommands(t *testing.T, under []string) (all [][]string) {
	t.Helper()
	help := s.w.whodid(t, append(slices.Clone(under), "--help")...)
	_, list, ok := strings.Cut(help, "\nAvailable Commands:\n")
	if len(under) == 0 {
		_, list, ok = strings.Cut(help, "\nRecord:\n")
	}
	if !ok {
		return [][]string{under}
	}
	list, _, _ = strings.Cut(list, "\nFlags:\n")
	for _, m := range listed.FindAllStringSubmatch(list, -1) {
		if m[1] != "help" {
			all = append(all, s.allCommands(t, append(slices.Clone(under), m[1]))...)
		}
	}
	return all
}

// dutyCommands gives the commands of people canaries where all else is valid, so
// that they do what they do with them.
func (s *spy) dutyCommands(t *testing.T) {
	t.Helper()
	run := strings.TrimSpace(s.w.whodid(t, "exec", "start", "--agent", "ops/backup"))
	for range 6 {
		s.given(t, "exec", "tag", run, "note="+s.secret().Text)
		asked, _, _ := strings.Cut(s.w.run(t, nil, "whodid", "approval", "request", "--type", "pr.merge", "--target", "acme/shop#44", "--agent", "ops/backup", "--summary", s.secret().Text).stdout, "\t")
		s.given(t, "approval", "approve", asked, "--reason", s.secret().Text)
		s.given(t, "action", "record", "--execution", run, "--type", "pr.merge", "--target", s.secret().Text, "--approval", asked, "--arg", "a="+s.secret().Text, "--result", "success", "--why", s.secret().Text)
		asked, _, _ = strings.Cut(s.w.run(t, nil, "whodid", "approval", "request", "--type", "pr.merge", "--target", "acme/shop#45", "--agent", "ops/backup").stdout, "\t")
		s.given(t, "approval", "cancel", asked, "--reason", s.secret().Text)
		s.given(t, "hold", "place", "agent:"+s.secret().Text, "--reason", s.secret().Text)
		s.given(t, "hold", "place", "repository:"+s.secret().Text, "--reason", s.secret().Text)
		s.given(t, "hold", "place", "execution:"+run, "--reason", s.secret().Text)
		var holds struct {
			Holds []struct {
				ID string `json:"hold_id"`
			} `json:"holds"`
		}
		if json.Unmarshal([]byte(s.whodid(t, "hold", "list", "--json").stdout), &holds) == nil && len(holds.Holds) > 0 {
			s.given(t, "hold", "release", holds.Holds[0].ID, "--reason", s.secret().Text)
		}
		s.given(t, "retention", "set", "own", "--runs", "400d", "--sessions", "60d", "--reason", s.secret().Text)
		s.given(t, "retention", "apply", "--clock-is-right")
		s.given(t, "review", "sign", "--note", s.secret().Text)
		s.given(t, "exception", "add", "--rule", "ORG-001", "--scope", "path:"+s.secret().Text, "--reason", s.secret().Text, "--expires", "2099-01-01")
		decision := strings.TrimSpace(s.w.run(t, nil, "whodid", "memory", "record", "Keep it", "--subject", "a/b", "--why", s.secret().Text, "--expected", s.secret().Text).stdout)
		s.given(t, "memory", "outcome", decision, s.secret().Text, "--met", "partly", "--evidence", s.secret().Text)
		s.given(t, "memory", "summarize", s.secret().Text, "--subject", s.secret().Text, "--why", s.secret().Text)
		s.given(t, "memory", "supersede", decision, "--why", s.secret().Text)
		s.given(t, "privacy", "erase", run, "--dry-run", "--reason", s.secret().Text)
		s.given(t, "redact", "--test", filepath.Join(s.planted, "nothing"))
	}
	for _, question := range [][]string{
		{"approval", "list"},
		{"approval", "findings"},
		{"hold", "list"},
		{"retention", "show"},
		{"retention", "preview"},
		{"review"},
		{"review", "list"},
		{"exception", "list"},
		{"memory", "list"},
		{"memory", "conflicts"},
		{"budget", "list"},
		{"budget", "status"},
		{"redact", "stats"},
	} {
		s.whodid(t, question...)
		if o := s.whodid(t, append(question, "--json")...); !json.Valid([]byte(o.stdout)) {
			t.Errorf("%v --json: exit %d, no JSON\n%.300s%s", question, o.code, o.stdout, o.stderr)
		}
	}
}

// receiver is a server, on another machine, that a trail is sent to.
type receiver struct {
	w     *world
	token string // the file that has it
}

// syncTo readies the server. Its home lies within what is searched.
func (s *spy) syncTo(t *testing.T) *receiver {
	t.Helper()
	to := &receiver{w: newWorld(t, s.w.engine), token: filepath.Join(s.planted, "token")}
	to.w.home = filepath.Join(filepath.Dir(s.w.home), "server")
	if err := os.Mkdir(to.w.home, 0o700); err != nil {
		t.Fatal(err)
	}
	if to.w.engine == "sqlite" {
		to.w.store = "sqlite://" + filepath.ToSlash(filepath.Join(to.w.home, "trail.db"))
	}
	if err := os.WriteFile(to.token, []byte(to.w.token(t, "laptop", "recorder")), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// sync sends all there is to a server.
func (s *spy) sync(t *testing.T, to *receiver) {
	t.Helper()
	server := to.w.serve(t)
	o := s.whodid(t, "sync", "--server", server.address, "--token-file", to.token, "--json")
	var told struct {
		Sent struct{ New, Skipped int } `json:"sent"`
	}
	if err := json.Unmarshal([]byte(o.stdout), &told); err != nil || o.code != 0 || told.Sent.New < 10 || told.Sent.Skipped < 50 {
		t.Errorf("sync: exit %d, %v\n%s%s", o.code, err, o.stdout, o.stderr)
	}
	s.whodid(t, "sync", "--status")
	s.whodid(t, "sync", "--verify")
	server.stop(t)
	s.said.WriteString(server.stderr.String())
}

// copies makes back-ups of both trails.
func (s *spy) copies(t *testing.T, to *world) {
	t.Helper()
	ctx := t.Context()
	for name, w := range map[string]*world{"client": s.w, "server": to} {
		path := filepath.Join(s.w.home, "backup-of-"+name)
		if w.engine == "postgres" {
			for _, how := range []string{"plain", "custom"} {
				dump := exec.CommandContext(ctx, "pg_dump", "--format="+how, "--compress=0", "--file="+path+"."+how, w.store)
				if out, err := dump.CombinedOutput(); err != nil {
					t.Fatalf("pg_dump: %v\n%s", err, out)
				}
			}
			continue
		}
		trail := w.place(t).Path
		for _, suffix := range []string{"", "-wal"} {
			text, err := os.ReadFile(trail + suffix)
			if err == nil {
				err = os.WriteFile(path+suffix, text, 0o600)
			}
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	var files int
	_ = filepath.WalkDir(s.w.home, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && strings.Contains(path, "backup-of-") {
			files++
		}
		return nil
	})
	if files < 2 {
		t.Errorf("there are %d files of back-ups", files)
	}
}
