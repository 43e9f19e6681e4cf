package trailer

import "strings"

// span is a range of bytes in a message.
type span struct{ start, end int }

func (s span) empty() bool { return s.start >= s.end }

// scissors is the line below which git throws a message's text away, after the
// comment character and a space.
const scissors = "------------------------ >8 ------------------------\n"

// signatures start the lines that git itself writes among trailers. One of them
// lets a paragraph pass of which only a quarter are trailers.
var signatures = [...]string{"Signed-off-by: ", "(cherry picked from commit "}

// locate returns the lines in which git looks for trailers: all of the last
// paragraph, or nothing if that paragraph does not pass for trailers.
func (r Rules) locate(text string) span {
	base, limit := 0, len(text)
	switch r.Reading {
	case Log:
		base = leadingBlank(text)
	case Interpret:
		limit = divider(text)
	case InterpretNoDivider:
	}
	end := base + r.messageEnd(text[base:limit])
	return span{base + r.paragraphStart(text[base:end]), end}
}

// messageEnd returns where the text of a message ends: before the comments,
// blank lines and old-style list of conflicts at its foot, and before an
// editor's scissors line. (Git 2.39 looks for scissors even below a --- line,
// and then never returns.)
func (r Rules) messageEnd(text string) int {
	cut := r.scissorsAt(text)
	foot, conflicts := 0, false
	for at := 0; at < cut; {
		next := nextLine(text, at)
		switch c := text[at]; {
		case c == r.comment() || c == '\n':
			if foot == 0 {
				foot = at
			}
		case c == 'C' && strings.HasPrefix(text[at:], "Conflicts:\n"):
			conflicts = true
			if foot == 0 {
				foot = at
			}
		case conflicts && c == '\t': // a path in the list of conflicts
		case foot != 0:
			foot, conflicts = 0, false
		}
		at = next
	}
	if foot != 0 {
		return foot
	}
	return cut
}

func (r Rules) scissorsAt(text string) int {
	mark := "\n" + string([]byte{r.comment(), ' '}) + scissors
	if strings.HasPrefix(text, mark[1:]) {
		return 0
	}
	if i := strings.Index(text, mark); i >= 0 {
		return i + 1
	}
	return len(text)
}

// paragraphStart returns where the last paragraph of text begins if git takes
// it for trailers, and the end of text if not: each line must be a trailer; or
// one is git's own or has a configured key, and a quarter are trailers.
func (r Rules) paragraphStart(text string) int {
	title := r.titleEnd(text)
	var trailers, others, folded int // folded: lines that may continue the one above
	known, blank := false, true      // blank: only blank lines so far
	for end := len(text); end > 0; {
		at := strings.LastIndexByte(text[:end-1], '\n') + 1
		if at < title {
			break
		}
		line := text[at:end]
		end = at
		switch {
		case line[0] == r.comment():
			others += folded
			folded = 0
			continue
		case isBlank(line):
			if blank {
				continue
			}
			others += folded
			if known && trailers*3 >= others || trailers > 0 && others == 0 {
				return at + len(line)
			}
			return len(text)
		}
		blank = false
		switch sep := r.separator(line); {
		case hasAnyPrefix(line, signatures[:]):
			trailers++
			folded, known = 0, true
		case isSpace(line[0]):
			folded++
		case sep >= 1:
			trailers++
			folded = 0
			known = known || r.configuredKey(line[:sep]) != nil
		default:
			others += 1 + folded
			folded = 0
		}
	}
	return len(text)
}

// titleEnd returns where the first paragraph ends, which is never trailers.
func (r Rules) titleEnd(text string) int {
	for at := 0; at < len(text); {
		next := nextLine(text, at)
		if line := text[at:next]; line[0] != r.comment() && isBlank(line) {
			return at
		}
		at = next
	}
	return len(text)
}

// divider returns where the first line is that ends a message for
// `git interpret-trailers`, or the end of text.
func divider(text string) int {
	for at := 0; at < len(text); at = nextLine(text, at) {
		if isDivider(text[at:]) {
			return at
		}
		// Jump to the next line that starts with a dash.
		i := strings.Index(text[at:], "\n---")
		if i < 0 {
			break
		}
		at += i
	}
	return len(text)
}

// isDivider reports whether text begins with a divider line. Dashes at the very
// end of a file, without a line break, are none.
func isDivider(text string) bool {
	return len(text) > 3 && text[:3] == "---" && isSpace(text[3])
}

func leadingBlank(text string) int {
	at := 0
	for at < len(text) {
		next := nextLine(text, at)
		if !isBlank(text[at:next]) {
			break
		}
		at = next
	}
	return at
}
