package privacy

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
)

func aRequest(id string) *Request {
	r := &Request{
		V: 1, Origin: "whodid/abc", ID: id, Key: "erase/" + id, At: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		Places: []Places{{Fields: []string{"actor"}, Events: []string{"evt-1", "evt-2"}}},
	}
	r.Data = whodid.Data{"places": r.placesDigest()}
	return r
}

// What is on the list stays on it, whatever became of a line after it; a line that
// was changed is refused.
func TestList(t *testing.T) {
	t.Parallel()
	l := ListIn(t.TempDir())
	for _, id := range []string{"evt-a", "evt-b"} {
		if err := l.Add(aRequest(id)); err != nil {
			t.Fatal(err)
		}
		// A crash cuts the next line short.
		f, err := os.OpenFile(l.path("whodid/abc"), os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(`{"v":1,"origin":"who`); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	list, err := l.Read("whodid/abc")
	if err != nil || len(list) != 2 || list[0].ID != "evt-a" || list[1].ID != "evt-b" || list[1].Events() != 2 {
		t.Fatalf("the list is %v, %v", list, err)
	}
	if other, err := l.Read("whodid/other"); err != nil || len(other) != 0 {
		t.Errorf("another log has %v, %v", other, err)
	}
	text, err := os.ReadFile(l.path("whodid/abc"))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{{"evt-2", "evt-3"}, {`"v":1`, `"v":2`}, {"{", "["}} {
		if err := os.WriteFile(l.path("whodid/abc"), []byte(strings.Replace(string(text), change[0], change[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Read("whodid/abc"); err == nil {
			t.Errorf("%s in place of %s is taken", change[1], change[0])
		}
	}
}

// The reason does not say again what is erased.
func TestReason(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sel        Selector
		said, want string
	}{
		{Selector{Kind: ByPath, Value: "erased"}, "Erased and erased", "[erased] and [erased]"},
		{Selector{Kind: ByPerson, Pseudonyms: []string{"p123456789abcdef"}, Texts: []string{"ada@x.example", "al"}}, "ADA@x.example, p123456789abcdef, also", "[erased], [erased], also"},
		{Selector{Kind: ByExecution, Value: "exec-1"}, "exec-1 by mistake", "exec-1 by mistake"},
	} {
		p := Plan{Selector: test.sel}
		if got := p.clean(test.said); got != test.want {
			t.Errorf("%q is %q, want %q", test.said, got, test.want)
		}
	}
}

func FuzzRequest(f *testing.F) {
	text, err := json.Marshal(aRequest("evt-a"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseRequest(text)
		if err != nil {
			return
		}
		if _, err := r.erasure(nil); err != nil {
			t.Error(err)
		}
		if r.Data.String("places") != r.placesDigest() {
			t.Error("a request was read whose places are not those of its event")
		}
	})
}
