// Package denylist reads what an organisation and a user never want to have in
// the trail, beside what every redactor takes out: the table [redact] of a file of
// settings. The hook links it, so it is small and does nothing where there is no
// file.
package denylist

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// List is what must not be recorded.
type List struct {
	// Patterns are regular expressions (RE2); what a whole one matches is taken
	// out.
	Patterns []string `toml:"patterns"`
	// Deny are words or phrases, taken out as whole words whatever their case.
	Deny []string `toml:"deny"`
	// Identities are names and logins, taken out in the same way.
	Identities []string `toml:"identities"`
}

// The bounds of a list. Each pattern is compiled whenever an agent calls its
// hook.
const (
	maxEntries = 1000
	maxEntry   = 1000 // bytes
	// leastWord is the shortest word that is looked for, in characters: shorter
	// ones would hit everywhere.
	leastWord = 3
)

// Read reads the table from a file. Where there is none the list is empty. What
// else is in the file is left to others, but for what does not belong into the
// table: it is most likely misspelled, and a rule that is misspelled keeps
// nothing out.
func Read(path string) (List, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return List{}, nil
	}
	if err != nil {
		return List{}, fmt.Errorf("couldn't read the settings: %w", err)
	}
	l, err := parse(string(text))
	if err != nil {
		return List{}, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// parse reads the table out of the text of a file.
func parse(text string) (List, error) {
	if !strings.Contains(text, "redact") && !strings.Contains(text, `\`) {
		return List{}, nil // it does not stand there, and no escape hides it
	}
	var f struct {
		Redact List `toml:"redact"`
	}
	meta, err := toml.Decode(text, &f)
	var wrong toml.ParseError
	switch {
	case errors.As(err, &wrong):
		// Its words may quote the file.
		return List{}, fmt.Errorf("line %d can't be read as TOML", wrong.Position.Line)
	case err != nil:
		return List{}, errors.New("[redact] must hold lists of text: patterns, deny, identities")
	}
	for _, key := range meta.Undecoded() {
		if key[0] == "redact" {
			return List{}, fmt.Errorf("there is no setting %q: [redact] has patterns, deny and identities", key.String())
		}
	}
	return f.Redact, f.Redact.Check()
}

// Check says what is wrong with the list, by its place and without quoting it:
// what must not be recorded must not be told either.
func (l *List) Check() error {
	for _, part := range []struct {
		name    string
		entries []string
		check   func(string) string
	}{
		{"patterns", l.Patterns, checkPattern}, {"deny", l.Deny, checkWord}, {"identities", l.Identities, checkWord},
	} {
		if len(part.entries) > maxEntries {
			return fmt.Errorf("redact.%s: %d entries, %d are allowed", part.name, len(part.entries), maxEntries)
		}
		for i, entry := range part.entries {
			flaw := part.check(entry)
			if len(entry) > maxEntry {
				flaw = fmt.Sprintf("it is longer than %d bytes", maxEntry)
			}
			if flaw != "" {
				return fmt.Errorf("redact.%s: entry %d: %s", part.name, i+1, flaw)
			}
		}
	}
	return nil
}

func checkPattern(p string) string {
	re, err := regexp.Compile(p)
	switch {
	case err != nil:
		return "it is no regular expression (RE2)"
	case re.MatchString(""):
		return "it matches nothing at all, and so everywhere"
	default:
		return ""
	}
}

func checkWord(w string) string {
	if utf8.RuneCountInString(strings.Join(strings.Fields(w), " ")) < leastWord {
		return fmt.Sprintf("it is shorter than %d characters", leastWord)
	}
	return ""
}

// With is both lists together.
func (l List) With(other List) List {
	return List{
		Patterns:   append(slices.Clip(l.Patterns), other.Patterns...),
		Deny:       append(slices.Clip(l.Deny), other.Deny...),
		Identities: append(slices.Clip(l.Identities), other.Identities...),
	}
}
