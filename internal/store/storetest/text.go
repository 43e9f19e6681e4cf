package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var textTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"every text column keeps every text": testText,
	"times keep their microseconds":      testTimes,
	"metadata keeps its types":           testData,
}

// hostile are texts that have broken databases, or the programs around them.
func hostile() []string {
	return []string{
		"", " ", "'", "''", `"`, `\`, `\\'; --`, "`", "; DROP TABLE event; --", "$1", "?", "%s", "%", "_", "null", "NULL", "{}", "[1]", "0", "-1", "1e3",
		"a\nb", "a\tb", "\r\n", "\x01\x1f", "\x7f", "\u0085", "\u2028", "\ufeff", "\ufffd", "\uffff", "é", "e\u0301", "ß", "İ", "日本語", "🧪👩‍👩‍👧‍👦",
		"\u202eأبجد", "עברית", "a\u200bb", `{"a":"b"}`, "\\u0000", "\\x41", strings.Repeat("x", 2048), strings.Repeat("é", 1024), strings.Repeat("🧪", 512),
	}
}

func testText(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	var want []whodid.Event
	for i, text := range hostile() {
		e := Action(i)
		e.Org, e.RecordedAt = "default", Epoch
		// Not all of it is valid in an event; the store keeps what it is given.
		e.Key += text
		e.ActorAuth, e.OnBehalfOf, e.OnBehalfAuth, e.Target, e.Why = text, text, text, text, text
		e.Session, e.Approval, e.Source = text, text, text
		e.Data = whodid.Data{"tool": text, "list": []string{text, text}}
		e.Identify()
		want = append(want, e)
		start := event("execution.start", ExecutionID(1000+i), i, whodid.Data{"trigger_detail": text, "model": text, "agent_type": text})
		start.Why, start.OnBehalfOf, start.Session, start.Source = text, text, text, text
		tag := event("execution.tag", ExecutionID(1000+i), i, whodid.Data{"tag": text})
		b.Append(t, e, start, tag)
	}
	Check(t, s, "default")
	for i, e := range want {
		r, err := s.Event(t.Context(), "default", e.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, r.Event); diff != "" {
			t.Errorf("%q (-want +got):\n%s", hostile()[i], diff)
		}
		x, err := s.Execution(t.Context(), "default", ExecutionID(1000+i))
		if err != nil {
			t.Fatal(err)
		}
		for column, got := range map[string]string{
			"trigger_detail": x.TriggerDetail, "model": x.Model, "subagent": x.Subagent, "why": x.Why,
			"on_behalf_of": x.OnBehalfOf, "session": x.Session, "source": x.Source, "tag": x.Tags["tag"],
		} {
			if got != hostile()[i] {
				t.Errorf("%s is %q, want %q", column, got, hostile()[i])
			}
		}
		found, err := s.Events(t.Context(), "default", store.EventFilter{Result: e.Source})
		if err != nil {
			t.Errorf("asking for the result %q: %v", e.Source, err)
		}
		if e.Source != "" && e.Source != "%" && len(found) != 0 {
			t.Errorf("asking for the result %q found %d events", e.Source, len(found))
		}
	}
}

func testTimes(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	var events []whodid.Event
	for i, at := range []time.Time{
		time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 11, 30, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2028, 2, 29, 12, 0, 0, 1_000, time.UTC),
		time.Date(2026, 3, 29, 2, 30, 0, 0, time.FixedZone("", 5*60*60)),
		time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
	} {
		e := Action(i)
		e.Execution, e.At = ExecutionID(i), at
		start := event("execution.start", e.Execution, i, nil)
		start.At = at
		events = append(events, e, start)
	}
	b.Append(t, events...)
	for i, r := range Check(t, s, "default") {
		if want := events[i].At.UTC(); !r.At.Equal(want) || r.At.Location() != time.UTC {
			t.Errorf("event %d was at %s, want %s", i, r.At, want)
		}
	}
	for i := 0; i < len(events); i += 2 {
		x, err := s.Execution(t.Context(), "default", events[i].Execution)
		if err != nil || !x.StartedAt.Equal(events[i].At) {
			t.Errorf("execution started at %s, %v; want %s", x.StartedAt, err, events[i].At)
		}
	}
	// The same through months that events are recorded in.
	for i, at := range []time.Time{
		time.Date(2027, 1, 31, 23, 59, 59, 999_999_000, time.UTC), time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2031, 12, 31, 23, 59, 59, 0, time.UTC), Epoch,
	} {
		e := Action(100 + i)
		e.RecordedAt = at
		b.Append(t, e)
		if r, err := s.Event(t.Context(), "default", whodid.EventID("default", e.Key)); err != nil || !r.RecordedAt.Equal(at) {
			t.Errorf("recorded at %v, %v; want %s", r, err, at)
		}
	}
	Check(t, s, "default")
}

func testData(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	data := whodid.Data{
		"text": "1", "number": int64(1), "largest": int64(1<<53 - 1), "smallest": int64(-1<<53 + 1), "yes": true, "no": false,
		"list": []string{"b", "a", "b"}, "empty": []string{}, "é": "key", "": "nameless", "A": "x", "a": "y",
	}
	e := Action(1)
	e.Data = data
	none := Action(2)
	none.Data = nil
	added := b.Append(t, e, none)
	r, err := s.Event(t.Context(), "default", added[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(data, r.Data); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if string(r.DataText) != string(data.Canonical()) {
		t.Errorf("metadata is kept as %s, want byte for byte %s", r.DataText, data.Canonical())
	}
	if r, err := s.Event(t.Context(), "default", added[1].ID); err != nil || string(r.DataText) != "{}" || len(r.Data) != 0 {
		t.Errorf("no metadata is kept as %s, %v; want {}", r.DataText, err)
	}
	Check(t, s, "default")
}
