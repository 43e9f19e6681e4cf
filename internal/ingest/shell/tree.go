package shell

import (
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A builder makes the tree of a line. Its fields are the state of the shell
// as far as the text tells it.
type builder struct {
	line      *line
	depth     int
	functions map[string]*syntax.Stmt
	errexit   bool
	pipefail  bool
	dir       string
	elsewhere bool
	sudo      bool // within sudo sh -c
}

// script parses and builds the text of a script: the line itself, or what was
// given to sh -c. It never fails; see [line.incomplete].
func (b *builder) script(text string) (n *node) {
	// The parser is another's code and the text anybody's. A panic in it must
	// not take the hook down, and with it the agent's tool call.
	defer func() {
		if recover() != nil {
			b.line.incomplete = true
			n = &node{op: opLoose}
		}
	}()
	if b.depth > 20 || nestsTooDeeply(text) {
		b.line.incomplete = true
		return &node{op: opLoose}
	}
	var stmts []*syntax.Stmt
	text = strings.ReplaceAll(text, "\r\n", "\n")
	parser := syntax.NewParser(syntax.Variant(syntax.LangBash))
	// One statement at a time: a shell, too, runs what comes before an error.
	err := parser.Stmts(strings.NewReader(text), func(s *syntax.Stmt) bool {
		stmts = append(stmts, s)
		return len(stmts) < 4*maxCalls
	})
	if err != nil || len(stmts) >= 4*maxCalls {
		b.line.incomplete = true
	}
	return b.list(stmts)
}

// nestsTooDeeply guards the parser, which recurses, at about 3 kB of stack for
// each bracket.
func nestsTooDeeply(text string) bool {
	open := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '(', '{', '[':
			if open++; open > maxNesting {
				return true
			}
		case ')', '}', ']':
			if open > 0 {
				open--
			}
		}
	}
	return false
}

// list builds statements that run one after the other.
func (b *builder) list(stmts []*syntax.Stmt) *node {
	n := &node{op: b.listOp()}
	into := n
	for _, s := range stmts {
		if op := b.listOp(); op != into.op { // set -e, or set +e
			into = &node{op: op}
			n.add(into)
		}
		into.add(b.stmt(s))
	}
	return n
}

func (b *builder) listOp() nodeOp {
	if b.errexit {
		return opStrict
	}
	return opSeq
}

// subshell builds statements whose cd and set end with them.
func (b *builder) subshell(stmts []*syntax.Stmt) *node {
	defer func(dir string, elsewhere, errexit, pipefail bool) {
		b.dir, b.elsewhere, b.errexit, b.pipefail = dir, elsewhere, errexit, pipefail
	}(b.dir, b.elsewhere, b.errexit, b.pipefail)
	return b.list(stmts)
}

func (b *builder) stmt(s *syntax.Stmt) *node {
	b.depth++
	defer func() { b.depth-- }()
	if s == nil || s.Cmd == nil || b.depth > 2*maxNesting {
		return nil
	}
	first := len(b.line.calls)
	n := b.command(s.Cmd)
	if n == nil {
		n = &node{op: opLoose}
	}
	for _, r := range s.Redirs {
		b.redirect(r, n, b.line.calls[first:])
	}
	if s.Negated {
		not := &node{op: opNot}
		not.add(n)
		n = not
	}
	if s.Background || s.Coprocess {
		n = loose(n)
	}
	return n
}

func loose(kids ...*node) *node {
	n := &node{op: opLoose}
	for _, k := range kids {
		n.add(k)
	}
	return n
}

func (b *builder) redirect(r *syntax.Redirect, n *node, calls []*call) {
	switch r.Op {
	case syntax.RdrOut, syntax.AppOut, syntax.RdrAll, syntax.AppAll, syntax.ClbOut:
		if r.N == nil || r.N.Value == "1" || r.Op == syntax.RdrAll || r.Op == syntax.AppAll {
			for _, c := range calls {
				c.hidden = true
			}
		}
	case syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
		for _, c := range calls {
			c.scriptDoc = true
		}
		if len(calls) == 1 && isShell(calls[0].program) && len(calls[0].args) == 1 {
			body := r.Hdoc
			if r.Op == syntax.WordHdoc {
				body = r.Word
			}
			if text := wordText(body, maxCommand); isStatic(text) {
				n.add(loose(b.script(text)))
				return
			}
		}
	}
	b.substitutions(n, r.Word)
	b.substitutions(n, r.Hdoc)
}

func (b *builder) command(cmd syntax.Command) *node {
	switch cmd := cmd.(type) {
	case *syntax.CallExpr:
		return b.callExpr(cmd)
	case *syntax.BinaryCmd:
		return b.binary(cmd)
	case *syntax.Subshell:
		return b.subshell(cmd.Stmts)
	case *syntax.Block:
		return b.list(cmd.Stmts)
	case *syntax.TimeClause:
		return b.stmt(cmd.Stmt)
	case *syntax.FuncDecl:
		if b.functions == nil {
			b.functions = make(map[string]*syntax.Stmt)
		}
		b.functions[cmd.Name.Value] = cmd.Body
		return loose()
	case *syntax.CoprocClause:
		return loose(b.stmt(cmd.Stmt))
	case *syntax.IfClause:
		return b.conditional(cmd)
	case *syntax.WhileClause:
		return loose(b.list(cmd.Cond), b.list(cmd.Do))
	case *syntax.ForClause:
		n := loose()
		if words, ok := cmd.Loop.(*syntax.WordIter); ok {
			for _, w := range words.Items {
				b.substitutions(n, w)
			}
		}
		n.add(b.list(cmd.Do))
		return n
	case *syntax.CaseClause:
		n := loose()
		b.substitutions(n, cmd.Word)
		for _, item := range cmd.Items {
			n.add(b.list(item.Stmts))
		}
		return n
	case *syntax.DeclClause:
		n := b.assigns(cmd.Args)
		n.op = opLoose // export X=$(false) is zero
		b.line.count++
		return n
	}
	return loose() // [[ … ]], (( … )), let
}

// conditional builds an if. Its body is gated by the condition as the right
// side of && is, but its status says nothing: it is zero, too, if no branch
// was taken.
func (b *builder) conditional(c *syntax.IfClause) *node {
	if c == nil {
		return nil
	}
	n := loose()
	if len(c.Cond) == 0 { // else
		n.add(b.list(c.Then))
		return n
	}
	gate := &node{op: opAnd}
	gate.add(b.list(c.Cond))
	gate.add(b.list(c.Then))
	n.add(gate)
	b.depth++
	if b.depth < 2*maxNesting {
		n.add(b.conditional(c.Else))
	}
	b.depth--
	return n
}

// assigns builds assignments. Alone, X=$(cmd) has the status of cmd.
func (b *builder) assigns(list []*syntax.Assign) *node {
	n := &node{op: opSeq}
	for _, a := range list {
		b.substitutions(n, a.Value)
		if a.Array != nil {
			for _, e := range a.Array.Elems {
				b.substitutions(n, e.Value)
			}
		}
	}
	return n
}

// substitutions adds the commands that run inside a word to n.
func (b *builder) substitutions(n *node, w *syntax.Word) {
	if w == nil {
		return
	}
	for _, part := range w.Parts {
		switch part.(type) {
		case *syntax.Lit, *syntax.SglQuoted:
			continue
		}
		syntax.Walk(part, func(x syntax.Node) bool {
			switch x := x.(type) {
			case *syntax.CmdSubst:
				first := len(b.line.calls)
				n.add(b.substitution(x.Stmts))
				for _, c := range b.line.calls[first:] {
					c.hidden = true
				}
				return false
			case *syntax.ProcSubst:
				n.add(b.substitution(x.Stmts))
				return false
			}
			return true
		})
	}
}

func (b *builder) substitution(stmts []*syntax.Stmt) *node {
	b.depth++
	defer func() { b.depth-- }()
	if b.depth > 2*maxNesting {
		return nil
	}
	return b.subshell(stmts)
}

// changeDir follows cd as far as the text tells where it leads.
func (b *builder) changeDir(args []string) {
	switch dir := parseOptions(args, "").operand(0); {
	case dir == "" || dir[0] == '/' || dir[0] == '~' || dir[0] == '-' || !isStatic(dir):
		b.elsewhere = true
	default:
		b.dir = path.Join(b.dir, dir)
		if b.dir == ".." || strings.HasPrefix(b.dir, "../") {
			b.elsewhere = true
		}
	}
}
