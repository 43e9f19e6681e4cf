package whodid_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"github.com/whodid/whodid"
)

// name draws a metadata field's name.
var name = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_.-]{0,12}`)

// metadata draws data as the trail holds it.
func metadata() *rapid.Generator[whodid.Data] {
	value := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Int64Range(-(1<<53-1), 1<<53-1), func(n int64) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.SliceOfN(rapid.String(), 0, 4), func(l []string) any { return l }),
	)
	return rapid.Custom(func(t *rapid.T) whodid.Data {
		return whodid.Data(rapid.MapOfN(name, value, 0, 8).Draw(t, "data"))
	})
}

// TestCanonicalIsRFC8785 compares with another implementation of the standard,
// one of its author's.
func TestCanonicalIsRFC8785(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := metadata().Draw(t, "data")
		plain, err := json.Marshal(map[string]any(d))
		if err != nil {
			t.Fatal(err)
		}
		want, err := jcs.Transform(plain)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Canonical(); !bytes.Equal(got, want) {
			t.Fatalf("canonical\n%s, want\n%s", got, want)
		}
	})
}

func TestDataIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := metadata().Draw(t, "data")
		for k, v := range d {
			if list, ok := v.([]string); ok && list == nil {
				d[k] = []string{} // JSON knows one empty list
			}
		}
		text := d.Canonical() // json.Marshal would escape it for HTML again
		var back whodid.Data
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, back); diff != "" {
			t.Fatalf("read back it is other data (-want +got):\n%s", diff)
		}
		if !bytes.Equal(back.Canonical(), text) {
			t.Fatalf("written again it is %s, not %s", back.Canonical(), text)
		}
	})
}

func TestCanonicalOfEdges(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]whodid.Data{
		`{}`:                                  nil,
		`{"a":"\u0000\u001f\b\t\n\f\r\"\\/"}`: {"a": "\x00\x1f\b\t\n\f\r\"\\/"},
		"{\"a\":\"\x7f\u2028<>&é🚀\"}":         {"a": "\x7f\u2028<>&é🚀"},
		"{\"a\":\"x\uFFFDy\uFFFD\"}":          {"a": "x\xffy\xc0"},
		`{"B":1,"a":2,"aa":3,"b":4}`:          {"b": int64(4), "a": int64(2), "aa": int64(3), "B": int64(1)},
		`{"l":[],"m":["","x"]}`:               {"l": []string{}, "m": []string{"", "x"}},
		`{"n":-9007199254740991}`:             {"n": int64(-(1<<53 - 1))},
		`{"n":7,"t":true}`:                    {"n": 7, "t": true},
	} {
		if got := string(d.Canonical()); got != want {
			t.Errorf("canonical\n%s, want\n%s", got, want)
		}
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	d := whodid.Data{
		"s": "text", "b": true, "i": 7, "i64": int64(8), "n": json.Number("-9"), "nil": nil,
		"l": []string{"x"}, "any": []any{"y", "z"}, "none": []any{},
	}
	if err := d.Normalize(); err != nil {
		t.Fatal(err)
	}
	want := whodid.Data{
		"s": "text", "b": true, "i": int64(7), "i64": int64(8), "n": int64(-9),
		"l": []string{"x"}, "any": []string{"y", "z"}, "none": []string{},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("normalized (-want +got):\n%s", diff)
	}
	for name, v := range map[string]any{
		"a fraction": 0.5, "a whole float": 1.0, "a number with a fraction": json.Number("1.5"), "one with an exponent": json.Number("1e3"),
		"one too large": json.Number("9007199254740992"), "an integer too large": int64(1 << 53), "the smallest": int64(math.MinInt64),
		"one beyond 64 bits": json.Number("99999999999999999999"), "an object": map[string]any{}, "a list of numbers": []any{"a", json.Number("1")},
		"a nested list": []any{[]any{}}, "bytes": []byte("x"), "an unsigned": uint(7),
	} {
		if err := (whodid.Data{"f": v}).Normalize(); err == nil {
			t.Errorf("%s (%v) is taken", name, v)
		} else if !strings.Contains(err.Error(), `"f"`) {
			t.Errorf("%s: %v does not name the field", name, err)
		}
	}
}

func TestDataGetters(t *testing.T) {
	t.Parallel()
	d := whodid.Data{"s": "text", "n": int64(7), "i": 8, "b": true}
	if d.String("s") != "text" || d.String("n") != "" || d.String("none") != "" {
		t.Error("String")
	}
	if n, ok := d.Int("n"); n != 7 || !ok {
		t.Error("Int of an int64")
	}
	if n, ok := d.Int("i"); n != 8 || !ok {
		t.Error("Int of an int")
	}
	if n, ok := d.Int("s"); n != 0 || ok {
		t.Error("Int of a string")
	}
	if !d.Bool("b") || d.Bool("none") || d.Bool("s") {
		t.Error("Bool")
	}
}

func FuzzData(f *testing.F) {
	for _, text := range []string{`{}`, `null`, `{"a":1,"b":"x","c":[],"d":true,"e":null}`, `{"a":1e3}`, `{"a":{"b":1}}`, `{"a":"\ud800"}`, `{"a":1,"a":2}`, `[`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var d whodid.Data
		if json.Unmarshal(text, &d) != nil {
			return
		}
		canonical := d.Canonical()
		if !json.Valid(canonical) || !utf8.Valid(canonical) {
			t.Fatalf("%s is no JSON", canonical)
		}
		var again whodid.Data
		if err := json.Unmarshal(canonical, &again); err != nil {
			t.Fatalf("%s is not read back: %v", canonical, err)
		}
		if !bytes.Equal(again.Canonical(), canonical) {
			t.Fatalf("%s and then %s", canonical, again.Canonical())
		}
		if err := d.Normalize(); err != nil || !bytes.Equal(d.Canonical(), canonical) {
			t.Fatalf("normalized again: %v", err)
		}
	})
}

func FuzzAppendJSONString(f *testing.F) {
	for _, s := range []string{"", "a\"b\\c", "\x00\x1f\u2028", "é\xff🚀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := whodid.AppendJSONString(nil, s)
		var back string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); utf8.ValidString(s) && back != want {
			t.Fatalf("%q is read back as %q", s, back)
		}
		if !utf8.Valid(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
	})
}
