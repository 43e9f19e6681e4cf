package whodid_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/whodid/whodid"
)

// valid is an event to which nothing is wrong.
func valid() whodid.Event {
	return whodid.Event{
		Key: "hook/session-1/toolu_1", Actor: "agent:engineering/issue-solver", ActorAuth: "hook",
		OnBehalfOf: "human:p0123456789abcde", OnBehalfAuth: "os-user", What: "file.write", Target: "src/auth.go",
		At: time.Date(2026, 11, 23, 10, 30, 0, 0, time.UTC), Why: "the issue asks for it", Result: whodid.ResultSuccess,
		Execution: "exec-7k2m9q4tz8w1c3ab", Session: "session-1", Approval: "appr-1", Source: "hook:claude-code",
		Data: whodid.Data{"tool": "Write", "lines_added": int64(3), "sudo": false},
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, change := range map[string]func(*whodid.Event){
		"as it is":   func(*whodid.Event) {},
		"a person":   func(e *whodid.Event) { e.Actor = "human:p1" },
		"the system": func(e *whodid.Event) { e.Actor = whodid.System },
		"nothing but the must": func(e *whodid.Event) {
			*e = whodid.Event{Key: "k", Actor: "system:x", What: "session.end", At: e.At, Source: "s"}
		},
		"the longest key":    func(e *whodid.Event) { e.Key = long(whodid.MaxKey) },
		"the longest target": func(e *whodid.Event) { e.Target = long(whodid.MaxTarget) },
		"the longest why":    func(e *whodid.Event) { e.Why = long(whodid.MaxWhy) },
		"the longest value":  func(e *whodid.Event) { e.Data["tool"] = long(whodid.MaxDataString) },
		"a field of its own": func(e *whodid.Event) { e.Data["replicas"] = int64(3) },
		"a list":             func(e *whodid.Event) { e.Data["labels"] = []string{"a", "b"} },
		"a verb of its own":  func(e *whodid.Event) { e.What = "report.send" },
		"any script":         func(e *whodid.Event) { e.Target, e.Why = "文書/ملف.txt", "→ 🚀\n\tdone" },
		"the largest number": func(e *whodid.Event) { e.Data["lines_added"] = int64(1<<53 - 1) },
	} {
		e := valid()
		change(&e)
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*whodid.Event){
		"no verb":                 func(e *whodid.Event) { e.What = "" },
		"an unknown verb":         func(e *whodid.Event) { e.What = "execution.hijack" },
		"no actor":                func(e *whodid.Event) { e.Actor = "" },
		"a bare name":             func(e *whodid.Event) { e.Actor = "engineering/issue-solver" },
		"an agent without squad":  func(e *whodid.Event) { e.Actor = "agent:solver" },
		"an address for a person": func(e *whodid.Event) { e.Actor = "human:dev@example.com" },
		"another class of actor":  func(e *whodid.Event) { e.Actor = "robot:r2" },
		"on behalf of an agent":   func(e *whodid.Event) { e.OnBehalfOf = "agent:a/b" },
		"an unknown result":       func(e *whodid.Event) { e.Result = "ok" },
		"an action without one":   func(e *whodid.Event) { e.Result = "" },
		"no time":                 func(e *whodid.Event) { e.At = time.Time{} },
		"a time long gone":        func(e *whodid.Event) { e.At = time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC) },
		"a time to come":          func(e *whodid.Event) { e.At = time.Date(2200, 1, 1, 0, 0, 1, 0, time.UTC) },
		"no key":                  func(e *whodid.Event) { e.Key = "" },
		"no source":               func(e *whodid.Event) { e.Source = "" },
		"a key too long":          func(e *whodid.Event) { e.Key = long(whodid.MaxKey + 1) },
		"a target too long":       func(e *whodid.Event) { e.Target = long(whodid.MaxTarget + 1) },
		"a why too long":          func(e *whodid.Event) { e.Why = long(whodid.MaxWhy + 1) },
		"a source too long":       func(e *whodid.Event) { e.Source = long(129) },
		"a session too long":      func(e *whodid.Event) { e.Session = long(129) },
		"no UTF-8":                func(e *whodid.Event) { e.Why = "a\xffb" },
		"a NUL":                   func(e *whodid.Event) { e.Target = "a\x00b" },
		"an execution's name":     func(e *whodid.Event) { e.Execution = "the last one" },
		"a string for a number":   func(e *whodid.Event) { e.Data["lines_added"] = "3" },
		"a number for a string":   func(e *whodid.Event) { e.Data["tool"] = int64(3) },
		"a number for a boolean":  func(e *whodid.Event) { e.Data["sudo"] = int64(1) },
		"a fraction":              func(e *whodid.Event) { e.Data["share"] = 0.5 },
		"nothing as a value":      func(e *whodid.Event) { e.Data["tool"] = nil },
		"an object":               func(e *whodid.Event) { e.Data["nested"] = map[string]any{"a": "b"} },
		"a number too large":      func(e *whodid.Event) { e.Data["lines_added"] = int64(1 << 53) },
		"a value too long":        func(e *whodid.Event) { e.Data["tool"] = long(whodid.MaxDataString + 1) },
		"a list item too long":    func(e *whodid.Event) { e.Data["labels"] = []string{long(whodid.MaxDataString + 1)} },
		"a name with a space":     func(e *whodid.Event) { e.Data["a b"] = "x" },
		"a name without letters":  func(e *whodid.Event) { e.Data[""] = "x" },
		"a field of its own where none may be": func(e *whodid.Event) {
			e.What, e.Result, e.Data = "session.end", "", whodid.Data{"body": "x"}
		},
		"too many fields": func(e *whodid.Event) {
			for i := range whodid.MaxDataFields + 1 {
				e.Data[fmt.Sprint("f", i)] = int64(i)
			}
		},
		"too much": func(e *whodid.Event) {
			for i := range 17 {
				e.Data[fmt.Sprint("f", i)] = long(1000)
			}
		},
		"a list too large": func(e *whodid.Event) {
			e.Data["labels"] = []string{}
			for range 17 {
				e.Data["labels"] = append(e.Data["labels"].([]string), long(1000))
			}
		},
	} {
		e := valid()
		change(&e)
		if err := e.Validate(); !errors.Is(err, whodid.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

func TestValidateChangesNothing(t *testing.T) {
	t.Parallel()
	e := valid()
	before := e
	before.Data = maps.Clone(e.Data)
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, e); diff != "" {
		t.Errorf("it was changed (-before +after):\n%s", diff)
	}
}

// foreign draws an event as a source could tell it that knows nothing of our
// bounds: every text that Trim may change is anything at all.
func foreign() *rapid.Generator[whodid.Event] {
	text := rapid.Custom(func(t *rapid.T) string {
		piece := rapid.SampledFrom([]string{"a", "é", "🚀", "\x00", "\xff", "\xe2\x82", "\n", "…", strings.Repeat("y", 1000), strings.Repeat("文", 340)})
		return strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "")
	})
	names := []string{"body", "a b", "", "é", strings.Repeat("n", 65), "of-its-own", "zz_1"}
	for _, f := range func() []whodid.Field { k, _ := whodid.LookupKind("file.write"); return k.Fields }() {
		names = append(names, f.Name)
	}
	value := rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 6).Draw(t, "type") {
		case 0:
			return rapid.Int64().Draw(t, "int")
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return rapid.SliceOfN(text, 0, 3).Draw(t, "list")
		case 3:
			return rapid.Float64().Draw(t, "float")
		case 4:
			return nil
		default:
			return text.Draw(t, "text")
		}
	})
	return rapid.Custom(func(t *rapid.T) whodid.Event {
		e := valid()
		e.What = rapid.SampledFrom([]string{"file.write", "session.end", "turn.fail", "record.gap", "report.send"}).Draw(t, "what")
		e.Target, e.Why = text.Draw(t, "target"), text.Draw(t, "why")
		e.Session, e.Approval = text.Draw(t, "session"), text.Draw(t, "approval")
		e.At = e.At.In(time.FixedZone("", rapid.IntRange(-12, 14).Draw(t, "zone")*3600)).Add(time.Duration(rapid.IntRange(0, 999_999).Draw(t, "ns")))
		e.Data = rapid.MapOfN(rapid.SampledFrom(names), value, 0, 34).Draw(t, "data")
		return e
	})
}

func TestTrimmedIsValid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := foreign().Draw(t, "event")
		open := rapid.Bool().Draw(t, "open")
		before := len(e.Data)
		dropped := e.Trim(open)
		if err := e.Validate(); err != nil {
			t.Fatalf("it was trimmed and is not valid: %v", err)
		}
		if len(dropped)+len(e.Data) != before {
			t.Fatalf("%d fields became %d, and %v were dropped", before, len(e.Data), dropped)
		}
		kind, _ := whodid.KindOf(e.What)
		for name := range e.Data {
			if _, listed := kind.Allows(name); !listed && !(open && kind.Open) {
				t.Fatalf("%s keeps the field %q", e.What, name)
			}
		}
		if e.At.Location() != time.UTC || e.At.Nanosecond()%1000 != 0 {
			t.Fatalf("its time is %s", e.At)
		}
		once := e
		once.Data = maps.Clone(e.Data)
		if again := e.Trim(open); len(again) > 0 || !cmp.Equal(once, e) {
			t.Fatalf("trimmed again it is another event; dropped %v", again)
		}
	})
}

// So much metadata that each field fits and all of them do not: a part stays.
func TestTrimDropsTheLargest(t *testing.T) {
	t.Parallel()
	e := valid()
	e.Data = whodid.Data{"lines_added": int64(7)}
	kind, _ := whodid.LookupKind(e.What)
	for _, f := range kind.Fields {
		if f.Type == whodid.String {
			e.Data[f.Name] = strings.Repeat("v", whodid.MaxDataString)
		}
	}
	e.Data["tool"] = "Write"
	for i := range 3 {
		e.Data[fmt.Sprint("x", i)] = strings.Repeat("v", whodid.MaxDataString-1)
	}
	dropped := e.Trim(true)
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(dropped) == 0 || e.Data.String("tool") != "Write" || e.Data["lines_added"] != int64(7) {
		t.Errorf("%v were dropped, %d fields stay", dropped, len(e.Data))
	}
}

func FuzzTrim(f *testing.F) {
	f.Add("src/a.go", "why", "tool", "Write")
	f.Add("a\x00b", "\xff", "body", strings.Repeat("é", 3000))
	f.Fuzz(func(t *testing.T, target, why, name, value string) {
		e := valid()
		e.Target, e.Why, e.Session = target, why, value
		e.Data = whodid.Data{name: value, "tool": why}
		e.Trim(true)
		if err := e.Validate(); err != nil {
			t.Errorf("it was trimmed and is not valid: %v", err)
		}
		if len(target) <= whodid.MaxTarget && utf8.ValidString(target) && !strings.Contains(target, "\x00") && e.Target != target {
			t.Errorf("%q fits and became %q", target, e.Target)
		}
	})
}
