package whodid

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
)

// crockford is Crockford's base 32 in lower case: no i, l, o or u, so that an
// id can be read aloud. Source: https://www.crockford.com/base32.html.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// The prefixes that tell what an id names.
const (
	PrefixExecution = "exec"
	PrefixEvent     = "evt"
	PrefixAttempt   = "try"
	PrefixApproval  = "appr"
)

// Ids of executions and approvals hold 80 bits: short enough to type, enough
// that a billion of them collide with a probability under one in a million.
// Event ids hold 130 bits, for they must not be made to collide on purpose.
const (
	shortIDChars = 16
	eventIDChars = 26
)

// NewID makes a random id with the prefix, such as "exec-7k2m9q4tz8w1c3ab".
func NewID(prefix string) string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead, see crypto/rand
	return prefix + "-" + crockford.EncodeToString(b[:])
}

// DeriveID makes the id that belongs to the parts, always the same for the
// same parts: an execution that two hooks tell of has one id without either
// asking the other.
func DeriveID(prefix string, parts ...string) string {
	return prefix + "-" + derive(shortIDChars, append([]string{prefix}, parts...)...)
}

// EventID is the id of the fact with that natural key. What is only known to
// have begun, or was told by a source that knows little, has another id than its
// result, with the same characters after the prefix: see [Event.Identify].
func EventID(org, key string) string {
	return PrefixEvent + "-" + derive(eventIDChars, "event", org, key)
}

// Identify sets the event's id from its organisation and key.
func (e *Event) Identify() {
	e.ID = EventID(e.Org, e.Key)
	if e.provisional() {
		e.ID = PrefixAttempt + strings.TrimPrefix(e.ID, PrefixEvent)
	}
}

// provisional reports whether the event gives way to whatever else is told of
// the same fact: an attempt, and the result of an action as telemetry tells it,
// which knows neither where the agent worked nor what the output proved. Came it
// first, it would keep out what a hook has to say. That something was not
// allowed nobody knows better.
func (e *Event) provisional() bool {
	switch {
	case e.Result == ResultAttempted:
		return true
	case e.Result != ResultSuccess && e.Result != ResultFailed, !strings.HasPrefix(e.Source, "otlp:"):
		return false
	default:
		kind, ok := KindOf(e.What)
		return ok && kind.Action
	}
}

// SettledID returns the id under which the result of an attempt, or a better
// telling of it, is recorded, and whether id is that of an attempt at all.
func SettledID(id string) (string, bool) {
	rest, ok := strings.CutPrefix(id, PrefixAttempt+"-")
	if !ok {
		return id, false
	}
	return PrefixEvent + "-" + rest, true
}

func derive(chars int, parts ...string) string {
	// Each part behind its length, so that no two lists of parts read alike.
	b := make([]byte, 0, 256) // on the stack, unless the parts are long
	for _, p := range parts {
		b = strconv.AppendInt(b, int64(len(p)), 10)
		b = append(b, ':')
		b = append(b, p...)
	}
	sum := sha256.Sum256(b)
	var text [52]byte // of 32 bytes, five bits each
	crockford.Encode(text[:], sum[:])
	return string(text[:chars])
}

// maxIDRest is the longest part of an id after its prefix, in bytes.
const maxIDRest = 64

// ValidID reports whether s has the form of an id of the trail. Ids that
// others made are accepted: only prefix, length and characters are checked.
// (By hand, because a hook asks it and a pattern costs more to compile than to
// do without.)
func ValidID(s string) bool {
	prefix, rest, ok := strings.Cut(s, "-")
	if !ok || rest == "" || len(rest) > maxIDRest || !isLowerAlnum(rest[0]) {
		return false
	}
	switch prefix {
	case PrefixExecution, PrefixEvent, PrefixAttempt, PrefixApproval:
	default:
		return false
	}
	for i := range len(rest) {
		if c := rest[i]; !isLowerAlnum(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func isLowerAlnum(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
