package laws

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/proof"
)

// attacker has every right in the database, and knows how the trail is made.
type attacker struct {
	t  testing.TB
	w  *world
	db *sql.DB
}

// attack connects to the world's database and takes all guards away.
func attack(t testing.TB, w *world) *attacker {
	t.Helper()
	db := storetest.Database(t, w.place(t).Location)
	db.SetMaxOpenConns(1) // what is set for the connection stays set
	a := &attacker{t: t, w: w, db: db}
	if w.engine == "postgres" {
		a.exec(`SET session_replication_role = replica`)
		a.exec(`SET synchronous_commit = off`)
		return a
	}
	for _, trigger := range a.strings(`SELECT name FROM sqlite_schema WHERE type = 'trigger'`) {
		a.exec(`DROP TRIGGER ` + trigger)
	}
	return a
}

func (a *attacker) close() { _ = a.db.Close() }

func (a *attacker) exec(statement string, args ...any) {
	a.t.Helper()
	res, err := a.db.ExecContext(a.t.Context(), statement, args...)
	if err != nil {
		a.t.Fatalf("%s: %v", statement, err)
	}
	for _, verb := range []string{"UPDATE", "DELETE"} {
		if n, err := res.RowsAffected(); strings.HasPrefix(statement, verb) && (err != nil || n == 0) {
			a.t.Fatalf("%s: %d rows, %v", statement, n, err)
		}
	}
}

func (a *attacker) scan(query string, into ...any) {
	a.t.Helper()
	if err := a.db.QueryRowContext(a.t.Context(), query).Scan(into...); err != nil {
		a.t.Fatalf("%s: %v", query, err)
	}
}

func (a *attacker) strings(query string) (out []string) {
	a.t.Helper()
	rows, err := a.db.QueryContext(a.t.Context(), query)
	if err != nil {
		a.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			a.t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		a.t.Fatal(err)
	}
	return out
}

// seqs are the places of the first n rows that a condition selects.
func (a *attacker) seqs(condition string, n int) (out []uint64) {
	a.t.Helper()
	for _, s := range a.strings(fmt.Sprintf(`SELECT CAST(seq AS TEXT) FROM event WHERE %s ORDER BY seq LIMIT %d`, condition, n)) {
		var seq uint64
		if _, err := fmt.Sscan(s, &seq); err != nil {
			a.t.Fatal(err)
		}
		out = append(out, seq)
	}
	if len(out) != n {
		a.t.Fatalf("%d rows where %s, want %d", len(out), condition, n)
	}
	return out
}

// size is how many events the log has.
func (a *attacker) size() (n uint64) {
	a.t.Helper()
	a.scan(`SELECT size FROM head`, &n)
	return n
}

// reseal makes leaves, tiles, edge, frontier and checkpoint anew from the rows
// that are there, as the product would, and signs with the key. Without a key
// the checkpoint stays.
func (a *attacker) reseal(private string) {
	a.t.Helper()
	s := a.w.open(a.t)
	rows, err := s.Events(a.t.Context(), store.DefaultOrg, store.EventFilter{})
	if err != nil {
		a.t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		a.t.Fatal(err)
	}
	var tree proof.Frontier
	var edge, tile []byte
	for i := range rows {
		r := rows[i].Record()
		leaf, err := r.Leaf()
		if err != nil {
			a.t.Fatal(err)
		}
		hash := proof.LeafHash(leaf)
		tree.Append(hash)
		tile = append(tile, hash[:]...)
		if hash != rows[i].LeafHash {
			a.exec(`UPDATE event SET leaf = $1 WHERE seq = $2`, hash[:], int64(rows[i].Seq))
		}
		if len(tile) == proof.TileWidth*len(hash) {
			a.exec(`UPDATE tile SET hashes = $1 WHERE level = 0 AND n = $2`, tile, int64(i/proof.TileWidth))
			tile = nil
		}
		edge = tile
	}
	var roots []byte
	for _, h := range tree.Roots() {
		roots = append(roots, h[:]...)
	}
	if edge == nil {
		edge = []byte{}
	}
	a.exec(`UPDATE head SET size = $1, frontier = $2, edge = $3`, int64(tree.Size()), roots, edge)
	if private == "" {
		return
	}
	signer, err := proof.NewSigner(private)
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := signer.Sign(proof.Checkpoint{Origin: signer.Origin(), Size: tree.Size(), Root: tree.Root()})
	if err != nil {
		a.t.Fatal(err)
	}
	a.exec(`UPDATE head SET checkpoint = $1`, signed)
}

// copied is a copy of everything that a world holds: its files, and on
// PostgreSQL its tables, in a schema beside them.
type copied struct{ files, schema string }

// tables are those of the trail, in an order in which they can be filled.
var tables = []string{"log", "head", "event", "event_id", "tile", "execution", "run_hour", "run_day", "merge", "approval_end", "action_hour", "search_block", "search_word"}

// copyOf makes a copy of the world.
func copyOf(t testing.TB, w *world, name string) copied {
	t.Helper()
	c := copied{files: t.TempDir(), schema: name}
	copyFolder(t, filepath.Dir(w.home), c.files)
	if w.engine == "postgres" {
		a := attack(t, w)
		defer a.close()
		a.exec(`CREATE SCHEMA ` + name)
		for _, table := range tables {
			a.exec(fmt.Sprintf(`CREATE TABLE %s.%s AS SELECT * FROM %s`, name, table, table))
		}
	}
	return c
}

// restore puts the copy in the world's place: all of it, or only the
// database.
func (c copied) restore(t testing.TB, w *world, all bool) {
	t.Helper()
	if w.engine == "postgres" {
		a := attack(t, w)
		defer a.close()
		statements := "BEGIN;"
		for _, table := range tables {
			statements += fmt.Sprintf("DELETE FROM %s; INSERT INTO %s SELECT * FROM %s.%s;", table, table, c.schema, table)
		}
		a.exec(statements+"COMMIT", pgx.QueryExecModeSimpleProtocol)
	} else {
		c.restoreFile(t, w)
	}
	if !all {
		return
	}
	for _, dir := range []string{w.home, w.dir} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	copyFolder(t, c.files, filepath.Dir(w.home))
}

// restoreFile puts the copy of the SQLite file in its place.
func (c copied) restoreFile(t testing.TB, w *world) {
	t.Helper()
	path := w.place(t).Path
	rest := strings.TrimPrefix(path, filepath.Dir(w.home))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(c.files, rest+suffix))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+suffix, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func copyFolder(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rest, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rest), 0o700)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rest), text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
