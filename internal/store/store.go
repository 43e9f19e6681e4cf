// Package store keeps the trail in SQLite or PostgreSQL. All SQL of the
// product is here, written once for both engines, which take the same $1
// text; dialect.go holds what differs. Events are only ever appended, in one
// transaction with the tree over them and the executions they add up to.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	driversqlite "modernc.org/sqlite"

	"github.com/whodid/whodid/internal/place"
)

// DefaultOrg is the organisation of a trail that serves only one.
const DefaultOrg = place.DefaultOrg

// Store is an open trail. It is safe for concurrent use; any number of
// processes may have the same trail open.
type Store struct {
	dialect dialect
	// write has one connection on SQLite, which has one writer; read has
	// several. On PostgreSQL both are the same pool.
	write, read *sql.DB
	// turn is taken before write is; nil on PostgreSQL.
	turn     *turn
	location place.Location
	// pool has the connections of PostgreSQL; nil on SQLite.
	pool *pgxpool.Pool
	// months is the span of months whose partitions are known to be there.
	months atomic.Value
	// doubts is for how many appends it is still asked which ids are taken.
	doubts atomic.Int64
	// unappended is the last append, if it failed.
	unappended atomic.Pointer[AppendFailure]
	// patience is how long a purge waits for others.
	patience time.Duration
}

// Open opens the trail, makes it if it is new, and brings its schema up to
// date under a lock, so that many processes may open a new trail at once.
func Open(ctx context.Context, l place.Location) (*Store, error) {
	return OpenTelling(ctx, l, func(string) {})
}

// OpenTelling is [Open] for those who wait for it: tell is called with what is done
// from then on, before each step of a migration, which may take minutes. A trail
// that is new, or whose schema is current, tells nothing.
func OpenTelling(ctx context.Context, l place.Location, tell func(doing string)) (*Store, error) {
	s, err := connect(ctx, l)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx, tell); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func connect(ctx context.Context, l place.Location) (*Store, error) {
	if l.Path != "" {
		return openSQLite(l)
	}
	return openPostgres(ctx, l)
}

// The settings of every SQLite connection. busy_timeout comes first: what
// follows may already have to wait. synchronous=FULL is what makes an
// acknowledged event survive the loss of power; the cache is 32 MiB because
// random index pages, not the log, are what an append waits for. Without
// recursive_triggers an INSERT OR REPLACE would delete what it replaces behind
// the back of the triggers that keep events.
const sqliteSettings = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
	"&_pragma=foreign_keys(ON)&_pragma=trusted_schema(OFF)&_pragma=secure_delete(ON)&_pragma=recursive_triggers(ON)" +
	"&_pragma=cache_size(-32768)&_pragma=wal_autocheckpoint(4000)"

func openSQLite(l place.Location) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(l.Path), 0o700); err != nil {
		return nil, fmt.Errorf("couldn't make the folder of the trail: %w", err)
	}
	if err := makeFile(l.Path); err != nil {
		return nil, fmt.Errorf("couldn't make the trail's file: %w", err)
	}
	dsn := "file:" + (&url.URL{Path: filepath.ToSlash(l.Path)}).EscapedPath() + sqliteSettings
	// What a statement may have to take back lies in memory: a trigger on events
	// makes SQLite keep it for every insert, and a file for it cost a quarter of an
	// append.
	write, err := openPool(dsn + "&_txlock=immediate&_pragma=temp_store(MEMORY)")
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := openPool(dsn + "&_pragma=query_only(ON)")
	if err != nil {
		return nil, err
	}
	read.SetMaxOpenConns(max(4, runtime.GOMAXPROCS(0)))
	return &Store{dialect: sqlite{}, turn: newTurn(l.Path), write: write, read: read, location: l, patience: purgePatience}, nil
}

func openPool(dsn string) (*sql.DB, error) {
	c, err := driversqlite.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("couldn't open the trail: %w", err)
	}
	return sql.OpenDB(applicationConnector{c}), nil
}

// makingFile is held while the file of a trail is made.
var makingFile sync.Mutex

// makeFile makes the file of a trail if it is not there, so that it is the
// owner's alone from its first byte. One that is there is not opened: closing
// it would take away the locks that another store of this process has on it
// (https://www.sqlite.org/howtocorrupt.html, section 2.2), whence the mutex too.
func makeFile(path string) error {
	makingFile.Lock()
	defer makingFile.Unlock()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// maxConnections is how many connections to PostgreSQL one store has at most,
// unless the address says pool_max_conns.
const maxConnections = 16

func openPostgres(ctx context.Context, l place.Location) (*Store, error) {
	config, err := pgxpool.ParseConfig(l.URL)
	if err != nil {
		// The error of the parser may quote the password.
		return nil, errors.New("the address of the PostgreSQL trail can't be read: it must look like postgres://user@host:5432/database")
	}
	if !strings.Contains(l.URL, "pool_max_conns=") {
		config.MaxConns = maxConnections
	}
	config.AfterConnect, config.PrepareConn = prepareConnection, enter
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, errors.New("the pool of connections to PostgreSQL can't be made") // its error may quote the address too
	}
	// database/sql must not bound the connections too: those who wait for one
	// would get it from each other, or from a goroutine that knows nothing of
	// their context, and not from the pool. Should it ever hand one on all the
	// same, it is set to its new scope or given up.
	db := stdlib.OpenDBFromPool(pool, stdlib.OptionResetSession(func(ctx context.Context, c *pgx.Conn) error {
		if ok, err := enter(ctx, c); !ok || err != nil {
			return driver.ErrBadConn // of all errors, the only one that is heeded
		}
		return nil
	}))
	s := &Store{dialect: postgres{}, write: db, read: db, location: l, pool: pool, patience: purgePatience}
	if err := db.PingContext(within(ctx, everywhere)); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("couldn't reach PostgreSQL at %s: %w", config.ConnConfig.Host, err)
	}
	return s, nil
}

// prepareConnection readies a new connection.
func prepareConnection(ctx context.Context, c *pgx.Conn) error {
	// A plan that was made while a table was small would be kept when it has
	// grown: the lookup of known ids would scan it all, on every append. Compiling
	// a plan takes longer than any question here takes without.
	if _, err := c.Exec(ctx, `SET plan_cache_mode = force_custom_plan; SET jit = off`); err != nil {
		return err
	}
	return becomeApplication(ctx, c)
}

// becomeApplication gives up every right that recording and asking do not
// need. On a new database the role is not there yet: migrate calls it then. A
// server whose owner may make no roles goes without.
func becomeApplication(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, setApplicationRole)
	return err
}

// setApplicationRole is SET ROLE whodid_app, where that is possible.
const setApplicationRole = `SELECT set_config('role', 'whodid_app', false) FROM pg_roles
WHERE rolname = 'whodid_app' AND pg_has_role(current_user, oid, 'MEMBER') AND to_regclass('head') IS NOT NULL`

// Location says where the trail is kept.
func (s *Store) Location() place.Location { return s.location }

// Engine is "sqlite" or "postgres".
func (s *Store) Engine() string { return s.dialect.name() }

// Close closes the trail.
func (s *Store) Close() error {
	err := s.write.Close()
	if s.read != s.write {
		err = errors.Join(err, s.read.Close())
	}
	if s.pool != nil {
		s.pool.Close()
	}
	return err
}
