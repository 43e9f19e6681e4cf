package trailer

import (
	"fmt"
	"strings"
)

// Change is one thing that [Fix] did to a message.
type Change struct {
	Line int    // in the message before the change, counted from 1
	Text string // one sentence for a person
}

// Fix mends what is [Problem.Fixable] in msg and says what it did; it returns
// msg and nil if that is nothing.
//
// It moves the blocks that git does not read to the last paragraph, in their
// order, with each line spelled as git wants it; derives a missing Squad from
// Agent; leaves out repetitions; and removes a --- line right above a block. Any
// other line that would cut the message short gets a space in front, which in
// Markdown changes nothing. Fix does not invent a value, does not choose between
// two, and does not touch blocks that are quoted or in a code fence. Fixing the
// result again changes nothing.
func Fix(msg string) (string, []Change) { return Rules{}.Fix(msg) }

// Fix is the function [Fix] for a git with settings.
func (r Rules) Fix(msg string) (string, []Change) {
	var all []Change
	// A second round is needed when a block was hidden by the lines of another.
	for range 4 {
		v := r.review(msg)
		if len(v.changes) == 0 {
			break
		}
		msg, all = v.fixed, append(all, v.changes...)
	}
	return msg, all
}

// fix mends what it can in one round.
func (v *review) fix() (string, []Change) {
	dividers, others := false, false
	for _, p := range v.problems {
		dividers = dividers || p.Fixable && p.Code == AfterDivider
		others = others || p.Fixable && p.Code != AfterDivider
	}
	var changes []Change
	say := func(line int, format string, args ...any) {
		changes = append(changes, Change{line, fmt.Sprintf(format, args...)})
	}
	var gone []int32
	var lines []string
	if others {
		for _, b := range v.blocks {
			if v.disputed[b] {
				continue
			}
			gone = append(append(gone, b.parts...), b.again...)
			if a := v.merged[b]; a != nil {
				say(b.first, "Removed the block that repeats the one at line %d.", a.first)
				continue
			}
			lines = append(lines, originOf(mended(b)).lines()...)
			v.explain(b, say)
		}
	}
	var cuts []span
	var inserts []insert
	if dividers || others {
		cuts, inserts = v.openDividers(gone, say)
	}
	if len(changes) == 0 {
		return v.text, nil
	}
	fixed, ok := v.rules.place(v.cut(gone, cuts, inserts), lines)
	if !ok || fixed == v.text {
		return v.text, nil
	}
	return fixed, changes
}

// explain says what happens to a block that is kept.
func (v *review) explain(b *block, say func(line int, format string, args ...any)) {
	if !b.form.Has(Git) {
		say(b.first, "Moved the block to the last paragraph (it was %s).", b.form)
	}
	if len(b.again) > 0 {
		say(v.mentions[b.again[0]].line, "Removed lines that stood twice.")
	}
	values := mended(b)
	for k, val := range b.values {
		if val != values[k] && val != "" {
			say(b.first, "Wrote %s: %s instead of %q.", keyNames[k], values[k], clip(val))
		} else if val != values[k] {
			say(b.first, "Added %s: %s, the squad of the agent.", keyNames[k], values[k])
		}
	}
	if b.form.Has(Git) {
		say(b.first, "Wrote the block anew as the last trailers.")
	}
}

// openDividers takes away the power of the lines that end a message for some of
// git's commands: those right above a block that moves, or among trailers, are
// removed; the others get a space in front, or a quotation mark where a space
// would make them a part of the trailer above.
func (v *review) openDividers(gone []int32, say func(line int, format string, args ...any)) (cuts []span, inserts []insert) {
	moves := make(map[int]bool)
	for _, i := range gone {
		m := &v.mentions[i]
		moves[m.lines.start] = true
		if m.table > 0 {
			moves[v.tables[m.table-1].lines.start] = true
		}
	}
	line, counted := 1, 0
	for _, at := range v.dividers {
		line += strings.Count(v.text[counted:at], "\n")
		counted = at
		next := nextLine(v.text, at)
		words := trim(v.text[at:next])
		if words == "---" && (v.belowTrailer(at) || moves[next+leadingBlank(v.text[next:])]) {
			cuts = append(cuts, span{at, next})
			say(line, "Removed the --- line beside the block.")
			continue
		}
		mark := " "
		if v.belowTrailer(at) {
			mark = "> "
		}
		inserts = append(inserts, insert{at, mark})
		say(line, "Put %q before %q, which would have ended the message for git am.", mark, clip(words))
	}
	return cuts, inserts
}

// belowTrailer reports whether the line above at is a trailer or folded.
func (v *review) belowTrailer(at int) bool {
	if at == 0 {
		return false
	}
	above := v.text[strings.LastIndexByte(v.text[:at-1], '\n')+1 : at]
	return v.rules.separator(above) >= 1 || isSpace(above[0]) && !isBlank(above)
}
