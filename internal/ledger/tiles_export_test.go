package ledger_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/proof"
)

const (
	testOrg    = "acme"
	testOrigin = "example.com/acme"
)

var epoch = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

// trail is a store with the pen of its log.
type trail struct {
	*store.Store
	log    *ledger.Ledger
	public string
	next   int
}

func newTrail(t *testing.T, address string) *trail {
	t.Helper()
	s := storetest.Open(t, address)
	private, public, err := proof.GenerateKey(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	log, err := ledger.Open(t.Context(), s, testOrg, private, public, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return &trail{Store: s, log: log, public: public}
}

// growTo records events until the log has so many.
func (r *trail) growTo(t *testing.T, size int) {
	t.Helper()
	for r.next < size {
		rows := make([]*store.Row, min(size-r.next, 4096))
		for i := range rows {
			rows[i] = row(t, r.next)
			r.next++
		}
		added, err := r.log.Append(t.Context(), rows)
		if err != nil || len(added) != len(rows) {
			t.Fatalf("%d of %d events were added: %v", len(added), len(rows), err)
		}
	}
}

// row is the nth event, of an agent or of a person.
func row(t *testing.T, n int) *store.Row {
	t.Helper()
	at := epoch.Add(time.Duration(n) * time.Millisecond)
	e := whodid.Event{
		Org: testOrg, Key: fmt.Sprintf("call-%d", n), Actor: whodid.AgentActor("engineering/solver"), ActorAuth: "hook",
		What: "file.write", Target: fmt.Sprintf("src/file%d.go", n), At: at, RecordedAt: at, Result: whodid.ResultSuccess,
		Source: "cli", Data: whodid.Data{"lines_added": int64(n)},
	}
	if n%3 == 0 {
		e.Actor, e.OnBehalfOf = whodid.HumanActor("ab12"), whodid.HumanActor("cd34")
	}
	e.Identify()
	var salt proof.Salt
	binary.BigEndian.PutUint64(salt[:], uint64(n))
	data := e.Data.Canonical()
	c := proof.Commit(&e, data, &salt)
	leaf, err := proof.Leaf(&e, &c)
	if err != nil {
		t.Fatal(err)
	}
	return &store.Row{Event: e, DataText: data, Salt: &salt, LeafHash: proof.LeafHash(leaf)}
}

func sqliteAddress(t *testing.T) string {
	return "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "trail.db"))
}

func export(t *testing.T, r *trail, dir string) ledger.Exported {
	t.Helper()
	x, err := ledger.Export(t.Context(), r.Store, testOrg, dir)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// The same log grows in the same directory; another implementation looks at it
// at each size that is the edge of something.
func TestExportIsAcceptedByFsck(t *testing.T) {
	t.Parallel()
	fsck := buildFsck(t)
	for engine, of := range map[string]struct {
		address func(*testing.T) string
		sizes   []int
	}{
		"sqlite":   {sqliteAddress, []int{0, 1, 255, 256, 257, 1000}},
		"postgres": {func(t *testing.T) string { return testenv.Postgres(t) }, []int{0, 1000, 256*256 + 1}},
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r, dir := newTrail(t, of.address(t)), t.TempDir()
			for _, size := range of.sizes {
				r.growTo(t, size)
				x := export(t, r, dir)
				if x.Size != uint64(size) || len(x.Faults) > 0 {
					t.Errorf("size %d: %+v", size, x)
				}
				fsck.accepts(t, dir, r.public)
			}
			again := export(t, r, dir)
			if incomplete := 1 + len(glob(t, dir, "tile/*/*.p/*")) + len(glob(t, dir, "tile/*/*/*.p/*")); again.Files > incomplete {
				t.Errorf("exported again, %d files were written, %d could have changed", again.Files, incomplete)
			}
		})
	}
}

func TestIncompleteTilesGoWhenTheyAreComplete(t *testing.T) {
	t.Parallel()
	r, dir := newTrail(t, sqliteAddress(t)), t.TempDir()
	r.growTo(t, 200)
	export(t, r, dir)
	if len(glob(t, dir, "tile/*/000.p/200")) != 2 {
		t.Errorf("there is no tile of 200: %v", glob(t, dir, "tile/*/*"))
	}
	r.growTo(t, 256)
	export(t, r, dir)
	want := []string{"tile/0/000", "tile/1/000.p", "tile/entries/000"}
	if got := glob(t, dir, "tile/*/*"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A reader that has the published checkpoint must never see another log take
// its place.
func TestExportNeverForks(t *testing.T) {
	t.Parallel()
	r, dir := newTrail(t, sqliteAddress(t)), t.TempDir()
	r.growTo(t, 300)
	export(t, r, dir)
	published := read(t, dir, "checkpoint")

	shorter := newTrail(t, sqliteAddress(t))
	shorter.growTo(t, 299)
	other := newTrail(t, sqliteAddress(t))
	other.next = 7
	other.growTo(t, 400)
	for name, each := range map[string]*trail{"a trail that was rolled back": shorter, "a trail of other events": other} {
		if _, err := ledger.Export(t.Context(), each.Store, testOrg, dir); !errors.Is(err, ledger.ErrForked) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, checkpoint := range map[string]string{
		"another log": strings.Replace(string(published), testOrigin, "example.com/else", 1),
		"not a note":  "x",
	} {
		write(t, dir, "checkpoint", []byte(checkpoint))
		if _, err := ledger.Export(t.Context(), r.Store, testOrg, dir); !errors.Is(err, ledger.ErrForked) {
			t.Errorf("%s: %v", name, err)
		}
	}
	write(t, dir, "checkpoint", published)
	export(t, r, dir)
}

func TestExportShowsWhatAnAttackerDid(t *testing.T) {
	t.Parallel()
	fsck := buildFsck(t)
	for name, tc := range map[string]struct {
		sql    string
		faults []uint64
		fails  string
	}{
		"edited row":            {`UPDATE event SET target = 'src/other.go' WHERE seq = 3`, []uint64{3}, ""},
		"edited public column":  {`UPDATE event SET result = 'failed' WHERE seq IN (3, 280)`, []uint64{3, 280}, ""},
		"destroyed salt":        {`UPDATE event SET salt = NULL WHERE seq = 3`, []uint64{3}, ""},
		"edited row and leaf":   {`UPDATE event SET target = 'x', leaf = zeroblob(32) WHERE seq = 3`, []uint64{3}, ""},
		"deleted row":           {`DELETE FROM event WHERE seq = 3`, nil, "event 3 is missing"},
		"deleted row at an end": {`DELETE FROM event WHERE seq = 255`, nil, "event 255 is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dir := newTrail(t, sqliteAddress(t)), t.TempDir()
			r.growTo(t, 300)
			tamper(t, r.Store, tc.sql)
			x, err := ledger.Export(t.Context(), r.Store, testOrg, dir)
			if tc.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fails) {
					t.Errorf("got %v, want %q", err, tc.fails)
				}
				if len(glob(t, dir, "checkpoint")) > 0 {
					t.Error("the checkpoint was published all the same")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(x.Faults, tc.faults) {
				t.Errorf("faults %v, want %v", x.Faults, tc.faults)
			}
			fsck.refuses(t, dir, r.public)
		})
	}
}

// Erasing an event leaves its commitments; the log stays what it was.
func TestErasedEventsAreExported(t *testing.T) {
	t.Parallel()
	fsck := buildFsck(t)
	r, dir := newTrail(t, sqliteAddress(t)), t.TempDir()
	r.growTo(t, 300)
	for _, seq := range []int{3, 4} { // of a person, of an agent
		erased := row(t, seq)
		c := proof.Commit(&erased.Event, erased.DataText, erased.Salt)
		kept, err := c.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		tamper(t, r.Store, `UPDATE event SET salt = NULL, commitments = ?, erased_by = 'request 1', target = '', why = '', on_behalf_of = '', on_behalf_auth = '', data = '{}',
			actor = CASE WHEN actor LIKE 'human:%' THEN 'human:erased' ELSE actor END, actor_auth = CASE WHEN actor LIKE 'human:%' THEN '' ELSE actor_auth END WHERE seq = ?`, kept, seq)
	}
	if x := export(t, r, dir); len(x.Faults) > 0 {
		t.Errorf("faults %v", x.Faults)
	}
	fsck.accepts(t, dir, r.public)
}

func TestExportWithoutALog(t *testing.T) {
	t.Parallel()
	r, dir := newTrail(t, sqliteAddress(t)), t.TempDir()
	if _, err := ledger.Export(t.Context(), r.Store, "nobody", dir); !errors.Is(err, store.ErrNoLog) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ledger.Export(ctx, r.Store, testOrg, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if got := glob(t, dir, "*"); len(got) > 0 {
		t.Errorf("something was written: %v", got)
	}
}

// tamper does what somebody with the database file and no program of ours can.
func tamper(t *testing.T, s *store.Store, statement string, args ...any) {
	t.Helper()
	db := storetest.Database(t, s.Location())
	defer db.Close()
	for _, q := range []string{`DROP TRIGGER IF EXISTS event_is_fixed`, `DROP TRIGGER IF EXISTS event_is_kept`} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		rel, err := filepath.Rel(dir, found[i])
		if err != nil {
			t.Fatal(err)
		}
		found[i] = filepath.ToSlash(rel)
	}
	return found
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}
