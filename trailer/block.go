package trailer

import "strings"

// Block is one set of the five, found in a message. A squash leaves several.
type Block struct {
	Origin      // the values as found, without Markdown; empty where there is none
	Form   Form // where and how it was found
	Line   int  // of its first line, counted from 1
	End    int  // of its last line
}

// Blocks returns every set of the five in msg, in order, in whatever [Form].
//
// Lines make a block if they name an execution id; or two of the five, one of
// them a sound Agent; or any three. Less is taken for prose. A new block begins
// at a repeated key and at each Agent. Of a message with more than 131,072 such
// lines only the first so many are read; [Check] reports it.
func Blocks(msg string) []Block { return Rules{}.Blocks(msg) }

// Blocks is the function [Blocks] for a git with settings.
func (r Rules) Blocks(msg string) []Block {
	s := r.scan(msg)
	var out []Block
	for _, b := range s.blocks() {
		out = append(out, Block{Origin: originOf(b.values), Form: b.form, Line: b.first, End: b.last})
	}
	return out
}

// Executions returns the ids of all executions that msg names, in order, each
// once. Every form counts, hearsay too: use [Blocks] to be stricter.
func Executions(msg string) []string { return Rules{}.Executions(msg) }

// Executions is the function [Executions] for a git with settings.
func (r Rules) Executions(msg string) []string {
	var ids []string
	seen := make(map[string]bool)
	for _, b := range r.scan(msg).blocks() {
		if id := b.values[executionKey]; isExecution(id) && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// block is a Block with the mentions that it is made of.
type block struct {
	values [keyCount]string
	parts  []int32 // indices of its mentions, in order
	rivals []int32 // mentions that say another thing than values
	again  []int32 // mentions that repeat values
	form   Form
	first  int // lines, from 1
	last   int
}

func (b *block) has(k key) bool { return b.values[k] != "" }

func (b *block) count() (n int) {
	for _, v := range b.values {
		if v != "" {
			n++
		}
	}
	return n
}

// qualifies reports whether b says enough to be no accident of prose.
func (b *block) qualifies() bool {
	n := b.count()
	return n >= 3 || n >= 2 && fault(agentKey, b.values[agentKey]) == "" || isExecution(b.values[executionKey])
}

// within reports whether other says all that b says.
func (b *block) within(other *block) bool {
	for k, v := range b.values {
		if v != "" && other.values[k] != v {
			return false
		}
	}
	return true
}

// apart reports whether no key is in both.
func (b *block) apart(other *block) bool {
	for k := range b.values {
		if b.values[k] != "" && other.values[k] != "" {
			return false
		}
	}
	return true
}

// blocks puts the mentions together.
func (s *scan) blocks() []*block {
	var all []*block
	for from := 0; from < len(s.mentions); {
		to := from + 1
		for to < len(s.mentions) && s.mentions[to].group == s.mentions[from].group {
			to++
		}
		all = append(all, s.assemble(from, to)...)
		from = to
	}
	for _, b := range all {
		s.finish(b)
	}
	return all
}

// assemble makes blocks of the mentions of one group.
func (s *scan) assemble(from, to int) []*block {
	var done []*block
	b := &block{}
	for i := from; i < to; i++ {
		m := &s.mentions[i]
		newRow := i > from && m.row != s.mentions[i-1].row
		if m.key == agentKey && len(b.parts) > 0 || s.mentioned(b, m.key) || newRow {
			done = join(done, b)
			b = &block{}
		}
		b.parts = append(b.parts, int32(i))
		b.values[m.key] = s.value(m)
	}
	done = join(done, b)
	return attach(done)
}

func (s *scan) mentioned(b *block, k key) bool {
	for _, i := range b.parts {
		if s.mentions[i].key == k {
			return true
		}
	}
	return false
}

// join appends b to done, or makes it one with the last of done: if one repeats
// the other and has no execution of its own, or if they complete each other.
func join(done []*block, b *block) []*block {
	if len(done) == 0 {
		return append(done, b)
	}
	last := done[len(done)-1]
	switch {
	case !b.has(executionKey) && b.within(last):
		last.again = append(last.again, b.parts...)
	case !last.has(executionKey) && last.within(b):
		b.again = append(append(last.again, last.parts...), b.again...)
		done[len(done)-1] = b
	case last.apart(b) && (!last.qualifies() || !b.qualifies() || last.count()+b.count() == keyCount):
		for k, v := range b.values {
			if v != "" {
				last.values[k] = v
			}
		}
		last.parts = append(last.parts, b.parts...)
		last.again = append(last.again, b.again...)
	default:
		return append(done, b)
	}
	return done
}

// attach keeps the blocks that qualify and gives them what stands beside them
// and contradicts them.
func attach(parts []*block) []*block {
	var kept []*block
	var loose []int32
	for _, b := range parts {
		switch {
		case b.qualifies():
			b.rivals = append(loose, b.rivals...)
			loose = nil
			kept = append(kept, b)
		case len(kept) > 0:
			last := kept[len(kept)-1]
			last.rivals = append(append(last.rivals, b.parts...), b.again...)
		default:
			loose = append(append(loose, b.parts...), b.again...)
		}
	}
	return kept
}

// finish sets the form and the lines of a block.
func (s *scan) finish(b *block) {
	b.first = s.mentions[b.parts[0]].line
	git := true
	for _, i := range b.parts {
		m := &s.mentions[i]
		b.form |= m.form
		b.first, b.last = min(b.first, m.line), max(b.last, m.line)
		git = git && m.git
		if m.below {
			b.form |= Divider
		}
	}
	switch {
	case git:
		b.form |= Git
	case b.form&decorated == 0:
		b.form |= Buried
	}
}

// value returns what a mention says.
func (s *scan) value(m *mention) string {
	v := clean(s.text[m.value.start:m.value.end])
	if m.table > 0 {
		v = strings.ReplaceAll(v, `\|`, "|")
	}
	return v
}
