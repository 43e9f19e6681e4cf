package shell

import "strings"

// gitCommand splits the arguments of git into sub-command and its arguments.
// moved says that -C or its like points git at another repository.
func gitCommand(args []string) (sub string, rest []string, moved bool) {
	for i := 1; i < len(args); i++ {
		switch a := args[i]; {
		case oneOf(a, "-C", "--git-dir", "--work-tree"):
			moved = true
			i++
		case oneOf(a, "-c", "--namespace", "--config-env", "--super-prefix"):
			i++
		case strings.HasPrefix(a, "--git-dir=") || strings.HasPrefix(a, "--work-tree="):
			moved = true
		case len(a) > 0 && a[0] == '-':
		default:
			return a, args[i+1:], moved
		}
	}
	return "", nil, moved
}

func gitActs(c *call) []*draft {
	sub, args, moved := gitCommand(c.args)
	switch sub {
	case "commit":
		return one(gitCommit(args))
	case "push":
		return one(gitPush(args))
	case "checkout":
		o := parseOptions(args, " -b -B --orphan ")
		if o.has("-b", "-B", "--orphan") {
			return one(gitBranch(o.value("-b", "-B", "--orphan"), "checkout", o.has("-B")))
		}
	case "switch":
		o := parseOptions(args, " -c -C --create --force-create --orphan ")
		if o.has("-c", "-C", "--create", "--force-create", "--orphan") {
			name := o.value("-c", "-C", "--create", "--force-create", "--orphan")
			return one(gitBranch(name, "switch", o.has("-C", "--force-create")))
		}
	case "branch":
		o := parseOptions(args, "")
		if len(o.operands) > 0 && o.only("-f", "--force", "-t", "--track", "--no-track", "-q", "--quiet", "--create-reflog") {
			d := gitBranch(o.operands[0], "branch", o.has("-f", "--force"))
			d.prove = nil // git branch is silent
			return one(d)
		}
	case "worktree":
		o := parseOptions(args, " -b -B --reason ")
		if o.operand(0) == "add" && o.has("-b", "-B") {
			d := gitBranch(o.value("-b", "-B"), "worktree add", o.has("-B"))
			d.prove = nil
			return one(d)
		}
	case "tag":
		return one(gitTag(args))
	case "merge":
		return one(gitMerge(args))
	case "rm":
		o := parseOptions(args, " --pathspec-from-file ")
		if !o.has("-n") {
			return fileDrafts(c, "file.delete", "rm", o.operands, moved, o.has("-f", "--force"))
		}
	case "mv":
		o := parseOptions(args, "")
		if len(o.operands) > 1 && !o.has("-n") {
			return fileDrafts(c, "file.move", "mv", o.operands[:len(o.operands)-1], moved, o.has("-f", "--force"))
		}
	}
	return nil
}

func gitCommit(args []string) *draft {
	o := parseOptions(args, " -m --message -F --file -C --reuse-message -c --reedit-message --author --date -t --template --cleanup --fixup --squash --trailer --pathspec-from-file ")
	d := newProved("commit.create", "", "commit", proveCommit)
	d.flag("amend", o.has("--amend"))
	return d
}

func gitPush(args []string) *draft {
	o := parseOptions(args, " -o --push-option --repo --receive-pack --exec ")
	if o.has("-n") {
		return nil // a dry run
	}
	force := o.has("-f", "--force", "--force-with-lease", "--mirror")
	branch := ""
	for i, spec := range o.operands {
		if i == 0 && !o.has("--repo") {
			continue // the remote
		}
		force = force || strings.HasPrefix(spec, "+")
		spec = strings.TrimPrefix(spec, "+")
		if _, to, ok := strings.Cut(spec, ":"); ok {
			spec = to
		}
		if branch = cleanRef(spec); branch == "HEAD" {
			branch = ""
		}
		break
	}
	d := newProved("commit.push", branch, "push", provePush)
	d.set("branch", branch)
	d.flag("force", force)
	return d
}

func gitBranch(name, sub string, force bool) *draft {
	name = cleanRef(name)
	d := newDraft("branch.create", name, sub)
	d.set("branch", name)
	d.flag("force", force)
	if name != "" {
		d.prove = proveBranch
	}
	return d
}

// proveBranch looks for the line that checkout -b and switch -c print. The name
// in it must be the one that was asked for.
func proveBranch(d *draft, o *output) verdict {
	name := "'" + d.act.Target + "'"
	i := o.find(func(l string) bool {
		return oneOf(l, "Switched to a new branch "+name, "Switched to and reset branch "+name, "Reset branch "+name)
	})
	if i >= 0 {
		o.take(i)
		return done
	}
	if o.has("fatal: a branch named "+name+" already exists", "fatal: A branch named "+name+" already exists") {
		return refused
	}
	return silent
}

func gitTag(args []string) *draft {
	o := parseOptions(args, " -m --message -F --file -u --local-user --cleanup --trailer ")
	if len(o.operands) == 0 || !o.only("-a", "--annotate", "-s", "--sign", "--no-sign", "-f", "--force", "-m", "--message", "-F", "--file", "-u", "--local-user", "--cleanup", "--trailer", "-e", "--edit", "--create-reflog") {
		return nil // lists, verifies or deletes
	}
	d := newDraft("tag.create", cleanRef(o.operands[0]), "tag")
	d.flag("force", o.has("-f", "--force"))
	return d
}

func gitMerge(args []string) *draft {
	o := parseOptions(args, " -m -F --file -s --strategy -X --strategy-option --cleanup --into-name ")
	if o.has("--abort", "--quit") {
		return nil
	}
	branch := cleanRef(o.operand(0))
	d := newDraft("branch.merge", branch, "merge")
	d.set("branch", branch)
	// Neither makes the merge; a commit must follow.
	d.byExit = !o.has("--no-commit", "--squash")
	d.prove = proveMerge
	return d
}

func proveMerge(d *draft, o *output) verdict {
	if !d.byExit {
		return silent
	}
	i := o.find(func(l string) bool {
		return strings.HasPrefix(l, "Merge made by the ") || l == "Fast-forward" || strings.HasPrefix(l, "Already up to date.")
	})
	switch {
	case i >= 0:
		if strings.HasPrefix(o.lines[i], "Already") {
			d.put("count", 0)
		}
		o.take(i)
		return done
	case o.has("Automatic merge failed", "fatal: refusing to merge", "fatal: Not possible to fast-forward", "merge: "):
		return refused
	}
	return silent
}
