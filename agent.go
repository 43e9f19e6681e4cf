package whodid

import (
	"fmt"
	"strings"
)

// maxName bounds each of squad and name of an agent, in bytes.
const maxName = 64

// ParseAgent checks an agent's full name, "squad/name", and returns its two
// parts. Each part starts with a letter or digit and goes on with letters,
// digits, dots, hyphens and underscores.
func ParseAgent(agent string) (squad, name string, err error) {
	squad, name, ok := strings.Cut(agent, "/")
	if !ok || !validName(squad) || !validName(name) {
		return "", "", fmt.Errorf("agent %q is not of the form squad/name (letters, digits, . - _)", agent)
	}
	return squad, name, nil
}

// Squad returns the squad of an agent's full name, or "" if it has none.
func Squad(agent string) string {
	squad, _, ok := strings.Cut(agent, "/")
	if !ok {
		return ""
	}
	return squad
}

func validName(s string) bool {
	if s == "" || len(s) > maxName || !isAlnum(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// The kinds of trigger: a person, a clock, an event elsewhere, or a condition
// that a scheduler evaluated.
const (
	TriggerManual    = "manual"
	TriggerScheduled = "scheduled"
	TriggerEvent     = "event"
	TriggerSmart     = "smart"
)

// ParseTrigger reads a trigger as people write it, "scheduled" or
// "event:issue.labeled" or, as trailers have it, "event (issue.labeled)", and
// returns its kind and detail.
func ParseTrigger(s string) (kind, detail string, err error) {
	// What comes first decides: details hold colons and parentheses too.
	kind = strings.TrimSpace(s)
	if i := strings.IndexAny(kind, ":("); i >= 0 {
		rest := kind[i+1:]
		inner, closed := strings.CutSuffix(rest, ")")
		switch {
		case kind[i] == ':':
			kind, detail = kind[:i], rest
		case closed:
			kind, detail = kind[:i], inner
		}
	}
	kind, detail = strings.TrimSpace(kind), strings.TrimSpace(detail)
	switch kind {
	case TriggerManual, TriggerScheduled, TriggerEvent, TriggerSmart:
		return kind, detail, nil
	default:
		return "", "", fmt.Errorf("trigger %q is none of manual, scheduled, smart, event[:DETAIL]", s)
	}
}

// FormatTrigger writes a trigger as the founding page shows it:
// "event (issue.labeled)".
func FormatTrigger(kind, detail string) string {
	if detail == "" {
		return kind
	}
	return kind + " (" + detail + ")"
}
