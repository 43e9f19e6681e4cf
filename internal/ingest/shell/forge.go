package shell

import (
	"strconv"
	"strings"
)

// forgeFlags are the options with a value that the sub-commands of gh share.
const forgeFlags = " -R --repo -b --body -F --body-file -t --title --subject -l --label -m --milestone -p --project -a --assignee -r --reviewer -B --base -H --head -T --template -q --jq --json --recover --match-head-commit --author-email -A --notes -n --notes-file --target --notes-start-tag --discussion-category --comment --reason --ref --env -e -o --org -u --user --visibility -v --repos --app -f --raw-field --field "

// without removes options from a list of options with a value, for a
// sub-command where the same letter is a mere flag.
func without(valued string, names ...string) string {
	for _, n := range names {
		valued = strings.Replace(valued, " "+n+" ", " ", 1)
	}
	return valued
}

// ghAct reads GitHub's gh. Off a terminal it prints little: the URL of what it
// made on standard output, and for some commands a line on standard error.
func ghAct(c *call, repo string) *draft {
	noun, verb, args := forgeWords(c.args[1:])
	sub := subcommand(noun, verb)
	if r := ghRepo(c.args); r != "" {
		repo = r
	}
	switch sub {
	case "pr create", "pr new":
		o := parseOptions(args, without(forgeFlags, "-f", "-e", "-v", "-o", "-n"))
		d := newProved("pr.create", repo, "pr create", proveURL("pull", repo))
		d.set("branch", cleanRef(o.value("-H", "--head")))
		return d
	case "pr merge":
		o := parseOptions(args, without(forgeFlags, "-m", "-r"))
		if o.has("--disable-auto") {
			return nil
		}
		// Its exit status is no proof: off a terminal it says nothing, and is
		// zero also if the pull request only joined a merge queue.
		return about(newProved("pr.merge", "", sub, proveLine("erged pull request ")), o.operand(0), repo)
	case "pr review":
		o := parseOptions(args, without(forgeFlags, "-a", "-r"))
		return about(newDraft("pr.review", "", sub), o.operand(0), repo)
	case "pr close":
		o := parseOptions(args, " -R --repo -c --comment ")
		return about(newProved("pr.close", "", sub, proveLine("Closed pull request ")), o.operand(0), repo)
	case "pr comment":
		o := parseOptions(args, without(forgeFlags, "-e"))
		return about(newProved("pr.comment", "", sub, proveURL("pull", repo)), o.operand(0), repo)
	case "issue create", "issue new":
		return newProved("issue.create", repo, "issue create", proveURL("issues", repo))
	case "issue comment":
		o := parseOptions(args, without(forgeFlags, "-e"))
		return about(newProved("issue.comment", "", sub, proveURL("issues", repo)), o.operand(0), repo)
	case "issue close":
		o := parseOptions(args, " -R --repo -c --comment -r --reason ")
		return about(newProved("issue.close", "", sub, proveLine("Closed issue ")), o.operand(0), repo)
	case "release create", "release new":
		o := parseOptions(args, without(forgeFlags, "-p", "-l", "-a", "-m", "-r"))
		return releaseDraft(o.operand(0), repo, o.has("-d", "--draft"))
	case "secret set":
		o := parseOptions(args, " -R --repo -b --body -e --env -f --env-file -o --org -r --repos -u --user -v --visibility -a --app ")
		d := newDraft("secret.rotate", repo, sub)
		d.set("environment", cleanEnvironment(o.value("-e", "--env")))
		return d
	case "workflow run":
		o := parseOptions(args, " -R --repo -f --raw-field -F --field -r --ref ")
		d := newDraft("workflow.run", repo, sub)
		d.set("branch", cleanRef(o.value("-r", "--ref")))
		if name := cleanPackage(o.operand(0)); name != "" && repo != "" {
			d.act.Target = repo + "/" + name
		} else if name != "" {
			d.act.Target = name
		}
		return d
	}
	return nil
}

// forgeWords finds noun and verb, which options may precede, and returns the
// arguments after the verb.
func forgeWords(args []string) (noun, verb string, rest []string) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case oneOf(a, "-R", "--repo"):
			i++
		case strings.HasPrefix(a, "-"):
		case noun == "":
			noun = a
		default:
			return noun, a, args[i+1:]
		}
	}
	return noun, "", nil
}

// ghRepo is the repository that -R names, without its host.
func ghRepo(args []string) string {
	for i, a := range args {
		switch {
		case oneOf(a, "-R", "--repo") && i+1 < len(args):
			a = args[i+1]
		case strings.HasPrefix(a, "--repo="):
			a = a[len("--repo="):]
		case strings.HasPrefix(a, "-R") && len(a) > 2:
			a = a[2:]
		default:
			continue
		}
		if r := repoOf(a); r != "" {
			return r
		}
		if parts := strings.Split(a, "/"); len(parts) == 3 && strings.Contains(parts[0], ".") {
			a = parts[1] + "/" + parts[2]
		}
		return cleanRepo(a)
	}
	return ""
}

// about sets the target of d from the number or URL that names it; a branch
// name doesn't say which pull request it is.
func about(d *draft, selector, repo string) *draft {
	if l, ok := forgeLink(selector); ok {
		d.link(l)
		return d
	}
	sign := "#"
	if strings.HasPrefix(selector, "!") {
		sign = "!"
	}
	n, err := strconv.Atoi(strings.TrimLeft(selector, "#!"))
	if err != nil || n <= 0 {
		d.act.Target = repo
		return d
	}
	d.put("number", n)
	d.act.Target = repo + sign + strconv.Itoa(n)
	return d
}

// A link is the URL of an issue or of a pull or merge request.
type link struct {
	url, repo, kind string
	number          int
}

// forgeLink reads URLs such as
//
//	https://github.com/acme/shop/pull/44
//	https://gitlab.com/group/sub/project/-/merge_requests/12#note_1
func forgeLink(s string) (link, bool) {
	if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") || len(s) > 300 {
		return link{}, false
	}
	s, _, _ = strings.Cut(s, "#")
	s = strings.TrimSuffix(s, "/")
	_, rest, _ := strings.Cut(s, "://")
	parts := strings.Split(rest, "/")
	if len(parts) < 5 || strings.ContainsAny(s, "?@ \t") {
		return link{}, false
	}
	n, err := strconv.Atoi(parts[len(parts)-1])
	kind := parts[len(parts)-2]
	if err != nil || n <= 0 || !oneOf(kind, "pull", "issues", "merge_requests", "work_items") {
		return link{}, false
	}
	owners := parts[1 : len(parts)-2]
	if owners[len(owners)-1] == "-" {
		owners = owners[:len(owners)-1]
	}
	l := link{url: cleanURL(s), repo: cleanRepo(strings.Join(owners, "/")), kind: kind, number: n}
	if kind == "work_items" {
		l.kind = "issues"
	}
	if !strings.HasSuffix(l.url, "/"+parts[len(parts)-1]) {
		l.url = "" // a part of it wasn't fit to be told
	}
	return l, l.repo != ""
}

func (d *draft) link(l link) {
	sign := "#"
	if l.kind == "merge_requests" {
		sign = "!"
	}
	d.act.Target = l.repo + sign + strconv.Itoa(l.number)
	d.set("url", l.url)
	d.put("number", l.number)
}

// proveURL proves what a forge made by its URL alone on a line. The same URL
// stands in the error "a pull request … already exists", so that error wins.
func proveURL(kind, repo string) func(*draft, *output) verdict {
	return func(d *draft, o *output) verdict {
		exists := o.contains(" already exists:", "already exists for this source branch", "pull request already exists")
		number, _ := d.act.Data["number"].(int)
		for i, line := range o.all() {
			l, ok := forgeLink(strings.TrimSpace(line))
			if !ok || l.kind != kind && (kind == "pull" || number == 0) || o.used[i] || exists && d.creates() {
				continue
			}
			if repo != "" && !d.call.elsewhere && ghRepo(d.call.args) != "" && !strings.EqualFold(l.repo, repo) {
				continue
			}
			if number != 0 && l.number != number {
				continue
			}
			o.take(i)
			d.link(l)
			return done
		}
		if exists && d.creates() {
			return refused
		}
		return silent
	}
}

func (d *draft) creates() bool { return strings.HasSuffix(d.act.What, ".create") }

// proveLine proves an act by a line with a phrase followed by a reference:
// "✓ Merged pull request acme/shop#44 (title)", or "#44" in older releases.
func proveLine(phrase string) func(*draft, *output) verdict {
	return func(d *draft, o *output) verdict {
		number, _ := d.act.Data["number"].(int)
		for i, line := range o.all() {
			_, after, ok := strings.Cut(line, phrase)
			if !ok || o.used[i] || len(line)-len(after)-len(phrase) > 30 {
				continue
			}
			ref, _, _ := strings.Cut(after, " ")
			repo, digits, ok := strings.Cut(ref, "#")
			n, err := strconv.Atoi(digits)
			if !ok || err != nil || n <= 0 || number != 0 && n != number {
				continue
			}
			o.take(i)
			if repo = cleanRepo(repo); repo == "" {
				repo, _, _ = strings.Cut(d.act.Target, "#")
			}
			d.put("number", n)
			d.act.Target = repo + "#" + strconv.Itoa(n)
			return done
		}
		return silent
	}
}

// hubAct reads the older hub.
func hubAct(c *call, repo string) *draft {
	noun, _, _ := forgeWords(c.args[1:])
	if noun != "pull-request" {
		return nil
	}
	return newProved("pr.create", repo, noun, proveURL("pull", repo))
}
