package githook

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whodid/whodid/internal/place"
)

// The hooks that whodid has something to do in. prepare-commit-msg runs even
// with --no-verify and in every step of a rebase, commit-msg sees what an editor
// left, post-rewrite is told which commits came from which.
const (
	prepareCommitMsg = "prepare-commit-msg"
	commitMsg        = "commit-msg"
	postRewrite      = "post-rewrite"
)

// Names returns the hooks that [Install] installs.
func Names() []string { return []string{prepareCommitMsg, commitMsg, postRewrite} }

// passedOn are the other hooks of git, https://git-scm.com/docs/githooks, whose
// presence alone changes nothing: a folder that takes the place of another one
// must have them, for somebody may add them there later.
var passedOn = []string{
	"applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "post-commit",
	"pre-rebase", "post-checkout", "post-merge", "pre-push", "pre-receive", "update", "post-receive",
	"post-update", "pre-auto-gc", "sendemail-validate",
}

// passedOnIfThere are those whose presence changes what git does, or that git
// calls so often that an empty one is felt. They are passed on only if they
// were there when whodid came.
var passedOnIfThere = []string{
	"proc-receive", "reference-transaction", "push-to-checkout", "post-index-change", "fsmonitor-watchman",
	"p4-changelist", "p4-prepare-changelist", "p4-post-changelist", "p4-pre-submit",
}

// marker begins the line by which a hook of ours is known. The number is the
// version of the text.
const marker = "# whodid git hook "

const version = "1"

// refused is the exit code of "whodid git hook" that ends a commit. Any other
// one, such as that of a program that crashed, does not.
const refused = 5

// script is one hook file of ours.
type script struct {
	name string
	// former is what stood here before and is called first: the name of a file
	// in the hook's own folder, or, if it holds a slash, a path, which may begin
	// with [repositoryHooks].
	former string
	// pass tells that whodid itself has nothing to do in this hook.
	pass    bool
	program string // path of whodid
	store   string // value of --store; may be empty
	madeDir bool   // the folder was not there before
}

// repositoryHooks is, for the shell, the folder of hooks that every repository
// has of its own.
const repositoryHooks = "$(git rev-parse --git-common-dir)/hooks"

// formerPrefix and madeDirLine are how a script tells what it replaced.
const (
	formerPrefix = "# former: "
	madeDirLine  = "# folder: made"
)

// text is the content of the file, for a POSIX shell.
func (s *script) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "#!/bin/sh\n%s%s\n", marker, version)
	b.WriteString("# Agents' commits say where they come from. \"whodid git uninstall\" takes this out.\n")
	if s.former != "" {
		fmt.Fprintf(&b, "%s%s\n", formerPrefix, s.former)
	}
	if s.madeDir {
		b.WriteString(madeDirLine + "\n")
	}
	if s.former != "" {
		s.callFormer(&b)
	}
	if !s.pass {
		s.callWhodid(&b)
	}
	return b.Bytes()
}

// callFormer calls what was here before, with the same arguments and input. It
// is not called again if it leads back here, as the hooks of pre-commit do that
// keep ours as a "legacy" one.
func (s *script) callFormer(b *bytes.Buffer) {
	b.WriteString("[ \"${WHODID_GIT_HOOK-}\" = \"$PWD:$0\" ] && exit 0\n")
	switch {
	case strings.HasPrefix(s.former, repositoryHooks):
		fmt.Fprintf(b, "former=\"%s\"\n", s.former)
	case strings.Contains(s.former, "/"):
		fmt.Fprintf(b, "former=%s\n", quote(s.former))
	default:
		fmt.Fprintf(b, "case $0 in */*) former=${0%%/*}/%s ;; *) former=./%s ;; esac\n", quote(s.former), quote(s.former))
	}
	switch {
	case s.pass:
		b.WriteString("[ -x \"$former\" ] || exit 0\nWHODID_GIT_HOOK=\"$PWD:$0\" exec \"$former\" \"$@\"\n")
	case s.name == postRewrite:
		// Both want the input. The x keeps what $(…) would cut off.
		b.WriteString("input=$(cat; echo x)\ninput=${input%x}\nif [ -x \"$former\" ]; then\n" +
			"\tprintf %s \"$input\" 2>/dev/null | WHODID_GIT_HOOK=\"$PWD:$0\" \"$former\" \"$@\" || exit\nfi\n")
	default:
		b.WriteString("if [ -x \"$former\" ]; then\n\tWHODID_GIT_HOOK=\"$PWD:$0\" \"$former\" \"$@\" || exit\nfi\n")
	}
}

func (s *script) callWhodid(b *bytes.Buffer) {
	var agent strings.Builder // not empty where an agent is at work
	agent.WriteString("${WHODID_EXECUTION-}")
	for _, known := range sessionVariables {
		fmt.Fprintf(&agent, "${%s-}", known.variable)
	}
	if s.name == commitMsg {
		// A person's commit need not wait for what has nothing to say about it.
		fmt.Fprintf(b, "[ -n \"%s\" ] || [ -f %s ] || exit 0\n", &agent, path.Join(place.ProjectDir, configFile))
	}
	fmt.Fprintf(b, "whodid=%s\n", quote(s.program))
	fmt.Fprintf(b, "[ -x \"$whodid\" ] || whodid=$(command -v whodid) || {\n"+
		"\t[ -z \"%s\" ] || echo 'whodid: not found, so this commit does not say where it comes from' >&2\n"+
		"\texit 0\n}\n", &agent)
	command := `"$whodid" git hook`
	if s.store != "" {
		command += " --store " + quote(s.store)
	}
	command += " " + s.name + ` "$@"`
	if s.name == postRewrite && s.former != "" {
		command = "printf %s \"$input\" | " + command
	}
	fmt.Fprintf(b, "%s\n[ $? -ne %d ]\n", command, refused)
}

// quote writes a word for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// readScript tells whether a file is a hook of ours, and what it replaced.
func readScript(text []byte) (s script, ours bool) {
	const most = 10 // lines that are looked at
	lines := strings.SplitN(string(text[:min(len(text), 8<<10)]), "\n", most)
	if len(lines) < 2 || lines[0] != "#!/bin/sh" || !strings.HasPrefix(lines[1], marker) {
		return script{}, false
	}
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, formerPrefix) }); i >= 0 {
		s.former = strings.TrimPrefix(lines[i], formerPrefix)
	}
	s.madeDir = slices.Contains(lines, madeDirLine)
	return s, true
}
