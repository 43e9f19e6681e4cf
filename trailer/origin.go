package trailer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The keys of the five, in the order in which they are written.
const (
	KeyAgent     = "Agent"
	KeySquad     = "Squad"
	KeyTrigger   = "Trigger"
	KeyExecution = "Execution"
	KeyModel     = "Model"
)

// key numbers the five in the order of their writing.
type key uint8

const (
	agentKey key = iota
	squadKey
	triggerKey
	executionKey
	modelKey
	keyCount = 5
)

var keyNames = [keyCount]string{KeyAgent, KeySquad, KeyTrigger, KeyExecution, KeyModel}

// Limits of the values, in bytes.
const (
	maxName      = 64  // of a squad, and of an agent within it
	maxExecution = 64  // after "exec-"
	maxDetail    = 200 // of a trigger
	maxModel     = 200
)

// Origin is what the five trailers say about where a commit comes from. A value
// that is not known is empty.
type Origin struct {
	Agent     string // full name, "squad/agent"
	Squad     string // the squad that owns the agent
	Trigger   string // manual, scheduled, smart or event, and maybe a detail: "event (issue.labeled)"
	Execution string // id of the run, "exec-…"
	Model     string // the model that worked, as its maker calls it
}

// String returns the five as lines ready for a message, each ended by a line
// feed. Empty values are left out.
func (o Origin) String() string {
	if lines := o.lines(); len(lines) > 0 {
		return strings.Join(lines, "\n") + "\n"
	}
	return ""
}

func (o Origin) lines() []string {
	var lines []string
	for k, v := range o.values() {
		if v != "" {
			lines = append(lines, keyNames[k]+": "+v)
		}
	}
	return lines
}

// Validate returns an error that names the first of the five that is missing or
// malformed, or that contradicts another.
func (o Origin) Validate() error {
	for k, v := range o.values() {
		if v == "" {
			return fmt.Errorf("%s is missing", keyNames[k])
		}
		if why := fault(key(k), v); why != "" {
			return fmt.Errorf("%s %q %s", keyNames[k], v, why)
		}
	}
	if !strings.HasPrefix(o.Agent, o.Squad+"/") {
		return fmt.Errorf("squad %q is not the squad of agent %q", o.Squad, o.Agent)
	}
	return nil
}

func (o Origin) values() [keyCount]string {
	return [keyCount]string{o.Agent, o.Squad, o.Trigger, o.Execution, o.Model}
}

func originOf(v [keyCount]string) Origin {
	return Origin{v[agentKey], v[squadKey], v[triggerKey], v[executionKey], v[modelKey]}
}

// fault says what is wrong with a value, as the end of a sentence, or "".
func fault(k key, v string) string {
	switch k {
	case agentKey:
		if squad, name, ok := strings.Cut(v, "/"); !ok || !isName(squad) || !isName(name) {
			return "is not of the form squad/agent (letters, digits, . - _)"
		}
	case squadKey:
		if !isName(v) {
			return "is no name of a squad (letters, digits, . - _)"
		}
	case triggerKey:
		if !isTrigger(v) {
			return "is none of manual, scheduled, smart, event, maybe with a detail: event (issue.labeled)"
		}
	case executionKey:
		if !isExecution(v) {
			return "is no execution id: exec- and lower-case letters, digits, . - _"
		}
	case modelKey:
		if len(v) > maxModel || !isPrintable(v) {
			return "is no name of a model: at most 200 printable bytes"
		}
	}
	return ""
}

func isName(s string) bool {
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

func isExecution(s string) bool {
	id, ok := strings.CutPrefix(s, "exec-")
	if !ok || id == "" || len(id) > maxExecution || !isAlnum(id[0]) {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !isAlnum(c) && c != '.' && c != '-' && c != '_' || c-'A' < 26 {
			return false
		}
	}
	return true
}

func isTrigger(s string) bool {
	kind, detail, has := strings.Cut(s, " ")
	switch kind {
	case "manual", "scheduled", "smart", "event":
	default:
		return false
	}
	if !has {
		return true
	}
	inner, open := strings.CutPrefix(detail, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	return open && closed && inner != "" && trim(inner) == inner && len(inner) <= maxDetail && isPrintable(inner)
}

// isPrintable reports whether s is UTF-8 without control characters.
func isPrintable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		if c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u2029' {
			return false
		}
	}
	return true
}

// mend rewrites a value that means something valid in another spelling:
// "Event:push" and "event(push)" are "event (push)". What it cannot read it
// returns as it is.
func mend(k key, v string) string {
	if fault(k, v) == "" {
		return v
	}
	better := v
	switch k {
	case executionKey:
		better = strings.ToLower(v)
	case triggerKey:
		if i := strings.IndexAny(v, " \t:(/"); i < 0 {
			better = strings.ToLower(v)
		} else {
			detail := strings.TrimLeft(v[i:], " \t:/")
			if inner, ok := strings.CutPrefix(detail, "("); ok {
				detail = strings.TrimSuffix(inner, ")")
			}
			better = strings.ToLower(v[:i]) + " (" + trim(detail) + ")"
			if trim(detail) == "" {
				better = strings.ToLower(v[:i])
			}
		}
	}
	if fault(k, better) != "" {
		return v
	}
	return better
}
