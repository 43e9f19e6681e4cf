package trailer

import (
	"fmt"
	"slices"
	"strings"
)

// Code names a kind of [Problem]. Codes are stable: scripts may rely on them.
type Code string

// What can be wrong with the five in a message.
const (
	Missing        Code = "missing"         // the five are nowhere
	Hearsay        Code = "hearsay"         // they stand only in a quotation or a code fence
	Incomplete     Code = "incomplete"      // a block lacks some of them
	Malformed      Code = "malformed"       // a line or block is written as git cannot read it, or not as is usual
	Duplicate      Code = "duplicate"       // a line or a block stands twice
	Conflict       Code = "conflict"        // two lines or blocks contradict each other
	AfterDivider   Code = "after-divider"   // a --- line or a patch above makes git's commands stop before them
	BuriedBlock    Code = "buried"          // a later paragraph of trailers hides them
	WrongParagraph Code = "wrong-paragraph" // prose in their own paragraph hides them
	NotLast        Code = "not-last"        // text follows them
	NoSubject      Code = "no-subject"      // they are all that the message begins with
	BadAgent       Code = "bad-agent"
	BadSquad       Code = "bad-squad"
	BadTrigger     Code = "bad-trigger"
	BadExecution   Code = "bad-execution"
	BadModel       Code = "bad-model"
	SquadMismatch  Code = "squad-mismatch" // Squad is not the squad of Agent
	NULByte        Code = "nul-byte"       // git cannot store the message
	TooMany        Code = "too-many"       // more lines name the five, or end a message, than are looked at
)

var badCodes = [keyCount]Code{BadAgent, BadSquad, BadTrigger, BadExecution, BadModel}

// Problem is one thing that is wrong with a message.
type Problem struct {
	Code    Code
	Line    int    // where, counted from 1; 0 if it is about the whole message
	Text    string // one sentence for a person
	Fixable bool   // whether [Fix] mends it; otherwise only a person can
}

// Check returns what is wrong with the five trailers of msg, nil if git's own
// tools read all of each block and every value is sound. Several blocks, as in
// a squash, are fine. Whether the values are true is not checked here.
func Check(msg string) []Problem { return Rules{}.Check(msg) }

// Check is the function [Check] for a git with settings.
func (r Rules) Check(msg string) []Problem { return r.review(msg).problems }

// review is what Check and Fix know about a message.
type review struct {
	*scan
	rules    Rules
	blocks   []*block // without hearsay
	merged   map[*block]*block
	disputed map[*block]bool // contradicted: not to be touched
	fixable  bool            // unless something forbids any change
	body     int             // where the message proper ends
	subject  span
	problems []Problem
	fixed    string // what Fix would make of it
	changes  []Change
}

func (r Rules) review(msg string) *review {
	r.Reading = Log
	s := r.scan(msg)
	v := &review{
		scan: s, rules: r, fixable: true,
		merged: make(map[*block]*block), disputed: make(map[*block]bool),
	}
	base := leadingBlank(s.text)
	v.body = r.bodyEnd(s.text, base+r.messageEnd(s.text[base:]))
	v.subject = r.subject(s.text[:v.body])

	hearsayLine := 0
	for _, b := range s.blocks() {
		if b.form&hearsay == 0 {
			v.blocks = append(v.blocks, b)
		} else if hearsayLine == 0 {
			hearsayLine = b.first
		}
	}
	v.checkMessage(msg, hearsayLine)
	v.matchExecutions()
	for _, b := range v.blocks {
		v.checkPlace(b)
		v.checkLines(b)
		v.checkValues(b)
	}
	slices.SortStableFunc(v.problems, func(a, b Problem) int { return a.Line - b.Line })
	if v.fixed, v.changes = v.fix(); len(v.changes) == 0 {
		for i := range v.problems {
			v.problems[i].Fixable = false
		}
	}
	return v
}

func (v *review) report(code Code, line int, fixable bool, format string, args ...any) {
	v.problems = append(v.problems, Problem{code, line, fmt.Sprintf(format, args...), fixable && v.fixable})
}

// checkMessage reports what is about the message as a whole.
func (v *review) checkMessage(msg string, hearsayLine int) {
	if len(v.text) < len(msg) {
		v.fixable = false
		v.report(NULByte, 1+strings.Count(v.text, "\n"), false,
			"Git cannot store a message with a NUL byte; what follows it was not read.")
	}
	if v.overflow {
		v.fixable = false
		v.report(TooMany, 0, false, "More than %d lines name one of the five; the rest was not read.", maxMentions)
	}
	if v.cluttered {
		v.fixable = false
		v.report(TooMany, 0, false, "More than %d lines would end the message for git am.", maxDividers)
	}
	if len(v.blocks) == 0 {
		if hearsayLine > 0 {
			v.report(Hearsay, hearsayLine, false,
				"The five stand only in a quotation or code fence; write them as the last paragraph if they are about this change.")
			return
		}
		v.report(Missing, 0, false, "The message has none of the trailers %s.", strings.Join(keyNames[:], ", "))
		return
	}
	if v.startsWithBlock() {
		v.fixable = false
		v.report(NoSubject, 1+strings.Count(v.text[:v.subject.start], "\n"), false,
			"The message begins with trailers, which git takes for its subject; write a subject and a blank line above.")
	}
	if len(v.dividers) > 0 {
		at := v.dividers[0]
		for _, b := range v.blocks {
			if b.form.Has(Divider) {
				line, _, _ := strings.Cut(v.text[at:], "\n")
				v.report(AfterDivider, 1+strings.Count(v.text[:at], "\n"), true,
					"Below the line %q, git interpret-trailers or git am see no trailers.", clip(trim(line)))
				return
			}
		}
	}
}

// startsWithBlock reports whether the first line of the message would go if the
// blocks were moved.
func (v *review) startsWithBlock() bool {
	at := v.subject.start
	if len(v.dividers) > 0 && v.dividers[0] == at {
		return true
	}
	for _, b := range v.blocks {
		for _, i := range slices.Concat(b.parts, b.again) {
			m := &v.mentions[i]
			lines := m.lines
			if m.table > 0 {
				lines = v.tables[m.table-1].lines
			}
			if lines.start <= at && at < lines.end {
				return true
			}
		}
	}
	return false
}

// matchExecutions finds blocks about one execution: they repeat or contradict
// each other.
func (v *review) matchExecutions() {
	first := make(map[string]*block)
	var twins [][2]*block
	for _, b := range v.blocks {
		if len(b.rivals) > 0 {
			v.disputed[b] = true
		}
		id := mend(executionKey, b.values[executionKey])
		if id == "" {
			continue
		}
		if a := first[id]; a == nil {
			first[id] = b
		} else {
			twins = append(twins, [2]*block{a, b})
			if v.disputed[b] || v.contradict(a, b) {
				v.disputed[a] = true
			}
		}
	}
	for _, t := range twins {
		if v.disputed[t[0]] {
			v.disputed[t[1]] = true
			v.report(Conflict, t[1].first, false,
				"The block contradicts the one at line %d about the same execution; keep the true one.", t[0].first)
			continue
		}
		v.merged[t[1]] = t[0]
		v.report(Duplicate, t[1].first, true, "The block repeats the one at line %d.", t[0].first)
	}
}

// contradict reports whether two blocks differ in a value that both have. If
// not, a learns what only b says.
func (v *review) contradict(a, b *block) bool {
	x, y := mended(a), mended(b)
	for k := range x {
		if x[k] != "" && y[k] != "" && x[k] != y[k] {
			return true
		}
	}
	for k := range x {
		if a.values[k] == "" {
			a.values[k] = b.values[k]
		}
	}
	return false
}

// checkPlace reports a block that git does not read for its place or shape.
func (v *review) checkPlace(b *block) {
	can := !v.disputed[b]
	at := v.mentions[b.parts[0]].lines.start
	switch {
	case b.form.Has(Git):
	case b.form&decorated != 0:
		v.report(Malformed, b.first, can, "Git does not read trailers in this form (%s).", b.form&decorated)
	case at < v.subject.end:
		v.report(WrongParagraph, b.first, can, "The block is in the subject's paragraph; a blank line must separate them.")
	case !v.git.empty() && at < v.git.start:
		v.report(BuriedBlock, b.first, can, "The block is hidden by the later trailers at line %d; git reads only the last paragraph.",
			1+strings.Count(v.text[:v.git.start], "\n"))
	case v.inLastParagraph(b):
		v.report(WrongParagraph, b.first, can, "Other text in the same paragraph keeps git from reading the block.")
	default:
		v.report(NotLast, b.first, can, "Text follows the block; git reads only the last paragraph.")
	}
}

func (v *review) inLastParagraph(b *block) bool {
	for at := v.mentions[b.parts[len(b.parts)-1]].lines.end; at < v.body; {
		next := nextLine(v.text, at)
		if isBlank(v.text[at:next]) {
			return false
		}
		at = next
	}
	return true
}

// checkLines reports how the lines of a block are written, and repeated.
func (v *review) checkLines(b *block) {
	can := !v.disputed[b]
	if b.form&decorated == 0 {
		for _, i := range b.parts {
			m := &v.mentions[i]
			raw := trim(v.text[m.value.start:m.value.end])
			if val := v.value(m); val != "" && (!m.sound || raw != val) {
				v.report(Malformed, m.line, can, "Write it as %q.", keyNames[m.key]+": "+clip(val))
			}
		}
	}
	for _, i := range b.again {
		m := &v.mentions[i]
		v.report(Duplicate, m.line, can, "%s stands twice.", keyNames[m.key])
	}
	for _, i := range b.rivals {
		m := &v.mentions[i]
		v.report(Conflict, m.line, false, "%s stands twice with different values; keep the true one.", keyNames[m.key])
	}
}

// checkValues reports what is missing in a block and what is no sound value.
func (v *review) checkValues(b *block) {
	can := !v.disputed[b]
	agent, squad := b.values[agentKey], b.values[squadKey]
	var lacks []string
	derivable := fault(agentKey, agent) == ""
	for k, val := range b.values {
		if val == "" {
			lacks = append(lacks, keyNames[k])
			if key(k) != squadKey {
				derivable = false
			}
			continue
		}
		if why := fault(key(k), val); why != "" {
			v.report(badCodes[k], b.first, can && mend(key(k), val) != val, "%s %q %s.", keyNames[k], clip(val), why)
		}
	}
	if len(lacks) > 0 && v.merged[b] == nil {
		v.report(Incomplete, b.first, can && derivable, "The block lacks %s.", strings.Join(lacks, ", "))
	}
	if fault(agentKey, agent) == "" && squad != "" && !strings.HasPrefix(agent, squad+"/") {
		v.report(SquadMismatch, b.first, false, "Squad %q is not the squad of Agent %q; find out which is true.", clip(squad), agent)
	}
}

// mended returns the values of a block, each in its sound spelling if it has one.
func mended(b *block) [keyCount]string {
	values := b.values
	for k, val := range values {
		if val != "" {
			values[k] = mend(key(k), val)
		}
	}
	if values[squadKey] == "" && fault(agentKey, values[agentKey]) == "" {
		values[squadKey], _, _ = strings.Cut(values[agentKey], "/")
	}
	return values
}
