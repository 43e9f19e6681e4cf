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
