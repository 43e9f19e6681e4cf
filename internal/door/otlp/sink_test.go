package otlp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/sink"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// A sink of another trail is a sender as any other: what it sends is understood, and
// none of it becomes an event of a run of this one.
func TestSinkOfAnotherTrail(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	s := httptest.NewServer(d)
	defer s.Close()
	b := &sink.Batch{Org: "other", Format: sink.OTLP}
	for i, e := range storetest.Actions(0, 5) {
		e.Data = nil
		row, err := storetest.NewRow("other", e)
		if err != nil {
			t.Fatal(err)
		}
		row.Seq = uint64(i)
		text, err := sink.Encode(sink.OTLP, row, sink.All)
		if err != nil {
			t.Fatal(err)
		}
		b.Records, b.Last = append(b.Records, text), row.Seq
	}
	to := &sink.HTTP{URL: s.URL, Client: &http.Client{Timeout: time.Minute}, Now: time.Now, Name: "otel"}
	if err := to.Send(t.Context(), b); err != nil {
		t.Errorf("a door of our own does not take it: %v", err)
	}
	rows, err := d.store.Events(t.Context(), org, store.EventFilter{})
	if err != nil || len(rows) != 0 {
		t.Errorf("recorded: %v, %v", rows, err)
	}
}
