package store

import (
	"errors"
	"fmt"

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
)

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
