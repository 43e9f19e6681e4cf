package trailer

import "strings"

// Relation says how a commit came from another.
type Relation string

const (
	// Reverts: "This reverts commit …", written by `git revert`.
	Reverts Relation = "reverts"
	// CherryPicked: "(cherry picked from commit …)", of `git cherry-pick -x`.
	CherryPicked Relation = "cherry-picked"
	// Squashed: "commit …" in the message of `git merge --squash`.
	Squashed Relation = "squashed"
)

// Reference is a commit that a message names. A revert names the commit, not its
// execution: the way to that leads through the commit's own message.
type Reference struct {
	Relation Relation
	Commit   string // hexadecimal object name, maybe abbreviated, lower case
	Line     int    // counted from 1
}

// references are the phrases of git, as they begin a line.
var references = [...]struct {
	phrase   string
	relation Relation
}{
	{"This reverts commit ", Reverts},
	{"(cherry picked from commit ", CherryPicked},
	{"commit ", Squashed},
}

// References returns the commits that msg says it reverts, was picked from, or
// squashes, in order. The phrases must begin a line.
func References(msg string) []Reference {
	text := untilNUL(msg)
	var out []Reference
	line, squash := 0, false
	for at := 0; at < len(text); {
		next := nextLine(text, at)
		line++
		s := text[at:next]
		at = next
		switch s[0] {
		case 'S':
			squash = squash || strings.HasPrefix(s, "Squashed commit of the following:")
			continue
		case 'T', '(', 'c':
		default:
			continue
		}
		for _, ref := range references {
			rest, ok := strings.CutPrefix(s, ref.phrase)
			if !ok || ref.relation == Squashed && !squash {
				continue
			}
			if name := objectName(rest); name != "" {
				out = append(out, Reference{ref.relation, name, line})
			}
		}
	}
	return out
}

// objectName returns the object name that s begins with: 7 to 64 hexadecimal
// digits, as SHA-1 and SHA-256 repositories abbreviate and write them.
func objectName(s string) string {
	n := 0
	for n < len(s) && (s[n]-'0' < 10 || s[n]|0x20-'a' < 6) {
		n++
	}
	if n < 7 || n > 64 || n < len(s) && isAlnum(s[n]) {
		return ""
	}
	return strings.ToLower(s[:n])
}
