package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	driversqlite "modernc.org/sqlite"
)

// ErrDiskFull means that the disk that holds the trail has no room left.
// Nothing of the append was kept; it can be sent again when there is room.
var ErrDiskFull = errors.New("the disk that holds the trail is full")

// The codes by which the engines say so. SQLite meets a full disk also when it
// enlarges the memory that its processes share.
// https://www.sqlite.org/rescode.html,
// https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	sqliteFull         = 13
	sqliteIOErrShmSize = 10 | 19<<8
	postgresDiskFull   = "53100"

	sqliteTooBig     = 18
	sqliteConstraint = 19
	sqliteMismatch   = 20
	sqliteRange      = 25
)

// errRow means that a row may not be appended.
var errRow = errors.New("the row can't be appended")

// explain puts a sentence before an engine's error where we know better what
// it means.
func explain(err error) error {
	var lite *driversqlite.Error
	var pg *pgconn.PgError
	if errors.As(err, &lite) && (lite.Code() == sqliteFull || lite.Code() == sqliteIOErrShmSize) ||
		errors.As(err, &pg) && pg.Code == postgresDiskFull {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}

// Refused tells whether the engine refused what it should write, so that the
// same rows without those that are to blame would be written: a value out of
// range, a constraint, text that is too large. It is not so if the engine could
// not be reached, had no room, or was asked to stop.
func Refused(err error) bool {
	if lite, ok := errors.AsType[*driversqlite.Error](err); ok {
		switch lite.Code() & 0xff {
		case sqliteTooBig, sqliteConstraint, sqliteMismatch, sqliteRange:
			return true
		}
		return false
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && len(pg.Code) == 5 {
		// Data, integrity, limits of the program, what a trigger raised.
		return slices.Contains([]string{"22", "23", "54", "P0"}, pg.Code[:2])
	}
	return errors.Is(err, errRow)
}
