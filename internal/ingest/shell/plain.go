package shell

// plainAct is the one "shell.run" of a line in which nothing is recognised. It
// is named after the first command that does something. A line that ended with
// another status than zero failed as a whole; that it ended with zero is the
// success of the named command only if the status is surely its own.
func plainAct(l *line, out *Outcome) Act {
	c := l.named()
	d := &draft{act: Act{What: "shell.run", Target: "sh", Result: Attempted}}
	if c != nil {
		name, sub := c.program, plainSubcommand(c)
		if name != "" {
			d.act.Target = name
			d.put("program", name)
		}
		if name != "" && sub != "" {
			d.act.Target = subcommand(name, sub)
			d.put("subcommand", sub)
		}
		d.flag("sudo", c.sudo)
	} else if name := cleanProgram(l.first); name != "" && isAlnum(name[0]) {
		d.act.Target = name
		d.put("program", name)
	}
	if l.count > 1 {
		d.put("count", l.count)
	}
	if out == nil {
		return d.act
	}
	if out.ExitKnown {
		d.put("exit_code", out.Exit)
	}
	if out.ExitKnown && !l.incomplete {
		l.root.settle(exited(out.Exit), mentionsDirectory(out))
	}
	switch {
	case out.Interrupted:
		d.act.Result = Cancelled
	case out.ExitKnown && out.Exit != 0:
		d.act.Result = Failed
	case out.ExitKnown && c != nil && c.status.zero():
		d.act.Result = Success
	case out.ExitKnown && c == nil && !l.incomplete:
		d.act.Result = Success // assignments and tests only
	}
	return d.act
}

// named is the first command that is more than setting the scene, else the
// first.
func (l *line) named() *call {
	for _, c := range l.calls {
		switch c.program {
		case "cd", "pushd", "popd", "set", "export", "unset", "true", "false", ":", "exit", "echo", "printf", "sleep", "test", "[", "source", ".", "trap", "shopt", "ulimit", "umask":
			continue
		}
		return c
	}
	if len(l.calls) > 0 {
		return l.calls[0]
	}
	return nil
}

// plainSubcommand is the sub-command of a program that has them, if it is one
// of those that this list knows. Any other word may be an argument.
func plainSubcommand(c *call) string {
	if len(c.args) < 2 {
		return ""
	}
	word := ""
	switch c.program {
	case "git":
		sub, _, _ := gitCommand(c.args)
		return pick(sub, "add", "am", "apply", "archive", "bisect", "blame", "branch", "cat-file", "checkout", "cherry-pick", "clean", "clone", "commit",
			"config", "describe", "diff", "fetch", "for-each-ref", "format-patch", "gc", "grep", "init", "log", "ls-files", "ls-remote", "ls-tree",
			"merge", "merge-base", "mv", "notes", "pull", "push", "rebase", "reflog", "remote", "reset", "restore", "rev-list", "rev-parse", "revert", "rm", "shortlog",
			"show", "sparse-checkout", "stash", "status", "submodule", "switch", "symbolic-ref", "tag", "update-index", "worktree")
	case "gh", "glab":
		noun, verb, _ := forgeWords(c.args[1:])
		noun = pick(noun, "api", "auth", "browse", "cache", "ci", "config", "gist", "issue", "label", "mr", "pipeline", "pr", "project", "release", "repo", "ruleset", "run", "search", "secret", "status", "variable", "workflow")
		verb = pick(verb, "add", "approve", "checkout", "checks", "clone", "close", "comment", "create", "delete", "diff", "download", "edit", "fork", "list", "lock", "merge", "note", "pin", "ready", "remove", "reopen", "rerun", "review", "set", "status", "sync", "transfer", "update", "view", "watch")
		if noun == "" || verb == "" {
			return noun
		}
		return subcommand(noun, verb)
	case "go":
		word = firstOperand(c, "build", "clean", "doc", "env", "fix", "fmt", "generate", "get", "install", "list", "mod", "run", "telemetry", "test", "tool", "version", "vet", "work")
	case "npm", "pnpm", "yarn", "bun":
		word = firstOperand(c, "add", "audit", "ci", "config", "exec", "info", "init", "install", "i", "link", "list", "login", "ls", "outdated", "pack", "publish", "remove", "run", "start", "test", "uninstall", "update", "upgrade", "version", "view", "why", "dev")
	case "cargo", "rustup":
		word = firstOperand(c, "add", "bench", "build", "check", "clean", "clippy", "doc", "fetch", "fix", "fmt", "init", "install", "metadata", "new", "publish", "remove", "run", "search", "show", "target", "test", "toolchain", "tree", "update")
	case "pip", "pip3", "uv", "poetry", "pipenv", "conda", "pdm", "hatch", "mamba", "pipx":
		word = firstOperand(c, "add", "build", "create", "env", "freeze", "install", "init", "list", "lock", "pip", "remove", "run", "show", "sync", "tool", "uninstall", "update", "upgrade", "venv")
	case "apt", "apt-get", "brew", "apk", "dnf", "yum", "gem", "snap", "pacman", "composer", "bundle":
		word = firstOperand(c, "add", "audit", "autoremove", "cleanup", "del", "exec", "info", "install", "list", "outdated", "purge", "reinstall", "remove", "require", "search", "services", "show", "uninstall", "update", "upgrade")
	case "docker", "podman", "docker-compose":
		word = firstOperand(c, "attach", "build", "buildx", "compose", "container", "cp", "create", "down", "events", "exec", "image", "images", "info", "inspect", "kill", "load", "login", "logs", "network", "ps", "pull", "push", "restart", "rm", "rmi", "run", "save", "start", "stats", "stop", "system", "tag", "up", "version", "volume")
	case "kubectl", "oc", "helm":
		word = firstOperand(c, "apply", "config", "cp", "create", "delete", "describe", "diff", "edit", "exec", "explain", "get", "install", "label", "lint", "list", "logs", "patch", "port-forward", "pull", "push", "repo", "rollout", "scale", "search", "show", "status", "template", "top", "uninstall", "upgrade", "version", "wait")
	case "terraform", "tofu", "terragrunt", "pulumi":
		word = firstOperand(c, "apply", "config", "console", "destroy", "fmt", "get", "graph", "import", "init", "output", "plan", "preview", "providers", "refresh", "show", "stack", "state", "taint", "test", "up", "validate", "version", "workspace")
	case "systemctl", "service", "launchctl":
		word = firstOperand(c, "daemon-reload", "disable", "enable", "is-active", "list", "load", "reload", "restart", "start", "status", "stop", "unload")
	case "aws", "gcloud", "az":
		word = firstOperand(c, "acr", "aks", "app", "artifacts", "auth", "builds", "cloudformation", "compute", "config", "configure", "container", "cloudwatch", "dynamodb", "ec2", "ecr", "ecs", "eks", "functions", "group", "iam", "lambda", "logging", "login", "logs", "projects", "pubsub", "rds", "route53", "run", "s3", "s3api", "secrets", "secretsmanager", "sns", "sqs", "sql", "ssm", "storage", "sts", "vm", "webapp")
	case "make", "just", "task":
		word = firstOperand(c, "clean", "deps", "dev", "fmt", "format", "generate", "help", "lint", "release", "run", "serve", "setup", "start", "vet", "deploy")
	case "dotnet", "mix", "rails", "deno", "swift", "flutter", "mvn", "gradle", "gradlew", "bazel":
		word = firstOperand(c, "add", "analyze", "clean", "compile", "console", "dependency:tree", "deps.get", "fmt", "format", "generate", "lint", "new", "package", "pub", "query", "restore", "routes", "run", "server", "task", "tasks")
	case "claude", "codex", "gemini", "whodid":
		word = firstOperand(c, "mcp", "exec", "hook", "history", "run", "config", "verify", "init", "doctor", "login")
	}
	return word
}

func firstOperand(c *call, known ...string) string {
	return pick(parseOptions(c.args[1:], " -C --prefix --dir -H --context -n --namespace --kubeconfig --filter -F --manifest-path -f --file -p --project-name --profile --region --directory ").operand(0), known...)
}
