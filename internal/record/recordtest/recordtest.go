// Package recordtest opens recorders over real trails, for the tests of what
// records.
package recordtest

import (
	"testing"
	"time"

	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/store"
)

// Home is the home folder that recorders take out of what they record.
const Home = "/home/dev"

// New begins the log of an organisation with a new key.
func New(t testing.TB, s *store.Store, org string, now func() time.Time) *record.Recorder {
	t.Helper()
	private, public, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return Open(t, s, org, private, public, now)
}

// Open opens the log of an organisation with its key, or begins it.
func Open(t testing.TB, s *store.Store, org, private, public string, now func() time.Time) *record.Recorder {
	t.Helper()
	log, err := ledger.Open(t.Context(), s, org, private, public, now())
	if err != nil {
		t.Fatal(err)
	}
	return To(t, log, s, org, now)
}

// To records to a log that is open.
func To(t testing.TB, log record.Log, s *store.Store, org string, now func() time.Time) *record.Recorder {
	t.Helper()
	cleaner, err := redact.New(redact.Options{HomeDir: Home})
	if err != nil {
		t.Fatal(err)
	}
	return record.New(org, log, s, cleaner, now)
}
