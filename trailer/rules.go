package trailer

import (
	"iter"
	"slices"
	"strings"
)

// Reading selects which of git's commands [Rules.Parse] agrees with. They
// differ in where they think that a message begins and ends.
type Reading uint8

const (
	// Log reads like `git log --format=%(trailers:only,unfold)`: leading blank
	// lines do not count, a --- line is text. It is how a commit is read.
	Log Reading = iota
	// Interpret reads like `git interpret-trailers --parse`: the first line that
	// is --- or starts with "--- " ends the message, as in a mailed patch.
	Interpret
	// InterpretNoDivider is Interpret with git's option --no-divider.
	InterpretNoDivider
)

// Rules are the settings of git that change what a trailer is. The zero value
// is git without configuration, reading a commit.
type Rules struct {
	// Reading is the command of git to agree with.
	Reading Reading
	// Separators is git's trailer.separators: each byte of it may stand between
	// a key and its value. Empty means ":".
	Separators string
	// Comment is git's core.commentChar. 0 means '#'.
	Comment byte
	// Keys are git's trailer.<alias>.key settings.
	Keys []ConfiguredKey
}

// ConfiguredKey is one trailer.<alias>.key setting. A line that uses it lets its
// paragraph pass for trailers when only a quarter of its lines are, and its key
// is returned as Key, even if it was abbreviated or written as Alias.
type ConfiguredKey struct {
	Alias string // the middle part of trailer.<alias>.key
	Key   string // its value; empty when only other settings of the alias exist
}

// Trailer is one trailer as git reads it.
type Trailer struct {
	Key   string // as written, unless a [ConfiguredKey] renames it
	Value string // without surrounding white space; folded lines joined by a space
	Line  int    // of the key, counted from 1 in the message
}

// Parse returns the trailers of a commit message, as
// `git log --format=%(trailers:only,unfold)` lists them.
func Parse(msg string) []Trailer { return Rules{}.Parse(msg) }

// Parse returns the trailers of msg in order, nil if there are none.
func (r Rules) Parse(msg string) []Trailer { return slices.Collect(r.All(msg)) }

// All yields the trailers of msg in order, without keeping them.
func (r Rules) All(msg string) iter.Seq[Trailer] {
	return func(yield func(Trailer) bool) {
		text := untilNUL(msg)
		para := r.locate(text)
		if para.empty() {
			return
		}
		line, counted := 1, 0
		for f := range r.fields(text, para) {
			line += strings.Count(text[counted:f.start], "\n")
			counted = f.start
			t := Trailer{
				Key:   r.configured(trim(text[f.start:f.sep])),
				Value: unfold(text[f.sep+1 : f.end]),
				Line:  line,
			}
			if !yield(t) {
				return
			}
		}
	}
}

// field is where one trailer stands in a text: its key begins at start, its
// separator is at sep, its last line (folded ones included) ends at end.
type field struct{ start, sep, end int }

// fields yields the trailers inside para. Lines that are none are left out.
func (r Rules) fields(text string, para span) iter.Seq[field] {
	return func(yield func(field) bool) {
		var f field
		open := false
		for at := para.start; at < para.end; {
			next := nextLine(text[:para.end], at)
			if open && isSpace(text[at]) {
				f.end = next
			} else {
				if open && !yield(f) {
					return
				}
				sep := r.separator(text[at:next])
				f, open = field{at, at + sep, next}, sep >= 1
			}
			at = next
		}
		if open {
			yield(f)
		}
	}
}

// separator returns where the separator stands in a line that has the shape of
// a trailer: letters, digits and dashes, then white space, then a separator.
// Otherwise it returns -1; 0 means that there is no key.
func (r Rules) separator(line string) int {
	seps, gap := r.separators(), false
	for i := range len(line) {
		c := line[i]
		switch {
		case strings.IndexByte(seps, c) >= 0:
			return i
		case !gap && (isAlnum(c) || c == '-'):
		case i > 0 && (c == ' ' || c == '\t'):
			gap = true
		default:
			return -1
		}
	}
	return -1
}

// configured returns the full name of a key that the configuration knows. Git
// compares only as many letters as the line has, so that abbreviations match,
// and leaves out dashes at the end.
func (r Rules) configured(key string) string {
	short := key
	for short != "" && !isAlnum(short[len(short)-1]) {
		short = short[:len(short)-1]
	}
	if k := r.configuredKey(short); k != nil && k.Key != "" {
		return k.Key
	}
	return key
}

func (r Rules) configuredKey(key string) *ConfiguredKey {
	for i, k := range r.Keys {
		if hasPrefixFold(k.Alias, key) || k.Key != "" && hasPrefixFold(k.Key, key) {
			return &r.Keys[i]
		}
	}
	return nil
}

func (r Rules) separators() string {
	if r.Separators == "" {
		return ":"
	}
	return r.Separators
}

func (r Rules) comment() byte {
	if r.Comment == 0 {
		return '#'
	}
	return r.Comment
}
