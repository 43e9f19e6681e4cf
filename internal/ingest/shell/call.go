package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// callExpr builds a simple command: a call, the script of an sh -c, the body
// of a function of the same line, or assignments.
func (b *builder) callExpr(cmd *syntax.CallExpr) *node {
	if len(cmd.Args) == 0 {
		return b.assigns(cmd.Assigns)
	}
	b.line.count++
	if len(b.line.calls) >= maxCalls {
		b.line.incomplete = true
		return nil
	}
	limit := maxWord
	if carriesScript(cmd.Args) {
		limit = maxCommand
	}
	args := make([]string, len(cmd.Args))
	for i, w := range cmd.Args {
		args[i] = wordText(w, limit)
	}
	c := &call{sudo: b.sudo, dir: b.dir, elsewhere: b.elsewhere}
	for _, a := range cmd.Assigns {
		if a.Name != nil && a.Value != nil {
			c.env = append(c.env, a.Name.Value+"="+wordText(a.Value, 100))
		}
	}
	script := c.unwrap(args)
	c.program = ""
	if len(c.args) > 0 {
		c.program = cleanProgram(c.args[0])
	}

	n := &node{op: opCall}
	switch {
	case script != "":
		b.line.count--
		n = b.nested(script, c)
	case b.functions[c.program] != nil && len(c.args[0]) == len(c.program):
		body := b.functions[c.program]
		// Without its name for the time of its own body, a function that
		// calls itself is an unknown program there.
		delete(b.functions, c.program)
		n = b.stmt(body)
		b.functions[c.program] = body
		if n == nil {
			n = loose()
		}
	default:
		b.builtin(c)
		n.call, c.node = c, n
		b.line.calls = append(b.line.calls, c)
	}
	// Substitutions run before the command and don't decide its status.
	inner := loose()
	for _, w := range cmd.Args {
		b.substitutions(inner, w)
	}
	for _, a := range cmd.Assigns {
		b.substitutions(inner, a.Value)
	}
	if len(inner.kids) == 0 {
		return n
	}
	if n.op == opCall {
		n.add(inner)
		return n
	}
	both := &node{op: opSeq}
	both.add(inner)
	both.add(n)
	return both
}

// carriesScript reports whether a word may be a whole script, so that it must
// be read to its end.
func carriesScript(args []*syntax.Word) bool {
	for _, w := range args[:min(len(args), 12)] {
		if lit := w.Lit(); lit != "" && (isShell(cleanProgram(lit)) || lit == "eval") {
			return true
		}
	}
	return false
}

// nested builds the script that c gives to another shell, or to eval.
func (b *builder) nested(script string, c *call) *node {
	saved := *b
	defer func() {
		b.depth, b.errexit, b.pipefail, b.dir, b.elsewhere, b.sudo = saved.depth, saved.errexit, saved.pipefail, saved.dir, saved.elsewhere, saved.sudo
	}()
	b.depth += 4
	b.sudo = c.sudo
	b.elsewhere = c.elsewhere
	b.errexit, b.pipefail = shellModes(c.args)
	return b.script(script)
}

// builtin follows the builtins that change how the rest of the line runs.
func (b *builder) builtin(c *call) {
	switch c.program {
	case "cd", "pushd":
		b.changeDir(c.args[1:])
	case "popd":
		b.elsewhere = true
	case "set":
		errexit, pipefail := shellModes(c.args)
		b.errexit = b.errexit && !oneOf("+e", c.args...) || errexit
		b.pipefail = b.pipefail || pipefail
	case "trap":
		b.line.incomplete = true
	}
}

// shellModes reads -e and -o pipefail from the arguments of set or a shell.
func shellModes(args []string) (errexit, pipefail bool) {
	for i, a := range args {
		if len(a) < 2 || a[0] != '-' || a[1] == '-' {
			continue
		}
		if strings.Contains(a, "e") {
			errexit = true
		}
		if strings.HasSuffix(a, "o") && i+1 < len(args) {
			pipefail = pipefail || args[i+1] == "pipefail"
			errexit = errexit || args[i+1] == "errexit"
		}
	}
	return errexit, pipefail
}

func isShell(program string) bool {
	switch program {
	case "sh", "bash", "zsh", "dash", "ksh", "ash":
		return true
	}
	return false
}

// wrapper describes a program that runs another one: its options with a value
// and how many operands come before the program. ok is false for any other.
func wrapper(program string) (valued string, operands int, ok bool) {
	switch program {
	case "sudo":
		return " -u -g -h -p -C -T -D -R -r -t -U --user --group --host --prompt --chdir --chroot --role --type ", 0, true
	case "doas":
		return " -u -C ", 0, true
	case "env":
		return " -u -C --unset --chdir ", 0, true
	case "timeout", "gtimeout":
		return " -s -k --signal --kill-after ", 1, true
	case "nice":
		return " -n --adjustment ", 0, true
	case "ionice":
		return " -c -n -p --class --classdata ", 0, true
	case "time":
		return " -f -o --format --output ", 0, true
	case "exec":
		return " -a ", 0, true
	case "stdbuf":
		return " -i -o -e --input --output --error ", 0, true
	case "xargs":
		return " -I -n -P -L -d -a -E -s --max-args --max-procs --max-lines --delimiter --arg-file --replace ", 0, true
	case "flock":
		return " -w -E --timeout --wait --conflict-exit-code ", 1, true
	case "nohup", "command", "builtin", "setsid", "unbuffer", "caffeinate", "noglob", "xvfb-run":
		return "", 0, true
	case "npx", "bunx", "pnpx", "uvx", "pipx":
		return " -p --package -c --call --from --with --python ", 0, true
	}
	return "", 0, false
}

// runner describes programs that run another one as a sub-command, as in
// "poetry run" and "bundle exec".
func runner(program, sub string) (valued string, ok bool) {
	switch program + " " + sub {
	case "uv run", "poetry run", "pipenv run", "pdm run", "rye run", "hatch run":
		return " --with --extra --group --python -p --env-file --package --directory --project ", true
	case "bundle exec", "pnpm exec", "pnpm dlx", "yarn exec", "yarn dlx", "npm exec", "doppler run", "op run",
		"mise exec", "mise x", "asdf exec", "pipx run", "bun x", "rustup run", "dotenvx run":
		return " -p --package -c --config -f --env-file ", true
	}
	return "", false
}

// unwrap removes wrappers from args and keeps what they mean in c. It returns
// the script if the command turns out to be a shell that is given one.
func (c *call) unwrap(args []string) (script string) {
	for range 12 {
		if len(args) == 0 {
			break
		}
		program := cleanProgram(args[0])
		valued, operands, ok := wrapper(program)
		rest := args[1:]
		if !ok && len(args) > 1 {
			if valued, ok = runner(program, args[1]); ok {
				rest = args[2:]
			}
		}
		if !ok {
			break
		}
		inner := c.skipOptions(program, rest, valued, operands)
		if len(inner) == 0 || program == "command" && (rest[0] == "-v" || rest[0] == "-V") {
			break // "env" alone, "command -v git": the wrapper is the command
		}
		if program == "sudo" || program == "doas" {
			c.sudo = true
		}
		if program == "flock" && len(inner) == 2 && inner[0] == "-c" {
			inner = []string{"sh", "-c", inner[1]}
		}
		c.replaces = c.replaces || program == "exec"
		args = inner
	}
	c.args = args
	if len(args) < 2 {
		return ""
	}
	switch program := cleanProgram(args[0]); {
	case program == "eval":
		if text := strings.Join(args[1:], " "); isStatic(text) {
			c.args = nil
			return text
		}
	case isShell(program):
		if i := scriptArgument(args); i > 0 && isStatic(args[i]) {
			c.args = args[:i]
			return args[i]
		}
	}
	return ""
}

// skipOptions returns what follows the options, assignments and leading
// operands of a wrapper.
func (c *call) skipOptions(program string, args []string, valued string, operands int) []string {
	for len(args) > 0 {
		a := args[0]
		switch {
		case a == "--":
			args = args[1:]
			if operands == 0 {
				return args
			}
		case len(a) > 1 && a[0] == '-' && !(program == "flock" && a == "-c"):
			args = args[1:]
			if (oneOf(a, "-C", "-D", "--chdir") || strings.HasPrefix(a, "--chdir=")) && oneOf(program, "env", "sudo") {
				c.elsewhere = true
			}
			if strings.Contains(valued, " "+a+" ") && len(args) > 0 {
				args = args[1:]
			}
		case isAssignment(a) && oneOf(program, "env", "sudo", "doas"):
			c.env = append(c.env, a)
			args = args[1:]
		case operands > 0:
			operands--
			args = args[1:]
		default:
			return args
		}
	}
	return nil
}

func isAssignment(s string) bool {
	name, _, ok := strings.Cut(s, "=")
	return ok && matches(name, "_", 80)
}

// scriptArgument is the index of the script in sh -c SCRIPT, or 0.
func scriptArgument(args []string) int {
	isScript := false
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case len(a) < 2 || a[0] != '-' && a[0] != '+' || a == "--":
			if isScript {
				return i
			}
			return 0
		case a[1] == '-': // --login, --norc
		default:
			isScript = isScript || strings.Contains(a, "c")
			if a[len(a)-1] == 'o' || a[len(a)-1] == 'O' {
				i++
			}
		}
	}
	return 0
}

// environment is the environment that the assignments before c name.
func (c *call) environment() string {
	for _, a := range c.env {
		name, value, _ := strings.Cut(a, "=")
		if oneOf(name, "RAILS_ENV", "NODE_ENV", "APP_ENV", "ENVIRONMENT", "ENV", "DJANGO_ENV", "FLASK_ENV", "MIX_ENV", "RACK_ENV", "DEPLOY_ENV", "STAGE") {
			if e := cleanEnvironment(value); e != "" {
				return e
			}
		}
	}
	return ""
}
