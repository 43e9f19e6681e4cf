package spool

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/whodid/whodid"
)

var epoch = time.Date(2026, 11, 23, 10, 30, 0, 0, time.UTC)

// record is a record of one event with that key.
func record(key string) Record {
	return Record{Events: []whodid.Event{{
		Key: key, Actor: "agent:a/b", What: "file.write", Target: "src/ö.go", At: epoch, Result: whodid.ResultSuccess,
		Source: "cli", Data: whodid.Data{"tool": "Write", "lines_added": int64(3)},
	}}}
}

// keysOf are the keys of a batch's events.
func keysOf(b Batch) []string {
	var keys []string
	for _, r := range b.Records {
		for i := range r.Events {
			keys = append(keys, r.Events[i].Key)
		}
	}
	return keys
}

// drained empties the spool and returns what was in it.
func drained(t testing.TB, s *Spool) (keys []string, torn int) {
	t.Helper()
	err := s.Drain(epoch, func(b Batch) error {
		keys = append(keys, keysOf(b)...)
		torn += b.Torn
		if (b.Torn > 0) != (b.Damage != "") {
			return fmt.Errorf("%d torn, named %q", b.Torn, b.Damage)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys, torn
}

// filled makes a spool that holds records with the keys.
func filled(t testing.TB, keys ...string) *Spool {
	t.Helper()
	s := In(filepath.Join(t.TempDir(), "spool"))
	for _, key := range keys {
		if err := s.Put(record(key)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestWhatIsPutIsDrainedInOrder(t *testing.T) {
	t.Parallel()
	s := filled(t)
	want := []Record{record("a"), record("b"), {Transcripts: []Transcript{{
		Client: "claude-code", Path: "~/x.jsonl", Execution: "exec-a", Session: "s", Agent: "a/b", Subagents: true, At: epoch,
	}}}}
	for _, r := range want {
		if err := s.Put(r); err != nil {
			t.Fatal(err)
		}
	}
	if w, err := s.Waiting(); err != nil || w.Records != 3 || w.Bytes == 0 || w.Oldest.IsZero() {
		t.Errorf("waiting: %+v, %v", w, err)
	}
	var got []Record
	if err := s.Drain(epoch, func(b Batch) error { got = append(got, b.Records...); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("drained (-put +taken):\n%s", diff)
	}
	if w, err := s.Waiting(); err != nil || w != (Waiting{}) {
		t.Errorf("waiting after the drain: %+v, %v", w, err)
	}
	if keys, torn := drained(t, s); len(keys)+torn > 0 {
		t.Errorf("drained twice: %v, %d torn", keys, torn)
	}
}

func TestSpoolThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := In(filepath.Join(t.TempDir(), "none"))
	if w, err := s.Waiting(); err != nil || w != (Waiting{}) {
		t.Errorf("waiting: %+v, %v", w, err)
	}
	if keys, torn := drained(t, s); len(keys)+torn > 0 {
		t.Errorf("drained: %v, %d torn", keys, torn)
	}
	if _, err := os.Stat(s.Dir()); !os.IsNotExist(err) {
		t.Errorf("asking made the folder: %v", err)
	}
}

func TestEmptyFileHoldsNothing(t *testing.T) {
	t.Parallel()
	s := filled(t)
	if err := os.MkdirAll(s.Dir(), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{current, segmentPrefix + "1-000.jsonl"} {
		if err := os.WriteFile(filepath.Join(s.Dir(), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if keys, torn := drained(t, s); len(keys)+torn > 0 {
		t.Errorf("drained: %v, %d torn", keys, torn)
	}
	if err := s.Put(record("a")); err != nil {
		t.Fatal(err)
	}
	if keys, _ := drained(t, s); !slices.Equal(keys, []string{"a"}) {
		t.Errorf("drained %v", keys)
	}
}

// The spool is the owner's alone.
func TestModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	s := filled(t, "a")
	for path, want := range map[string]os.FileMode{s.Dir(): 0o700, filepath.Join(s.Dir(), current): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has the mode %v, %v; want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

// If the trail does not take a batch, everything stays, and what had been torn
// is told under the same name the next time.
func TestRefusedBatchStays(t *testing.T) {
	t.Parallel()
	s := filled(t, "a", "b")
	tear(t, s)
	refused := fmt.Errorf("the trail is away")
	names := map[string]bool{}
	for range 3 {
		err := s.Drain(epoch, func(b Batch) error { names[b.Damage] = true; return refused })
		if err == nil || !strings.Contains(err.Error(), refused.Error()) {
			t.Fatalf("drain: %v, want %v", err, refused)
		}
		if w, err := s.Waiting(); err != nil || w.Records != 3 {
			t.Errorf("waiting: %+v, %v", w, err)
		}
	}
	if len(names) != 1 || names[""] {
		t.Errorf("the same damage has the names %v", names)
	}
	if err := s.Put(record("c")); err != nil {
		t.Fatal(err)
	}
	if keys, torn := drained(t, s); !slices.Equal(keys, []string{"a", "b", "c"}) || torn != 1 {
		t.Errorf("drained %v, %d torn", keys, torn)
	}
}

// tear leaves behind what a writer does that dies in the middle of its write.
func tear(t testing.TB, s *Spool) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(s.Dir(), current), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("\n0a1b2c3d {\"events\":[{\"key\":\"to")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTornRecordHarmsNoOther(t *testing.T) {
	t.Parallel()
	s := filled(t, "a")
	tear(t, s)
	if err := s.Put(record("b")); err != nil {
		t.Fatal(err)
	}
	tear(t, s)
	if keys, torn := drained(t, s); !slices.Equal(keys, []string{"a", "b"}) || torn != 2 {
		t.Errorf("drained %v, %d torn", keys, torn)
	}
}

// Whatever becomes of the bytes on disk, no record is read that was not put,
// and one that is lost is counted.
func TestDamageIsNeverRead(t *testing.T) {
	t.Parallel()
	var want []string
	for i := range 6 {
		want = append(want, fmt.Sprint("k", i))
	}
	s := filled(t, want...)
	whole, err := os.ReadFile(filepath.Join(s.Dir(), current))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(whole)
		at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		how := rapid.SampledFrom([]string{"flip", "cut", "zero", "insert", "drop"}).Draw(t, "how")
		switch how {
		case "flip":
			b[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		case "cut":
			b = b[:at]
		case "zero":
			clear(b[at:min(at+rapid.IntRange(1, 600).Draw(t, "n"), len(b))])
		case "insert":
			b = slices.Insert(b, at, rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "bytes")...)
		case "drop":
			b = slices.Delete(b, at, min(at+rapid.IntRange(1, 600).Draw(t, "n"), len(b)))
		}
		path := filepath.Join(dir, "segment-x")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var got []string
		torn := 0
		if err := readSegment(path, func(b Batch) error { got = append(got, keysOf(b)...); torn += b.Torn; return nil }); err != nil {
			t.Fatal(err)
		}
		next := 0
		for _, key := range got {
			i := slices.Index(want[next:], key)
			if i < 0 {
				t.Fatalf("%s at %d: %v was read, %v was put", how, at, got, want)
			}
			next += i + 1
		}
		// A cut at the edge of a record takes records away whole; nobody can tell.
		if len(got) < len(want) && torn == 0 && how != "cut" && how != "drop" {
			t.Fatalf("%s at %d: %d of %d records are gone and none is torn", how, at, len(want)-len(got), len(want))
		}
	})
}

func TestLargeRecord(t *testing.T) {
	t.Parallel()
	large := record("large")
	for i := range 48 { // 48 MiB: a spool takes more than any hook tells
		e := large.Events[0]
		e.Key, e.Why = fmt.Sprint("large/", i), strings.Repeat("w", 1<<20)
		large.Events = append(large.Events, e)
	}
	s := filled(t, "before")
	if err := s.Put(large); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(record("after")); err != nil {
		t.Fatal(err)
	}
	batches := 0
	var keys []string
	if err := s.Drain(epoch, func(b Batch) error { batches++; keys = append(keys, keysOf(b)...); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(keys) != 51 || keys[0] != "before" || keys[50] != "after" || batches != 2 {
		t.Errorf("%d keys in %d batches", len(keys), batches)
	}
}

// A record that could not be read back is not acknowledged.
func TestRecordTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	s := filled(t, "a")
	huge := record("huge")
	huge.Events[0].Why = strings.Repeat("w", MaxRecord)
	if err := s.Put(huge); err == nil || !strings.Contains(err.Error(), "allowed") {
		t.Errorf("put: %v, want a refusal", err)
	}
	if keys, torn := drained(t, s); !slices.Equal(keys, []string{"a"}) || torn != 0 {
		t.Errorf("drained %v, %d torn", keys, torn)
	}
}

// A file that is one endless line costs time and no memory.
func TestEndlessLine(t *testing.T) {
	t.Parallel()
	s := filled(t, "a")
	path := filepath.Join(s.Dir(), current)
	if err := os.Truncate(path, 400<<20); err != nil { // sparse: zeros that take no room
		t.Fatal(err)
	}
	if err := s.Put(record("b")); err != nil {
		t.Fatal(err)
	}
	if keys, torn := drained(t, s); !slices.Equal(keys, []string{"a", "b"}) || torn != 1 {
		t.Errorf("drained %v, %d torn", keys, torn)
	}
}

func TestManyRecordsComeInBatches(t *testing.T) {
	t.Parallel()
	s := filled(t, "0")
	line, err := os.ReadFile(filepath.Join(s.Dir(), current))
	if err != nil {
		t.Fatal(err)
	}
	const n = 2*batchRecords + 10
	if err := os.WriteFile(filepath.Join(s.Dir(), current), bytes.Repeat(line, n), 0o600); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	if err := s.Drain(epoch, func(b Batch) error { sizes = append(sizes, len(b.Records)); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sizes, []int{batchRecords, batchRecords, 10}) {
		t.Errorf("batches of %v", sizes)
	}
}

// Segments of one microsecond, or of a clock that went back, stand side by side.
func TestSegmentsOfOneMoment(t *testing.T) {
	t.Parallel()
	s := filled(t)
	away := fmt.Errorf("the trail is away")
	for i := range 4 {
		if err := s.Put(record(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		if err := s.Drain(epoch, func(Batch) error { return away }); err == nil {
			t.Fatal("the batch was taken")
		}
	}
	if keys, _ := drained(t, s); !slices.Equal(keys, []string{"0", "1", "2", "3"}) {
		t.Errorf("drained %v", keys)
	}
}

func FuzzReadSegment(f *testing.F) {
	s := filled(f, "a", "b")
	whole, err := os.ReadFile(filepath.Join(s.Dir(), current))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-7])
	f.Add([]byte("\n\n00000000 \nxxxxxxxx {}\n00000000 null\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(dir, "segment-fuzz")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		read := 0
		if err := readSegment(path, func(b Batch) error { read += len(b.Records) + b.Torn; return nil }); err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(b, []byte("\n")) + 1; read > lines {
			t.Errorf("%d records in %d lines", read, lines)
		}
	})
}
