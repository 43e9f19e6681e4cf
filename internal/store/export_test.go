package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/whodid/whodid"
)

// Application is the pool that appends: tests try to do with it what the
// application must not be able to do.
func (s *Store) Application() *sql.DB { return s.write }

// Readers is the pool that answers questions.
func (s *Store) Readers() *sql.DB { return s.read }

// Within is the context of a connection that sees one organisation.
func Within(ctx context.Context, org string) context.Context { return within(ctx, org) }

// SetPatience says how long a purge waits for others.
func (s *Store) SetPatience(d time.Duration) { s.patience = d }

// Listed counts the blocks of a search that list a word.
func (s *Store) Listed(ctx context.Context, org, word string) (n int, err error) {
	for _, lane := range whodid.SearchLanes() {
		var blocks int
		const count = `SELECT COUNT(*) FROM search_word WHERE org = $1 AND word = $2`
		if err := s.read.QueryRowContext(within(ctx, org), count, org, lookedFor(searchSeed(org, lane), word)).Scan(&blocks); err != nil {
			return 0, err
		}
		n += blocks
	}
	return n, nil
}

// ForgetSwept is what follows a sweep.
func (s *Store) ForgetSwept(ctx context.Context, org string, last uint64) error {
	return s.forgetSwept(within(ctx, org), org, last)
}
