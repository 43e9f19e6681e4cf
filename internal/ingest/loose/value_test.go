package loose

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What encoding/json wrote is read as it was meant, in each of its spellings.
func TestTextIsThatOfEncodingJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "text")
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(rapid.Bool().Draw(t, "escape html"))
		if err := enc.Encode(want); err != nil {
			t.Fatal(err)
		}
		v := Document(b.Bytes())
		if got := v.Text(1 << 20); got != strings.ToValidUTF8(want, "\uFFFD") {
			t.Fatalf("text of %s is %q, want %q", v, got, want)
		}
		size, lines := v.Measure()
		wantLines := strings.Count(want, "\n")
		if want != "" && !strings.HasSuffix(want, "\n") {
			wantLines++
		}
		if size != int64(len(want)) || lines != int64(wantLines) {
			t.Fatalf("%s measures %d bytes and %d lines, want %d and %d", v, size, lines, len(want), wantLines)
		}
		limit := rapid.IntRange(0, 40).Draw(t, "limit")
		if got := v.Text(limit); len(got) > limit+6 {
			t.Fatalf("%d bytes of text, %d were asked for", len(got), limit)
		}
	})
}

// A document is read whole, with its members in their order; a part of it
// never is.
func TestMembersAreThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.Bool(), toAny[bool]), rapid.Map(rapid.Float64Range(-1e9, 1e9), toAny[float64]), rapid.Map(rapid.String(), toAny[string]))
	list := rapid.Map(rapid.SliceOfN(leaf, 0, 4), toAny[[]any])
	object := rapid.MapOfN(rapid.StringMatching(`[a-z"\\]{0,8}`), rapid.OneOf(leaf, list), 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		want := object.Draw(t, "object")
		b, err := json.MarshalIndent(want, "", rapid.SampledFrom([]string{"", "\t"}).Draw(t, "indent"))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]any{}
		if !Document(b).Members(func(name []byte, member Value) {
			var inner any
			if err := json.Unmarshal(member, &inner); err != nil {
				t.Fatalf("member %q is %s: %v", name, member, err)
			}
			got[string(name)] = inner
		}) {
			t.Fatalf("%s is not whole", b)
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, compact) {
			t.Fatalf("read %s of %s", again, b)
		}
		cut := b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")]
		if Document(cut).Members(func([]byte, Value) {}) {
			t.Fatalf("%s passes for whole", cut)
		}
	})
}

func toAny[T any](v T) any { return v }

func TestCount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "17": 17, `"17"`: 17, `" 17 "`: 17, "1.9": 1, "2e3": 2000, "9007199254740991": 1<<53 - 1,
		"-1": -1, "9007199254740992": -1, "1e400": -1, "NaN": -1, `"x"`: -1, "null": -1, "[1]": -1, "true": -1, "": -1, "99999999999999999999": -1,
	} {
		got, ok := Value(text).Count()
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("count of %s = %d, want %d", text, got, want)
		}
	}
}

func TestEscapes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"\ud83d\ude00"`: "😀", `"\ud83d"`: "\uFFFD", `"\ud83dx"`: "\uFFFDx", `"\ud83d\u0041"`: "\uFFFDA", `"\ude00"`: "\uFFFD",
		`"\u00"`: "\uFFFD00", `"\q"`: "q", `"\`: "\uFFFD", `"a`: "a", "\"\xff\"": "\uFFFD", `"\/\b\f\r\t"`: "/\b\f\r\t",
		"tru": "", "{": "", "-": "-", "nul": "",
	} {
		if got := Value(text).Text(100); got != want {
			t.Errorf("text of %s = %q, want %q", text, got, want)
		}
	}
}
