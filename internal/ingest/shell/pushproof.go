package shell

import "strings"

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
	if o.pushes == nil {
		o.pushes = pushes(o, d.call)
	}
	for _, s := range o.pushes {
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
	toldTo := false
	for i, l := range o.all() {
		url, isTo := strings.CutPrefix(l, "To ")
		ref, no, isRef := refLine(l)
		switch {
		case isTo && !strings.Contains(url, " "):
			sections = append(sections, pushed{repo: repoOf(url), lines: []int{i}})
			current = len(sections) - 1
			toldTo = true
		case l == "Everything up-to-date":
			if current >= 0 && len(sections[current].lines) == 1 {
				sections[current].lines = append(sections[current].lines, i) // push -v
				continue
			}
			sections = append(sections, pushed{lines: []int{i}})
			current = -1
		case isRef && (current >= 0 || !toldTo && !fetches(c)):
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
	if strings.HasPrefix(rest, "[") {
		_, after, closed := strings.Cut(rest, "]")
		if !closed {
			return ref, false, false
		}
		rest = after
	} else {
		var summary string
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
