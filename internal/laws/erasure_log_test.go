package laws

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/testenv"
)

// TestErasureInTheLogOfPostgreSQL holds what an erasure says of PostgreSQL's
// write-ahead log to the log's own bytes: nothing later than that place has what was
// erased. A segment that is recycled keeps old pages under a later name until they
// are overwritten; with wal_recycle off it is deleted, and then not one byte of the
// server's whole folder has it, its journal of messages included.
func TestErasureInTheLogOfPostgreSQL(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewPostgresCluster(t)
	w := newWorld(t, "sqlite")
	w.engine, w.store = "postgres", cluster.URL("postgres")
	e := &erasure{w: w}
	e.live(t)
	var dir string
	a := attack(t, w)
	defer a.close()
	a.scan(`SELECT current_setting('data_directory')`, &dir)
	a.exec(`CHECKPOINT`)
	before := e.inLog(t, dir)
	if len(before) == 0 {
		t.Fatal("not even before the erasure the log has anything: the search does not work")
	}
	var told struct {
		Until   string `json:"log_until"`
		Segment string `json:"log_segment"`
	}
	if err := json.Unmarshal([]byte(e.w.whodid(t, "privacy", "erase", e.pseudonym, "--reason", "asked", "--yes", "--json")), &told); err != nil {
		t.Fatal(err)
	}
	until := position(t, told.Until)
	if last := slices.Max(before); until <= last || len(told.Segment) != 24 {
		t.Fatalf("the erasure says that the log has it until %+v; it was at %X before", told, last)
	}
	a.exec(`CHECKPOINT`)
	a.exec(`SELECT pg_switch_wal()`)
	left := e.inLog(t, dir)
	for _, at := range left {
		if at >= until {
			t.Errorf("what was erased is in the log at %X, later than %s", at, told.Until)
		}
	}
	t.Logf("%d times in the log before, %d times after, none later than %s", len(before), len(left), told.Until)

	a.exec(`ALTER SYSTEM SET wal_recycle = off`)
	a.exec(`SELECT pg_reload_conf()`)
	found := e.inFolder(t, dir)
	for round := 0; len(found) > 0 && round < 100; round++ {
		a.exec(`CREATE TABLE IF NOT EXISTS other AS SELECT 1 AS n`)
		a.exec(`UPDATE other SET n = n + 1`)
		a.exec(`SELECT pg_switch_wal()`)
		a.exec(`CHECKPOINT`)
		found = e.inFolder(t, dir)
	}
	if len(found) > 0 {
		t.Errorf("when all segments of the log are new, what was erased is in %v", found)
	}
}

// position reads a place in the log as PostgreSQL writes it.
func position(t *testing.T, text string) uint64 {
	t.Helper()
	var high, low uint64
	if _, err := fmt.Sscanf(text, "%X/%X", &high, &low); err != nil {
		t.Fatalf("%q is no place in the log: %v", text, err)
	}
	return high<<32 | low
}

// inLog returns the places in PostgreSQL's log at which the person is found.
// A page says itself where in the log it is: the name of its file does not,
// once that was recycled.
func (e *erasure) inLog(t *testing.T, dir string) (places []uint64) {
	t.Helper()
	const page, address = 8192, 8 // bytes; where in the header of a page its place is
	files, err := filepath.Glob(filepath.Join(dir, "pg_wal", strings.Repeat("[0-9A-F]", 24)))
	if err != nil || len(files) == 0 {
		t.Fatalf("the files of the log: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range e.words {
			for at := 0; ; {
				i := bytes.Index(text[at:], []byte(word))
				if i < 0 {
					break
				}
				at += i
				begin := at - at%page
				places = append(places, binary.NativeEndian.Uint64(text[begin+address:])+uint64(at-begin))
				at += len(word)
			}
		}
	}
	return places
}

// inFolder names the files of the server in which the person is found.
func (e *erasure) inFolder(t *testing.T, dir string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return gone(err)
		}
		text, err := os.ReadFile(path)
		for _, word := range e.words {
			if bytes.Contains(text, []byte(word)) {
				found = append(found, path)
				break
			}
		}
		return gone(err)
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// gone passes over files that a server removed as it went on.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
