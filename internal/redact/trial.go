package redact

import "slices"

// A Finding is a part of a text that a Redactor removes. It never holds the text.
type Finding struct {
	// Start is the byte where it begins, from 0, and Length its length in bytes.
	Start, Length int
	// Rule is the id of the rule.
	Rule string
}

// Try is [Redactor.Clean] for who wants to know where something was: it returns the parts of s that were removed, in order.
//
// What was cleaned is read again, see [Redactor.Clean]. What that uncovers is told by its place in s, and in the place of what
// lies within it.
func (r *Redactor) Try(s string) (cleaned string, found []Finding) {
	// at says for each byte of the text, and its end, which byte of s it comes from.
	at := make([]int32, len(s)+1)
	for i := range at {
		at[i] = int32(i)
	}
	text := s
	for range maxRounds {
		spans := r.find(text)
		next := text
		if len(spans) > 0 {
			next = replace(text, spans)
		}
		if next == text {
			slices.SortStableFunc(found, func(a, b Finding) int { return a.Start - b.Start })
			return text, found
		}
		moved := make([]int32, 0, len(next)+1)
		end := 0
		for _, sp := range spans {
			moved = append(moved, at[end:sp.start]...)
			end = sp.end
			f := Finding{Start: int(at[sp.start]), Length: int(at[sp.end] - at[sp.start]), Rule: sp.rule}
			for range len(sp.with) {
				moved = append(moved, at[sp.start])
			}
			found = slices.DeleteFunc(found, func(old Finding) bool {
				return old.Start >= f.Start && old.Start+old.Length <= f.Start+f.Length
			})
			found = append(found, f)
		}
		at, text = append(moved, at[end:]...), next
	}
	return mark(ruleOverload), []Finding{{Start: 0, Length: len(s), Rule: ruleOverload}}
}

// IsRule reports whether a rule has that id.
func IsRule(id string) bool { return ruleIDs()[id] }
