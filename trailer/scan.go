package trailer

import "strings"

// Bounds of what is kept of one message. No honest one comes near.
const (
	maxMentions = 1 << 17
	maxDividers = 1 << 14
)

// mention is a place in a message that names one of the five.
type mention struct {
	key   key
	form  Form // of the line alone, without Git, Buried and Divider
	sound bool // key and value are written as we would write them
	git   bool // git reads it as a trailer of the message
	below bool // a divider stands above it
	value span // before cleaning
	lines span // from the start of its line to the start of the next one
	line  int  // counted from 1
	table int  // index+1 of its table
	row   int  // line of the row of a table with the keys in its head, else 0
	group int  // mentions with one number may form a block together
}

// table is a Markdown table with mentions in it.
type table struct {
	lines span
	other int // rows that hold anything else
}

// scan is all that a tolerant reading finds in a message.
type scan struct {
	text      string
	git       span // where git reads trailers
	mentions  []mention
	tables    []table
	dividers  []int // starts of lines that end the message for some of git's commands
	overflow  bool  // more than maxMentions
	cluttered bool  // more than maxDividers
}

// scanner walks over a message once, line by line.
type scanner struct {
	scan
	comment byte
	colon   bool // git accepts a colon as separator
	end     int  // of what is read: where an editor's template begins

	line   int
	group  int
	joined bool // a group is open
	gap    bool // a blank line came since its last line
	quote  int  // depth of quotation of the group
	fence  string
	folds  int // index of the mention that a folded line would continue, or -1
	indent int // of that mention
	grid   grid
}

func (r Rules) scan(msg string) *scan {
	text := untilNUL(msg)
	if r.Reading == Interpret {
		r.Reading = InterpretNoDivider
	}
	base := 0
	if r.Reading == Log {
		base = leadingBlank(text)
	}
	s := &scanner{
		scan:    scan{text: text, git: r.locate(text)},
		comment: r.comment(),
		colon:   strings.Contains(r.separators(), ":"),
		end:     base + r.scissorsAt(text[base:]),
		folds:   -1,
	}
	if s.git.empty() {
		s.git = span{s.end, s.end}
	}
	for at := 0; at < s.end && !s.overflow; {
		next := nextLine(text[:s.end], at)
		s.line++
		s.read(span{at, next})
		at = next
	}
	s.closeTable()
	return &s.scan
}

// read takes in one line.
func (s *scanner) read(at span) {
	raw := s.text[at.start:at.end]
	c := raw[0]
	inGit := at.start >= s.git.start && at.start < s.git.end
	switch {
	case c == s.comment:
		s.folds = -1
		if s.grid.open {
			s.closeTable()
		}
		return
	case c == '-' || c == 'd' || c == 'I':
		if isDivider(raw) || raw == "---" || hasAnyPrefix(raw, patchHeads[:]) {
			s.cluttered = len(s.dividers) == maxDividers
			if !s.cluttered {
				s.dividers = append(s.dividers, at.start)
			}
		}
	case !startsMention[c]:
		s.prose()
		return
	}
	d := undress(raw)
	body := raw[d.body:]
	if body == "" {
		s.blank(d.quote)
		return
	}
	if s.toggleFence(body) {
		s.prose()
		return
	}
	if body[0] == '|' && !(inGit && isSpace(c)) {
		s.folds = -1
		if s.readRow(at, d, inGit) {
			return
		}
	} else if s.grid.open {
		s.closeTable()
	}
	m, ok := matchKey(body)
	if !ok {
		if s.folds >= 0 && isSpace(c) && (d.indent > s.indent || d.form&Quoted != 0) {
			s.fold(at.end)
			return
		}
		s.prose()
		return
	}
	if inGit && isSpace(c) && s.folds >= 0 {
		// To git this line is a part of the value above, which is wrong then.
		s.mentions[s.folds].git, s.mentions[s.folds].sound = false, false
	}
	form := d.form | m.form
	if s.fence != "" && !inGit {
		form |= Fenced
	}
	s.add(mention{
		key: m.key, form: form, sound: m.exact && form == 0,
		git:   inGit && form == 0 && s.colon,
		value: span{at.start + d.body + m.value, at.end}, lines: at,
	}, d.quote)
	if form&^(Indented|Fenced) == 0 {
		s.folds, s.indent = len(s.mentions)-1, d.indent
	}
}

// patchHeads begin lines that are the head of a patch for `git am`.
var patchHeads = [...]string{"diff -", "Index: "}

// startsMention tells for each byte whether a line that begins with it can
// matter. It is what makes the reading of prose fast.
var startsMention = [256]bool{
	'a': true, 's': true, 't': true, 'e': true, 'm': true,
	'A': true, 'S': true, 'T': true, 'E': true, 'M': true,
	' ': true, '\t': true, '\r': true, '\n': true, '>': true,
	'-': true, '*': true, '+': true, '|': true, '`': true, '_': true, '~': true,
	'0': true, '1': true, '2': true, '3': true, '4': true,
	'5': true, '6': true, '7': true, '8': true, '9': true,
}

func (s *scanner) add(m mention, quote int) {
	if len(s.mentions) == maxMentions {
		s.overflow = true
		return
	}
	if !s.joined || quote != s.quote {
		s.group++
	}
	s.joined, s.gap, s.quote, s.folds = true, false, quote, -1
	m.group, m.line, m.below = s.group, s.line, len(s.dividers) > 0
	s.mentions = append(s.mentions, m)
}

// prose takes in a line that mentions nothing. A group goes over blank lines
// and over other lines, but not over a new paragraph of other lines.
func (s *scanner) prose() {
	s.folds = -1
	if s.gap {
		s.joined = false
	}
	if s.grid.open {
		s.closeTable()
	}
}

func (s *scanner) blank(quote int) {
	s.folds = -1
	s.gap = true
	if quote != s.quote {
		s.joined = false
	}
	if s.grid.open {
		s.closeTable()
	}
}

// fold makes the line that ends at end a part of the value above it.
func (s *scanner) fold(end int) {
	if s.folds < 0 {
		return
	}
	m := &s.mentions[s.folds]
	m.value.end, m.lines.end = end, end
	m.sound = false
}

// toggleFence takes in the first or last line of a Markdown code fence.
func (s *scanner) toggleFence(body string) bool {
	if body[0] != '`' && body[0] != '~' {
		return false
	}
	n := 0
	for n < len(body) && body[n] == body[0] {
		n++
	}
	switch {
	case n < 3:
		return false
	case s.fence == "":
		if strings.IndexByte(body[n:], '`') >= 0 {
			return false // `inline code`
		}
		s.fence = body[:n]
	case body[0] == s.fence[0] && n >= len(s.fence) && isBlank(body[n:]):
		s.fence = ""
	default:
		return false
	}
	return true
}
