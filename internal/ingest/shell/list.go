package shell

import "slices"

import "mvdan.cc/sh/v3/syntax"

// binary builds a list or a pipeline, flat: the parser nests a && b && c to the
// left, and there may be thousands.
func (b *builder) binary(cmd *syntax.BinaryCmd) *node {
	var op nodeOp
	switch cmd.Op {
	case syntax.AndStmt:
		op = opAnd
	case syntax.OrStmt:
		op = opOr
	case syntax.Pipe, syntax.PipeAll:
		return b.pipeline(cmd)
	default:
		return loose()
	}
	var members []*syntax.Stmt
	left := cmd
	for {
		members = append(members, left.Y)
		x, ok := left.X.Cmd.(*syntax.BinaryCmd)
		if !ok || x.Op != cmd.Op || left.X.Negated || left.X.Background || len(left.X.Redirs) > 0 {
			members = append(members, left.X)
			break
		}
		left = x
	}
	n := &node{op: op}
	for _, member := range slices.Backward(members) {
		n.add(b.stmt(member))
	}
	return n
}

// pipeline builds a | b | c, each member of which runs in its own subshell.
func (b *builder) pipeline(cmd *syntax.BinaryCmd) *node {
	n := &node{op: opPipe}
	if b.pipefail {
		n.op = opPipeStrict
	}
	member := func(s *syntax.Stmt, piped bool) {
		first := len(b.line.calls)
		n.add(b.subshell([]*syntax.Stmt{s}))
		if !piped {
			return
		}
		for _, c := range b.line.calls[first:] {
			c.piped = true
		}
	}
	// The parser nests pipelines to the left or to the right.
	var walk func(cmd *syntax.BinaryCmd, piped bool, depth int)
	walk = func(cmd *syntax.BinaryCmd, piped bool, depth int) {
		for i, s := range [...]*syntax.Stmt{cmd.X, cmd.Y} {
			inner, ok := s.Cmd.(*syntax.BinaryCmd)
			if ok && depth < maxNesting && !s.Negated && len(s.Redirs) == 0 && (inner.Op == syntax.Pipe || inner.Op == syntax.PipeAll) {
				walk(inner, piped || i > 0, depth+1)
				continue
			}
			member(s, piped || i > 0)
		}
	}
	walk(cmd, false, 0)
	return n
}
