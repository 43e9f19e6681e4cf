package sink_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/redact/canary"
	"github.com/whodid/whodid/internal/sink"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// row is an event in which everything is set.
func row(t testing.TB) *store.Row {
	t.Helper()
	r, err := storetest.NewRow("acme", whodid.Event{
		Key: "k1", Actor: "human:p1", OnBehalfOf: "human:p2", What: "pr.merge", Target: "acme/shop#44", At: noon, RecordedAt: noon.Add(time.Second),
		Why: "it was asked for", Result: whodid.ResultSuccess, Execution: "exec-abc123", Session: "s1", Source: "cli",
		Data: whodid.Data{"number": int64(44), "branch": "fix-login", "url": "https://github.com/acme/shop/pull/44"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Seq = 7
	return r
}

func encode(t testing.TB, f sink.Format, fields sink.Fields) map[string]any {
	t.Helper()
	b, err := sink.Encode(f, row(t), fields)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(string(b), "\n\r") {
		t.Errorf("a record has several lines: %s", b)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestFields(t *testing.T) {
	t.Parallel()
	public := encode(t, sink.JSON, sink.Public)
	delete(public, "leaf")
	want := map[string]any{
		"org": "acme", "seq": 7.0, "event_id": row(t).ID, "what": "pr.merge", "at": "2026-11-01T12:00:00Z", "recorded_at": "2026-11-01T12:00:01Z",
		"actor": "human", "result": "success", "execution_id": "exec-abc123", "session_id": "s1", "source": "cli",
	}
	if diff := cmp.Diff(want, public); diff != "" {
		t.Errorf("public (-want +got):\n%s", diff)
	}
	technical := encode(t, sink.JSON, sink.Technical)
	want["metadata"] = map[string]any{"number": 44.0}
	delete(technical, "leaf")
	if diff := cmp.Diff(want, technical); diff != "" {
		t.Errorf("technical (-want +got):\n%s", diff)
	}
	all := encode(t, sink.JSON, sink.All)
	if all["actor"] != "human:p1" || all["on_behalf_of"] != "human:p2" || all["target"] != "acme/shop#44" || all["why"] != "it was asked for" ||
		len(all["metadata"].(map[string]any)) != 3 {
		t.Errorf("all is %v", all)
	}
}

// TestNoPersonUnlessConfigured looks for what may lead to a person in everything
// that leaves by default, in every format.
func TestNoPersonUnlessConfigured(t *testing.T) {
	t.Parallel()
	for _, c := range canary.All() {
		r := row(t)
		r.Target, r.Why, r.Data["branch"], r.Data["url"] = c.Text, c.Text, c.Text, c.Text
		r.DataText = r.Data.Canonical()
		for _, f := range sink.Formats() {
			for _, fields := range []sink.Fields{sink.Public, sink.Technical} {
				b, err := sink.Encode(f, r, fields)
				if err != nil {
					t.Fatal(err)
				}
				for _, must := range append(c.Must, "p1", "p2", "fix-login") {
					if strings.Contains(string(b), must) {
						t.Errorf("%s of %s: %q leaves the trail: %s", fields, f, must, b)
					}
				}
			}
		}
	}
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	e := encode(t, sink.CloudEvents, sink.Public)
	// What CloudEvents 1.0 requires, and the types of what it allows.
	for name, want := range map[string]any{
		"specversion": "1.0", "id": row(t).ID, "source": "/whodid/acme", "type": "whodid.pr.merge", "time": "2026-11-01T12:00:00Z",
		"datacontenttype": "application/json", "sequence": "7",
	} {
		if e[name] != want {
			t.Errorf("%s is %v, want %v", name, e[name], want)
		}
	}
	if data, ok := e["data"].(map[string]any); !ok || data["event_id"] != row(t).ID {
		t.Errorf("data is %v", e["data"])
	}
}

func TestOCSF(t *testing.T) {
	t.Parallel()
	e := encode(t, sink.OCSF, sink.All)
	for name, want := range map[string]any{
		"category_uid": 6.0, "class_uid": 6003.0, "activity_id": 3.0, "type_uid": 600303.0, "severity_id": 1.0, "status_id": 1.0, "time": float64(noon.UnixMilli()),
	} {
		if e[name] != want {
			t.Errorf("%s is %v, want %v", name, e[name], want)
		}
	}
	// What API Activity 1.5.0 requires.
	for _, path := range []string{"metadata.version", "metadata.product.vendor_name", "metadata.uid", "actor.user.uid", "api.operation", "src_endpoint.name"} {
		at := any(e)
		for _, p := range strings.Split(path, ".") {
			m, _ := at.(map[string]any)
			at = m[p]
		}
		if at == nil || at == "" {
			t.Errorf("%s is missing", path)
		}
	}
	for what, activity := range map[string]float64{"issue.create": 1, "file.read": 2, "file.edit": 3, "file.delete": 4, "shell.run": 99} {
		r := row(t)
		r.What = what
		b, err := sink.Encode(sink.OCSF, r, sink.Public)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil || m["activity_id"] != activity || m["type_uid"] != 600300+activity {
			t.Errorf("%s is activity %v, want %v", what, m["activity_id"], activity)
		}
	}
}
