package shell

import "strings"

// A status is what is known about how a command ended. The zero value knows
// nothing, not even whether it ran.
type status struct {
	known     bool
	failed    bool // it ran and its status wasn't zero
	codeKnown bool
	code      int
}

func exited(code int) status {
	return status{known: true, failed: code != 0, codeKnown: true, code: code}
}

func (s status) zero() bool    { return s.known && !s.failed }
func (s status) nonzero() bool { return s.known && s.failed }

var (
	isZero    = exited(0)
	isNonzero = status{known: true, failed: true}
)

// settle spreads what is known of the status of n to the commands that it
// surely tells something about. cdFailed says that the output complains about
// a directory, so that a cd in the line can't be presumed to have worked.
func (n *node) settle(s status, cdFailed bool) {
	if n.op == opCall {
		if n.call != nil && s.known {
			n.call.status = s
		}
		return
	}
	if n.op == opAnd {
		n.settleAnd(s, cdFailed)
		return
	}
	for i, kid := range n.kids {
		kid.settle(n.kidStatus(i, s), cdFailed)
	}
}

// kidStatus is what status s of n tells about its i-th kid.
func (n *node) kidStatus(i int, s status) status {
	last := i == len(n.kids)-1
	if !s.known {
		return status{}
	}
	switch n.op {
	case opOr:
		switch {
		case s.failed && last:
			return s
		case s.failed:
			return isNonzero
		case i == 0 && allFail(n.kids[1:]):
			return isZero // "cmd || exit 1" that ended well
		}
	case opSeq, opStrict:
		if n.op == opStrict && !s.failed && !n.kids[i].excused() && !mayLeave(n.kids[:i], s) {
			return isZero
		}
		if last && !(n.op == opStrict && s.failed && i > 0) && !mayLeave(n.kids[:i], s) {
			return s
		}
	case opPipe:
		if last {
			return s
		}
	case opPipeStrict:
		if !s.failed {
			return isZero
		}
		if len(n.kids) == 1 {
			return s
		}
	case opNot:
		if s.failed {
			return isZero
		}
		return isNonzero
	}
	return status{}
}

// settleAnd spreads the status of a && b && c. Zero means that each was zero.
// Otherwise one failed, and it can be told which if all others are known to
// have worked: because their output proves it, or because they can't but.
func (n *node) settleAnd(s status, cdFailed bool) {
	from := 0 // kids before it are known to be zero
	for i, kid := range n.kids {
		if s.zero() || kid.succeeded() {
			from = i + 1
		}
	}
	suspect := -1
	for i, kid := range n.kids[from:] {
		if kid.harmless(s, cdFailed) {
			continue
		}
		if suspect >= 0 {
			suspect = -1
			break
		}
		suspect = from + i
	}
	for i, kid := range n.kids {
		switch {
		case i < from:
			kid.settle(isZero, cdFailed)
		case i == suspect:
			kid.settle(s, cdFailed)
		default:
			kid.settle(status{}, cdFailed)
		}
	}
}

// succeeded reports whether the output proved that n ended with zero.
func (n *node) succeeded() bool {
	switch n.op {
	case opCall:
		return n.call != nil && n.call.proved
	case opAnd, opSeq, opStrict, opPipe:
		return len(n.kids) > 0 && n.kids[len(n.kids)-1].succeeded()
	}
	return false
}

// harmless reports whether n can't be what made the list fail with s.
func (n *node) harmless(s status, cdFailed bool) bool {
	if n.op != opCall || n.call == nil || len(n.call.args) == 0 {
		return false
	}
	switch n.call.program {
	case "true", ":", "export", "echo", "sleep":
		return true
	case "set":
		return len(n.call.args) > 1
	case "cd", "pushd":
		// cd has no other failure than 1, and says why on standard error.
		return s.codeKnown && s.code > 2 || !cdFailed
	}
	return false
}

// mentionsDirectory reports whether the output may be the complaint of a cd, or
// is missing so that this can't be told.
func mentionsDirectory(out *Outcome) bool {
	if out.Stdout == "" && out.Stderr == "" {
		return true
	}
	for _, s := range [...]string{out.Stdout, out.Stderr} {
		s = s[:min(len(s), maxScan)]
		for _, complaint := range [...]string{"cd: ", "cd:", "pushd: ", "can't cd"} {
			if strings.Contains(s, complaint) {
				return true
			}
		}
	}
	return false
}

// allFail reports whether none of the nodes can end with zero.
func allFail(nodes []*node) bool {
	for _, n := range nodes {
		c := n.lastCall()
		if c == nil || !(c.program == "false" || oneOf(c.program, "exit", "return") && len(c.args) == 2 && nonzeroLiteral(c.args[1])) {
			return false
		}
	}
	return len(nodes) > 0
}

// lastCall is the command that alone decides the status of n, if there is one.
func (n *node) lastCall() *call {
	for n.op == opSeq && len(n.kids) > 0 {
		n = n.kids[len(n.kids)-1]
	}
	if n.op != opCall {
		return nil
	}
	return n.call
}

func nonzeroLiteral(s string) bool {
	return matches(s, "", 3) && strings.Trim(s, "0123456789") == "" && strings.Trim(s, "0") != ""
}

// mayLeave reports whether one of the nodes may have ended the shell with
// status s before what comes after them ran.
func mayLeave(nodes []*node, s status) bool {
	for _, n := range nodes {
		if n.op == opStrict && s.failed {
			return true
		}
		if c := n.call; c != nil && (c.replaces || oneOf(c.program, "exit", "return", "logout", "kill")) {
			if s.failed || c.replaces || len(c.args) != 2 || !nonzeroLiteral(c.args[1]) {
				return true
			}
		}
		if mayLeave(n.kids, s) {
			return true
		}
	}
	return false
}

// gates reports whether c can only have run after d succeeded, as the right
// side of && has.
func (d *call) gates(c *call) bool {
	if d == c {
		return true
	}
	// Climb from d for as long as the node can only be zero if d was.
	for at := d.node; at.parent != nil; at = at.parent {
		p := at.parent
		if (p.op == opAnd || p.op == opStrict && !at.excused()) && p.kidWith(c.node) > at.index {
			return true
		}
		if !p.implies(at) {
			return false
		}
	}
	return false
}

// implies reports whether n can only end with zero if its kid did.
func (n *node) implies(kid *node) bool {
	last := kid.index == len(n.kids)-1
	switch n.op {
	case opAnd, opPipeStrict:
		return true
	case opStrict:
		return last || !kid.excused()
	case opSeq, opPipe:
		return last
	case opOr:
		return kid.index == 0 && allFail(n.kids[1:])
	}
	return false
}

// excused reports whether set -e lets n fail.
func (n *node) excused() bool {
	return n.op == opAnd || n.op == opOr || n.op == opNot || n.op == opLoose
}

// kidWith is the index of the kid of n that holds inner, or -1.
func (n *node) kidWith(inner *node) int {
	for inner.parent != nil {
		if inner.parent == n {
			return inner.index
		}
		inner = inner.parent
	}
	return -1
}
