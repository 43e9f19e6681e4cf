package redact

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"sync"
)

// A span is a part of a text and what takes its place.
type span struct {
	start, end int
	rule       string
	with       string
}

const markOpen, markClose = "[redacted:", "]"

// mark returns what stands where the rule removed something.
func mark(rule string) string { return markOpen + rule + markClose }

// ruleIDs holds every id that a mark can have.
var ruleIDs = sync.OnceValue(func() map[string]bool {
	ids := make(map[string]bool, len(vendorRules)+len(ownRules))
	for i := range vendorRules {
		ids[vendorRules[i].id] = true
	}
	for _, id := range ownRules {
		ids[id] = true
	}
	return ids
})

// marks returns the marks in s, in order. Only the id of a real rule makes one, so that nothing can hide in a forged mark.
func marks(s string) []span {
	var found []span
	for at := 0; ; {
		i := strings.Index(s[at:], markOpen)
		if i < 0 {
			return found
		}
		start := at + i
		at = start + len(markOpen)
		end := at
		for end < len(s) && (isLower(s[end]) || isDigit(s[end]) || s[end] == '-') {
			end++
		}
		if end < len(s) && s[end] == markClose[0] && ruleIDs()[s[at:end]] {
			at = end + 1
			found = append(found, span{start: start, end: at})
		}
	}
}

// settle sorts the spans and joins those that overlap. A span inside a mark is dropped and one that cuts a mark takes it in, which makes
// cleaning twice the same as cleaning once. A span inside another one is dropped: the outer one already removes it.
func settle(spans, marks []span) []span {
	kept := spans[:0]
	for _, sp := range spans {
		i := sort.Search(len(marks), func(i int) bool { return marks[i].end > sp.start })
		if i < len(marks) && marks[i].start <= sp.start && sp.end <= marks[i].end {
			continue
		}
		for ; i < len(marks) && marks[i].start < sp.end; i++ {
			sp.start, sp.end = min(sp.start, marks[i].start), max(sp.end, marks[i].end)
		}
		kept = append(kept, sp)
	}
	slices.SortStableFunc(kept, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end))
	})
	out := kept[:0]
	for _, sp := range kept {
		if n := len(out); n > 0 && sp.start < out[n-1].end {
			last := &out[n-1]
			if sp.end > last.end {
				last.end = sp.end
				if !strings.HasPrefix(last.with, markOpen) {
					last.rule, last.with = sp.rule, sp.with
				}
			}
			continue
		}
		out = append(out, sp)
	}
	return out
}

// replace returns s with each span replaced. The spans are sorted and don't overlap.
func replace(s string, spans []span) string {
	var b strings.Builder
	b.Grow(len(s) + 24*len(spans))
	at := 0
	for _, sp := range spans {
		b.WriteString(s[at:sp.start])
		b.WriteString(sp.with)
		at = sp.end
	}
	b.WriteString(s[at:])
	return b.String()
}
