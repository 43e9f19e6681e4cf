package proof_test

import (
	"bytes"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

func leafOf(t rapid.TB, e *whodid.Event, salt *proof.Salt) []byte {
	t.Helper()
	c := proof.Commit(e, e.Data.Canonical(), salt)
	leaf, err := proof.Leaf(e, &c)
	if err != nil {
		t.Fatalf("couldn't make the leaf: %v", err)
	}
	return leaf
}

// Another implementation of RFC 8785 must find nothing to change.
func TestLeafIsCanonical(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e, s := validEvent().Draw(t, "event"), salt().Draw(t, "salt")
		for _, text := range [][]byte{leafOf(t, &e, &s), e.Data.Canonical()} {
			want, err := jcs.Transform(text)
			if err != nil {
				t.Fatalf("not JSON: %v\n%s", err, text)
			}
			if !bytes.Equal(text, want) {
				t.Fatalf("not canonical:\n%s\nwant\n%s", text, want)
			}
		}
	})
}

func TestLeafHidesPersonalValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e, s := validEvent().Draw(t, "event"), salt().Draw(t, "salt")
		canary := rapid.StringMatching(`[g-z]{24}`) // not hexadecimal: no chance matches
		var secrets []string
		secret := func(label string) string {
			secrets = append(secrets, canary.Draw(t, label))
			return secrets[len(secrets)-1]
		}
		e.Actor, e.ActorAuth = whodid.HumanActor(secret("actor")), secret("actor_auth")
		e.OnBehalfOf, e.OnBehalfAuth = whodid.HumanActor(secret("on_behalf_of")), secret("on_behalf_auth")
		e.Target, e.Why = secret("target"), secret("why")
		e.Data[secret("name")] = secret("value")
		leaf := leafOf(t, &e, &s)
		for _, each := range append(secrets, string(s[:])) {
			if bytes.Contains(leaf, []byte(each)) {
				t.Fatalf("the leaf shows %q:\n%s", each, leaf)
			}
		}
	})
}

// Whoever forgets the commitments gets a leaf that proves nothing, but none that
// shows a person.
func TestLeafNeverShowsAPerson(t *testing.T) {
	t.Parallel()
	e := merge()
	leaf, err := proof.Leaf(&e, &proof.Commitments{})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(leaf, []byte(e.Actor)) || bytes.Contains(leaf, []byte("actor_auth")) {
		t.Errorf("the leaf shows the person:\n%s", leaf)
	}
}

// Equal values of two events, or of two fields, must not look equal.
func TestCommitmentsDoNotLinkEvents(t *testing.T) {
	t.Parallel()
	e := whodid.Event{Actor: "human:ab", ActorAuth: "x", OnBehalfOf: "human:ab", OnBehalfAuth: "x", Target: "same", Why: "same"}
	seen := map[proof.Commitment]bool{}
	for _, s := range []proof.Salt{{1}, {2}} {
		c := proof.Commit(&e, []byte("same"), &s)
		for _, each := range []proof.Commitment{c.Actor, c.Data, c.OnBehalfOf, c.Target, c.Why} {
			if seen[each] {
				t.Errorf("commitment %x occurs twice", each)
			}
			seen[each] = true
		}
	}
}

func TestLargestEventFits(t *testing.T) {
	t.Parallel()
	e := largestEvent()
	if err := e.Validate(); err != nil {
		t.Fatalf("the largest event is not valid: %v", err)
	}
	leaf := leafOf(t, &e, &proof.Salt{})
	t.Logf("largest leaf: %d bytes of %d", len(leaf), proof.MaxLeaf)
	if len(leaf) > proof.MaxLeaf/4 {
		t.Errorf("the largest leaf has %d bytes: nearer to the limit of %d than it should be", len(leaf), proof.MaxLeaf)
	}
}

func TestLeafRefuses(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, e := range map[string]whodid.Event{
		"too long":      {At: at, Key: strings.Repeat("k", proof.MaxLeaf)},
		"not UTF-8":     {At: at, Session: "\xff"},
		"not UTF-8 who": {At: at, Actor: "human:a", ActorAuth: "\xff"},
	} {
		if leaf, err := proof.Leaf(&e, &proof.Commitments{}); err == nil {
			t.Errorf("%s: made the leaf %.80q", name, leaf)
		}
	}
}

// TestEveryFieldCounts changes each field of an event, found by reflection so
// that no new one is forgotten, and wants another leaf hash.
func TestEveryFieldCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e, s := validEvent().Draw(t, "event"), salt().Draw(t, "salt")
		before := leafOf(t, &e, &s)
		for i := range reflect.TypeFor[whodid.Event]().NumField() {
			name := reflect.TypeFor[whodid.Event]().Field(i).Name
			changed := e
			changed.Data = maps.Clone(e.Data)
			switch field := reflect.ValueOf(&changed).Elem().Field(i).Addr().Interface().(type) {
			case *string:
				*field = replacement(t, name, *field)
			case *whodid.Result:
				*field = whodid.Result(replacement(t, name, string(*field)))
			case *time.Time:
				*field = field.Add(time.Microsecond)
			case *whodid.Data:
				(*field)["y"] = "new"
			default:
				t.Fatalf("field %s is of a type that this test does not know", name)
			}
			if bytes.Equal(leafOf(t, &changed, &s), before) {
				t.Fatalf("another %s makes the same leaf:\n%s", name, before)
			}
		}
	})
}

// replacement draws another text, as often as not one that is near.
func replacement(t *rapid.T, name, old string) string {
	return rapid.OneOf(text(32), rapid.Just(old+"\n"), rapid.Just(old+"\x00"), rapid.Just("")).
		Filter(func(s string) bool { return s != old }).Draw(t, "new "+name)
}

// TestValuesStayInTheirFields swaps the values of any two fields of text.
func TestValuesStayInTheirFields(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e, s := validEvent().Draw(t, "event"), salt().Draw(t, "salt")
		before := leafOf(t, &e, &s)
		fields := func(e *whodid.Event) []*string {
			return []*string{
				&e.Org, &e.ID, &e.Key, &e.Actor, &e.ActorAuth, &e.OnBehalfOf, &e.OnBehalfAuth, &e.What, &e.Target,
				&e.Why, &e.Execution, &e.Session, &e.Approval, &e.Source,
			}
		}
		for i := range fields(&e) {
			for j := range i {
				moved := e
				a, b := fields(&moved)[i], fields(&moved)[j]
				if *a == *b {
					continue
				}
				*a, *b = *b, *a
				if bytes.Equal(leafOf(t, &moved, &s), before) {
					t.Fatalf("%q and %q can be swapped:\n%s", *a, *b, before)
				}
			}
		}
	})
}

// A boundary between two committed texts must not be movable.
func TestPersonIsUnambiguous(t *testing.T) {
	t.Parallel()
	seen := map[string][2]string{}
	for _, p := range [][2]string{
		{"", ""}, {"human:a", ""}, {"", "human:a"}, {"human:a\nb", "c"}, {"human:a", "b\nc"}, {"human:a", `b","c`}, {`human:a","b`, "c"},
	} {
		e := whodid.Event{Actor: "agent:a/b", OnBehalfOf: p[0], OnBehalfAuth: p[1]}
		leaf := string(leafOf(t, &e, &proof.Salt{7}))
		if other, ok := seen[leaf]; ok {
			t.Errorf("%q and %q have one commitment", p, other)
		}
		seen[leaf] = p
	}
}

func TestParseLeafReadsWhatLeafWrote(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e, s := validEvent().Draw(t, "event"), salt().Draw(t, "salt")
		want := e
		want.OnBehalfOf, want.OnBehalfAuth, want.Target, want.Why, want.Data = "", "", "", "", nil
		if whodid.IsHuman(e.Actor) {
			want.Actor, want.ActorAuth = "", ""
		}
		got, c, err := proof.ParseLeaf(leafOf(t, &e, &s))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("another event was read:\n%s", diff)
		}
		if c != proof.Commit(&e, e.Data.Canonical(), &s) {
			t.Fatal("other commitments were read")
		}
	})
}

func TestParseLeafRefuses(t *testing.T) {
	t.Parallel()
	e := largestEvent()
	leaf := string(leafOf(t, &e, &proof.Salt{}))
	replace := func(old, new string) string {
		if !strings.Contains(leaf, old) {
			t.Fatalf("the leaf has no %q", old)
		}
		return strings.Replace(leaf, old, new, 1)
	}
	for name, text := range map[string]string{
		"empty":             "",
		"null":              "null",
		"white space":       " " + leaf,
		"line feed":         leaf + "\n",
		"unknown member":    replace(`{"actor"`, `{"aaa":1,"actor"`),
		"doubled member":    replace(`,"what":`, `,"v":1,"what":`),
		"capital name":      replace(`"what"`, `"What"`),
		"empty member":      replace(`,"org"`, `,"org":"","org"`),
		"escaped letter":    replace(`"cancelled"`, `"\u0063ancelled"`),
		"capital digits":    replace(`"data":"`, `"data":"A`),
		"newer version":     replace(`"v":1`, `"v":2`),
		"time with offset":  replace(`000000Z`, `000000+00:00`),
		"time without zone": replace(`000000Z`, `000000`),
		"other order":       `{"what":"a.b"` + leaf[1:],
		"too long":          replace(`"key":"`, `"key":"`+strings.Repeat("k", proof.MaxLeaf)),
	} {
		if _, _, err := proof.ParseLeaf([]byte(text)); !errors.Is(err, proof.ErrLeaf) {
			t.Errorf("%s: got error %v", name, err)
		} else if len(err.Error()) > 300 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	}
}

func TestParseLeafNamesAnUnknownVersion(t *testing.T) {
	t.Parallel()
	_, _, err := proof.ParseLeaf([]byte(`{"v":2}`))
	if err == nil || !strings.Contains(err.Error(), "its version is 2") {
		t.Errorf("got %v", err)
	}
}

func FuzzParseLeaf(f *testing.F) {
	e := largestEvent()
	c := proof.Commit(&e, nil, &proof.Salt{})
	leaf, err := proof.Leaf(&e, &c)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(leaf)
	f.Add([]byte(`{"at":"2026-01-02T03:04:05.000006Z","commit":{},"recorded_at":"2026-01-02T03:04:05.000006Z","v":1}`))
	f.Fuzz(func(t *testing.T, leaf []byte) {
		e, c, err := proof.ParseLeaf(leaf)
		if err != nil {
			return
		}
		again, err := proof.Leaf(&e, &c)
		if err != nil || !bytes.Equal(again, leaf) {
			t.Fatalf("%v: read\n%s\nas\n%s", err, leaf, again)
		}
	})
}
