// Package store keeps the trail in SQLite or PostgreSQL. All SQL of the
// product is here, written once for both engines, which take the same $1
// text; dialect.go holds what differs. Events are only ever appended, in one
// transaction with the tree over them and the executions they add up to.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // registers the "sqlite" driver
)

// DefaultOrg is the organisation of a trail that serves only one.
const DefaultOrg = "default"

// Store is an open trail. It is safe for concurrent use; any number of
// processes may have the same trail open.
type Store struct {
	dialect dialect
	// write has one connection on SQLite, which has one writer; read has
	// several. On PostgreSQL both are the same pool.
	write, read *sql.DB
	location    Location
	// months is the span of months whose partitions are known to be there.
	months atomic.Value
}

// Location says where a trail is kept.
type Location struct {
	// URL is the address as the user gave it: "sqlite:///path" or "postgres://…".
	URL string
	// Path is the database file; empty for PostgreSQL.
	Path string
}

// ParseLocation reads the address of a trail: "sqlite:///path/to/trail.db",
// "postgres://…", or a plain path of a SQLite file.
func ParseLocation(address string) (Location, error) {
	scheme, rest, hasScheme := strings.Cut(address, "://")
	switch {
	case address == "":
		return Location{}, errors.New("the address of the trail is empty")
	case !hasScheme:
		return sqliteLocation(address)
	case scheme == "sqlite":
		return sqliteLocation(rest)
	case scheme == "postgres" || scheme == "postgresql":
		return Location{URL: address}, nil
	default:
		return Location{}, fmt.Errorf("can't keep a trail in %q: use sqlite:///path/to/trail.db or postgres://…", scheme+"://")
	}
}

func sqliteLocation(path string) (Location, error) {
	if path == "" || strings.ContainsAny(path, "?#\x00") {
		return Location{}, fmt.Errorf("%q is not the path of a SQLite file", path)
	}
	abs, err := filepath.Abs(filepath.FromSlash(path))
	if err != nil {
		return Location{}, fmt.Errorf("couldn't find %s: %w", path, err)
	}
	return Location{URL: "sqlite://" + filepath.ToSlash(abs), Path: abs}, nil
}

// String is the address without a password.
func (l Location) String() string {
	if l.Path != "" {
		return l.URL
	}
	u, err := url.Parse(l.URL)
	if err != nil {
		return "postgres://…"
	}
	return u.Redacted()
}

// Open opens the trail, makes it if it is new, and brings its schema up to
// date under a lock, so that many processes may open a new trail at once.
func Open(ctx context.Context, l Location) (*Store, error) {
	s, err := connect(ctx, l)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func connect(ctx context.Context, l Location) (*Store, error) {
	if l.Path != "" {
		return openSQLite(l)
	}
	return openPostgres(ctx, l)
}

// The settings of every SQLite connection. busy_timeout comes first: what
// follows may already have to wait. synchronous=FULL is what makes an
// acknowledged event survive the loss of power; the cache is 32 MiB because
// random index pages, not the log, are what an append waits for.
const sqliteSettings = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
	"&_pragma=foreign_keys(ON)&_pragma=trusted_schema(OFF)&_pragma=secure_delete(ON)" +
	"&_pragma=cache_size(-32768)&_pragma=wal_autocheckpoint(4000)"

func openSQLite(l Location) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(l.Path), 0o700); err != nil {
		return nil, fmt.Errorf("couldn't make the folder of the trail: %w", err)
	}
	// Made here so that it is the owner's alone from its first byte.
	f, err := os.OpenFile(l.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("couldn't open the trail: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("couldn't open the trail: %w", err)
	}
	dsn := "file:" + (&url.URL{Path: filepath.ToSlash(l.Path)}).EscapedPath() + sqliteSettings
	write, err := sql.Open("sqlite", dsn+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("couldn't open the trail: %w", err)
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", dsn+"&_pragma=query_only(ON)")
	if err != nil {
		return nil, fmt.Errorf("couldn't open the trail: %w", err)
	}
	read.SetMaxOpenConns(max(4, runtime.GOMAXPROCS(0)))
	return &Store{dialect: sqlite{}, write: write, read: read, location: l}, nil
}

func openPostgres(ctx context.Context, l Location) (*Store, error) {
	config, err := pgx.ParseConfig(l.URL)
	if err != nil {
		// The error of the parser may quote the password.
		return nil, errors.New("the address of the PostgreSQL trail can't be read: it must look like postgres://user@host:5432/database")
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(becomeApplication))
	db.SetMaxOpenConns(16)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("couldn't reach PostgreSQL at %s: %w", config.Host, err)
	}
	return &Store{dialect: postgres{}, write: db, read: db, location: l}, nil
}

// becomeApplication gives up every right that recording and asking do not
// need. On a new database the role is not there yet: migrate calls it then.
func becomeApplication(ctx context.Context, c *pgx.Conn) error {
	var ready bool
	const q = `SELECT to_regclass('head') IS NOT NULL AND EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_app')`
	if err := c.QueryRow(ctx, q).Scan(&ready); err != nil || !ready {
		return err
	}
	_, err := c.Exec(ctx, `SET ROLE whodid_app`)
	return err
}

// Location says where the trail is kept.
func (s *Store) Location() Location { return s.location }

// Engine is "sqlite" or "postgres".
func (s *Store) Engine() string { return s.dialect.name() }

// Close closes the trail.
func (s *Store) Close() error {
	err := s.write.Close()
	if s.read != s.write {
		err = errors.Join(err, s.read.Close())
	}
	return err
}
