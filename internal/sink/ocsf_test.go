package sink

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// ocsfSchema is what OCSF itself says of the class that we write; see its origin.
type ocsfSchema struct {
	Version     string                `json:"version"`
	APIActivity ocsfObject            `json:"api_activity"`
	Objects     map[string]ocsfObject `json:"objects"`
}

type ocsfObject struct {
	Attributes  map[string]ocsfAttribute `json:"attributes"`
	Constraints struct {
		AtLeastOne []string `json:"at_least_one"`
		JustOne    []string `json:"just_one"`
	} `json:"constraints"`
}

type ocsfAttribute struct {
	Type        string   `json:"type"`
	Requirement string   `json:"requirement"`
	Array       bool     `json:"array"`
	Enum        []string `json:"enum"`
}

// check says everything that is wrong with an object.
func (s *ocsfSchema) check(path string, o ocsfObject, v map[string]any) (wrong []string) {
	for name, a := range o.Attributes {
		if _, there := v[name]; !there && a.Requirement == "required" {
			wrong = append(wrong, fmt.Sprintf("%s.%s is missing", path, name))
		}
	}
	count := func(names []string) (n int) {
		for _, name := range names {
			if _, there := v[name]; there {
				n++
			}
		}
		return n
	}
	if names := o.Constraints.AtLeastOne; len(names) > 0 && count(names) == 0 {
		wrong = append(wrong, fmt.Sprintf("%s has none of %v", path, names))
	}
	if names := o.Constraints.JustOne; len(names) > 0 && count(names) != 1 {
		wrong = append(wrong, fmt.Sprintf("%s has not one of %v", path, names))
	}
	for name, value := range v {
		a, known := o.Attributes[name]
		if !known {
			wrong = append(wrong, fmt.Sprintf("%s.%s is no attribute", path, name))
			continue
		}
		values := []any{value}
		if a.Array {
			list, ok := value.([]any)
			if !ok {
				wrong = append(wrong, fmt.Sprintf("%s.%s is no list", path, name))
				continue
			}
			values = list
		}
		for _, value := range values {
			wrong = append(wrong, s.value(path+"."+name, a, value)...)
		}
	}
	return wrong
}

func (s *ocsfSchema) value(path string, a ocsfAttribute, value any) []string {
	good := false
	switch a.Type {
	case "string_t":
		_, good = value.(string)
	case "boolean_t":
		_, good = value.(bool)
	case "integer_t", "long_t":
		n, ok := value.(json.Number)
		_, err := n.Int64()
		good = ok && err == nil
	case "object":
		_, good = value.(map[string]any)
	default:
		o, known := s.Objects[a.Type]
		v, ok := value.(map[string]any)
		if known && ok {
			return s.check(path, o, v)
		}
	}
	switch {
	case !good:
		return []string{fmt.Sprintf("%s is no %s", path, a.Type)}
	case len(a.Enum) > 0 && !slices.Contains(a.Enum, fmt.Sprint(value)):
		return []string{fmt.Sprintf("%s is %v, which is none of %v", path, value, a.Enum)}
	default:
		return nil
	}
}

func readOCSF(t *testing.T) *ocsfSchema {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "ocsf-"+OCSFVersion+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var s ocsfSchema
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func decode(t *testing.T, b []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Every kind of event is, with every result and amount of fields, what OCSF's own schema
// says that it must be.
func TestOCSFBySchema(t *testing.T) {
	t.Parallel()
	s := readOCSF(t)
	if s.Version != OCSFVersion {
		t.Fatalf("the schema is of version %s", s.Version)
	}
	results := []whodid.Result{"", whodid.ResultSuccess, whodid.ResultFailed, whodid.ResultApproved, whodid.ResultRejected, whodid.ResultBlocked, whodid.ResultCancelled, whodid.ResultTimeout, whodid.ResultAttempted}
	n := 0
	for _, kind := range whodid.Catalogue() {
		for i, actor := range []string{whodid.AgentActor("ops/backup"), whodid.HumanActor("ab12"), whodid.System} {
			for _, fields := range AllFields() {
				e := whodid.Event{
					Org: "acme", Key: "k", Actor: actor, ActorAuth: "hook", What: kind.Name, At: time.Unix(1, 0), RecordedAt: time.Unix(2, 0), Source: "cli",
					Target: "acme/shop", Why: "because", Session: "s", Execution: "exec-1", Approval: "appr-1", OnBehalfOf: whodid.HumanActor("cd34"),
					Result: results[(n+i)%len(results)], Data: whodid.Data{"count": int64(3)},
				}
				e.Identify()
				row := store.Row{Event: e, DataText: e.Data.Canonical(), Seq: uint64(n)}
				b, err := Encode(OCSF, &row, fields)
				if err != nil {
					t.Fatal(err)
				}
				if wrong := s.check(kind.Name, s.APIActivity, decode(t, b)); len(wrong) > 0 {
					t.Fatalf("%s\n%s", strings.Join(wrong, "\n"), b)
				}
				n++
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d events were checked", n)
	}
}

// The check itself finds what is wrong.
func TestOCSFSchemaRefuses(t *testing.T) {
	t.Parallel()
	s := readOCSF(t)
	e := whodid.Event{Org: "acme", Key: "k", Actor: whodid.System, What: "pr.merge", At: time.Unix(1, 0), RecordedAt: time.Unix(2, 0), Source: "cli", Target: "x"}
	e.Identify()
	for name, tc := range map[string]struct {
		edit func(v map[string]any)
		says string
	}{
		"a lack":             {func(v map[string]any) { delete(v, "time") }, "time is missing"},
		"an unknown":         {func(v map[string]any) { v["whodid"] = "x" }, "is no attribute"},
		"a text as time":     {func(v map[string]any) { v["time"] = "now" }, "is no long_t"},
		"another class":      {func(v map[string]any) { v["class_uid"] = json.Number("6004") }, "none of"},
		"an actor of nobody": {func(v map[string]any) { v["actor"] = map[string]any{} }, "has none of"},
		"no list":            {func(v map[string]any) { v["resources"] = map[string]any{} }, "is no list"},
		"a lack further in":  {func(v map[string]any) { v["api"] = map[string]any{} }, "operation is missing"},
	} {
		row := store.Row{Event: e, DataText: e.Data.Canonical()}
		b, err := Encode(OCSF, &row, All)
		if err != nil {
			t.Fatal(err)
		}
		v := decode(t, b)
		tc.edit(v)
		if wrong := strings.Join(s.check("event", s.APIActivity, v), "\n"); !strings.Contains(wrong, tc.says) {
			t.Errorf("%s: %q, want %q", name, wrong, tc.says)
		}
	}
}
