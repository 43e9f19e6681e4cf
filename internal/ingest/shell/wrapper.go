package shell

import "strings"

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
