package importer_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/importer"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/record/recordtest"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// corpusVariable names a folder of sessions to import instead of 32 MB that are
// generated.
const corpusVariable = "WHODID_BENCH_SESSIONS"

func BenchmarkImport(b *testing.B) {
	dir := os.Getenv(corpusVariable)
	if dir == "" {
		dir = b.TempDir()
		if err := testenv.WriteSessions(dir, 32<<20, 1); err != nil {
			b.Fatal(err)
		}
	}
	files := importer.Discover([]importer.Root{{Client: agent.ClaudeCode, Path: dir}}, func(path string, err error) { b.Error(path, err) })
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		im, _ := newImporter(b)
		b.StartTimer()
		done, err := im.Import(b.Context(), files)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(done.Bytes)
		b.ReportMetric(float64(done.Events), "events/op")
	}
}

// newImporter imports into a trail of its own.
func newImporter(t testing.TB) (*importer.Importer, *store.Store) {
	t.Helper()
	dir := t.TempDir()
	s := storetest.Open(t, filepath.Join(dir, "trail.db"))
	now := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	return &importer.Importer{
		Recorder:     recordtest.New(t, s, store.DefaultOrg, clock),
		Surroundings: agent.Surroundings{Home: recordtest.Home},
		StatePath:    filepath.Join(dir, "trail.imports.json"),
		Now:          clock,
		Known: func(ctx context.Context, sessions []string) (map[string]importer.KnownSession, error) {
			starts, err := s.SessionStarts(ctx, store.DefaultOrg, sessions)
			known := map[string]importer.KnownSession{}
			for i := range starts {
				known[starts[i].Session] = importer.KnownSession{Execution: starts[i].Execution, Imported: starts[i].Source == "import:claude-code"}
			}
			return known, err
		},
	}, s
}
