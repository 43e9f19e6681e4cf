package shell

import "strings"

// maxScan is how much of the head, and of the tail, of each stream is read.
const maxScan = 64 << 10

// An output is what a command line printed, as lines without colours: standard
// output, then standard error. Tools that only know one stream may put both
// in either, so proofs look in both.
type output struct {
	raw   *Outcome
	read  bool
	lines []string
	used  []bool // lines that already proved an act

	pushes []pushed // what git push printed, once an act asked for it
}

func newOutput(out *Outcome) *output { return &output{raw: out} }

// all returns the lines, which are only made once an act asks for them.
func (o *output) all() []string {
	if o.read {
		return o.lines
	}
	o.read = true
	for _, s := range [...]string{o.raw.Stdout, o.raw.Stderr} {
		if len(s) <= 2*maxScan {
			o.split(s)
			continue
		}
		head, tail := s[:maxScan], s[len(s)-maxScan:]
		// Neither half of a line that is cut in two proves anything.
		if i := strings.LastIndexByte(head, '\n'); i >= 0 {
			o.split(head[:i])
		}
		if _, after, ok := strings.Cut(tail, "\n"); ok {
			o.split(after)
		}
	}
	o.used = make([]bool, len(o.lines))
	return o.lines
}

// split adds the lines of s. A carriage return starts a line anew on a
// terminal, which progress displays use, so it ends one here.
func (o *output) split(s string) {
	s = stripColours(s)
	for len(s) > 0 {
		i := strings.IndexAny(s, "\r\n")
		if i < 0 {
			i = len(s)
		}
		if line := strings.TrimRight(s[:i], " \t"); line != "" {
			o.lines = append(o.lines, line)
		}
		s = s[min(i+1, len(s)):]
	}
}

// take marks line i as the proof of an act; no other act may use it.
func (o *output) take(i int) { o.used[i] = true }

// find returns the index of the first line that isn't used and satisfies ok,
// or -1.
func (o *output) find(ok func(string) bool) int {
	for i, l := range o.all() {
		if !o.used[i] && ok(l) {
			return i
		}
	}
	return -1
}

// has reports whether a line starts with one of the prefixes.
func (o *output) has(prefixes ...string) bool {
	for _, l := range o.all() {
		for _, p := range prefixes {
			if strings.HasPrefix(l, p) {
				return true
			}
		}
	}
	return false
}

// contains reports whether a line holds one of the texts.
func (o *output) contains(texts ...string) bool {
	for _, l := range o.all() {
		for _, t := range texts {
			if strings.Contains(l, t) {
				return true
			}
		}
	}
	return false
}

// stripColours removes the escape sequences of terminals: CSI (colours, cursor)
// and OSC (titles, links).
func stripColours(s string) string {
	if strings.IndexByte(s, 0x1b) < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.IndexByte(s, 0x1b)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		switch {
		case strings.HasPrefix(s, "["):
			end := strings.IndexFunc(s[1:], func(r rune) bool { return r >= '@' && r <= '~' || r < ' ' })
			if end < 0 {
				return b.String()
			}
			if s[1+end] >= '@' {
				end++
			}
			s = s[1+end:]
		case strings.HasPrefix(s, "]"):
			end := strings.IndexAny(s, "\a\x1b\n")
			if end < 0 {
				return b.String()
			}
			s = strings.TrimPrefix(strings.TrimPrefix(s[end:], "\a"), "\x1b\\")
		}
	}
}

// forgeable reports whether another command of the line, one that may have run
// although d's did not succeed, could have printed what looks like the proof
// of d: "cat notes.txt; gh pr create".
func (l *line) forgeable(d *draft) bool {
	for _, c := range l.calls {
		if c != d.call && c.speaks(d) && !d.call.gates(c) {
			return true
		}
	}
	return false
}

// speaks reports whether c prints text that the proof of d may be found in
// by accident: files, logs, answers of servers, the output of scripts.
func (c *call) speaks(d *draft) bool {
	if c.hidden {
		return false
	}
	rest := c.args[1:]
	switch c.program {
	case "echo", "printf":
		text := strings.ReplaceAll(strings.Join(rest, " "), `\n`, "\n")
		if strings.HasPrefix(text, dynamic) {
			return true
		}
		maybe := d.clone()
		maybe.lenient = true
		return d.prove(maybe, newOutput(&Outcome{Stdout: text})) == done
	case "cat", "head", "tail", "tac", "nl", "less", "more", "sed", "awk", "gawk", "grep", "rg", "egrep", "cut", "tr", "sort", "uniq", "jq", "yq", "tee", "column", "fold":
		return !c.piped // a filter hands on what it is given
	case "git":
		sub, args, _ := gitCommand(c.args)
		switch sub {
		case "log", "show", "for-each-ref", "branch", "tag", "reflog", "stash":
			for _, a := range args {
				if strings.HasPrefix(a, "--format") || strings.HasPrefix(a, "--pretty") {
					return !printsSHA(sub, args)
				}
			}
			return false
		case "cat-file", "config", "notes", "grep", "blame", "var":
			return true
		}
		return false
	case "gh", "glab":
		for _, a := range rest {
			if oneOf(a, "api", "alias", "extension", "-q", "--jq", "-t", "--template", "--json", "-F", "--output") {
				return asksForFields(rest)
			}
		}
		return false
	case "curl", "wget", "http", "python", "python3", "node", "deno", "ruby", "perl", "php", "ssh", "docker", "podman", "kubectl",
		"journalctl", "source", ".", "xargs", "sh", "bash", "zsh", "dash", "ksh", "ash", "eval", "":
		return true
	case "go":
		return len(rest) > 0 && rest[0] == "run"
	}
	return strings.ContainsRune(c.args[0], '/') && !strings.HasPrefix(c.args[0], "/usr/bin/") && !strings.HasPrefix(c.args[0], "/bin/")
}

// asksForFields reports whether a gh or glab command prints bare fields, such
// as the URL of a pull request that somebody else opened, rather than a
// report of what it did.
func asksForFields(args []string) bool {
	return len(args) > 0 && (oneOf(args[0], "api", "alias", "extension") || len(args) > 1 && oneOf(args[1], "view", "list", "status", "checks", "diff"))
}
