package importer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/importer"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/testenv"
)

// session is the transcript of a session with one request and one call.
func session(n int, pad string) string {
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second).Format(time.RFC3339)
	common := fmt.Sprintf(`"sessionId":%q,"timestamp":%q,"cwd":"/home/dev/shop","version":"2.1.330"`, id, at)
	return fmt.Sprintf(`{"type":"user",%s,"message":{"role":"user","content":"%s"}}
{%s,"message":{"id":"msg_%d","role":"assistant","model":"claude-sonnet-5","content":[{"type":"tool_use","id":"toolu_%d","name":"Read","input":{"file_path":"/home/dev/shop/a.go"}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}},"requestId":"req_%d","type":"assistant"}
{"type":"user",%s,"message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_%d","content":"x"}]}}
`, common, pad, common, n, n, n, common, n)
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func named(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d.jsonl", n) }

func calls(t testing.TB, s *store.Store) int {
	t.Helper()
	rows, err := s.Events(t.Context(), store.DefaultOrg, store.EventFilter{What: "model.call"})
	if err != nil {
		t.Fatal(err)
	}
	return len(rows)
}

// Two imports at once, as of a timer and a person, record each event once.
func TestTwoImportsAtOnce(t *testing.T) {
	t.Parallel()
	const sessions = 60
	dir := t.TempDir()
	for n := range sessions {
		write(t, filepath.Join(dir, "projects", "p", named(n)), session(n, "x"))
	}
	files := importer.Discover([]importer.Root{{Client: agent.ClaudeCode, Path: dir}}, func(path string, err error) { t.Error(path, err) })
	im, s := newImporter(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	added := 0
	for range 2 {
		all.Go(func() {
			own := *im
			done, err := own.Import(t.Context(), files)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			added += done.Events
			mu.Unlock()
		})
	}
	all.Wait()
	rows, err := s.Events(t.Context(), store.DefaultOrg, store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != added || calls(t, s) != sessions {
		t.Errorf("%d events are in the trail, %d model calls; the two say that they added %d", len(rows), calls(t, s), added)
	}
	if state := importer.LoadState(im.StatePath); len(state.Files) != sessions {
		t.Errorf("the state knows %d files", len(state.Files))
	}
	done, err := im.Import(t.Context(), files)
	if err != nil || done.Read != 0 || done.Events != 0 {
		t.Errorf("and once more: %+v, %v", done, err)
	}
}

// Imports of different folders at once each keep what the other read.
func TestStatesAreMerged(t *testing.T) {
	t.Parallel()
	im, _ := newImporter(t)
	files := make([][]importer.File, 2)
	for i := range files {
		dir := t.TempDir()
		write(t, filepath.Join(dir, named(i)), session(i, "x"))
		files[i] = importer.Discover([]importer.Root{{Client: agent.ClaudeCode, Path: dir}}, func(path string, err error) { t.Error(path, err) })
	}
	first := importer.LoadState(im.StatePath) // of an import that began before the other
	if _, err := im.Import(t.Context(), files[0]); err != nil {
		t.Fatal(err)
	}
	first.Set(files[1][0].Path, importer.Entry{Size: 1})
	if err := first.Save(im.StatePath); err != nil {
		t.Fatal(err)
	}
	if state := importer.LoadState(im.StatePath); len(state.Files) != 2 {
		t.Errorf("the state knows %v", state.Files)
	}
}

// A file of many events needs no more memory than a few.
func TestMemoryOfALargeFile(t *testing.T) {
	if testing.Short() {
		t.Skip("it writes 64 MB")
	}
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, named(1)))
	if err != nil {
		t.Fatal(err)
	}
	pad := strings.Repeat("lorem ipsum ", 80<<10)
	for range 64 {
		if _, err := f.WriteString(session(1, pad)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	files := importer.Discover([]importer.Root{{Client: agent.ClaudeCode, Path: dir}}, func(path string, err error) { t.Error(path, err) })
	im, _ := newImporter(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	done, err := im.Import(t.Context(), files)
	if err != nil || done.Read != 1 || done.Bytes < 60<<20 {
		t.Fatalf("%+v, %v", done, err)
	}
	runtime.ReadMemStats(&after)
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 24 {
		t.Errorf("%d MB were allocated for a file of %d MB", used, done.Bytes>>20)
	}
}

// What a run kept is found again in the folders, whoever wrote them.
func TestGeneratedSessions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := testenv.WriteSessions(dir, 4<<20, 3); err != nil {
		t.Fatal(err)
	}
	files := importer.Discover([]importer.Root{{Client: agent.ClaudeCode, Path: dir}}, func(path string, err error) { t.Error(path, err) })
	im, s := newImporter(t)
	done, err := im.Import(t.Context(), files)
	if err != nil || done.Failed+done.Unreadable > 0 || done.Read != len(files) {
		t.Fatalf("%+v, %v", done, err)
	}
	if got := calls(t, s); got != done.Requests {
		// A history that was copied counts in both files, and once in the trail.
		if got == 0 || got > done.Requests {
			t.Errorf("%d model calls of %d requests", got, done.Requests)
		}
	}
	again := *im
	again.All = true
	if done, err := again.Import(t.Context(), files); err != nil || done.Events != 0 {
		t.Errorf("read anew it adds %+v, %v", done, err)
	}
	if !slices.IsSortedFunc(files, func(a, b importer.File) int { return a.ModTime.Compare(b.ModTime) }) {
		t.Error("the files are not in their order")
	}
}
