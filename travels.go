package whodid

import "strings"

// Travels reports whether facts of a verb may be told by another trail than
// their own: what agents and people did may. Who was let in, what was approved
// or excused, and where checkpoints were put is told by the trail in which it
// happened, and by no other.
func Travels(what string) bool {
	kind, ok := KindOf(what)
	if !ok {
		return false
	}
	noun, _, _ := strings.Cut(what, ".")
	switch noun {
	case "execution", "session", "turn", "model", "record", "permission", "hook", "commit", "git":
		return true
	default:
		return kind.Action || what == "policy.verdict"
	}
}
