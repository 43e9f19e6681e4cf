package whodid

import "strings"

// syncKinds are about trails that send their events to another.
func syncKinds() []Kind {
	return []Kind{{
		Name: "record.sync", Meaning: "A part of another trail was taken in; its events stand before this one, under the keys that they have there.",
		Class: ClassPermanent,
		Fields: []Field{
			{"origin", String, Technical, "Name of the other trail's log."},
			{"first", Int, Technical, "Index of the part's first event in that log."},
			{"last", Int, Technical, "Index of its last event there."},
			{"count", Int, Technical, "How many events were sent."},
			{"refused", Int, Technical, "How many of them could not be taken in."},
		},
	}}
}

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
