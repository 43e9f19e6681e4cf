package store

import "database/sql"

// Application is the pool that appends: tests try to do with it what the
// application must not be able to do.
func (s *Store) Application() *sql.DB { return s.write }

// Readers is the pool that answers questions.
func (s *Store) Readers() *sql.DB { return s.read }
