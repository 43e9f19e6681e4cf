package trailer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoSubject is returned for a message that has no line of its own yet. Git
// refuses to commit such a message; with trailers in it, it no longer would.
var ErrNoSubject = errors.New("the message has no subject")

// ErrNUL is returned for a message with a NUL byte, which git cannot store.
var ErrNUL = errors.New("the message has a NUL byte")

// Add returns msg with the five of o as its last lines, where git reads them.
//
// They join the paragraph of trailers that is there, or become a new one. An
// older block of the same execution goes, wherever it stands; those of other
// executions stay. A message that has o already is returned as it is. Comments,
// an editor's template below scissors, and CRLF line breaks are kept.
//
// The error is of [Origin.Validate], [ErrNoSubject] or [ErrNUL].
func Add(msg string, o Origin) (string, error) { return Rules{}.Add(msg, o) }

// Add is the function [Add] for a git with settings.
func (r Rules) Add(msg string, o Origin) (string, error) {
	if err := o.Validate(); err != nil {
		return "", fmt.Errorf("couldn't add trailers: %w", err)
	}
	if strings.IndexByte(msg, 0) >= 0 {
		return "", fmt.Errorf("couldn't add trailers: %w", ErrNUL)
	}
	r.Reading = Log // whatever else the caller reads, this is for a commit
	// The first round writes, the next finds it written. More are needed when the
	// new lines complete stray ones.
	for range 5 {
		s := r.scan(msg)
		var gone []int32
		same, good := 0, false
		for _, b := range s.blocks() {
			if b.values[executionKey] != o.Execution || b.form&hearsay != 0 {
				continue
			}
			same++
			good = b.form.Has(Git) && b.values == o.values() && len(b.again) == 0 && s.sound(b)
			gone = append(append(gone, b.parts...), b.again...)
		}
		if same == 1 && good {
			return msg, nil
		}
		out, ok := r.place(s.cut(gone, nil, nil), o.lines())
		if !ok {
			return "", fmt.Errorf("couldn't add trailers: %w", ErrNoSubject)
		}
		msg = out
	}
	return "", fmt.Errorf("couldn't add trailers: %w", errUnreadable)
}

// errUnreadable is for settings under which git reads no colon, and for messages
// with more mentions of the five than are looked at.
var errUnreadable = errors.New("git would not read them in this message")

// sound reports whether all lines of b are as we would write them.
func (s *scan) sound(b *block) bool {
	for _, i := range b.parts {
		if m := &s.mentions[i]; !m.sound || trim(s.text[m.value.start:m.value.end]) != b.values[m.key] {
			return false
		}
	}
	return true
}

// cut returns the text without the lines of the given mentions, without tables
// that have nothing else, without the other spans, and without a blank line too
// many. The inserts are in order.
func (s *scan) cut(gone []int32, others []span, inserts []insert) string {
	left := make(map[int]int) // table → mentions that stay
	for i := range s.mentions {
		if t := s.mentions[i].table; t > 0 {
			left[t]++
		}
	}
	for _, i := range gone {
		left[s.mentions[i].table]--
	}
	spans := others
	for _, i := range gone {
		m := &s.mentions[i]
		lines := m.lines
		if m.table > 0 && left[m.table] == 0 && s.tables[m.table-1].other == 0 {
			lines = s.tables[m.table-1].lines
		}
		spans = append(spans, lines)
	}
	return cutSpans(s.text, spans, inserts)
}

// insert is text to put in front of a line.
type insert struct {
	at   int
	text string
}

// cutSpans removes whole lines, and puts text before others. If blank lines are
// on both sides of what goes, those below go too.
func cutSpans(text string, spans []span, inserts []insert) string {
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	var out strings.Builder
	out.Grow(len(text) + 2*len(inserts))
	at := 0
	keep := func(to int) {
		for len(inserts) > 0 && inserts[0].at < to {
			if in := inserts[0]; in.at >= at {
				out.WriteString(text[at:in.at])
				out.WriteString(in.text)
				at = in.at
			}
			inserts = inserts[1:]
		}
		out.WriteString(text[at:to])
	}
	for i := 0; i < len(spans); {
		start, end := spans[i].start, spans[i].end
		for i++; i < len(spans) && spans[i].start <= end; i++ {
			end = max(end, spans[i].end)
		}
		keep(start)
		if blankBefore(text, start) {
			end += leadingBlank(text[end:])
		} else if continues(text[start:end], text[end:]) {
			out.WriteByte('\n')
		}
		at = end
	}
	keep(len(text))
	return out.String()
}

// continues reports whether what follows a cut would become a part of what is
// above it: a folded line of another trailer, a row of another table.
func continues(cut, rest string) bool {
	if rest == "" {
		return false
	}
	return isSpace(rest[0]) && !isBlank(rest[:nextLine(rest, 0)]) || rest[0] == '|' && cut[0] != '|'
}

// blankBefore reports whether the line that ends at at is blank or none.
func blankBefore(text string, at int) bool {
	if at == 0 {
		return true
	}
	start := strings.LastIndexByte(text[:at-1], '\n') + 1
	return isBlank(text[start:at])
}

// place puts lines at the end of the message proper, joined to the paragraph of
// trailers if there is one. It
// reports false if the message has no subject.
func (r Rules) place(text string, lines []string) (string, bool) {
	if len(lines) == 0 {
		return text, true
	}
	r.Reading = Log
	base := leadingBlank(text)
	end := r.bodyEnd(text, base+r.messageEnd(text[base:]))
	subject := r.subject(text[:end])
	if subject.empty() {
		return text, false
	}
	eol := "\n"
	if n := strings.Count(text, "\n"); n > 0 && 2*strings.Count(text, "\r\n") > n {
		eol = "\r\n"
	}
	head, rest := text[:end], text[end:]
	if isBlank(rest) {
		rest = ""
	}
	para := r.locate(text)
	joins := !para.empty() && para.start >= subject.end && r.deliberate(text, para)
	if !joins {
		if i := r.looseTrailers(head, subject.end); i > 0 {
			head, joins = head[:i]+eol+head[i:], true
		}
	}
	var out strings.Builder
	out.Grow(len(text) + 256)
	out.WriteString(head)
	if !strings.HasSuffix(head, "\n") {
		out.WriteString(eol)
	}
	if !joins {
		out.WriteString(eol)
	}
	for _, line := range lines {
		out.WriteString(line)
		out.WriteString(eol)
	}
	out.WriteString(rest)
	return out.String(), true
}

// bodyEnd moves end back over blank lines and comments, also those that git
// takes for text because of their CRLF.
func (r Rules) bodyEnd(text string, end int) int {
	for end > 0 {
		at := strings.LastIndexByte(text[:end-1], '\n') + 1
		if line := text[at:end]; line[0] != r.comment() && !isBlank(line) {
			break
		}
		end = at
	}
	return end
}

// subject returns the first paragraph that is not only comments.
func (r Rules) subject(text string) span {
	at := 0
	for at < len(text) {
		next := nextLine(text, at)
		if text[at] != r.comment() && !isBlank(text[at:next]) {
			break
		}
		at = next
	}
	return span{at, at + r.titleEnd(text[at:])}
}

// deliberate reports whether somebody meant the paragraph for trailers. Prose
// whose lines merely begin with "https:" or "fix:" looks the same to git.
func (r Rules) deliberate(text string, para span) bool {
	for f := range r.fields(text, para) {
		name := trim(text[f.start:f.sep])
		if !strings.HasPrefix(text[f.sep+1:], "//") && !slices.Contains(conventionalTypes, name) {
			return true
		}
	}
	return false
}

// attributions are trailers that tools write right below prose, where git does
// not see them.
var attributions = [...]string{
	"Signed-off-by", "Co-authored-by", "Co-developed-by", "Reviewed-by",
	"Acked-by", "Tested-by", "Assisted-by", "Generated-by",
}

// looseTrailers returns where the attributions at the foot of the last paragraph
// begin if prose is above them, else 0.
func (r Rules) looseTrailers(head string, subjectEnd int) int {
	found := 0
	for end := len(head); end > subjectEnd; {
		at := strings.LastIndexByte(head[:end-1], '\n') + 1
		line := head[at:end]
		if isBlank(line) || at < subjectEnd {
			return 0 // the whole paragraph is loose: git reads it, or it is the subject
		}
		if !isAttribution(line) {
			return found
		}
		found, end = at, at
	}
	return 0
}

func isAttribution(line string) bool {
	for _, name := range attributions {
		if hasPrefixFold(line, name) && strings.HasPrefix(line[len(name):], ": ") {
			return true
		}
	}
	return false
}
