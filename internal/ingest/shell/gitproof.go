package shell

import "strings"

// proveCommit looks for git's own summary of a commit, "[main 1a2b3c4] subject";
// for a quiet commit, for the id that a later command of the line printed.
func proveCommit(d *draft, o *output) verdict {
	lines := o.all()
	strict := !d.lenient && !parseOptions(d.call.args, "").has("--allow-empty") && !d.call.status.zero()
	for i, l := range lines {
		if o.used[i] {
			continue
		}
		branch, sha, ok := commitSummary(l)
		if !ok {
			continue
		}
		// Hooks print lines in brackets, too. Unless the status already says
		// that the commit was made, the statistics must follow.
		if strict && (i+1 == len(lines) || !strings.HasPrefix(lines[i+1], " ")) {
			continue
		}
		o.take(i)
		d.set("branch", branch)
		d.committed(o.longest(sha))
		return done
	}
	if d.lenient {
		return silent // what an echo says is not what git rev-parse says
	}
	if sha, ok := d.printedLater(o); ok {
		d.committed(sha)
		return done
	}
	if o.has("nothing to commit", "no changes added to commit", "nothing added to commit", "Aborting commit", "error: Committing is not possible") {
		return refused
	}
	return silent
}

func (d *draft) committed(sha string) {
	d.act.Target = sha
	d.set("sha", sha)
}

// commitSummary reads "[branch sha] subject", "[branch (root-commit) sha] subject"
// and "[detached HEAD sha] subject". The words in the last two are translated.
func commitSummary(l string) (branch, sha string, ok bool) {
	if l == "" || l[0] != '[' {
		return "", "", false
	}
	inside, rest, found := strings.Cut(l[1:], "]")
	if !found || rest != "" && rest[0] != ' ' || len(inside) > 300 {
		return "", "", false
	}
	words := strings.Fields(inside)
	if len(words) < 2 {
		return "", "", false
	}
	sha = cleanSHA(words[len(words)-1])
	if len(words) == 2 || strings.HasPrefix(words[1], "(") {
		branch = cleanRef(words[0])
	}
	return branch, sha, sha != ""
}

// longest returns the full id if the output also has it on a line of its own.
func (o *output) longest(sha string) string {
	for _, l := range o.lines {
		if len(l) > len(sha) && strings.HasPrefix(l, sha) && cleanSHA(l) != "" {
			return l
		}
	}
	return sha
}

// printsSHA reports whether a git command prints the id of HEAD and nothing
// else.
func printsSHA(sub string, args []string) bool {
	switch sub {
	case "rev-parse":
		o := parseOptions(args, "")
		return len(o.operands) == 1 && oneOf(o.operands[0], "HEAD", "@") && o.only("--short", "--verify", "-q", "--quiet")
	case "log", "show":
		last := sub == "show"
		id := false
		for i, a := range args {
			last = last || oneOf(a, "-1", "-n1", "--max-count=1") || oneOf(a, "-n", "--max-count") && i+1 < len(args) && args[i+1] == "1"
			if _, format, ok := strings.Cut(a, "="); ok && oneOf(a[:len(a)-len(format)-1], "--format", "--pretty") {
				id = oneOf(strings.TrimPrefix(strings.TrimPrefix(format, "format:"), "tformat:"), "%H", "%h")
			}
		}
		return last && id
	}
	return false
}

// printedLater finds the id of a commit that a later "git rev-parse HEAD", or
// its like, printed. Such a command tells that the commit was made if it
// can only have run after it, or if the status says that it was made.
func (d *draft) printedLater(o *output) (sha string, ok bool) {
	l := d.call.node
	for l.parent != nil {
		l = l.parent
	}
	// The ids in the output, and which of them the wanted command printed: the
	// first after this commit and before the next.
	printer, printers := -1, 0
	seen, next := false, false
	l.visit(func(c *call) {
		if c == d.call {
			seen = true
			return
		}
		if c.program != "git" {
			return
		}
		sub, args, _ := gitCommand(c.args)
		if sub == "commit" && seen {
			next = true
		}
		if c.hidden || !printsSHA(sub, args) {
			return
		}
		if seen && !next && printer < 0 && (d.call.gates(c) || d.call.status.zero() && c.status.zero()) {
			printer = printers
		}
		printers++
	})
	if printer < 0 {
		return "", false
	}
	var ids []string
	for _, line := range o.all() {
		if id := cleanSHA(line); id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) != printers {
		return "", false
	}
	return ids[printer], true
}

// visit calls f for each command below n, in the order of the text.
func (n *node) visit(f func(*call)) {
	if n.call != nil {
		f(n.call)
	}
	for _, k := range n.kids {
		k.visit(f)
	}
}
