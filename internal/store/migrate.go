package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed schema
var schemas embed.FS

// ErrNewer means that a newer version of the program has changed the schema of
// the trail.
var ErrNewer = errors.New("the trail was made by a newer whodid: please update this one")

// migrate applies the migrations that the trail lacks, all in one transaction
// under a lock: both engines can take back changes of a schema, so that a
// trail is never half of one version.
func (s *Store) migrate(ctx context.Context, tell func(doing string)) error {
	list, err := migrations(s.dialect.name())
	if err != nil {
		return err
	}
	newest := list[len(list)-1].Version
	version, err := s.version(ctx, newest)
	if version == newest || err != nil {
		return err
	}
	if version == 0 {
		tell = func(string) {} // a new trail is made at once
	}
	tell("waiting for another process that migrates the trail")
	err = s.migrateUnderLock(ctx, func(ctx context.Context, c execer, applied []int) error {
		lacking, err := lacks(list, applied)
		if err != nil || len(lacking) == 0 { // another process may have been faster
			return err
		}
		if err := s.dialect.openUp(ctx, c); err != nil {
			return fmt.Errorf("couldn't prepare the migration: %w", err)
		}
		for i, m := range lacking {
			tell(fmt.Sprintf("migrating the trail to %s (%d of %d)", m.Name, i+1, len(lacking)))
			if err := m.apply(ctx, c); err != nil {
				return err
			}
		}
		if err := s.dialect.keepApart(ctx, c); err != nil {
			return fmt.Errorf("couldn't keep the organisations apart: %w", err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("couldn't bring the trail's schema up to date: %w", err)
	}
	return nil
}

// ErrForeignSchema means that a trail has had other steps up to its version than
// this program knows. It is left as it is: the steps to come build on them all.
var ErrForeignSchema = errors.New("the schema of the trail is not one that a whodid of this line has made")

// lacks are the migrations behind the newest that a trail has had, in order.
func lacks(list []Migration, applied []int) ([]Migration, error) {
	version := 0
	if len(applied) > 0 {
		version = slices.Max(applied)
	}
	newest := list[len(list)-1].Version
	switch {
	case version > newest:
		return nil, ErrNewer
	case version == newest:
		return nil, nil
	}
	for _, v := range applied {
		if !slices.ContainsFunc(list, func(m Migration) bool { return m.Version == v }) {
			return nil, fmt.Errorf("%w: it has had a step %d", ErrForeignSchema, v)
		}
	}
	behind := slices.IndexFunc(list, func(m Migration) bool { return m.Version > version })
	for _, m := range list[:behind] {
		if !slices.Contains(applied, m.Version) {
			return nil, fmt.Errorf("%w: it is of version %d and lacks %s", ErrForeignSchema, version, m.Name)
		}
	}
	return list[behind:], nil
}

// version is that of the trail's schema, or 0 if it has none. That it is the newest
// is all that most starts of the program have to know.
func (s *Store) version(ctx context.Context, newest int) (int, error) {
	conn, err := s.read.Conn(within(ctx, everywhere))
	if err != nil {
		return 0, fmt.Errorf("couldn't open the trail: %w", err)
	}
	defer conn.Close() //nolint:errcheck // it only goes back to the pool
	version, err := schemaVersion(ctx, conn)
	switch {
	case err != nil:
		return 0, nil //nolint:nilerr // a new trail has no version to ask for; what else is wrong, the migration meets too
	case version < newest:
		return version, nil
	case version > newest:
		return version, ErrNewer
	}
	// Another process may have made the trail after this connection was made,
	// which then still has the rights that it came with.
	if err := s.dialect.becomeApplication(ctx, conn); err != nil {
		return version, fmt.Errorf("couldn't give up the rights of the trail's owner: %w", err)
	}
	return version, nil
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// migrateUnderLock applies migrations when no other process does. Whoever is in a
// hurry waits no longer for that than ctx says; what has begun is not given up for
// want of time, for it would be taken back, begin anew each time, and never be done.
func (s *Store) migrateUnderLock(ctx context.Context, apply func(ctx context.Context, c execer, applied []int) error) error {
	defer s.turn.take(ctx)()
	conn, err := s.write.Conn(within(ctx, everywhere))
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it only goes back to the pool
	if err := s.dialect.becomeOwner(ctx, conn); err != nil {
		return err
	}
	patient, stop := untilInterrupted(ctx)
	defer stop()
	tx, err := conn.BeginTx(patient, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := s.dialect.lockSchema(ctx, tx); err != nil {
		return err
	}
	ctx = patient
	const create = `CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY)`
	if _, err := tx.ExecContext(ctx, create); err != nil {
		return err
	}
	applied, err := appliedSteps(ctx, tx)
	if err != nil {
		return err
	}
	if err := apply(ctx, tx, applied); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return s.dialect.becomeApplication(ctx, conn)
}

// untilInterrupted is a context without the deadline of another, that ends when the
// other is interrupted.
func untilInterrupted(ctx context.Context) (context.Context, func()) {
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cancel()
		}
	})
	return patient, func() { stop(); cancel() }
}

// appliedSteps are the versions of the migrations that a trail has had.
func appliedSteps(ctx context.Context, q querier) ([]int, error) {
	list, err := queryColumn[string](ctx, q, `SELECT CAST(version AS TEXT) FROM schema_version`)
	if err != nil {
		return nil, err
	}
	applied := make([]int, len(list))
	for i, v := range list {
		if applied[i], err = strconv.Atoi(v); err != nil {
			return nil, err
		}
	}
	return applied, nil
}

func schemaVersion(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
},
) (int, error) {
	var version int
	err := q.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_version`).Scan(&version)
	return version, err
}

// Migration is one step of the schema.
type Migration struct {
	// Version counts the steps from 1 on.
	Version int
	// Name is what the step is called.
	Name string
	file string
}

// migrations lists the steps of an engine's schema, in order.
func migrations(engine string) ([]Migration, error) {
	dir := path.Join("schema", engine)
	files, err := fs.ReadDir(schemas, dir)
	if err != nil {
		return nil, fmt.Errorf("couldn't list the migrations: %w", err)
	}
	list := make([]Migration, len(files))
	for i, f := range files {
		version, err := migrationVersion(f.Name())
		if err != nil {
			return nil, err
		}
		list[i] = Migration{Version: version, Name: strings.TrimSuffix(f.Name(), path.Ext(f.Name())), file: path.Join(dir, f.Name())}
	}
	return list, nil
}

// apply takes the step and notes that it was taken.
func (m *Migration) apply(ctx context.Context, c execer) error {
	text, err := schemas.ReadFile(m.file)
	if err != nil {
		return fmt.Errorf("couldn't read migration %s: %w", m.Name, err)
	}
	if _, err := c.ExecContext(ctx, string(text)); err != nil {
		return fmt.Errorf("couldn't apply migration %s: %w", m.Name, err)
	}
	if _, err := c.ExecContext(ctx, `INSERT INTO schema_version (version) VALUES ($1)`, m.Version); err != nil {
		return fmt.Errorf("couldn't note migration %s: %w", m.Name, err)
	}
	return nil
}

// newestMigration is the version of the schema that this program needs.
func newestMigration(engine string) (int, error) {
	list, err := migrations(engine)
	if err != nil {
		return 0, err
	}
	return list[len(list)-1].Version, nil
}

// migrationVersion reads the number at the head of a migration's file name.
func migrationVersion(name string) (int, error) {
	digits, _, _ := strings.Cut(name, "_")
	v, err := strconv.Atoi(digits)
	if err != nil || v <= 0 || path.Ext(name) != ".sql" {
		return 0, fmt.Errorf("migration %q has no number", name)
	}
	return v, nil
}
