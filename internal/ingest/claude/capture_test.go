package claude

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/whodid/whodid"
)

// at is the receiver's clock in tests.
var at = time.Date(2026, 11, 23, 14, 20, 0, 0, time.UTC)

const (
	session     = "bd7e51a9-0087-4997-a510-6860251776cc"
	sessionFile = "/home/dev/.claude/projects/-home-dev-shop/" + session + ".jsonl"
)

// lines are the lines of a file in testdata that are not empty.
func lines(t testing.TB, name string) [][]byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		if len(bytes.TrimSpace(line)) > 0 {
			all = append(all, line)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return all
}

// check fails the test if the events would not be taken by the trail, or if the
// trail would drop a part of them.
func check(t testing.TB, events []whodid.Event) {
	t.Helper()
	for i := range events {
		e := &events[i]
		if dropped := e.Trim(false); len(dropped) > 0 {
			t.Errorf("%s has metadata that the catalogue does not list: %v", e.What, dropped)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", e.What, err)
		}
	}
}
