package page

import (
	"strings"
	"testing"
	"time"
)

func TestAxis(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		t.Helper()
		m, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, test := range []struct{ from, to, want string }{
		{"2026-11-27T01:45:00Z", "2026-11-27T01:52:00Z", "01:45 01:46 01:47 01:48 01:49 01:50 01:51"},
		{"2026-11-27T01:45:00Z", "2026-11-27T03:45:00Z", "01:45 02:00 02:15 02:30 02:45 03:00 03:15 03:30"},
		{"2026-11-27T01:45:00Z", "2026-11-28T02:00:00Z", "03:00 06:00 09:00 12:00 15:00 18:00 21:00 Nov 28"},
		{"2026-11-21T03:00:00Z", "2026-11-28T06:00:00Z", "Nov 22 Nov 23 Nov 24 Nov 25 Nov 26 Nov 27 Nov 28"},
		{"2026-11-14T12:00:00Z", "2026-11-28T12:00:00Z", "Nov 15 Nov 17 Nov 19 Nov 21 Nov 23 Nov 25 Nov 27"},
		{"2026-10-29T12:00:00Z", "2026-11-28T12:00:00Z", "Nov 2 Nov 9 Nov 16 Nov 23"},
		{"2026-08-30T00:00:00Z", "2026-11-28T00:00:00Z", "Sep 2026 Oct 2026 Nov 2026"},
		{"2025-11-28T00:00:00Z", "2026-11-28T00:00:00Z", "Jan 2026 Apr 2026 Jul 2026 Oct 2026"},
		{"2019-03-01T00:00:00Z", "2026-11-28T00:00:00Z", "2020 2021 2022 2023 2024 2025 2026"},
		{"1970-01-01T00:00:00Z", "2026-11-28T00:00:00Z", "1970 1980 1990 2000 2010 2020"},
	} {
		from, to := at(test.from), at(test.to)
		var said []string
		for _, m := range newAxis(from, to) {
			said = append(said, m.Says)
			if where := from.Add(time.Duration(m.X / 100 * float64(to.Sub(from)))); where.Sub(m.At).Abs() > time.Second {
				t.Errorf("%s is marked at %s", m.At, where)
			}
		}
		if got := strings.Join(said, " "); got != test.want {
			t.Errorf("%s to %s: %s, want %s", test.from, test.to, got, test.want)
		}
	}
}
