package store

import (
	"strings"
	"testing"
)

func TestAfter(t *testing.T) {
	t.Parallel()
	for beginning, want := range map[string]string{"": "", "eng/": "eng0", "a~": "a\x7f", "a\x7f": "a\u0080", "é": "ê", "\ud7ff": "\ue000", "x\U0010ffff": ""} {
		got := after(beginning)
		if got != want {
			t.Errorf("after %q: %q, want %q", beginning, got, want)
		}
		for _, rest := range []string{"", "\x00", "z", "\U0010ffff"} {
			if s := beginning + rest; got != "" && (s < beginning || s >= got) {
				t.Errorf("%q is not from %q to %q", s, beginning, got)
			}
		}
		if got != "" && strings.HasPrefix(got, beginning) {
			t.Errorf("%q begins with %q", got, beginning)
		}
	}
}
