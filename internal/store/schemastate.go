package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/whodid/whodid/internal/place"
)

// Schema says which version of its schema a trail has, and which this program
// needs.
type Schema struct {
	// Current is 0 for a trail that is not there yet.
	Current, Newest int
	// Pending are the migrations that the trail lacks, in order.
	Pending []Migration
}

// Inspect looks at the schema of a trail and changes nothing: one that is not
// there is not made.
func Inspect(ctx context.Context, l place.Location) (Schema, error) {
	var s Schema
	if l.Path != "" {
		if _, err := os.Stat(l.Path); errors.Is(err, fs.ErrNotExist) {
			return schemaSince(sqlite{}.name(), nil)
		}
	}
	st, err := connect(ctx, l)
	if err != nil {
		return s, err
	}
	defer st.Close() //nolint:errcheck // nothing was written
	return st.schema(ctx)
}

func (s *Store) schema(ctx context.Context) (Schema, error) {
	ctx = within(ctx, everywhere)
	var made bool
	if err := s.read.QueryRowContext(ctx, s.dialect.hasSchema()).Scan(&made); err != nil {
		return Schema{}, fmt.Errorf("couldn't look for the schema: %w", err)
	}
	var applied []int
	if made {
		var err error
		if applied, err = appliedSteps(ctx, s.read); err != nil {
			return Schema{}, fmt.Errorf("couldn't read the version of the schema: %w", err)
		}
	}
	return schemaSince(s.dialect.name(), applied)
}

func schemaSince(engine string, applied []int) (Schema, error) {
	list, err := migrations(engine)
	if err != nil {
		return Schema{}, err
	}
	s := Schema{Newest: list[len(list)-1].Version}
	if len(applied) > 0 {
		s.Current = slices.Max(applied)
	}
	if s.Current <= s.Newest {
		s.Pending, err = lacks(list, applied)
	}
	return s, err
}

// ErrOld means that a trail's schema is older than this program needs, and that
// nobody asked to bring it up to date.
var ErrOld = errors.New("the schema of the trail is older than this whodid needs")

// OpenAsIs opens a trail and leaves its schema alone. If that is not the one that
// this program needs, it returns ErrOld or ErrNewer.
func OpenAsIs(ctx context.Context, l place.Location) (*Store, error) {
	s, err := connect(ctx, l)
	if err != nil {
		return nil, err
	}
	schema, err := s.schema(ctx)
	switch {
	case err != nil:
	case schema.Current > schema.Newest:
		err = ErrNewer
	case len(schema.Pending) > 0:
		err = fmt.Errorf("%w: it is of version %d, not %d", ErrOld, schema.Current, schema.Newest)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// IsUnreachable tells whether an error of opening a trail is one that may go by
// itself: the database is not up yet, or on its way.
func IsUnreachable(err error) bool {
	var network net.Error
	var refused *pgconn.PgError
	var file *fs.PathError
	switch {
	case errors.As(err, &file):
		return false // what it holds looks like an error of the network: a number of the system
	case errors.As(err, &refused):
		return refused.Code == "57P03" || refused.Code == "53300" // it is starting; it has too many clients
	case errors.As(err, &network):
		return true
	default:
		return false
	}
}

// Remedy says what mends an error of opening a trail, as far as the database told;
// empty if it did not.
func Remedy(err error) string {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refused.Code {
		case "28P01", "28000":
			return "give the user and the password that its administrator knows: in the address, or by PGUSER and PGPASSWORD"
		case "3D000":
			return "make the database first, as with createdb"
		case "42501":
			return "who owns the database runs: whodid migrate; others then serve with --no-migrate"
		}
		return ""
	}
	if IsUnreachable(err) {
		return "see whether the server runs, and at this address"
	}
	return ""
}
