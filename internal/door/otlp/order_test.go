package otlp_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/whodid/whodid"
)

// logRecord is one log record of a capture, with what it stands in.
type logRecord struct {
	resource plog.ResourceLogs
	scope    plog.ScopeLogs
	log      plog.LogRecord
}

func captured(t testing.TB, names ...string) []logRecord {
	t.Helper()
	var all []logRecord
	for _, name := range names {
		data, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(plain(t, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, rl := range data.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, l := range sl.LogRecords().All() {
					all = append(all, logRecord{rl, sl, l})
				}
			}
		}
	}
	return all
}

// batch makes one request of records.
func batch(t testing.TB, records []logRecord) []byte {
	t.Helper()
	data := plog.NewLogs()
	for _, r := range records {
		rl := data.ResourceLogs().AppendEmpty()
		r.resource.Resource().CopyTo(rl.Resource())
		sl := rl.ScopeLogs().AppendEmpty()
		r.scope.Scope().CopyTo(sl.Scope())
		r.log.CopyTo(sl.LogRecords().AppendEmpty())
	}
	body, err := (&plog.ProtoMarshaler{}).MarshalLogs(data)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// told is what a trail holds, as far as the order of its records may not change
// it: what there is, the runs, and which numbers of records arrived.
type told struct {
	events   []string
	runs     []string
	received map[string][]int64
}

func (d *door) told(t testing.TB) told {
	t.Helper()
	out := told{received: map[string][]int64{}}
	runs := map[string]bool{}
	for _, r := range d.rows(t) {
		if r.Execution != "" {
			runs[r.Execution] = true
		}
		switch {
		case r.What == "record.receive":
			first, _ := r.Data.Int("first")
			last, _ := r.Data.Int("last")
			for n := first; n <= last; n++ {
				if !slices.Contains(out.received[r.Session], n) {
					out.received[r.Session] = append(out.received[r.Session], n)
				}
			}
			slices.Sort(out.received[r.Session])
		case r.Source == "system", r.What == "execution.start" && r.Key == "inferred/"+r.Execution:
			// The recorder's own, where an end came before its beginning.
		case strings.HasSuffix(r.Key, "/execution.start/seen"):
			// Whatever of a sub-agent's came first.
		default:
			out.events = append(out.events, fmt.Sprintf("%s %s %s %s %s %s", r.ID, r.What, r.Target, r.Result, r.At, r.DataText))
		}
	}
	slices.Sort(out.events)
	for id := range runs {
		x, err := d.store.Execution(t.Context(), org, id)
		if err != nil {
			t.Fatal(err)
		}
		out.runs = append(out.runs, fmt.Sprintf("%s %s %s of %s (%s) since %s, %s: %+v by %v, for %s",
			x.ID, x.Agent, x.Status, x.Parent, x.Subagent, whodid.FormatTime(x.StartedAt), x.Model, x.Usage, x.Models, x.OnBehalfOf))
	}
	slices.Sort(out.runs)
	return out
}

// However a client's batches are cut, repeated and ordered, the trail is the
// same: the same events, the same runs, and no number of a record missing.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	records := captured(t,
		"claude-code-2.1.197-001-v1_logs.json.gz", "claude-code-2.1.197-003-v1_logs.json.gz", "claude-code-2.1.197-004-v1_logs.json.gz",
		"claude-code-2.1.330-logs-1.json.gz", "claude-code-2.1.330-logs-2.json.gz", "codex-0.169.0-logs.json.gz",
		"claude-code-2.1.330-subagents-1-logs.json.gz",
	)
	straight := newDoor(t)
	if w := straight.post(t, "/v1/logs", asProtobuf, batch(t, records)); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	want := straight.told(t)
	if len(want.events) < 100 || len(want.runs) != 6 {
		t.Fatalf("%d events of %d runs", len(want.events), len(want.runs))
	}
	for session, numbers := range want.received {
		if len(numbers) < 40 || numbers[len(numbers)-1] != int64(len(numbers)-1) {
			t.Errorf("%s: %d numbers up to %d", session, len(numbers), numbers[len(numbers)-1])
		}
	}
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 0))
		order := slices.Clone(records)
		if seed%2 == 0 {
			random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		} else {
			for range 5 { // batches that are sent again, later
				i := random.IntN(len(records) - 20)
				order = append(order, records[i:i+20]...)
			}
		}
		d := newDoor(t)
		for len(order) > 0 {
			n := min(len(order), 30+random.IntN(150))
			body := batch(t, order[:n])
			for range 1 + random.IntN(2) {
				if w := d.post(t, "/v1/logs", asProtobuf, body); w.Code != 200 {
					t.Fatal(w.Code, w.Body)
				}
			}
			order = order[n:]
		}
		if diff := gocmp.Diff(want, d.told(t), gocmp.AllowUnexported(told{})); diff != "" {
			t.Fatalf("seed %d (-in order +otherwise):\n%s", seed, diff)
		}
	}
}

// A number that did not arrive is seen to be missing; order has no part in it.
func TestMissingRecord(t *testing.T) {
	t.Parallel()
	records := captured(t, "claude-code-2.1.330-logs-1.json.gz", "claude-code-2.1.330-logs-2.json.gz")
	slices.SortStableFunc(records, func(a, b logRecord) int { return cmp.Compare(a.log.Timestamp(), b.log.Timestamp()) })
	d := newDoor(t)
	d.post(t, "/v1/logs", asProtobuf, batch(t, slices.Concat(records[60:], records[:50])))
	for session, numbers := range d.told(t).received {
		if len(numbers) != len(records)-10 {
			t.Errorf("%s: %d of %d arrived", session, len(numbers), len(records)-10)
		}
	}
}
