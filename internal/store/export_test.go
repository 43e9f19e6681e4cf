package store

import (
	"context"
	"database/sql"
	"time"
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
