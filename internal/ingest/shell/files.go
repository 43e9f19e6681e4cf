package shell

import "strings"

// maxPaths is how many files one rm or mv is told of; beyond it, the command
// is one act without a target.
const maxPaths = 16

// fileActs reads rm, mv and the find that deletes.
func fileActs(c *call) []*draft {
	switch c.program {
	case "rm", "unlink", "rmdir":
		o := parseOptions(c.args[1:], "")
		return fileDrafts(c, "file.delete", "", o.operands, false, o.has("-f", "--force"))
	case "mv":
		o := parseOptions(c.args[1:], " -t --target-directory -S --suffix ")
		sources := o.operands
		if !o.has("-t", "--target-directory") && len(sources) > 0 {
			sources = sources[:len(sources)-1]
		}
		return fileDrafts(c, "file.move", "", sources, false, o.has("-f", "--force"))
	case "find":
		if hasWord(c.args, "-delete") || execs(c.args, "rm") {
			d := newDraft("file.delete", "", "")
			d.byExit = hasWord(c.args, "-delete") // -exec … ; loses the status
			return []*draft{d}
		}
	}
	return nil
}

// execs reports whether a find runs program.
func execs(args []string, program string) bool {
	for i, a := range args[:len(args)-1] {
		if oneOf(a, "-exec", "-execdir", "-ok") && args[i+1] == program {
			return true
		}
	}
	return false
}

// fileDrafts makes an act for each path, of a move for each source. A path that
// isn't relative, that the shell still has to expand, or whose directory is
// unknown is not told.
func fileDrafts(c *call, what, sub string, paths []string, moved, force bool) []*draft {
	var drafts []*draft
	whole := len(paths) <= maxPaths && !c.elsewhere && !moved
	for _, p := range paths {
		if p = cleanPath(c.dir, p); p == "" || !whole {
			whole = false
			break
		}
		drafts = append(drafts, newDraft(what, p, sub))
	}
	if !whole || len(drafts) == 0 {
		drafts = []*draft{newDraft(what, "", sub)}
	}
	for _, d := range drafts {
		d.flag("force", force)
	}
	return drafts
}

// curlFlags are the options of curl and wget that take a value.
const curlFlags = " -H --header -d --data --data-raw --data-binary --data-urlencode --data-ascii --json -u --user -X --request -o --output -A --user-agent -b --cookie -c --cookie-jar -e --referer -F --form --form-string -m --max-time --connect-timeout -x --proxy -U --proxy-user -w --write-out -T --upload-file -K --config -E --cert --key --cacert --capath --resolve --connect-to --retry --retry-delay --retry-max-time --limit-rate -r --range -C --continue-at -D --dump-header --interface --oauth2-bearer --unix-socket -y -Y -z -t -P --directory-prefix -O --output-document --output-file --post-data --post-file --body-data --method --password --http-user --http-password --timeout --tries --wait --max-redirs --stderr --trace --url-query --variable --aws-sigv4 "

// webActs reads curl and wget: an act for each URL, without user, query and
// fragment. What was sent or asked for beyond that isn't told.
func webActs(c *call) []*draft {
	flags := curlFlags
	if c.program == "curl" {
		flags = without(flags, "-O", "-P")
	} else {
		// wget: -c continues, -d debugs, -b goes to the background …
		flags = without(flags, "-H", "-d", "-b", "-c", "-F", "-m", "-x", "-K", "-E", "-r", "-N")
	}
	o := parseOptions(c.args[1:], flags)
	var drafts []*draft
	add := func(u string) {
		if !strings.Contains(u, "://") && strings.ContainsAny(u, ".:") && isStatic(u) {
			u = "http://" + u
		}
		if u = cleanURL(u); u != "" && len(drafts) < maxPaths {
			drafts = append(drafts, newDraft("web.fetch", u, ""))
		}
	}
	for _, f := range o.flags {
		if f.name == "--url" {
			add(f.value)
		}
	}
	for _, u := range o.operands {
		add(u)
	}
	if len(drafts) == 0 {
		if len(o.operands) == 0 && !o.has("--url", "-K", "--config", "-i") {
			return nil // curl --version
		}
		drafts = []*draft{newDraft("web.fetch", "", "")}
	}
	return drafts
}
