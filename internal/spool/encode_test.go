package spool

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/whodid/whodid"
)

// TestEncodeEveryField fails when a field is added to the event that the spool
// would lose.
func TestEncodeEveryField(t *testing.T) {
	t.Parallel()
	var e whodid.Event
	v := reflect.ValueOf(&e).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch f := v.Field(i); f.Interface().(type) {
		case time.Time:
			f.Set(reflect.ValueOf(time.Date(2026, 11, 23, 18, 0, i, 123456000, time.UTC)))
		case whodid.Data:
			f.Set(reflect.ValueOf(whodid.Data{"field": name}))
		default:
			f.SetString("text of " + name) // panics for a type that this test does not know
		}
	}
	r := Record{Events: []whodid.Event{e}, Transcripts: []Transcript{{Client: "c", Path: "~/p", Execution: "x", Session: "s", Agent: "a/b", At: e.At}}}
	if diff := cmp.Diff(r, reread(t, r)); diff != "" {
		t.Errorf("a record came back otherwise (-put +taken):\n%s", diff)
	}
}

func reread(t interface{ Fatal(args ...any) }, r Record) Record {
	b, err := appendRecord(nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsRune(string(b), '\n') {
		t.Fatal("a record is not one line:", string(b))
	}
	var out Record
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err, string(b))
	}
	return out
}

// TestEncodeAsStandard holds what is written to what encoding/json writes, which
// wrote the spools of earlier versions: both are read as the same.
func TestEncodeAsStandard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		strange := rapid.StringOf(rapid.SampledFrom([]rune("<>&\"\\/\u2028\u0000\u007f\x1f\U0001f600")))
		name := rapid.OneOf(rapid.Just(""), rapid.String(), strange)
		text := rapid.OneOf(name, rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		moment := rapid.Map(rapid.Int64Range(-1<<40, 1<<50), func(us int64) time.Time { return time.UnixMicro(us).UTC() })
		var r Record
		for range rapid.IntRange(0, 3).Draw(t, "events") {
			e := whodid.Event{
				Key: text.Draw(t, "key"), Actor: text.Draw(t, "actor"), What: text.Draw(t, "what"), Target: text.Draw(t, "target"),
				Why: text.Draw(t, "why"), Result: whodid.Result(text.Draw(t, "result")), Source: text.Draw(t, "source"),
				At: moment.Draw(t, "at"),
			}
			if rapid.Bool().Draw(t, "has data") {
				e.Data = whodid.Data{
					name.Draw(t, "name"): text.Draw(t, "value"),
					"n":                  rapid.Int64Range(-1<<53+1, 1<<53-1).Draw(t, "n"),
					"list":               []string{text.Draw(t, "item")},
				}
			}
			r.Events = append(r.Events, e)
		}
		standard, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var want Record
		if err := json.Unmarshal(standard, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, reread(t, r)); diff != "" {
			t.Fatalf("it is read otherwise than what encoding/json writes (-standard +ours):\n%s", diff)
		}
	})
}

// TestEncodeRefusesTime says that a time which can't be read again is an error,
// and no line.
func TestEncodeRefusesTime(t *testing.T) {
	t.Parallel()
	far := Record{Events: []whodid.Event{{Key: "k", At: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}}
	if b, err := appendRecord(nil, &far); err == nil {
		t.Errorf("the year 10000 was written: %s", b)
	}
}
