package store

import (
	"context"
	"fmt"
	"math"

	"github.com/whodid/whodid"
)

// PrivacyEvents returns the events of a kind about personal data, the last recorded
// first. They are few among many: the index of searches finds them, which lists the
// words of a kind's name, and keeps them when an event's values are erased.
func (s *Store) PrivacyEvents(ctx context.Context, org, kind string) ([]Row, error) {
	q := SearchQuery{
		Selection: Selection{Terms: []whodid.Term{{Field: whodid.FilterType, Values: []string{kind}}}},
		Lane:      whodid.SearchLaneOf(kind), Before: 1 << 62, Max: math.MaxInt32, Examine: math.MaxInt,
		Accept: func(*Row) bool { return true },
	}
	whodid.SearchWords(kind, func(word string, _, _ int) { q.Words = append(q.Words, word) })
	found, err := s.Search(ctx, org, &q)
	if err != nil {
		return nil, fmt.Errorf("couldn't read what was done about personal data: %w", err)
	}
	return found.Rows, nil
}
