package shell

import (
	"strconv"
	"strings"
)

// glabAct reads GitLab's glab, which prints "!12 title (branch)" and the URL of
// what it made, and a line with a tick for the rest.
func glabAct(c *call, repo string) *draft {
	noun, verb, args := forgeWords(c.args[1:])
	if noun == "merge-request" {
		noun = "mr"
	}
	if r := ghRepo(c.args); r != "" {
		repo = r
	}
	if verb == "new" {
		verb = "create"
	}
	const flags = " -R --repo -m --message -t --title -d --description -b --target-branch -s --source-branch -a --assignee -l --label --reviewer --milestone --sha --squash-message "
	o := parseOptions(args, flags)
	selector := o.operand(0)
	if _, err := strconv.Atoi(selector); err == nil && noun == "mr" {
		selector = "!" + selector
	}
	sub := subcommand(noun, verb)
	switch sub {
	case "mr create":
		d := newProved("pr.create", repo, sub, proveURL("merge_requests", repo))
		d.set("branch", cleanRef(o.value("-s", "--source-branch")))
		return d
	case "mr merge", "mr accept":
		return about(newProved("pr.merge", "", "mr merge", proveTick("Merged")), selector, repo)
	case "mr approve":
		return about(newProved("pr.review", "", sub, proveTick("Approved")), selector, repo)
	case "mr close":
		return about(newProved("pr.close", "", sub, proveTick("Closed")), selector, repo)
	case "mr note", "mr comment":
		return about(newProved("pr.comment", "", "mr note", proveURL("merge_requests", repo)), selector, repo)
	case "issue create":
		return newProved("issue.create", repo, sub, proveURL("issues", repo))
	case "issue note", "issue comment":
		return about(newProved("issue.comment", "", "issue note", proveURL("issues", repo)), selector, repo)
	case "issue close":
		return about(newProved("issue.close", "", sub, proveTick("Closed")), selector, repo)
	case "release create":
		return releaseDraft(parseOptions(args, flags+"-n --name -N --notes -F --notes-file -r --ref ").operand(0), repo, false)
	}
	return nil
}

// proveTick proves an act by a line such as "✓ Merged!" or "✔ Approved".
func proveTick(word string) func(*draft, *output) verdict {
	return func(d *draft, o *output) verdict {
		i := o.find(func(l string) bool {
			rest := strings.TrimLeft(l, "✓✔- ")
			return rest != l && strings.HasPrefix(rest, word)
		})
		if i < 0 {
			return silent
		}
		o.take(i)
		return done
	}
}
