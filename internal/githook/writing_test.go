package githook

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestWriting makes commits in the ways in which git takes messages.
func TestWriting(t *testing.T) {
	t.Parallel()
	block := origin("exec-one").String()
	for name, tt := range map[string]struct {
		args  []string
		stdin string
		env   []string
		setup func(r *repo)
		want  string // the whole message; empty if there must be no commit
	}{
		"-m": {args: []string{"-m", "feat: x"}, want: "feat: x\n\n" + block},
		"several -m": {
			args: []string{"-m", "feat: x", "-m", "Why.", "-m", "Co-authored-by: Claude <noreply@anthropic.com>"},
			want: "feat: x\n\nWhy.\n\nCo-authored-by: Claude <noreply@anthropic.com>\n" + block,
		},
		"--signoff":   {args: []string{"-s", "-m", "feat: x"}, want: "feat: x\n\nSigned-off-by: Ada Byron <ada@example.com>\n" + block},
		"-F -":        {args: []string{"-F", "-"}, stdin: "feat: x\n\nbody\n", want: "feat: x\n\nbody\n\n" + block},
		"--no-verify": {args: []string{"--no-verify", "-m", "feat: x"}, want: "feat: x\n\n" + block},
		"--trailer":   {args: []string{"-m", "feat: x", "--trailer", "Refs: #7"}, want: "feat: x\n\nRefs: #7\n" + block},
		"an editor": {
			env: []string{"GIT_EDITOR=printf 'feat: x\\n\\n# not this\\n' >"}, want: "feat: x\n\n" + block,
		},
		"an editor with --verbose": {
			args: []string{"-v"}, env: []string{"GIT_EDITOR=sed -i.bak -e '1s/^/feat: x/'"}, want: "feat: x\n\n" + block,
		},
		"an editor that is left with nothing": {env: []string{"GIT_EDITOR=true"}},
		"a template": {
			args: []string{"-t", "TEMPLATE"}, env: []string{"GIT_EDITOR=sed -i.bak -e '1s/$/x/'"},
			want: "feat: x\n\nWhy so?\n\n" + block,
		},
		"a template that is left as it is":      {args: []string{"-t", "TEMPLATE"}, env: []string{"GIT_EDITOR=true"}},
		"an empty message":                      {args: []string{"-m", ""}},
		"another comment character":             {args: []string{"-m", "feat: x"}, setup: func(r *repo) { r.git("config", "core.commentChar", ";") }, want: "feat: x\n\n" + block},
		"a line at which git stops reading":     {args: []string{"-m", "feat: x\n\none\n---\ntwo"}, want: "feat: x\n\none\n ---\ntwo\n\n" + block},
		"a message that has the trailers":       {args: []string{"-m", "feat: x\n\n" + block}, want: "feat: x\n\n" + block},
		"a message with trailers of another":    {args: []string{"-m", "feat: x\n\n" + origin("exec-zero").String()}, want: "feat: x\n\n" + origin("exec-zero").String() + block},
		"a last paragraph that only looks like": {args: []string{"-m", "feat: x\n\nhttps://example.com/a"}, want: "feat: x\n\nhttps://example.com/a\n\n" + block},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			r.install()
			if tt.setup != nil {
				tt.setup(r)
			}
			template := filepath.Join(r.home, "template")
			r.write("../home/template", "feat: \n\nWhy so?\n")
			var args []string
			for _, a := range append([]string{"commit", "-q"}, tt.args...) {
				args = append(args, strings.ReplaceAll(a, "TEMPLATE", template))
			}
			r.write("x", "x")
			r.git("add", "x")
			before := r.head()
			out, err := r.try(append(agentEnv("exec-one"), tt.env...), tt.stdin, args...)
			if tt.want == "" {
				if err == nil || r.head() != before {
					t.Errorf("there is a commit:\n%s%s", out, r.message("HEAD"))
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if got := strings.TrimRight(r.message("HEAD"), "\n"); got != strings.TrimRight(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			// Both of git's readers see them.
			parsed, err := r.try(nil, r.message("HEAD"), "interpret-trailers", "--parse")
			if err != nil || !strings.Contains(parsed, block) {
				t.Errorf("interpret-trailers reads\n%s", parsed)
			}
			r.write("y", "y")
			r.git("add", "y")
			r.git("commit", "-q", "-m", "whatever a person writes")
			if got := r.message("HEAD"); strings.TrimSpace(got) != "whatever a person writes" {
				t.Errorf("a person's message became\n%s", got)
			}
		})
	}
}

func TestSubject(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config, subject string
		agent           bool
		warned, refused bool
	}{
		"an agent's, by default":            {"", "Fixed it", true, true, false},
		"a person's, by default":            {"", "Fixed it", false, false, false},
		"a person's, where it is set":       {"[git]\nsubject = \"warn\"\n", "Fixed it", false, true, false},
		"refused":                           {"[git]\nsubject = \"refuse\"\n", "Fixed it", false, true, true},
		"one that git writes":               {"[git]\nsubject = \"refuse\"\n", "fixup! feat: x", false, false, false},
		"a type of the project's":           {"[git]\nsubject = \"refuse\"\ntypes = [\"wip\"]\n", "wip: x", true, false, false},
		"a type that is none of it":         {"[git]\nsubject = \"refuse\"\ntypes = [\"wip\"]\n", "feat: x", true, true, true},
		"off":                               {"[git]\nsubject = \"off\"\n", "Fixed it", true, false, false},
		"a configuration that is none":      {"[git\n", "feat: x", true, true, false},
		"a configuration with another word": {"[git]\nsubject = \"never\"\n", "feat: x", true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			r.install()
			if tt.config != "" {
				r.write(".whodid/config.toml", tt.config)
			}
			var env []string
			if tt.agent {
				env = agentEnv("exec-one")
			}
			out, err := r.try(env, "", "commit", "--allow-empty", "-m", tt.subject)
			if (err != nil) != tt.refused || strings.Contains(out, "whodid: ") != tt.warned {
				t.Errorf("%v\n%s", err, out)
			}
			if tt.agent && !tt.refused {
				r.expect("HEAD", "exec-one")
			}
		})
	}
}

func TestMessagesThatAreLeftAlone(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.install()
	huge := r.file("feat: x\n\n" + strings.Repeat("a line of prose\n", maxMessage/16+1))
	out := r.gitAs(agentEnv("exec-one"), "commit", "--allow-empty", "-q", "-F", huge)
	if !strings.Contains(out, "left alone") {
		t.Errorf("nothing was said:\n%s", out)
	}
	// An agent of another time may hand over anything for a name.
	odd := []string{"WHODID_EXECUTION=exec-one", "WHODID_AGENT=no agent\nX: y", "WHODID_TRIGGER=event:a\nSigned-off-by: x", "WHODID_MODEL=a\nb"}
	r.gitAs(odd, "commit", "--allow-empty", "-q", "-m", "feat: odd")
	r.expect("HEAD", "exec-one")
	if got := r.message("HEAD"); strings.Contains(got, "Signed-off-by") || strings.Contains(got, "X: y") {
		t.Errorf("lines came in by the environment:\n%s", got)
	}
	r.gitAs([]string{"WHODID_EXECUTION=exec-One; rm"}, "commit", "--allow-empty", "-q", "-m", "feat: none")
	r.expect("HEAD")
}
