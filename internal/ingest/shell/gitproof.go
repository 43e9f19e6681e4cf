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

// A pushed section is what git push prints for one remote.
type pushed struct {
	repo    string
	refs    []pushedRef
	refused bool
	lines   []int
}

type pushedRef struct{ name, sha string }

// provePush looks for what git push prints on standard error: the remote, then
// a line for each ref. A push that found everything up to date is a success of
// zero refs.
func provePush(d *draft, o *output) verdict {
	want, _ := d.act.Data["branch"].(string)
	for _, s := range pushes(o, d.call) {
		if o.used[s.lines[0]] || !s.about(want) {
			continue
		}
		for _, i := range s.lines {
			o.take(i)
		}
		branch := want
		if branch == "" && len(s.refs) > 0 {
			branch = s.refs[0].name
		}
		d.set("branch", branch)
		if d.act.Target = branch; branch != "" && s.repo != "" {
			d.act.Target = s.repo + "@" + branch
		} else if branch == "" {
			d.act.Target = s.repo
		}
		if s.refused {
			return refused
		}
		d.put("count", len(s.refs))
		for _, r := range s.refs {
			if r.name == branch {
				d.set("sha", r.sha)
			}
		}
		return done
	}
	if o.has("error: failed to push some refs", "error: src refspec ", "fatal: The current branch ") {
		return refused
	}
	return silent
}

// about reports whether s may be the push of a branch, or of any if name is
// empty.
func (s pushed) about(name string) bool {
	if name == "" || len(s.refs) == 0 {
		return true
	}
	for _, r := range s.refs {
		if r.name == name {
			return true
		}
	}
	return false
}

// pushes reads the sections that git push printed. Without the line of the
// remote, which "| tail -1" cuts off, a line counts only if nothing else in
// the command line prints such lines.
func pushes(o *output, c *call) []pushed {
	var sections []pushed
	current := -1
	headless := !fetches(c)
	for i, l := range o.all() {
		url, isTo := strings.CutPrefix(l, "To ")
		ref, no, isRef := refLine(l)
		switch {
		case isTo && !strings.Contains(url, " "):
			sections = append(sections, pushed{repo: repoOf(url), lines: []int{i}})
			current = len(sections) - 1
			headless = false
		case l == "Everything up-to-date":
			if current >= 0 && len(sections[current].lines) == 1 {
				sections[current].lines = append(sections[current].lines, i) // push -v
				continue
			}
			sections = append(sections, pushed{lines: []int{i}})
			current = -1
		case isRef && (current >= 0 || headless):
			if current < 0 {
				sections = append(sections, pushed{})
				current = len(sections) - 1
			}
			s := &sections[current]
			s.lines = append(s.lines, i)
			s.refused = s.refused || no
			if ref.name != "" {
				s.refs = append(s.refs, ref)
			}
		default:
			current = -1
		}
	}
	kept := sections[:0]
	for _, s := range sections {
		if len(s.lines) > 1 || s.repo == "" && len(s.refs) > 0 || o.lines[s.lines[0]] == "Everything up-to-date" {
			kept = append(kept, s)
		}
	}
	return kept
}

// fetches reports whether the line of c also fetches, which prints lines like
// those of push.
func fetches(c *call) bool {
	root, found := c.node, false
	for root.parent != nil {
		root = root.parent
	}
	root.visit(func(c *call) {
		if c.program == "git" {
			sub, _, _ := gitCommand(c.args)
			found = found || oneOf(sub, "fetch", "pull", "remote", "clone", "submodule")
		}
	})
	return found
}

// refLine reads one line of a push:
//
//	  1a2b3c4..5d6e7f8  main -> main
//	+ 1a2b3c4...5d6e7f8 main -> main (forced update)
//	* [new branch]      feat/x -> feat/x
//	- [deleted]         old
//	= [up to date]      main -> main
//	! [rejected]        main -> main (fetch first)
//
// A ref that is up to date has an empty name, because nothing was pushed.
func refLine(l string) (ref pushedRef, refused, ok bool) {
	if len(l) < 4 || l[0] != ' ' || l[2] != ' ' || strings.IndexByte(" +-*=!", l[1]) < 0 {
		return ref, false, false
	}
	mark, rest := l[1], l[3:]
	summary := ""
	if strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return ref, false, false
		}
		summary, rest = rest[:end+1], rest[end+1:]
	} else {
		summary, rest, _ = strings.Cut(rest, " ")
		from, to, found := strings.Cut(summary, "..")
		if to = strings.TrimPrefix(to, "."); !found || cleanSHA(from) == "" || cleanSHA(to) == "" {
			return ref, false, false
		}
		ref.sha = to
	}
	words := strings.Fields(rest)
	switch {
	case mark == '-' && len(words) >= 1:
		ref.name = cleanRef(words[0])
	case len(words) >= 3 && words[1] == "->":
		ref.name = cleanRef(words[2])
	default:
		return ref, false, false
	}
	if mark == '=' {
		ref.name = ""
	}
	return ref, mark == '!', true
}

// repoOf reads "owner/repo" from the URL of a remote: https, ssh, or
// "git@host:owner/repo.git". A path on this machine has none.
func repoOf(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		if strings.HasPrefix(url, "file:") {
			return ""
		}
		_, p, _ := strings.Cut(rest, "/")
		return cleanRepo(p)
	}
	host, p, ok := strings.Cut(url, ":")
	if !ok || strings.ContainsAny(host, `/\`) || len(host) < 2 {
		return ""
	}
	return cleanRepo(p)
}
