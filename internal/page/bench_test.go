package page_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/whodid/whodid"
)

// BenchmarkLongExecution opens a run of ten thousand actions.
func BenchmarkLongExecution(b *testing.B) {
	w := newWorld(b, nil)
	m := &madeRun{n: 77, agent: "eng/issue-solver", began: time.Now().Add(-3 * time.Hour), trigger: "manual", model: "claude-opus-4", end: whodid.ResultSuccess, took: 2 * time.Hour, actions: 10_000}
	for part := range slices.Chunk(m.events(), 2000) {
		w.record(b, part...)
	}
	for _, query := range []string{"", "?from=400&part=actions", "?format=json"} {
		b.Run("page"+query, func(b *testing.B) {
			for b.Loop() {
				if a := w.get(b, "admin", "/executions/"+runID(77)+query); a.Code != http.StatusOK {
					b.Fatal(a.Code)
				}
			}
		})
	}
}

// BenchmarkFirstPage opens the first page on a week of many runs.
func BenchmarkFirstPage(b *testing.B) {
	w := newWorld(b, nil)
	w.crowd(b, 70_000)
	for _, path := range []string{"/executions", "/executions?since=1d", "/executions?q=status:failed", "/agents", "/agents/eng/issue-solver", "/cost", "/files", "/integrity", "/retention", "/settings"} {
		b.Run(path[1:], func(b *testing.B) {
			for b.Loop() {
				if a := w.get(b, "admin", path); a.Code != http.StatusOK {
					b.Fatal(a.Code)
				}
			}
		})
	}
}
