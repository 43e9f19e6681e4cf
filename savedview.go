package whodid

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// SavedView is a question about runs that somebody gave a name to. It is no fact
// about agents, so it is no event: it can be changed, and is gone when it is
// deleted.
type SavedView struct {
	// Owner is who saved it, as an actor; no two of theirs have the same name.
	Owner string `json:"owner"`
	Name  string `json:"name"`
	// Query is the filter, the time and the columns, as an address has them.
	Query string `json:"query"`
	// Shared tells whether everybody in the organisation sees it.
	Shared  bool      `json:"shared"`
	SavedAt time.Time `json:"saved_at"`
}

// The bounds of a saved view.
const (
	maxViewName  = 60 // characters
	maxViewQuery = 2 << 10
)

// Validate reports what is wrong with a view; errors wrap [ErrInvalid].
func (v *SavedView) Validate() error {
	q, err := url.ParseQuery(v.Query)
	unknown := func(key string) bool { return !slices.Contains([]string{"q", "since", "until", "cols"}, key) }
	switch {
	case v.Owner == "":
		return fmt.Errorf("%w: a view is somebody's", ErrInvalid)
	case v.Name == "" || v.Name != strings.TrimSpace(v.Name) || utf8.RuneCountInString(v.Name) > maxViewName:
		return fmt.Errorf("%w: the name of a view has 1 to %d characters", ErrInvalid, maxViewName)
	case !utf8.ValidString(v.Name) || strings.ContainsFunc(v.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%w: the name of a view has characters that can't be seen", ErrInvalid)
	case len(v.Query) > maxViewQuery:
		return fmt.Errorf("%w: the question of a view is longer than %d bytes", ErrInvalid, maxViewQuery)
	case err != nil:
		return fmt.Errorf("%w: the question of a view is no part of an address", ErrInvalid)
	}
	for key := range q {
		if unknown(key) {
			return fmt.Errorf("%w: a view keeps a filter, a time and columns, and no %q", ErrInvalid, key)
		}
	}
	return nil
}
