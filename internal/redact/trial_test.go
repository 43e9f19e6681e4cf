package redact

import (
	"slices"
	"strings"
	"testing"
)

func TestTry(t *testing.T) {
	t.Parallel()
	r, err := New(Options{DenyPatterns: []string{`ACME-\d+`}, DenyWords: []string{"Blue Bird", "x"}, Identities: []string{"Ann Other"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		text string
		want []Finding
	}{
		{"nothing x here", nil},
		{"é blue-bird, bluebirds", []Finding{{3, 9, ruleDenied}}},
		{"ACME-12 of ann.other", []Finding{{0, 7, ruleDenied}, {11, 9, ruleIdentity}}},
		{"/home/tim/a b@c.example.com", []Finding{{0, 9, ruleHome}, {12, 15, ruleEmail}}},
		{"git clone https://tim:pw@host.example/x", []Finding{{18, 7, ruleUserinfo}}},
	} {
		cleaned, got := r.Try(test.text)
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: %v, want %v", test.text, got, test.want)
		}
		if want, _ := r.Clean(test.text); cleaned != want {
			t.Errorf("%q is tried to %q and cleaned to %q", test.text, cleaned, want)
		}
	}
}

// FuzzTry holds what is told of a text against what is done to it: the same
// text comes out, the places lie in order within it, and what stands outside of
// them stays.
func FuzzTry(f *testing.F) {
	for _, s := range []string{"a", "password=hunter22 https://a:b@c/ x@y.example.com", "[redacted:email]", "ACME-1ACME-2", "/home/ann/ACME-7/x"} {
		f.Add(s)
	}
	r, err := New(Options{DenyPatterns: []string{`ACME-\d+`}, DenyWords: []string{"bluebird"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cleaned, found := r.Try(s)
		if want, _ := r.Clean(s); cleaned != want {
			t.Fatalf("tried to %q and cleaned to %q", cleaned, want)
		}
		if (cleaned == s) != (len(found) == 0) {
			t.Fatalf("%q became %q with %v", s, cleaned, found)
		}
		at, rest := 0, cleaned
		for _, x := range found {
			if x.Start < at || x.Length <= 0 || x.Start+x.Length > len(s) || !IsRule(x.Rule) {
				t.Fatalf("%v is no place in %q after %d", x, s, at)
			}
			kept := s[at:x.Start]
			i := strings.Index(rest, kept)
			if i < 0 {
				t.Fatalf("%q stands outside of %v and does not stay in %q", kept, found, cleaned)
			}
			rest, at = rest[i+len(kept):], x.Start+x.Length
		}
	})
}
