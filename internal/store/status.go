package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Orgs lists the organisations that have a log here, by name.
func (s *Store) Orgs(ctx context.Context) ([]string, error) {
	orgs, err := queryColumn[string](within(ctx, everywhere), s.read, `SELECT org FROM log ORDER BY org`)
	if err != nil {
		return nil, fmt.Errorf("couldn't list the organisations: %w", err)
	}
	return orgs, nil
}

// errReadOnly means that a database takes no changes: a standby, or one that an
// administrator has set so.
var errReadOnly = errors.New("the database is read-only")

// Ready tells whether the trail could be appended to right now: it is there, it
// has the schema of this program, and it takes changes.
func (s *Store) Ready(ctx context.Context) error {
	newest, err := newestMigration(s.dialect.name())
	if err != nil {
		return err
	}
	ctx = within(ctx, everywhere)
	return s.inWriteTx(ctx, func(tx *sql.Tx) error {
		version, err := schemaVersion(ctx, tx)
		switch {
		case err != nil:
			return fmt.Errorf("couldn't read the version of the schema: %w", err)
		case version > newest:
			return ErrNewer
		case version < newest:
			return fmt.Errorf("%w: it is of version %d, not %d", ErrOld, version, newest)
		}
		return s.dialect.writable(ctx, tx)
	})
}

// Pool says how busy the connections to the database are.
type Pool struct {
	// Open connections, and those of them that are in use; Limit is how many
	// there may be.
	Open, InUse, Limit int
	// Waits is how often somebody had to wait for one, and Waited how long, all
	// together.
	Waits  int64
	Waited time.Duration
}

// Pool returns the state of the connections that write.
func (s *Store) Pool() Pool {
	if s.pool != nil {
		p := s.pool.Stat()
		return Pool{
			Open: int(p.TotalConns()), InUse: int(p.AcquiredConns()), Limit: int(p.MaxConns()),
			Waits: p.EmptyAcquireCount(), Waited: p.EmptyAcquireWaitTime(),
		}
	}
	p := s.write.Stats()
	return Pool{Open: p.OpenConnections, InUse: p.InUse, Limit: p.MaxOpenConnections, Waits: p.WaitCount, Waited: p.WaitDuration}
}
