package record_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/record/recordtest"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// TestRecordValidKeepsOpenFields checks that tags and metadata of one's own
// come out of the spool as they went in, if it was the command line that put
// them there, and that a client's hook can't bring its own along.
func TestRecordValidKeepsOpenFields(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	s := storetest.Open(t, filepath.Join(t.TempDir(), "trail.db"))
	r := recordtest.New(t, s, store.DefaultOrg, func() time.Time { return now })

	for _, c := range []struct {
		source string
		want   whodid.Data
	}{
		{"cli", whodid.Data{"ticket": "OPS-17", "count": int64(2)}},
		{"hook:claude-code", whodid.Data{"count": int64(2)}},
	} {
		rows, err := r.RecordValid(t.Context(), []whodid.Event{{
			Key: "open/" + c.source, Actor: "agent:ops/x", What: "issue.create", Result: whodid.ResultSuccess, At: now,
			Source: c.source, Data: whodid.Data{"ticket": "OPS-17", "count": 2},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, rows[0].Data); diff != "" {
			t.Errorf("metadata of an action that %s told (-want +got):\n%s", c.source, diff)
		}
	}
}
